"""A price past a trailing stop: freqtrade sells where that stop was in force, we sell elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import RunMode

from regimeswitch.bot.trading.position_exits import Positions
from regimeswitch.bot.trading.trade_context import EntryRecord
from regimeswitch.settings import RiskSettings, Settings


BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
CANDLE = timedelta(minutes=5)
RISK = RiskSettings(stop_atr=4.0, trail_atr=2.0)
"""With an ATR of 1 the first stop stands at 96, and the trail two behind the best close."""
RECORD = asdict(EntryRecord("bull", 1.0))


def reason(mode: RunMode, closes: list[float], price: float, in_force: float, short: bool) -> Any:
    """Why a position opened at 100 is closed when the candle after the closes has begun.

    :param in_force: freqtrade's own stop; a backtest has moved it already
    """
    dates = pd.date_range(BEGIN, periods=len(closes), freq="5min")
    frame = pd.DataFrame({"date": dates, "close": closes, "bad_candle": False, "do_predict": 0})
    strategy = SimpleNamespace(
        dp=SimpleNamespace(runmode=mode, get_analyzed_dataframe=lambda *pair: (frame, BEGIN)),
        timeframe="5m",
    )
    trade: Any = SimpleNamespace(
        pair="A/B",
        is_short=short,
        open_rate=100.0,
        open_date_utc=BEGIN,
        stop_loss=in_force,
        get_custom_data=lambda key: RECORD,
    )
    found = Positions(strategy, Settings(entries={"mode": "signal"}, risk=RISK)).exit_reason
    return found(trade, BEGIN + len(closes) * CANDLE, price)


CASES = [
    # The last candle closed at 110 and moved the trail from 103 to 108: the next opened below it.
    ([105.0, 110.0], 107.0, 103.0, "trailing_stop"),
    # Past the stop that stood before, too: freqtrade sells.
    ([105.0, 110.0], 102.0, 103.0, None),
    # Not past the trail at all.
    ([105.0, 110.0], 109.0, 103.0, None),
    # The first candle after the entry: only the first stop stood before.
    ([105.0], 100.0, 96.0, "trailing_stop"),
    ([105.0], 95.0, 96.0, None),
]


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize(("closes", "price", "before", "expected"), CASES)
def test_live_and_in_a_backtest_the_same_openings_are_ours_to_sell_at(
    closes: list[float], price: float, before: float, expected: str | None, short: bool
) -> None:
    def turned(value: float) -> float:
        return 200 - value if short else value

    moved = [turned(close) for close in closes]
    trail = turned(closes[-1] - 2)
    live = reason(RunMode.LIVE, moved, turned(price), turned(before), short)
    assert reason(RunMode.DRY_RUN, moved, turned(price), turned(before), short) == live
    # freqtrade has moved the stop of a backtest to the trail before it asks.
    tested = reason(RunMode.BACKTEST, moved, turned(price), trail, short)
    assert live == tested == expected


def test_live_a_fall_within_the_candle_is_freqtrade_s_stop() -> None:
    assert reason(RunMode.LIVE, [105.0, 110.0], 107.0, 108.0, short=False) is None
