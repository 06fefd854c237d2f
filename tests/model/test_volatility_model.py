"""The forecast of the next day's volatility in synthetic worlds whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.configuration import TimeRange

from regimeswitch.bot.freqai.columns import RIVALS
from regimeswitch.bot.freqai.training_rows import missing_rows, no_rows
from regimeswitch.market.volatility_forecast import ewma_variance
from regimeswitch.model.factory import unfitted_volatility_model
from regimeswitch.model.shrinkage import qlike
from regimeswitch.model.training_set import Rows
from regimeswitch.model.volatility_model import (
    EVERYWHERE,
    EWMA,
    HAR,
    MIN_ROWS,
    VolatilityModel,
    rivals_of,
)
from regimeswitch.settings import load_settings


STEP, DAY = 12, 288
FEATURES = 5
BULL, BEAR, SIDEWAYS = 1, 2, 3


def world(
    effects: dict[int, float],
    hours: int = 24 * 240,
    seed: int = 0,
    own: float = 0.0,
    rough: float = 0.25,
) -> Rows:
    """Two pairs, a row an hour: volatility follows its day, week and month, and a feature.

    :param effects: regime code to the strength of the first feature; ``own`` of the exponential
        mean, which HAR does not know
    """
    rng = np.random.default_rng(seed)
    parts = []
    for pair in ("AAA/USDT", "BBB/USDT"):
        codes = np.repeat(rng.choice([1, 2, 3], hours // 48 + 1), 48)[:hours].astype(np.int64)
        X = rng.normal(size=(hours, FEATURES + 4)).astype(np.float32)
        X[:, -4:] = 0.3 * X[:, -4:] - 0.5
        strength = np.array([effects[code] for code in codes])
        y = 0.1 + X[:, -3:] @ [0.4, 0.3, 0.2] + strength * X[:, 0] + own * X[:, -4]
        y = y + rng.normal(0, rough, hours)
        time = np.arange(hours, dtype=np.int64) * STEP + 1_000_000
        nothing = np.full(hours, np.nan)
        parts.append(Rows(X, y, codes, time, np.full(hours, pair), np.ones(hours), nothing))
    return Rows.joined(parts)


def fitted(rows: Rows, **models: Any) -> VolatilityModel:
    section = {"entries": {"mode": "position"}, "models": {"jobs": 1, **models.pop("models", {})}}
    made = load_settings({**section, **models})
    return unfitted_volatility_model(made, {}, "5m").fit(rows)


def mean_loss(model: VolatilityModel, rows: Rows) -> float:
    forecast = model.forecast(rows.X, rows.regime).volatility ** 2
    return float(qlike(np.exp(2 * rows.y))(forecast[:, None]).mean())


TURNING = {BULL: 0.5, BEAR: -0.5, SIDEWAYS: 0.0}


@pytest.fixture(scope="module")
def turning() -> VolatilityModel:
    return fitted(world(TURNING))


def test_an_effect_that_turns_with_the_regime_is_served_by_the_sub_models(
    turning: VolatilityModel,
) -> None:
    for name in ("bull", "bear"):
        served = turning.served_[name]
        assert served.served.startswith("sub-model")
        assert served.weight > 0.7 and served.sub_model > 0.5
        losses = served.losses
        assert losses["served"] < losses["base"] < losses["HAR"] < losses["EWMA"]
        assert losses["sub_model"] < losses["placebo"]
    later = world(TURNING, seed=1)
    one = fitted(world(TURNING), models={"sub_models": "none"})
    assert mean_loss(turning, later) < mean_loss(one, later) - 0.02
    forecast = turning.forecast(later.X, later.regime)
    for code, name in ((BULL, "bull"), (BEAR, "bear")):
        served = turning.served_[name]
        assert (forecast.models[later.regime == code] == served.weight).all()
        weight = served.weight * served.sub_model
        assert (forecast.sub_model[later.regime == code] == weight).all()


def test_an_effect_of_all_regimes_is_served_by_the_base() -> None:
    found = fitted(world({BULL: 0.5, BEAR: 0.5, SIDEWAYS: 0.5}))
    for name in ("bull", "bear", "sideways"):
        assert found.served_[name].served.startswith("base, weight")
        assert found.served_[name].sub_model == 0


@pytest.mark.parametrize("seed", [2, 3])
def test_where_nothing_is_to_be_learned_the_better_rival_is_served(seed: int) -> None:
    rows = world({BULL: 0.0, BEAR: 0.0, SIDEWAYS: 0.0}, seed=seed)
    found = fitted(rows)
    assert {served.served for served in found.served_.values()} == {HAR}
    forecast = found.forecast(rows.X, rows.regime)
    np.testing.assert_array_equal(
        forecast.volatility, np.sqrt(found.har_.variance(rivals_of(rows.X)))
    )
    assert not forecast.models.any() and not forecast.sub_model.any()


def test_the_exponential_mean_is_served_where_it_is_the_better_rival() -> None:
    rows = world({BULL: 0.0, BEAR: 0.0, SIDEWAYS: 0.0})
    rng = np.random.default_rng(5)
    truth = rows.X[:, -4] + rng.normal(0, 0.05, len(rows)) - 0.005
    X = rows.X.copy()
    X[:, :FEATURES] = 0
    # What the mean knows is in no column that the models may cut finely enough.
    X[:, -3:] = rng.normal(size=(len(rows), 3))
    found = fitted(replace(rows, X=X, y=truth), models={"parameters": {"lightgbm": {"max_bin": 3}}})
    for served in found.served_.values():
        assert served.rival == EWMA
    quiet = found.served_[EVERYWHERE]
    assert quiet.losses[EWMA] < quiet.losses[HAR]
    unknown = np.zeros(len(rows), dtype=np.int64)
    np.testing.assert_allclose(
        found.forecast(X, unknown).volatility ** 2, ewma_variance(rivals_of(X))
    )


def test_a_month_of_rows_is_too_short_to_prove_anything() -> None:
    found = fitted(world(TURNING, hours=24 * 30))
    for name in ("bull", "bear", "sideways"):
        assert "validation blocks" in found.served_[name].reason
        # Which rival is better is not known of so few days either: all of them are asked.
        assert found.served_[name].served == found.served_[EVERYWHERE].rival


def test_without_validation_rows_the_exponential_mean_is_served() -> None:
    found = fitted(world(TURNING, hours=60))
    assert found.validation_rows_ == 0
    assert {served.served for served in found.served_.values()} == {EWMA}


def test_too_few_rows_are_refused() -> None:
    rows = world(TURNING, hours=40)
    y = rows.y.copy()
    y[::2] = np.nan
    with pytest.raises(ValueError, match=f"40 rows know .* fewer than {MIN_ROWS}"):
        fitted(replace(rows, y=y))


def test_rows_without_a_rival_are_left_out_and_unknown(turning: VolatilityModel) -> None:
    rows = world(TURNING, hours=200)
    X = rows.X.copy()
    X[:10, -1] = np.nan
    assert fitted(replace(rows, X=X)).rows_ == len(rows) - 10
    forecast = turning.forecast(X, rows.regime)
    assert np.isnan(forecast.volatility[:10]).all()
    assert np.isfinite(forecast.volatility[10:]).all()


def test_the_gate_off_serves_the_sub_models_as_they_are() -> None:
    found = fitted(world(TURNING, hours=24 * 60), evidence={"gate": False})
    for name in ("bull", "bear", "sideways"):
        assert found.served_[name].weight == 1 and found.served_[name].sub_model == 1


def test_the_same_twice_and_with_two_threads(turning: VolatilityModel) -> None:
    rows = world(TURNING)
    again = fitted(rows, models={"jobs": 2})
    assert again.served_ == turning.served_
    one, other = (model.forecast(rows.X, rows.regime).volatility for model in (turning, again))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("learner", ["xgboost", "random_forest"])
def test_other_learners_forecast_ratios_too(learner: str) -> None:
    rows = world(TURNING, hours=24 * 100)
    small = {"n_estimators": 40}
    found = fitted(rows, models={"learner": learner, "parameters": {learner: small}})
    answers = found.ensemble_.answers(rows.X, rows.regime)
    assert (answers > 0).all()
    assert mean_loss(found, rows) < found.served_[EVERYWHERE].losses[EWMA]


def test_a_training_without_rivals_says_what_is_missing() -> None:
    dates = pd.date_range("2025-01-01", periods=2000, freq="5min", tz="UTC")
    frame = pd.DataFrame({"date": dates, "%-rsi": 1.0, **dict.fromkeys(RIVALS, np.nan)})
    window = TimeRange.parse_timerange("20250102-20250105")
    told = str(no_rows([missing_rows("BTC/USDT", frame, window)], window))
    assert "BTC/USDT lacks the volatility that forecasts are held against" in told
    assert "risk.volatility_half_life_days" in told
    known = frame.assign(**dict.fromkeys(RIVALS, 0.1), **{"%-rsi": np.nan})
    told = str(no_rows([missing_rows("BTC/USDT", known, window)], window))
    assert "lacks 1 of 1 features" in told
