"""Training rows of one or several pairs, side by side: what a model and its judges learn from.

Labels overlap by their horizon, so that neighbouring rows repeat each other. Thinning keeps the
rows of every n-th candle by ABSOLUTE time: the same rows whatever the window and the pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """Rows with all that is known of them; every array has the same length n.

    :param X: features, shape (n, features), without NaN
    :param y: labels, class names or numbers
    :param regime: codes of :mod:`regimeswitch.switching`
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
        """The rows that a mask or an array of positions names."""
        return type(self)(*(part[chosen] for part in self._parts()))

    def _parts(self) -> tuple[NDArray[Any], ...]:
        return (self.X, self.y, self.regime, self.time, self.pair, self.weight, self.move)

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Self:
        """Rows of several pairs, one after the other."""
        columns = zip(*(rows._parts() for rows in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))


def thinning_step(rows: int, budget: int, least: int, horizon: int) -> int:
    """Every how many candles a row is kept, so that about ``budget`` of ``rows`` remain.

    :param least: the smallest step
    :param horizon: of the labels, in candles: a larger step would lose what overlaps nothing
    """
    needed = -(-rows // budget)
    return int(min(max(needed, least, 1), max(horizon, 1)))


def thinned(time: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
    """Mask of the rows whose candle number is a multiple of ``step``."""
    return np.asarray(time % step == 0)
