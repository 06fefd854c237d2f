"""Limits of age, drift and calibration on frames with predictions: figures, actions, no future."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from frames import candle_frame
from regimeswitch.bot.freqai.columns import base_of
from regimeswitch.bot.freqai.drift_limits import limit_reasons, with_limits
from regimeswitch.bot.trading.entry_filters import DRIFTED, no_trade_reasons
from regimeswitch.market.labels import CLASS_COLUMN, CLASSES, class_labels, next_day_volatility
from regimeswitch.model.calibration import calibration_error
from regimeswitch.settings import Settings, load_settings


DAY = 288
HORIZON = 12
NUMBERS = ["volatility_forecast", "sub_model_weight", "model_weight", "base_answer", "trained_at"]
PROBABILITIES = ["sub_model_weight", "expected_return", "trained_at"]
"""Without the classes, which a backtest of stored predictions alone has to find in the frame."""


def settings_of(mode: str = "position", **drift: Any) -> Settings:
    return load_settings({"entries": {"mode": mode}, "drift": drift})


def predicted(rows: int = 8 * DAY, **columns: Any) -> pd.DataFrame:
    """Candles with predictions by a model that was trained a day after the first of them."""
    candles = candle_frame(rows, seed=4)
    trained = candles["date"].iloc[0].timestamp() + 86_400
    known = {
        "do_predict": 1,
        "trained_at": trained,
        "feature_psi": 0.0,
        "shifted_features": 0.0,
        "validated_error": 0.0,
        "sub_model_weight": 0.7,
    }
    return candles.assign(**{**known, **columns})


def sized(rows: int = 8 * DAY, **columns: Any) -> pd.DataFrame:
    forecast = np.full(rows, 0.8)
    given = {
        "&-volatility": np.log(forecast),
        "volatility_forecast": forecast,
        "model_weight": 0.5,
        "base_volatility_forecast": 0.6,
        "base_answer": np.log(0.6),
    }
    return predicted(rows, **{**given, **columns})


def classified(rows: int = 8 * DAY, **columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    served, base = rng.dirichlet([2.0, 3.0, 2.0], (2, rows))
    given = dict(zip(CLASSES, served.T, strict=True))
    given |= {base_of(name): column for name, column in zip(CLASSES, base.T, strict=True)}
    names = np.asarray(CLASSES, dtype=object)[served.argmax(axis=1)]
    return predicted(
        rows, **given, expected_return=0.01, base_expected_return=0.02, **{CLASS_COLUMN: names}
    ).assign(**columns)


def test_the_age_begins_with_the_end_of_the_training() -> None:
    frame = with_limits(sized(), "5m", settings_of(max_model_age_days=2.5), NUMBERS)
    days = (np.arange(len(frame)) - DAY) / DAY
    np.testing.assert_allclose(frame["model_age"], np.maximum(days, 0), atol=1e-6)
    assert ((frame["model_limit"].astype(int) & 1 == 1) == (days > 2.5)).all()
    off = with_limits(sized(), "5m", settings_of(max_model_age_days=0), NUMBERS)
    assert (off["model_limit"].astype(int) & 1 == 0).all()


def test_calibration_of_volatility_is_that_of_what_has_settled() -> None:
    given = sized()
    frame = with_limits(given, "5m", settings_of(max_size_error=0.005), NUMBERS)
    came = np.exp(next_day_volatility(given, "5m").to_numpy())
    last = len(given) - 1
    # Made after the training, known a day later, of the last five days.
    made = np.arange(max(last - 5 * DAY + 1 - DAY, DAY), last - DAY + 1)
    wanted = abs(np.log(((came[made] / 0.8) ** 2).mean())) / 2
    assert frame["calibration_error"].iloc[-1] == pytest.approx(wanted, abs=1e-5)
    # Half of the window must have settled.
    first = int(np.flatnonzero(frame["calibration_error"] > 0)[0])
    assert first == 2 * DAY + 5 * DAY // 2 - 1
    beyond = frame["model_limit"].astype(int) & 4 > 0
    assert (beyond == (frame["calibration_error"] > 0.005)).all()
    assert beyond.any()
    proven = with_limits(
        given.assign(validated_error=wanted), "5m", settings_of(max_size_error=0.005), NUMBERS
    )
    assert proven["model_limit"].iloc[-1] == 0


def test_calibration_of_classes_is_that_of_what_has_settled() -> None:
    given, settings = classified(), settings_of("signal", max_calibration_error=0.01)
    frame = with_limits(given, "5m", settings, PROBABILITIES)
    labels = class_labels(given, settings.labels, "5m")
    last = len(given) - 1
    made = np.arange(last - 5 * DAY + 1 - HORIZON, last - HORIZON + 1)
    numbers = labels.iloc[made].map({name: number for number, name in enumerate(CLASSES)})
    known = numbers.notna().to_numpy()
    wanted = calibration_error(
        given[list(CLASSES)].to_numpy()[made][known], numbers[known].to_numpy(dtype=np.int64)
    )
    assert frame["calibration_error"].iloc[-1] == pytest.approx(wanted, abs=1e-5)
    assert int(frame["model_limit"].iloc[-1]) & 4


@pytest.mark.parametrize("make", [sized, classified])
@pytest.mark.parametrize("cut", [2 * DAY, 5 * DAY + 7, 8 * DAY - 1])
def test_no_row_changes_when_candles_are_added(make: Any, cut: int) -> None:
    limits = {"max_model_age_days": 4, "max_size_error": 0.1, "max_calibration_error": 0.05}
    settings = settings_of("signal", action="base", **limits)
    numbers = NUMBERS if make is sized else PROBABILITIES
    whole = with_limits(make(), "5m", settings, numbers)
    part = with_limits(make().head(cut), "5m", settings, numbers)
    pd.testing.assert_frame_equal(whole.head(cut), part)


@pytest.mark.parametrize("make", [sized, classified])
def test_a_frame_that_begins_later_ends_the_same(make: Any) -> None:
    """A bot's frame begins later with every candle."""
    settings = settings_of("signal", action="base", max_size_error=0.1, max_calibration_error=0.01)
    numbers = NUMBERS if make is sized else PROBABILITIES
    whole = with_limits(make(), "5m", settings, numbers)
    later = make().iloc[-2040:].reset_index(drop=True)
    tail = with_limits(later, "5m", settings, numbers)
    pd.testing.assert_frame_equal(
        whole.tail(10).reset_index(drop=True), tail.tail(10).reset_index(drop=True)
    )


