"""Calibration of forecasts that have settled lately: what was forecast against what came.

A forecast is settled once its label is known, a horizon later. Row t of every result knows the
forecasts that are settled at the close of candle t, and no others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimeswitch.model.calibration import BINS


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WINDOW_DAYS = 5
"""Days of settled forecasts that are looked at."""
DIGITS = 6
"""Decimals that are kept: sums of differently long histories differ in the last digits."""


def settled(values: Floats, horizon: int) -> Floats:
    """What becomes known at each candle: the values of the forecasts made a horizon before.

    :param values: of the forecast made at each candle, shape (n, ...)
    :param horizon: of the label, candles, at least 1
    :return: the same shape; NaN in the first ``horizon`` rows
    """
    found = np.full(values.shape, np.nan)
    found[horizon:] = values[: max(len(values) - horizon, 0)]
    return found


def recent_class_error(given: Floats, came: Ints, window: int, bins: int = BINS) -> Floats:
    """Expected calibration error over the last ``window`` rows, at each row.

    As :func:`regimeswitch.model.calibration.calibration_error`, of the rows up to this one.

    :param given: probabilities, shape (n, classes); a row with NaN does not count
    :param came: class numbers from 0, shape (n,); -1 = not known, does not count
    :param window: rows, at least 1
    :return: shape (n,), a fraction; NaN where fewer than half of the window's rows count
    """
    known = np.isfinite(given).all(axis=1) & (came >= 0)
    count = _sums(known.astype(np.float64), window)
    total = np.zeros(len(given))
    for number in range(given.shape[1]):
        chances = np.where(known, given[:, number], 0.0)
        distance = np.where(known, chances - (came == number), 0.0)
        place = np.minimum((chances * bins).astype(np.int64), bins - 1)
        for one in np.unique(place):
            total += np.abs(_sums(np.where(place == one, distance, 0.0), window))
    return np.asarray(np.round(_over(total / given.shape[1], count, window), DIGITS))


def recent_size_error(forecast: Floats, came: Floats, window: int) -> Floats:
    """How far the volatility that came was from the forecast one over the last rows, either way.

    The mean of realised over forecast variance is 1 for forecasts that no factor could improve in
    QLIKE; of it the logarithm, halved, is that of the volatility.

    :param forecast: volatility, above 0, shape (n,); NaN does not count
    :param came: realised volatility, in the same unit, shape (n,); NaN does not count
    :param window: rows, at least 1
    :return: shape (n,), at least 0; 0.69 = half or twice as much came. NaN where fewer than half of
        the window's rows count

    >>> recent_size_error(np.full(4, 0.5), np.full(4, 1.0), window=2).round(3).tolist()
    [0.693, 0.693, 0.693, 0.693]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (came / forecast) ** 2
    known = np.isfinite(ratio) & (ratio > 0)
    count = _sums(known.astype(np.float64), window)
    mean = _over(_sums(np.where(known, ratio, 0.0), window), count, window)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.abs(np.log(mean)) / 2
    return np.asarray(np.round(error, DIGITS))


def _sums(values: Floats, window: int) -> Floats:
    """Sum over each row and the ``window - 1`` before it, as far as there are."""
    total = np.cumsum(values)
    total[window:] -= total[:-window].copy()
    return total


def _over(sums: Floats, count: Floats, window: int) -> Floats:
    enough = np.round(count) >= max(window / 2, 1)
    return np.where(enough, sums / np.maximum(count, 1), np.nan)
