"""No way back into a regime that a stop has thrown a position out of, however long it lasts."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.persistence import Trade

from regimeswitch.bot.trading.reentry import STOPPED, stopped_out


STEP = timedelta(minutes=5)
# What freqtrade shows of a backtest's frame.
SHOWN = 1000


def asked(monkeypatch: pytest.MonkeyPatch, ages: Any, stopped: datetime, reason: str) -> str:
    """The answer in the last of some candles, after a position that was closed at a moment."""
    dates = pd.date_range("2025-01-01", periods=len(ages), freq=STEP, tz="UTC")
    frame = pd.DataFrame({"date": dates, "regime": "bull", "regime_age": ages})
    trade = SimpleNamespace(exit_reason=reason, close_date_utc=stopped)
    monkeypatch.setattr(Trade, "get_trades_proxy", lambda **_: [trade])
    dp = SimpleNamespace(get_analyzed_dataframe=lambda pair, timeframe: (frame, None))
    now = (dates[-1] + STEP).to_pydatetime()
    return stopped_out(SimpleNamespace(dp=dp, timeframe="5m"), "BTC/USDT", now)


@pytest.mark.parametrize(
    ("age", "before", "reason", "answer"),
    [
        (300, 200, "stop_loss", STOPPED),
        (300, 400, "stop_loss", ""),
        (300, 200, "regime_bear", ""),
        # Longer ago than the frame reaches, and in the same regime all the same.
        (3000, 2000, "stop_loss", STOPPED),
        (3000, 3500, "stop_loss", ""),
        (np.nan, 2000, "stop_loss", STOPPED),
    ],
)
def test_a_stop_counts_as_long_as_its_regime_lasts(
    monkeypatch: pytest.MonkeyPatch, age: float, before: int, reason: str, answer: str
) -> None:
    ages = age - np.arange(SHOWN)[::-1] if age >= SHOWN else np.full(SHOWN, age)
    last = pd.Timestamp("2025-01-01", tz="UTC") + STEP * SHOWN
    stopped = (last - STEP * before).to_pydatetime()
    assert asked(monkeypatch, ages, stopped, reason) == answer
