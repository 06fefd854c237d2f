"""Statistics of the last n rows: mean, deviation, exponential average.

A running sum would carry the start of a frame along, and a sum window by window costs n steps a
row. Here a window is put together from spans whose lengths are powers of two, each made of two of
half the length: log2(n) steps for a whole column, and every value is computed from the rows of its
window alone, in an order that depends on n alone. So a frame that begins later, or ends earlier,
gives the same bits. Means and squared deviations of two spans are joined as in Chan, Golub and
LeVeque, Updating formulae and a pairwise algorithm for computing sample variances, 1979: nothing is
cancelled, and a price that stands still has exactly no deviation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimeswitch.settings import EMA_LENGTHS


Floats = NDArray[np.float64]


def window_mean(values: Floats, length: int) -> Floats:
    """Mean of the last ``length`` rows, row t included.

    :param values: shape (n,)
    :param length: rows of a window, at least 1
    :return: shape (n,); NaN for the first ``length - 1`` rows and where a window holds a NaN

    >>> window_mean(np.array([1.0, 2.0, 6.0, np.nan, 3.0, 5.0]), 2).tolist()
    [nan, 1.5, 4.0, nan, nan, 4.0]
    """
    return _decayed(values, length, 1.0) / length


def window_std(values: Floats, length: int) -> Floats:
    """Standard deviation (divisor n) of the last ``length`` rows, row t included.

    :param values: shape (n,)
    :param length: rows of a window, at least 1
    :return: shape (n,); NaN where :func:`window_mean` is; 0 where all rows are the same
    """
    if len(values) < length:
        return np.full(len(values), np.nan)
    mean = np.array(values, dtype=np.float64)
    square = np.where(np.isnan(mean), np.nan, 0.0)
    means, squares, reached = mean, square, 0
    for size in _powers(length):
        if length & size:
            if reached:
                kept = slice(len(mean) - reached)
                gap = mean[kept] - means[size:]
                squares = square[kept] + squares[size:]
                squares += gap**2 * (size * reached / (size + reached))
                means = means[size:] + gap * (size / (size + reached))
            else:
                means, squares = mean, square
            reached += size
        if 2 * size <= length:
            gap = mean[size:] - mean[:-size]
            square = square[size:] + square[:-size] + gap**2 * (size / 2)
            mean = mean[:-size] + gap / 2
    return _after_warm_up(np.sqrt(squares / length), length)


def window_ema(values: Floats, period: int) -> Floats:
    """Exponential average (weight 2 / (period + 1)) over the last ``4 * period`` rows only.

    The cut makes it independent of where the frame begins; the weights left out sum to 0.03 %.

    :param values: shape (n,)
    :param period: in rows, at least 1
    :return: shape (n,); NaN for the first ``4 * period - 1`` rows and where a window holds a NaN
    """
    length = period * EMA_LENGTHS
    decay = 1 - 2 / (period + 1)
    return _decayed(values, length, decay) * (1 - decay) / (1 - decay**length)


def _decayed(values: Floats, length: int, decay: float) -> Floats:
    """Sum of each window's rows, each counting ``decay`` times as much as the one after it."""
    if len(values) < length:
        return np.full(len(values), np.nan)
    # Both begin at row i: the rows of one span, and the last of the window that are summed already.
    span = np.array(values, dtype=np.float64)
    total, reached = span, 0
    for size in _powers(length):
        if length & size:
            if reached:
                total = span[: len(span) - reached] * decay**reached + total[size:]
            else:
                total = span
            reached += size
        if 2 * size <= length:
            span = span[:-size] * decay**size + span[size:]
    return _after_warm_up(total, length)


def _powers(length: int) -> list[int]:
    """1, 2, 4, .. up to ``length``."""
    return [1 << bit for bit in range(length.bit_length())]


def _after_warm_up(known: Floats, length: int) -> Floats:
    result = np.full(len(known) + length - 1, np.nan)
    result[length - 1 :] = known
    return result
