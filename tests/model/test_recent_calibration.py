"""Calibration of the last settled forecasts: the figures, what is unknown, and no future."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimeswitch.model.calibration import calibration_error
from regimeswitch.model.recent_calibration import (
    recent_class_error,
    recent_size_error,
    settled,
)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 200))
@settings(max_examples=40, deadline=None)
def test_each_row_has_the_error_of_its_own_window(seed: int, window: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    given_ = rng.dirichlet([1.0, 2.0, 3.0], count)
    came = rng.integers(0, 3, count)
    known = rng.random(count) > 0.2
    came[~known] = -1
    unknown = rng.random(count) > 0.9
    given_[unknown] = np.nan
    counts = known & ~unknown
    found = recent_class_error(given_, came, window)
    for row in range(count):
        inside = slice(max(row - window + 1, 0), row + 1)
        mask = counts[inside]
        if mask.sum() < max(window / 2, 1):
            assert np.isnan(found[row])
            continue
        wanted = calibration_error(given_[inside][mask], came[inside][mask])
        assert found[row] == pytest.approx(wanted, abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 120))
@settings(max_examples=40, deadline=None)
def test_volatility_is_off_by_its_factor_either_way(seed: int, window: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    forecast, came = np.exp(rng.normal(size=(2, count)))
    forecast[rng.random(count) > 0.8] = np.nan
    found = recent_size_error(forecast, came, window)
    ratio = (came / forecast) ** 2
    for row in range(count):
        inside = ratio[max(row - window + 1, 0) : row + 1]
        inside = inside[np.isfinite(inside)]
        if len(inside) < max(window / 2, 1):
            assert np.isnan(found[row])
        else:
            assert found[row] == pytest.approx(abs(np.log(inside.mean())) / 2, abs=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(1, 99))
@settings(max_examples=30, deadline=None)
def test_no_row_changes_when_candles_are_added(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    given_, came = rng.dirichlet([1.0, 1.0], 100), rng.integers(0, 2, 100)
    sizes = np.exp(rng.normal(size=(2, 100)))
    whole = recent_class_error(given_, came, 20), recent_size_error(*sizes, 20)
    part = recent_class_error(given_[:cut], came[:cut], 20), recent_size_error(*sizes[:, :cut], 20)
    for one, other in zip(whole, part, strict=True):
        np.testing.assert_array_equal(one[:cut], other)


def test_a_forecast_settles_a_horizon_later() -> None:
    found = settled(np.arange(5.0), 2)
    assert np.isnan(found[:2]).all()
    assert found[2:].tolist() == [0.0, 1.0, 2.0]
    assert np.isnan(settled(np.arange(3.0), 5)).all()
    assert settled(np.ones((4, 3)), 1).shape == (4, 3)
