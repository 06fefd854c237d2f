"""Keys of freqtrade in a config that would break the strategy; stakes and ranges that it takes."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.persistence import LocalTrade, Trade
from freqtrade.resolvers import StrategyResolver
from freqtrade.strategy import IStrategy

from project import ROOT, in_signal_mode
from regimeswitch.bot.overrides import full_stake
from regimeswitch.bot.trading.notices import Notices
from regimeswitch.bot.trading.position_exits import Positions
from regimeswitch.bot.trading.stakes import Stakes, Wanted
from regimeswitch.settings import load_settings
from regimeswitch_lab.replay.stage import merged


pytestmark = pytest.mark.filterwarnings("default")

HELD = {
    "entries": {"mode": "position", "regimes": ["bull"]},
    "risk": {"stake_fraction": 1.0},
}
RESIZED = {"entries": HELD["entries"], "risk": {"rebalance_band": 0.2}}
SIGNAL = {"entries": {"mode": "signal"}}
NO_LIMITS = {"risk": {"max_daily_loss": 0, "max_drawdown": 0}}


def load(tmp_path: Path, **changes: Any) -> IStrategy:
    """The strategy of the project's config with changes, as freqtrade makes it."""
    own = {
        "strategy_path": str(ROOT / "user_data/strategies"),
        "runmode": RunMode.BACKTEST,
        "original_config": changes,
        **changes,
    }
    config = merged(json.loads((ROOT / "config.json").read_text()), own)
    return StrategyResolver.load_strategy(config | {"user_data_dir": tmp_path})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"use_exit_signal": False, "regimeswitch": SIGNAL},
            "risk.max_daily_loss, risk.max_drawdown would close nothing",
        ),
        (
            {"use_exit_signal": False, "regimeswitch": SIGNAL | {"risk": {"max_hold_candles": 9}}},
            "risk.max_daily_loss, risk.max_drawdown, risk.max_hold_candles would",
        ),
        (
            {"use_exit_signal": False, "regimeswitch": SIGNAL | {"risk": {"daily_close": False}}},
            "and risk.max_drawdown would close nothing",
        ),
        ({"exit_profit_only": True}, "exit_profit_only is true: "),
        (
            {"use_custom_stoploss": False, "regimeswitch": SIGNAL},
            "risk.stop_atr and risk.trail_atr would place no stop",
        ),
        ({"startup_candle_count": 30}, "startup_candle_count 30: the settings need 2031"),
        (
            {"use_exit_signal": False, "regimeswitch": HELD},
            "a position would not be closed when its regime ends; set it to true",
        ),
        (
            {"position_adjustment_enable": False, "regimeswitch": RESIZED},
            "position_adjustment_enable is false: risk.rebalance_band would change no position",
        ),
        (
            {"use_custom_stoploss": False, "regimeswitch": HELD},
            "risk.stop_daily_atr would place no stop",
        ),
    ],
)
def test_what_would_break_a_promise_is_refused(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(OperationalException) as refused:
        load(tmp_path, **changes)
    assert words in str(refused.value)


def test_what_cuts_positions_is_named_and_honoured(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    roi = {"0": 0.05}
    strategy = load(tmp_path, stoploss=-0.1, minimal_roi=roi, trailing_stop=True, regimeswitch=HELD)
    assert (strategy.stoploss, strategy.minimal_roi) == (-0.1, {0: 0.05})
    assert "stoploss closes a position at a loss of 10%" in caplog.text
    assert "minimal_roi closes positions at a profit" in caplog.text
    assert "trailing_stop closes positions that fall back" in caplog.text
    caplog.clear()
    plain = load(tmp_path, regimeswitch=HELD)
    assert (plain.stoploss, plain.minimal_roi, plain.use_custom_roi) == (-0.99, {}, False)
    assert "before its regime ends" not in caplog.text


def test_a_band_lets_freqtrade_change_positions(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load(tmp_path, regimeswitch=RESIZED).position_adjustment_enable is True
    assert load(tmp_path, regimeswitch=HELD).position_adjustment_enable is False
    warned = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert not any("position_adjustment_enable" in one for one in warned)


def test_signal_mode_trades_on_forecasts_and_needs_freqai(tmp_path: Path) -> None:
    with pytest.raises(OperationalException, match=r"freqai.enabled is not true.*\"position\""):
        load(tmp_path, freqai={"enabled": False}, regimeswitch=SIGNAL)
    assert load(tmp_path, freqai={"enabled": False}, regimeswitch=HELD).trains is False


@pytest.mark.parametrize("spaces", [["buy", "sell"], ["default"], ["stoploss", "all"], None])
def test_hyperopt_searches_no_threshold_that_decides_nothing(
    tmp_path: Path, spaces: list[str] | None
) -> None:
    hyperopt = {"runmode": RunMode.HYPEROPT, "timerange": "20250101-20250102"}
    given = hyperopt | ({"spaces": spaces} if spaces else {})
    with pytest.raises(OperationalException, match=r"decide nothing .* set entries.mode"):
        load(tmp_path, **given, regimeswitch=HELD)
    assert load(tmp_path, **given, regimeswitch=SIGNAL).rs.entries.mode == "signal"
    assert load(tmp_path, **hyperopt, spaces=["stoploss"], regimeswitch=HELD).holds


def test_all_such_keys_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(OperationalException) as refused:
        load(tmp_path, use_exit_signal=False, exit_profit_only=True, use_custom_stoploss=False)
    assert len(str(refused.value).splitlines()) == 4


def test_what_does_what_it_says_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = {
        "stoploss": -0.03,
        "minimal_roi": {"0": 0.02},
        "trailing_stop": True,
        "ignore_roi_if_entry_signal": True,
        "startup_candle_count": 3000,
        "position_adjustment_enable": True,
    }
    with caplog.at_level(logging.WARNING):
        strategy = load(tmp_path, **own)
    assert (strategy.stoploss, strategy.trailing_stop) == (-0.03, True)
    assert strategy.startup_candle_count == 3000
    assert "changes positions only with regimeswitch.risk.rebalance_band above 0" in caplog.text
    # Without limits, no exit by signals is what was asked for.
    unlimited = load(tmp_path, use_exit_signal=False, regimeswitch=SIGNAL | NO_LIMITS)
    assert unlimited.use_exit_signal is False


def test_freqtrade_asks_for_a_limit_unless_these_keys_forbid_it(tmp_path: Path) -> None:
    """What the refusals rest on: if a release changes it, they are no longer needed."""
    strategy = load(tmp_path)
    strategy.custom_exit = lambda **given: "daily_loss_limit"
    strategy.ft_stoploss_reached = lambda **given: SimpleNamespace(exit_type=None)
    strategy.min_roi_reached = lambda **given: False
    trade = SimpleNamespace(
        pair="BTC/USDT",
        is_short=False,
        calc_profit_ratio=lambda rate: -0.1,
        adjust_min_max_rates=lambda high, low: None,
    )
    now = pd.Timestamp("2025-01-01", tz="UTC").to_pydatetime()

    def reasons(**flags: bool) -> list[str]:
        found = IStrategy.should_exit(strategy, trade, 90.0, now, **flags)
        return [one.exit_reason for one in found]

    assert reasons(enter=False, exit_=True) == ["exit_signal"]
    assert reasons(enter=False, exit_=False) == ["daily_loss_limit"]
    assert reasons(enter=True, exit_=True) == ["daily_loss_limit"]
    strategy.exit_profit_only = True
    assert reasons(enter=False, exit_=True) == []
    strategy.use_exit_signal = False
    assert reasons(enter=False, exit_=False) == []


# --- a number as stake_amount


@pytest.mark.parametrize(
    ("given", "risk", "stake"),
    [
        ("unlimited", {}, 200.0),
        (50, {}, 50.0),
        (50.5, {"max_position": 0.04}, 40.0),
        (50, {"scale": {"bull": 0.5}}, 25.0),
        (50, {"sizing": "stop", "risk_per_trade": 0.5}, 50.0),
        (5000, {}, 400.0),
    ],
)
def test_a_number_as_stake_is_the_full_stake(
    monkeypatch: pytest.MonkeyPatch, given: Any, risk: dict[str, Any], stake: float
) -> None:
    monkeypatch.setattr(Trade, "use_db", False)
    LocalTrade.reset_trades()
    dates = pd.date_range("2025-01-01", periods=3, freq="5min", tz="UTC").as_unit("ms")
    columns = {"regime": "bull", "regime_pending": "", "stop_atr": 1.0, "close": 100.0}
    frame = pd.DataFrame({"date": dates, **columns, "expected_return": 0.01, "regime_code": 1})
    strategy: Any = SimpleNamespace(
        config={"stake_amount": given},
        timeframe="5m",
        wallets=SimpleNamespace(get_total_stake_amount=lambda: 1000.0),
        dp=SimpleNamespace(
            get_analyzed_dataframe=lambda *pair: (frame, frame["date"].iloc[-1]),
            runmode=RunMode.BACKTEST,
        ),
    )
    settings = load_settings(in_signal_mode({"risk": risk}))
    stakes = Stakes(strategy, settings, Positions(strategy, settings).record, Notices())
    now = pd.Timestamp("2025-01-01T00:15", tz="UTC").to_pydatetime()
    wanted = Wanted("BTC/USDT", now, 100.0, 0.0, None, 1e6, "bull", short=False)
    assert stakes.stake(wanted) == pytest.approx(stake)


def test_only_a_number_is_a_full_stake() -> None:
    assert full_stake({"stake_amount": 100}) == 100.0
    assert full_stake({"stake_amount": "unlimited"}) is None
    assert full_stake({}) is None


# --- ranges, as freqtrade's backtest gets them


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("-20250101", "20241203-20250101"),
        ("20241228-", "20241228-20250101"),
        ("20241228-20300101", "20241228-20250101"),
        ("20241228-20241230", "20241228-20241230"),
    ],
)
def test_the_range_of_a_backtest_becomes_definite(
    market: Path, tmp_path: Path, given: str, found: str
) -> None:
    freqai = {"train_period_days": 20}
    strategy = load(tmp_path, datadir=market, timerange=given, freqai=freqai, regimeswitch=SIGNAL)
    assert strategy.config["timerange"] == found


def test_only_the_range_of_a_backtest_is_looked_at(market: Path, tmp_path: Path) -> None:
    for mode in (RunMode.DRY_RUN, RunMode.PLOT):
        config = load(tmp_path, datadir=market, timerange="-20250101", runmode=mode).config
        assert config["timerange"] == "-20250101"
    for pairs in (["XRP/USDT"], [], [".*/USDT"], ["*/USDT"]):
        exchange = {"pair_whitelist": pairs}
        config = load(tmp_path, datadir=market, timerange="20241228-", exchange=exchange).config
        assert config["timerange"] == "20241228-20250101"
    empty = load(tmp_path, datadir=tmp_path, timerange="20241228-").config
    assert empty["timerange"] == "20241228-"


@pytest.mark.parametrize("given", ["20250105-20250110", "-20241101", "20241228-20241228"])
def test_a_range_without_candles_is_one_message(market: Path, tmp_path: Path, given: str) -> None:
    with pytest.raises(OperationalException, match="holds no candles; they reach from 20241018"):
        load(tmp_path, datadir=market, timerange=given)
