"""Windowed statistics against a slow reading of their words, and the same from any start."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimeswitch.market.windows import window_ema, window_mean, window_std
from regimeswitch.settings import EMA_LENGTHS


numbers = st.floats(1e-9, 1e9) | st.just(math.nan)
columns = st.lists(numbers, max_size=60).map(lambda values: np.array(values, dtype=np.float64))


def slow_ema(window: np.ndarray, period: int) -> float:
    weights = [(1 - 2 / (period + 1)) ** age for age in range(len(window))][::-1]
    return float(sum(w * x for w, x in zip(weights, window, strict=True)) / sum(weights))


@given(values=columns, length=st.integers(1, 40))
def test_mean_and_deviation_are_those_of_each_window(values: np.ndarray, length: int) -> None:
    means, deviations = window_mean(values, length), window_std(values, length)
    assert len(means) == len(deviations) == len(values)
    for row in range(len(values)):
        window = values[row + 1 - length : row + 1] if row + 1 >= length else np.array([])
        if not len(window) or np.isnan(window).any():
            assert np.isnan(means[row]) and np.isnan(deviations[row])
        else:
            assert means[row] == pytest.approx(window.mean(), rel=1e-12)
            scale = float(np.abs(window).max())
            assert deviations[row] == pytest.approx(window.std(), rel=1e-9, abs=1e-15 * scale)


@given(values=columns, period=st.integers(1, 12))
def test_the_exponential_average_is_that_of_each_window(values: np.ndarray, period: int) -> None:
    found, length = window_ema(values, period), period * EMA_LENGTHS
    for row in range(len(values)):
        window = values[row + 1 - length : row + 1] if row + 1 >= length else np.array([])
        if not len(window) or np.isnan(window).any():
            assert np.isnan(found[row])
        else:
            assert found[row] == pytest.approx(slow_ema(window, period), rel=1e-11)


@pytest.mark.parametrize("statistic", [window_mean, window_std, window_ema])
@given(values=columns, length=st.integers(1, 12), cut=st.integers(0, 60))
def test_the_same_bits_from_any_start_to_any_end(
    statistic: Callable[[np.ndarray, int], np.ndarray], values: np.ndarray, length: int, cut: int
) -> None:
    whole = statistic(values, length)
    np.testing.assert_array_equal(statistic(values[:cut], length), whole[:cut])
    later = statistic(values[cut:], length)
    known = ~np.isnan(later)
    np.testing.assert_array_equal(later[known], whole[cut:][known])


@pytest.mark.parametrize("price", [0.1, 1e-8, 97_123.45])
@pytest.mark.parametrize("length", [3, 200, 2016])
def test_a_price_that_stands_still_has_no_deviation(price: float, length: int) -> None:
    deviations = window_std(np.full(3000, price), length)
    assert set(deviations[length - 1 :]) == {0.0}


def test_a_small_deviation_of_a_large_price_is_not_cancelled() -> None:
    values = 1e5 + 1e-4 * np.random.default_rng(1).standard_normal(5000)
    found = window_std(values, 1000)
    for row in (999, 2500, 4999):
        exact = float(np.std(values[row - 999 : row + 1].astype(np.longdouble)))
        assert found[row] == pytest.approx(exact, rel=1e-6)