def test_a_warning_changes_no_answer() -> None:
    given = sized(feature_psi=9.0)
    frame = with_limits(given, "5m", settings_of(), NUMBERS)
    assert (frame["model_limit"].astype(int) & 2 > 0).all()
    pd.testing.assert_frame_equal(frame[list(given.columns)], given)


def test_the_base_answers_beyond_a_limit_and_nowhere_else() -> None:
    psi = np.where(np.arange(8 * DAY) % 2 == 0, 0.3, 0.2)
    settings = settings_of(action="base", max_size_error=0)
    frame = with_limits(sized(feature_psi=psi), "5m", settings, NUMBERS)
    beyond = psi > 0.25
    np.testing.assert_array_equal(frame["volatility_forecast"], np.where(beyond, 0.6, 0.8))
    np.testing.assert_allclose(frame["&-volatility"], np.log(np.where(beyond, 0.6, 0.8)))
    np.testing.assert_array_equal(frame["sub_model_weight"], np.where(beyond, 0.0, 0.7))
    assert (frame["do_predict"] == 1).all()
    signal = settings_of("signal", action="base", max_calibration_error=0)
    frame = with_limits(classified(feature_psi=psi), "5m", signal, PROBABILITIES)
    before = classified()
    for name in CLASSES:
        wanted = np.where(beyond, before[base_of(name)], before[name])
        np.testing.assert_array_equal(frame[name], wanted)
    best = frame[list(CLASSES)].to_numpy().argmax(axis=1)
    assert (frame[CLASS_COLUMN] == np.asarray(CLASSES, dtype=object)[best]).all()
    np.testing.assert_array_equal(frame["expected_return"], np.where(beyond, 0.02, 0.01))


def test_no_model_answers_beyond_a_limit_and_the_reason_says_so() -> None:
    psi = np.where(np.arange(8 * DAY) % 2 == 0, 0.3, 0.2)
    settings = settings_of("signal", action="none", max_calibration_error=0)
    frame = with_limits(classified(feature_psi=psi), "5m", settings, PROBABILITIES)
    beyond = psi > 0.25
    np.testing.assert_array_equal(frame["do_predict"], np.where(beyond, 0, 1))
    assert (frame.loc[beyond, [*CLASSES, "expected_return", "sub_model_weight"]] == 0).all().all()
    assert (frame.loc[beyond, "trained_at"] > 0).all()
    yes = pd.Series(True, index=frame.index)
    known = frame.assign(regime="bull", regime_code=1, regime_raw="bull")
    known = known.assign(bad_candle=False, stop_atr=1.0)
    reasons = no_trade_reasons(known, yes, ~yes, settings)
    np.testing.assert_array_equal(reasons == DRIFTED, beyond)
    warned = settings_of("signal", max_calibration_error=0)
    assert not (no_trade_reasons(known, yes, ~yes, warned) == DRIFTED).any()


def test_what_is_not_predicted_is_beyond_no_limit() -> None:
    frame = with_limits(
        sized(feature_psi=9.0, do_predict=0), "5m", settings_of(action="none"), NUMBERS
    )
    assert (frame[["model_limit", "model_age", "calibration_error"]] == 0).all().all()
    empty = with_limits(sized().head(0), "5m", settings_of(), NUMBERS)
    assert empty.empty
    assert {"model_limit", "model_age", "calibration_error"} <= set(empty)


def test_a_code_says_which_limits_were_passed() -> None:
    assert limit_reasons(0) == []
    assert limit_reasons(6) == ["max_psi", "max_calibration_error"]
