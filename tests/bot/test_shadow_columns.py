"""The shadow book of analysed candles: columns, curves of a bot, and the accounts of money."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.enums import RunMode

from heldpairs import POSITION, position_frame
from regimeswitch.bot.trading.shadow_columns import (
    BASE_COLUMN,
    HOLD_COLUMN,
    RULES_COLUMN,
    SHADOWED,
    base_signals,
    rule_signals,
    shadow_columns,
    shadow_curves,
    side_cost,
)
from regimeswitch.market.warmup import startup_candles
from regimeswitch.risk.shadow_book import Prices, RuleSignals, slot_values
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
    assert tuple(whole.columns) == (RULES_COLUMN, HOLD_COLUMN)
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


def with_forecast(frame: pd.DataFrame, forecast: float) -> pd.DataFrame:
    return frame.assign(do_predict=1, base_volatility_forecast=forecast)


def test_one_model_sizes_the_slot_by_its_base_alone(
    frames: dict[str, pd.DataFrame], settings: Settings
) -> None:
    frame = frames["ETH/USDT"]
    target = settings.risk.volatility_target
    # The sub-models' own forecast does not count.
    sized = with_forecast(frame, 2 * target).assign(volatility_forecast=0.01)
    found = shadow_columns(sized, "5m", settings, COST)
    assert tuple(found.columns) == (RULES_COLUMN, HOLD_COLUMN, BASE_COLUMN)
    signals = base_signals(sized, settings)
    known = frame["volatility"].notna().to_numpy()
    np.testing.assert_allclose(signals.weight[known], 0.5)
    # By the definition: half of the slot from the open after the signal on.
    rule = rule_signals(frame, settings)
    half = replace(rule, weight=np.full(len(frame), 0.5))
    rows = slice(int(np.flatnonzero(frame["regime"].notna())[0]), None)
    prices = Prices(*(frame[name].to_numpy()[rows] for name in ("open", "high", "low", "close")))
    part = RuleSignals(*(values[rows] for values in vars(half).values()))
    wanted = slot_values(prices, part, COST)
    np.testing.assert_allclose(found[BASE_COLUMN].to_numpy()[rows], wanted)
    assert found[BASE_COLUMN].iloc[-1] != found[RULES_COLUMN].iloc[-1]
    cut = len(frame) * 2 // 3
    pd.testing.assert_frame_equal(
        found.head(cut), shadow_columns(sized.head(cut), "5m", settings, COST)
    )


def test_one_model_vetoes_by_its_base_alone_and_is_the_rule_where_it_says_nothing(
    frames: dict[str, pd.DataFrame], settings: Settings
) -> None:
    frame = frames["BTC/USDT"].assign(do_predict=1, model_weight=0.5, buy=0.9, sell=0.0)
    against = frame.assign(base_buy=0.2, base_sell=0.5)
    assert (np.nan_to_num(base_signals(against, settings).weight) == 0).all()
    assert (shadow_columns(against, "5m", settings, COST)[BASE_COLUMN] == 1).all()
    for silent in (
        against.assign(model_weight=0.0),
        frame.assign(base_buy=0.5, base_sell=0.4),
        against.assign(do_predict=0),
    ):
        found = shadow_columns(silent, "5m", settings, COST)
        pd.testing.assert_series_equal(found[BASE_COLUMN], found[RULES_COLUMN], check_names=False)


def test_a_curve_of_one_model_is_there_with_models_alone(
    frames: dict[str, pd.DataFrame], settings: Settings
) -> None:
    assert BASE_COLUMN not in shadow_curves(frames, "5m", settings, COST)
    target = settings.risk.volatility_target
    one = {**frames, "ETH/USDT": with_forecast(frames["ETH/USDT"], 2 * target)}
    curves = shadow_curves(one, "5m", settings, COST)
    assert curves[BASE_COLUMN].iloc[-1] != curves[RULES_COLUMN].iloc[-1]


def test_costs_are_those_of_the_config() -> None:
    settings = load_settings({"labels": {"fee": 0.002}, "entries": {"slippage": 0.0005}})
    assert side_cost({}, settings) == pytest.approx(0.0025)
    assert side_cost({"fee": 0.0}, settings) == pytest.approx(0.0005)


def test_charts_and_running_bots_have_the_columns() -> None:
    assert set(SHADOWED) == {RunMode.DRY_RUN, RunMode.LIVE, RunMode.PLOT, RunMode.WEBSERVER}
