"""From class probabilities to the expected move and its size, calibrated on validation rows.

Moves are in units of the label threshold of their candle, so that calm and wild times compare.
A class stands for the mean move of its training rows; the forecast is their mean, weighted by the
probabilities. How much of a forecast comes true is measured on validation rows, per regime, as a
calibration slope through the origin: a drift of the market is no skill. The forecast is multiplied
by the LOWER 95 % bound of that slope, so that it is zero where a slope of zero is not excluded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from regimeswitch.market.regimes import NAMES


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SIGMAS = 1.645
"""Standard errors below the measured slope: a one-sided interval of 95 %."""
MAX_SLOPE = 1.5
MIN_BLOCKS = 20


@dataclass(frozen=True)
class Slope:
    """Calibration slope of the forecast moves of one regime.

    :param measured: slope of the true on the forecast move, through the origin; 1 = as forecast
    :param error: its standard error, clustered by time block
    :param blocks: time blocks it was measured on, number

    >>> round(Slope(measured=0.9, error=0.2, blocks=40).lower, 3)
    0.571
    >>> Slope(measured=0.3, error=0.2, blocks=40).lower
    0.0
    """

    measured: float = 0.0
    error: float = float("inf")
    blocks: int = 0

    @property
    def lower(self) -> float:
        """The lower 95 % bound of the slope, 0 to :data:`MAX_SLOPE`; never below zero."""
        bound = self.measured - SIGMAS * self.error
        return min(bound, MAX_SLOPE) if bound > 0 else 0.0


@dataclass(frozen=True)
class Edge:
    """What answers are worth.

    :param moves: mean move of each answer column, in thresholds; (1,) for a regressor
    :param sizes: mean absolute move of each answer column, in thresholds
    :param slopes: by regime name
    :param size_scale: measured by forecast size
    :param typical: mean forecast size on the training rows, in thresholds
    """

    moves: Floats
    sizes: Floats
    slopes: Mapping[str, Slope] = field(default_factory=dict)
    size_scale: float = 1.0
    typical: float = 1.0

    def move(self, answers: Floats, regime: Ints) -> Floats:
        """Expected move: the forecast times the lower bound of its calibration slope.

        :param answers: probabilities, shape (n, classes), or forecasts, shape (n, 1)
        :param regime: codes of :mod:`regimeswitch.market.hysteresis`, shape (n,)
        :return: in label thresholds, shape (n,); 0 where the regime is UNKNOWN or was not measured
        """
        slope = np.zeros(len(answers))
        for code, name in NAMES.items():
            slope[regime == code] = self.slopes.get(name, Slope()).lower
        return np.asarray(slope * (answers @ self.moves))

    def size(self, answers: Floats) -> Floats:
        """Expected absolute move.

        :param answers: as for :meth:`move`; the forecasts of a regressor say nothing of it
        :return: in label thresholds, shape (n,)
        """
        if answers.shape[1] == 1:
            return np.full(len(answers), self.size_scale * self.typical)
        return np.asarray(self.size_scale * (answers @ self.sizes))

    def size_ratio(self, answers: Floats) -> Floats:
        """Forecast size against the typical one of the training rows: 1 = as always.

        :param answers: as for :meth:`move`
        :return: shape (n,); 1 for a regressor
        """
        return np.asarray(self.size(answers) / (self.size_scale * self.typical))


def class_moves(labels: Ints, count: int, move: Floats) -> Edge:
    """What each class meant on the training rows.

    :param labels: class numbers from 0, shape (n,)
    :param count: number of classes
    :param move: forward returns in label thresholds, shape (n,); NaN rows do not count
    :return: an edge without slopes: its :meth:`Edge.move` is 0. A class without rows is worth 0.

    >>> labels = np.array([0, 0, 1, 2])
    >>> edge = class_moves(labels, 3, np.array([-1.0, -2.0, 0.1, 1.7]))
    >>> edge.moves.tolist(), edge.sizes.tolist(), edge.typical
    ([-1.5, 0.1, 1.7], [1.5, 0.1, 1.7], 1.2)
    """
    known = np.isfinite(move)
    labels, move = labels[known], move[known]
    rows = np.maximum(np.bincount(labels, minlength=count), 1)
    moves = np.bincount(labels, weights=move, minlength=count) / rows
    sizes = np.bincount(labels, weights=np.abs(move), minlength=count) / rows
    typical = float(np.abs(move).mean()) if len(move) else 1.0
    return Edge(moves, sizes, typical=typical or 1.0)


def number_moves(move: Floats) -> Edge:
    """A regressor's forecast is its own move; its size is the typical one.

    :param move: forward returns of the training rows in label thresholds, shape (n,); NaN rows do
        not count
    :return: an edge without slopes: its :meth:`Edge.move` is 0
    """
    known = np.abs(move[np.isfinite(move)])
    typical = float(known.mean()) if len(known) else 1.0
    return Edge(np.ones(1), np.ones(1), typical=typical or 1.0)


def measured(edge: Edge, answers: Floats, regime: Ints, move: Floats, block: Ints) -> Edge:
    """The edge with its slopes and the scale of its sizes, measured on validation rows.

    The error of a slope is clustered by time block (Liang and Zeger, Longitudinal data analysis
    using generalized linear models, 1986), because labels that overlap err together.

    :param edge: of :func:`class_moves` or :func:`number_moves`
    :param answers: on rows that the models did not learn from, shape (n, columns)
    :param regime: codes of :mod:`regimeswitch.market.hysteresis`, shape (n,)
    :param move: forward returns in label thresholds, shape (n,); NaN rows do not count
    :param block: number of the time block of each row; rows of one block are one observation
    :return: a new edge; the slope of a regime with fewer than :data:`MIN_BLOCKS` blocks, or with
        forecasts that are all 0, is 0
    """
    known = np.isfinite(move)
    answers, regime, move, block = answers[known], regime[known], move[known], block[known]
    slopes = {
        name: _slope(
            (answers @ edge.moves)[regime == code], move[regime == code], block[regime == code]
        )
        for code, name in NAMES.items()
    }
    forecast = edge.size(answers).mean() if len(move) else 0.0
    scale = float(np.abs(move).mean() / forecast) if forecast > 0 else 1.0
    return Edge(edge.moves, edge.sizes, slopes, scale, edge.typical)


def _slope(forecast: Floats, move: Floats, block: Ints) -> Slope:
    blocks = len(np.unique(block))
    power = float((forecast**2).sum())
    if blocks < MIN_BLOCKS or power <= 0:
        return Slope(blocks=blocks)
    slope = float((forecast * move).sum() / power)
    _, place = np.unique(block, return_inverse=True)
    sums = np.bincount(place, weights=forecast * (move - slope * forecast))
    error = np.sqrt((sums**2).sum() * blocks / (blocks - 1)) / power
    return Slope(slope, float(error), blocks)
