"""The shadow book of analysed candles: columns, curves of a bot, and the accounts of money."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode

from heldpairs import POSITION, position_frame
from regimeswitch.bot.trading.shadow_columns import (
    HOLD_COLUMN,
    RULES_COLUMN,
    SHADOW_COLUMNS,
    SHADOWED,
    rule_signals,
    shadow_columns,
    shadow_curves,
    side_cost,
)
from regimeswitch.market.warmup import startup_candles
from regimeswitch.settings import Settings, load_settings
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.money.book import curve_of, days_of
from regimeswitch_lab.money.position_signals import read_market
from regimeswitch_lab.money.rivals import held
from regimeswitch_lab.money.simulated_account import Terms, simulate
from regimeswitch_lab.money.stored import StoredCandles
from regimeswitch_lab.money.tested import merged


PAIRS = ["BTC/USDT", "ETH/USDT"]
COST = 0.0015
NO_LIMITS = {"risk": {"max_daily_loss": 0, "max_drawdown": 0}}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(merged(deepcopy(POSITION), NO_LIMITS))


@pytest.fixture(scope="module")
def frames(market: Path, settings: Settings) -> dict[str, pd.DataFrame]:
    return {
        pair: position_frame(market, pair, "5m", settings).assign(bad_candle=False)
        for pair in PAIRS
    }


def test_curves_of_the_demo_market_are_the_accounts_within_half_a_percent(
    market: Path, frames: dict[str, pd.DataFrame], settings: Settings
) -> None:
    days = [pd.Timestamp(day, tz="UTC") for day in ("2024-11-20", "2024-12-29")]
    start, stop = (int(day.timestamp()) for day in days)
    stored = StoredCandles(CandleFolder(market), start, stop, startup_candles(settings, None, "5m"))
    known = read_market(stored, PAIRS, "5m", settings)
    trades = simulate(known, settings, Terms(1000, 1.0, COST, len(PAIRS)))
    assert len(trades) > 4
    before = known.dates[0] - pd.Timedelta("5min")
    same = {
        pair: one[(one["date"] >= before) & (one["date"] <= known.dates[-1])]
        for pair, one in frames.items()
    }
    curves = shadow_curves(same, "5m", settings, COST)
    assert curves.index[-1] == known.dates[-1]
    accounts = {RULES_COLUMN: trades, HOLD_COLUMN: held(known, 1000, COST)}
    for name, theirs in accounts.items():
        equity = curve_of(theirs, days_of(known), 1000, COST).equity[-1] / 1000
        assert curves[name].iloc[-1] == pytest.approx(equity, rel=0.005)


def test_columns_begin_with_the_first_known_regime_and_change_no_earlier_candle(
    frames: dict[str, pd.DataFrame], settings: Settings
) -> None:
    frame = frames["ETH/USDT"]
    whole = shadow_columns(frame, "5m", settings, COST)
    assert tuple(whole.columns) == SHADOW_COLUMNS
    unknown = int(np.flatnonzero(frame["regime"].notna())[0])
    assert unknown > 0
    assert (whole.iloc[: unknown + 1] == 1).all().all()
    assert whole.notna().all().all()
    cut = len(frame) * 2 // 3
    pd.testing.assert_frame_equal(
        whole.head(cut), shadow_columns(frame.head(cut), "5m", settings, COST)
    )
    nothing = frame.assign(regime=pd.array([None] * len(frame), dtype="str"))
    assert (shadow_columns(nothing, "5m", settings, COST) == 1).all().all()
    assert shadow_columns(frame.head(0), "5m", settings, COST).empty


def test_models_change_nothing_in_it(frames: dict[str, pd.DataFrame], settings: Settings) -> None:
    frame = frames["BTC/USDT"]
    vetoed = frame.assign(entry_scale=0.0, target_weight=0.01)
    for mine, other in zip(
        vars(rule_signals(frame, settings)).values(),
        vars(rule_signals(vetoed, settings)).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, other)


def test_costs_are_those_of_the_config() -> None:
    settings = load_settings({"labels": {"fee": 0.002}, "entries": {"slippage": 0.0005}})
    assert side_cost({}, settings) == pytest.approx(0.0025)
    assert side_cost({"fee": 0.0}, settings) == pytest.approx(0.0005)


def test_charts_and_running_bots_have_the_columns() -> None:
    assert set(SHADOWED) == {RunMode.DRY_RUN, RunMode.LIVE, RunMode.PLOT, RunMode.WEBSERVER}
