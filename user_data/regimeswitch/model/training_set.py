"""Training rows of one or several pairs, side by side: what models learn from.

Labels overlap by their horizon, so that neighbouring rows repeat each other. Thinning keeps the
rows of every n-th candle by ABSOLUTE time: the same rows whatever the window and the pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """Rows with all that is known of them; every array has the same length n.

    :param X: features, shape (n, features), without NaN
    :param y: labels, class names or numbers
    :param regime: codes of :mod:`regimeswitch.market.hysteresis`
    :param time: opening time of the candle, counted in base candles since 1970
    :param pair: name of the pair
    :param weight: sample weight
    :param move: forward return in units of the label threshold; NaN where it is not known
    """

    X: NDArray[np.float32]
    y: NDArray[Any]
    regime: NDArray[np.int64]
    time: NDArray[np.int64]
    pair: NDArray[Any]
    weight: NDArray[np.float64]
    move: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, chosen: NDArray[Any]) -> Self:
        """The rows that are chosen, in a new object.

        :param chosen: mask of booleans, shape (n,), or positions, shape (m,)
        :raises IndexError: when a mask is of another length
        """
        return type(self)(*(part[chosen] for part in self._parts()))

    def _parts(self) -> tuple[NDArray[Any], ...]:
        return (self.X, self.y, self.regime, self.time, self.pair, self.weight, self.move)

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Self:
        """Rows of several pairs, one after the other; they are not sorted by time.

        :param parts: at least one, all with the same features
        :raises ValueError: when the features differ in number
        """
        columns = zip(*(rows._parts() for rows in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True)
class TrainingSpan:
    """Pairs and time of some rows.

    :param pairs: names, in the order of their first row
    :param first: opening time of the first candle, counted in base candles since 1970
    :param last: of the last candle
    """

    pairs: tuple[str, ...]
    first: int
    last: int

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """The span of at least one row.

        :param rows: in any order
        :raises ValueError: when there is no row
        """
        names, place = np.unique(rows.pair, return_index=True)
        ordered = tuple(str(name) for name in names[np.argsort(place)])
        return cls(ordered, int(rows.time.min()), int(rows.time.max()))


def recency_weighted(rows: Rows, factor: float) -> Rows:
    """The rows with weights that fall with their age, as FreqAI's ``weight_factor`` has it.

    The weight of the k-th newest of n candles is ``exp(-k / (factor n))``, k from 0; rows of one
    candle, over all pairs, weigh the same (FreqAI's ``set_weights_higher_recent``).

    :param rows: in any order
    :param factor: ``freqai.feature_parameters.weight_factor``; 0 or less = all weigh 1
    :return: new rows
    """
    weights = np.ones(len(rows))
    if factor > 0 and len(rows):
        moments, place = np.unique(rows.time, return_inverse=True)
        count = len(moments)
        weights = np.exp(-np.arange(count) / (factor * count))[::-1][place]
    return replace(rows, weight=weights)


def thinning_step(rows: int, budget: int, least: int, horizon: int) -> int:
    """Every how many candles a row is kept, so that about ``budget`` of ``rows`` remain.

    :param rows: that there are, number
    :param budget: that are wanted at most, number, at least 1
    :param least: the smallest step, candles
    :param horizon: of the labels, candles: the largest step, also where ``budget`` or ``least`` ask
        for more, since beyond it labels no longer overlap
    :return: candles, at least 1

    >>> thinning_step(rows=60_000, budget=80_000, least=3, horizon=12)
    3
    >>> thinning_step(rows=600_000, budget=80_000, least=3, horizon=12)
    8
    >>> thinning_step(rows=6_000_000, budget=80_000, least=3, horizon=12)
    12
    """
    needed = -(-rows // budget)
    return int(min(max(needed, least, 1), max(horizon, 1)))


def thinned(time: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
    """Mask of the rows whose candle number is a multiple of ``step``.

    :param time: candle numbers since 1970, shape (n,), in any order
    :param step: of :func:`thinning_step`
    :return: shape (n,)

    A window that begins later keeps the same candles:

    >>> time = np.arange(100, 110)
    >>> time[thinned(time, 3)].tolist(), time[1:][thinned(time[1:], 3)].tolist()
    ([102, 105, 108], [102, 105, 108])
    """
    return np.asarray(time % step == 0)
