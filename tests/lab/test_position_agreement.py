"""The simulated account against freqtrade's own backtester: trade by trade, and in money."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from freqtrade.data.converter.converter import ohlcv_fill_up_missing_data

from crashes import PAIRS, crashing, with_files_of
from frames import PRICES, candle_frame
from heldpairs import POSITION
from project import Run
from regimeswitch.market.warmup import startup_candles
from regimeswitch.settings import load_settings
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.money.backtests import read_result
from regimeswitch_lab.money.book import curve_of, days_of
from regimeswitch_lab.money.position_signals import read_market
from regimeswitch_lab.money.simulated_account import Terms, simulate
from regimeswitch_lab.money.stored import StoredCandles, filled
from regimeswitch_lab.money.tested import agreement, merged, trades_of


COST = 0.0015
WALLET = 100_000


def compare(
    freqtrade_here: Callable[..., Run],
    folder: Path,
    timerange: str,
    timeframe: str = "5m",
    **risk: Any,
) -> tuple[dict[str, int], float, set[str]]:
    """How far trades and final equity agree, and why positions were closed."""
    section = merged(deepcopy(POSITION), {"risk": risk})
    config = {
        "regimeswitch": section,
        "freqai": {"enabled": False},
        "max_open_trades": len(PAIRS),
        "dry_run_wallet": WALLET,
        "fee": COST,
    }
    words = ("--timerange", timerange, "-i", timeframe, "--pairs", *PAIRS)
    run = freqtrade_here("backtesting", *words, datadir=folder, config=config)
    assert run.code == 0, run.log[-3000:]
    (file,) = (run.userdir / "backtest_results").glob("*.zip")
    told = read_result(file)
    settings = load_settings(section)
    start, stop = (int(pd.Timestamp(day, tz="UTC").timestamp()) for day in timerange.split("-"))
    warm_up = startup_candles(settings, None, timeframe)
    stored = StoredCandles(CandleFolder(folder), start, stop, warm_up)
    market = read_market(stored, PAIRS, timeframe, settings)
    ours = simulate(market, settings, Terms(WALLET, 0.99, COST, len(PAIRS)))
    curve = curve_of(ours, days_of(market), WALLET, COST)
    off = told.balance["total_quote"].iloc[-1] / curve.equity[-1] - 1
    return agreement(ours, trades_of(told, market)), off, {one.reason for one in ours}


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("timeframe", ["5m", "1h"])
def test_trades_and_equity_are_those_of_freqtrade(
    freqtrade_here: Callable[..., Run], market: Path, tmp_path: Path, timeframe: str
) -> None:
    folder = with_files_of(market, timeframe, tmp_path / "candles")
    same, off, reasons = compare(freqtrade_here, folder, "20241205-20241229", timeframe)
    assert same["ours"] == same["freqtrade"] == same["same"] > 4
    assert abs(off) < 0.001
    assert "regime_sideways" in reasons


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_limits_and_the_longest_time_are_those_of_freqtrade(
    freqtrade_here: Callable[..., Run], market: Path
) -> None:
    limits = {"max_daily_loss": 0.01, "max_drawdown": 0.03, "peak_pause_days": 2}
    limits["max_hold_candles"] = 600
    same, off, reasons = compare(freqtrade_here, market, "20241205-20241229", **limits)
    assert same["ours"] == same["freqtrade"] == same["same"]
    assert abs(off) < 0.001
    assert {"daily_loss_limit", "drawdown_stop", "max_hold"} <= reasons


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_disaster_stop_is_that_of_freqtrade(
    freqtrade_here: Callable[..., Run], tmp_path: Path
) -> None:
    folder = crashing(tmp_path / "candles")
    for path in folder.glob("*.feather"):
        # On the exchange's ticks: freqtrade rounds an exit, and fills it inside its candle alone.
        pd.read_feather(path).round(dict.fromkeys(PRICES, 4)).to_feather(path)
    none = {"max_daily_loss": 0, "max_drawdown": 0}
    same, off, reasons = compare(freqtrade_here, folder, "20241226-20241230", **none)
    assert same["ours"] == same["freqtrade"] == same["same"]
    assert abs(off) < 0.001
    assert "stop_loss" in reasons


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    ("timeframe", "risk"),
    [
        ("5m", {"volatility_target": 0.2, "rebalance_band": 0.05, "rebalance_hours": 4}),
        ("1h", {"volatility_target": 0.2, "rebalance_band": 0.05, "rebalance_hours": 4}),
        (
            "5m",
            {
                "volatility_target": 0.3,
                "rebalance_band": 0.03,
                "rebalance_hours": 1,
                "max_position": 0.3,
                "max_exposure": 0.4,
                "max_daily_loss": 0.01,
                "daily_close": False,
                "max_hold_candles": 900,
            },
        ),
    ],
)
def test_changes_of_positions_are_those_of_freqtrade(
    freqtrade_here: Callable[..., Run],
    market: Path,
    tmp_path: Path,
    timeframe: str,
    risk: dict[str, Any],
) -> None:
    folder = with_files_of(market, timeframe, tmp_path / "candles")
    same, off, _ = compare(freqtrade_here, folder, "20241205-20241229", timeframe, **risk)
    assert same["ours"] == same["freqtrade"] == same["same"] > 4
    assert same["changes"] > 6
    assert abs(off) < 0.001


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_changed_position_keeps_the_stop_of_its_entry(
    freqtrade_here: Callable[..., Run], tmp_path: Path
) -> None:
    """Additions raise the average price, and freqtrade would raise the stop with it."""
    folder = crashing(tmp_path / "candles", noise=0.002)
    for path in folder.glob("*.feather"):
        pd.read_feather(path).round(dict.fromkeys(PRICES, 4)).to_feather(path)
    risk = {"max_daily_loss": 0, "max_drawdown": 0, "rebalance_band": 0.1, "rebalance_hours": 6}
    same, off, reasons = compare(
        freqtrade_here, folder, "20241226-20241230", **risk, volatility_target=0.2
    )
    assert same["ours"] == same["freqtrade"] == same["same"]
    assert same["changes"] > 2
    assert abs(off) < 0.001
    assert "stop_loss" in reasons


@pytest.mark.filterwarnings("default")
def test_gaps_are_filled_as_freqtrade_fills_them() -> None:
    whole = candle_frame(200, 3)
    holes = whole.drop(index=[5, 6, 7, 90, 150]).reset_index(drop=True)
    told = ohlcv_fill_up_missing_data(holes, "5m", "BTC/USDT")
    pd.testing.assert_frame_equal(filled(holes, "5m"), told, check_dtype=False)
    assert filled(whole, "5m") is whole
