"""What models add to the rule: causal, bounded, and nothing where there is no model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimeswitch.bot.freqai.addition_columns import say_what_is_added, with_models
from regimeswitch.bot.trading.entry_filters import VETO, position_reasons
from regimeswitch.bot.trading.trade_context import EntryRecord
from regimeswitch.market.volatility import DAILY_ATR_COLUMN, VOLATILITY_COLUMN, WEIGHT_COLUMN
from regimeswitch.risk.model_additions import (
    FORECAST_COLUMN,
    MODEL_WEIGHT_COLUMN,
    SCALE_COLUMN,
    slot_weights,
    vetoed,
    without_model,
)
from regimeswitch.settings import Settings, SettingsError, load_settings


ROWS = 6
NUMBERS = st.one_of(st.just(0.0), st.floats(0.001, 3))


def made(veto: str = "none", size: str = "volatility", **more: Any) -> Settings:
    entries = {"mode": "position", "veto": veto, **more.pop("entries", {})}
    return load_settings({"entries": entries, "risk": {"size_from": size, **more}})


def positions() -> pd.DataFrame:
    """Known volatility but in the first row, as the rule has it."""
    volatility = np.array([np.nan, 0.3, 0.6, 1.2, 1.2, 1.2])
    weights = np.minimum(0.6 / volatility, 1)
    return pd.DataFrame(
        {VOLATILITY_COLUMN: volatility, WEIGHT_COLUMN: weights, DAILY_ATR_COLUMN: 1.0}
    )


def predicted(**columns: Any) -> pd.DataFrame:
    """Candles of a bull market, with predictions that may be used."""
    frame = {
        "date": pd.date_range("2024-01-01", periods=ROWS, freq="5min", tz="UTC"),
        "regime": "bull",
        "regime_raw": "bull",
        "volume": 1.0,
        "bad_candle": False,
        "do_predict": 1,
        "buy": 0.3,
        "sell": 0.3,
        MODEL_WEIGHT_COLUMN: 1.0,
    }
    return pd.DataFrame({**frame, **columns})


def test_a_slot_is_scaled_by_the_forecast_where_there_is_one() -> None:
    forecast = np.array([0.4, 0.0, 2.4, 2.4, np.nan, 0.2])
    frame = predicted(**{FORECAST_COLUMN: forecast, "do_predict": [1, 1, 1, 0, 1, 1]})
    found = with_models(positions(), frame, made(size="forecast"))
    # Unknown to the rule; no forecast; by it; not to be used; not a number; by it.
    expected = [np.nan, 1.0, 0.25, 0.5, 0.5, 1.0]
    np.testing.assert_allclose(found[WEIGHT_COLUMN], expected)
    rule = with_models(positions(), frame, made())
    pd.testing.assert_frame_equal(rule, positions())


@given(st.lists(NUMBERS, min_size=1, max_size=20), st.lists(NUMBERS, min_size=20, max_size=20))
def test_weights_are_shares_and_known_where_the_rule_knows(
    volatility: list[float], forecasts: list[float]
) -> None:
    known, forecast = np.array(volatility), np.array(forecasts[: len(volatility)])
    found = slot_weights(known, forecast, made(size="forecast").risk)
    assert ((found >= 0) & (found <= 1)).all()
    plain = slot_weights(known, forecast, made().risk)
    np.testing.assert_array_equal(found[forecast == 0], plain[forecast == 0])
    assert (
        slot_weights(known, forecast, made(size="forecast", volatility_target=0).risk) == 1
    ).all()


def test_a_veto_leaves_no_stake_or_a_part_of_it() -> None:
    sell = np.array([0.3, 0.34, 0.36, 0.5, 0.5, 0.5])
    weight = np.array([1, 1, 1, 1, 0, 1])
    frame = predicted(sell=sell, do_predict=[1, 1, 1, 1, 1, 2], **{MODEL_WEIGHT_COLUMN: weight})
    settings = made("forecast")
    found = with_models(positions(), frame, settings)
    # Equal; within the margin; against it; against it; class frequencies; an expired model.
    assert found[SCALE_COLUMN].tolist() == [1, 1, 0, 0, 1, 1]
    reasons = position_reasons(pd.concat([frame, found], axis=1), settings)
    assert reasons.tolist()[1:] == ["", VETO, VETO, "", ""]
    half = made("forecast", veto_scale=0.5)
    found = with_models(positions(), frame, half)
    whole = pd.concat([frame, found], axis=1)
    assert found[SCALE_COLUMN].tolist() == [1, 1, 0.5, 0.5, 1, 1]
    assert set(position_reasons(whole, half).iloc[1:]) == {""}
    record = EntryRecord.of(whole, datetime(2024, 1, 1, 0, 15, tzinfo=UTC), "5m", half)
    assert (record.weight, record.scale, record.share) == (1.0, 0.5, 0.5)
    # Without a veto nothing is added to the frame, nor taken from the stake.
    assert SCALE_COLUMN not in with_models(positions(), frame, made())


def test_a_bot_without_predictions_trades_by_the_rule() -> None:
    frame = predicted().drop(columns=["do_predict", "buy", "sell", MODEL_WEIGHT_COLUMN])
    found = with_models(positions(), frame, made("forecast", "forecast"))
    np.testing.assert_array_equal(found[WEIGHT_COLUMN], positions()[WEIGHT_COLUMN])
    assert (found[SCALE_COLUMN] == 1).all()


def test_a_short_is_vetoed_the_other_way_round() -> None:
    settings = made("forecast", entries={"short": True})
    regimes = ["bull", "bear", "bull", "bear", "bear", "bear"]
    buy = [0.5, 0.5, 0.2, 0.2, 0.3, 0.3]
    found = with_models(positions(), predicted(regime=regimes, buy=buy), settings)
    assert found[SCALE_COLUMN].tolist() == [1, 0, 0, 1, 1, 1]


@given(
    buy=st.lists(st.floats(0, 1), min_size=1, max_size=10),
    sell=st.floats(0, 1),
    weight=st.sampled_from([0.0, 0.4]),
    margin=st.floats(0, 1),
)
def test_each_row_is_vetoed_by_itself(
    buy: list[float], sell: float, weight: float, margin: float
) -> None:
    entries = made("forecast", entries={"veto_margin": margin}).entries
    bought = np.array(buy)
    sold, weights = np.full(len(buy), sell), np.full(len(buy), weight)
    whole = vetoed(bought, sold, weights, entries)
    for row in range(len(buy)):
        part = slice(row, row + 1)
        assert vetoed(bought[part], sold[part], weights[part], entries)[0] == whole[row]
    assert not vetoed(bought, sold, np.zeros(len(buy)), entries).any()
    assert not (whole & vetoed(bought, sold, weights, entries, short=True)).any()
    assert not vetoed(bought, sold, weights, made().entries).any()


@pytest.mark.parametrize(
    ("settings", "model", "trains", "keys"),
    [
        (made(), "RegimeSwitchClassifier", True, []),
        (made("forecast"), "RegimeSwitchClassifier", True, []),
        (made("forecast"), "RegimeSwitchRegressor", True, ["entries.veto"]),
        (made("forecast"), "RegimeSwitchClassifier", False, ["entries.veto"]),
        (made(size="forecast"), "RegimeSwitchRegressor", True, []),
        (made(size="forecast"), "RegimeSwitchClassifier", True, ["risk.size_from"]),
        (made("forecast", "forecast"), None, False, ["entries.veto", "risk.size_from"]),
    ],
)
def test_a_key_without_its_model_is_named(
    settings: Settings,
    model: str | None,
    trains: bool,
    keys: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert [key for key, _ in without_model(model, trains, settings)] == keys
    say_what_is_added({"freqaimodel": model}, settings, trains)
    assert len(caplog.messages) == len(keys)
    for message, key in zip(caplog.messages, keys, strict=True):
        found = model if trains else "none"
        assert f"regimeswitch.{key} needs RegimeSwitch" in message
        assert f"the model of this bot is {found}: the rule trades as if it were off" in message


@pytest.mark.parametrize(
    "section", [{"entries": {"veto": "forecast"}}, {"risk": {"size_from": "forecast"}}]
)
def test_signal_mode_refuses_what_it_does_not_read(section: dict[str, Any]) -> None:
    signal = {**section, "entries": {"mode": "signal", **section.get("entries", {})}}
    with pytest.raises(SettingsError, match='is "signal", which does not read'):
        load_settings(signal)


def test_the_hash_of_models_knows_their_target() -> None:
    signal = load_settings({"entries": {"mode": "signal"}})
    held = load_settings({"entries": {"mode": "position"}})
    assert signal.model_hash() != held.model_hash()
    # What only decides on entries and stakes trains nothing anew.
    assert made("forecast", "forecast", veto_scale=0.5).model_hash() == held.model_hash()
    assert made(volatility_half_life_days=5).model_hash() != held.model_hash()


def test_the_disaster_stop_is_not_scaled_by_a_forecast() -> None:
    frame = pd.concat([predicted(size_ratio=2.0), positions()], axis=1)
    record = EntryRecord.of(frame, datetime(2024, 1, 1, 0, 15, tzinfo=UTC), "5m", made())
    assert (record.size, record.atr) == (1.0, 1.0)
