"""An edge before a trade: why the strategy stands aside, and what the forecast size changes."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException

from project import in_signal_mode
from regimeswitch.bot.trading.entry_filters import no_trade_reasons, size_ratios
from regimeswitch.bot.trading.trade_context import EntryRecord
from regimeswitch.risk import sizing
from regimeswitch.settings import RiskSettings, load_settings
from strategies import answers, load, signals


SIGNAL = load_settings(in_signal_mode())


pytestmark = pytest.mark.filterwarnings("default")
STRONG = [0.99]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("do_predict", 0, "no prediction"),
        ("bad_candle", True, "bad candle"),
        ("volume", 0.0, "no range"),
        ("stop_atr", np.nan, "no range"),
        ("regime", np.nan, "regime unknown"),
        ("regime", "bear", "regime bear"),
        ("regime_raw", None, "rule candles missing"),
        ("expected_return", 0.0, "no proven edge"),
        ("buy", 0.1, "signal below threshold"),
        ("expected_return", 0.0029, "expected move below costs"),
        ("expected_return", 0.0031, ""),
    ],
)
def test_the_column_names_the_reason(
    tmp_path: Path, column: str, value: object, reason: str
) -> None:
    frame = answers(**{"buy": STRONG, column: [value]})
    got = load(tmp_path).populate_entry_trend(frame, {"pair": "BTC/USDT"})
    assert got["no_trade_reason"].tolist() == [reason]
    entered = got["enter_long"].fillna(0).tolist() if "enter_long" in got else [0]
    assert entered == [int(reason == "")]


def test_margins_are_kept_by_regime(tmp_path: Path) -> None:
    section = {"entries": {"margin": {"bull": 0.01}, "buy": {"bull": 0.3, "sideways": 0.3}}}
    frame = answers(
        regime=["bull", "bull", "sideways"],
        buy=STRONG * 3,
        expected_return=[0.0129, 0.0131, 0.0031],
    )
    got = signals(load(tmp_path, section), frame)
    assert got["enter_long"].fillna(0).tolist() == [0, 1, 1]


def test_costs_are_two_fees_and_two_slippages(tmp_path: Path) -> None:
    section = {"labels": {"fee": 0.002}, "entries": {"slippage": 0.001}}
    frame = answers(buy=STRONG * 2, expected_return=[0.0059, 0.0061])
    assert signals(load(tmp_path, section), frame)["enter_long"].fillna(0).tolist() == [0, 1]


def test_plain_thresholds_need_no_edge_and_no_forecast(tmp_path: Path) -> None:
    section = {"entries": {"require_edge": False}}
    frame = answers(buy=[0.99, 0.1]).drop(columns="expected_return")
    got = load(tmp_path, section).populate_entry_trend(frame, {"pair": "BTC/USDT"})
    assert got["no_trade_reason"].tolist() == ["", "signal below threshold"]


def test_a_model_without_forecasts_is_refused_by_name(tmp_path: Path) -> None:
    frame = answers(buy=STRONG).drop(columns="expected_return")
    with pytest.raises(OperationalException, match=r"require_edge.*RegimeSwitchClassifier"):
        signals(load(tmp_path), frame)


def test_a_reason_is_logged_once_per_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    strategy = load(tmp_path, runmode=RunMode.DRY_RUN)
    edges = [0.0, 0.0, 0.01, 0.001, 0.0]
    for edge in edges:
        strategy.populate_entry_trend(
            answers(buy=STRONG, expected_return=[edge]), {"pair": "BTC/USDT"}
        )
    logged = [r.getMessage() for r in caplog.records if r.name.endswith("notices")]
    aside = "BTC/USDT: no entry: no proven edge"
    assert logged == [aside, "BTC/USDT: ready to trade", aside]


def test_a_backtest_logs_the_shares_of_what_was_predicted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    frame = answers(buy=STRONG * 8, do_predict=[0] * 4 + [1] * 4)
    frame["expected_return"] = [0.0] * 5 + [0.01] * 3
    load(tmp_path).populate_entry_trend(frame, {"pair": "BTC/USDT"})
    (line,) = [r.getMessage() for r in caplog.records if r.name.endswith("entry_filters")]
    assert line == "BTC/USDT: may trade 75.0%, no proven edge 25.0% of 4 candles"


def test_size_forecast_moves_stop_and_stake_against_each_other() -> None:
    settings = load_settings(in_signal_mode({"risk": {"max_size_ratio": 2}}))
    frame = pd.DataFrame({"size_ratio": [0.0, np.nan, 0.1, 1.0, 1.5, 9.0]})
    assert size_ratios(frame, settings).tolist() == [1, 1, 0.5, 1, 1.5, 2]
    for size in (0.5, 1.0, 1.5):
        stake = sizing.stake(1000, "bull", settings.risk, size)
        stop = sizing.stop_price(100, 0.5, False, settings.stop_multiple, size)
        # What is lost at the stop stays the same.
        assert stake * (100 - stop) == pytest.approx(1000 * 0.2 * 8 * 0.5)
    off = load_settings(in_signal_mode({"risk": {"size_forecast": False}}))
    assert size_ratios(frame, off).eq(1).all()
    assert size_ratios(frame[[]], settings).eq(1).all()


def test_a_stake_is_never_above_the_capital() -> None:
    assert sizing.stake(1000, "bull", RiskSettings(stake_fraction=0.9), 0.5) == 1000


def test_the_size_is_kept_with_the_trade_and_old_trades_have_the_usual() -> None:
    date = pd.date_range("2025-01-01", periods=3, freq="5min", tz="UTC")
    columns = {"regime": "bull", "stop_atr": 1.0, "size_ratio": [0.7, 1.3, 9.0]}
    frame = pd.DataFrame({"date": date, **columns})
    record = EntryRecord.of(frame, date[2].to_pydatetime(), "5m", SIGNAL)
    assert record == EntryRecord("bull", 1.0, 1.3)
    trade = SimpleNamespace(get_custom_data=lambda key: {"regime": "bull", "atr": 2.0})
    assert EntryRecord.read(trade) == EntryRecord("bull", 2.0, 1.0)


def test_shorts_are_decided_by_the_fall_that_is_expected() -> None:
    settings = load_settings(in_signal_mode({"entries": {"short": True}}))
    frame = answers(regime=["bear"] * 3 + ["bull"], expected_return=[-0.01, 0.01, -0.001, -0.01])
    strong = pd.Series([True] * 4)
    reasons = no_trade_reasons(frame, strong, ~strong, settings, short=True).tolist()
    below = "expected move below costs"
    assert reasons == ["", below, below, "regime bull"]
