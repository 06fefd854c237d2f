"""Drift: how far the features of recent candles lie from those a model has learned from.

The population stability index of one feature is ``sum((p - q) log(p / q))`` over bins, with shares
``q`` of the training rows and ``p`` of the recent ones (Siddiqi, Credit Risk Scorecards, 2006,
whose rule of thumb calls 0.25 a large shift). Bins are quantiles of the training rows.

Two samples of one distribution have a PSI too: about ``(1/n + 1/m)`` times a chi-square of
``bins - 1`` degrees of freedom (Yurdakul, Statistical properties of population stability index,
2018). That holds for independent rows, which a week of candles is not. So from a PSI is taken what
95 % of the weeks of the training itself reach, or of independent samples, whichever is more: what
is left is shift that neither chance nor the usual change from week to week explains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from regimeswitch.market.regimes import NAMES
from regimeswitch.model.training_set import Rows


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

BINS = 10
SPAN_DAYS = 7
"""Days of recent candles that are compared, and length of the training's own spans."""
HOURS = 24 * SPAN_DAYS
"""Rows of such a span at most: one an hour, since neighbouring candles repeat each other."""
HOUR_CANDLES = 12
"""5-minute candles of an hour."""
MIN_ROWS = 24
"""Rows below which nothing is said."""
MIN_SPANS = 8
"""Spans of a training below which chance alone says what is usual."""
QUANTILE = 0.95
PRIOR_ROWS = 5.0
"""Rows, distributed as the training's, that are added to a sample: no share is 0 then."""
ALL = "all"
"""Key of all rows, whatever their regime."""


def bin_edges(X: NDArray[Any], bins: int = BINS) -> NDArray[Any]:
    """Upper edges of all bins but the last: values of the rows themselves, at equal ranks.

    :param X: shape (n, features), n at least 1; NaN is left out
    :param bins: at least 2
    :return: shape (bins - 1, features), not falling; equal ones where values repeat. NaN for a
        feature without a value
    """
    ranks = np.arange(1, bins) / bins
    known = ~np.isnan(X)
    if known.all():
        return np.asarray(np.quantile(X, ranks, axis=0, method="inverted_cdf"))
    edges = np.full((bins - 1, X.shape[1]), np.nan, dtype=X.dtype)
    for column in np.flatnonzero(known.any(axis=0)):
        values = X[known[:, column], column]
        edges[:, column] = np.quantile(values, ranks, method="inverted_cdf")
    return edges


def bin_counts(X: NDArray[Any], edges: NDArray[Any]) -> Floats:
    """Rows in each bin of each feature.

    :param X: shape (n, features); NaN is in no bin
    :param edges: of :func:`bin_edges`
    :return: shape (bins, features)
    """
    up_to = [np.count_nonzero(edge >= X, axis=0) for edge in edges]
    known = np.count_nonzero(~np.isnan(X), axis=0)
    return np.diff(np.stack([np.zeros_like(known), *up_to, known]), axis=0).astype(np.float64)


def psi(counts: Floats, shares: Floats) -> Floats:
    """Population stability index of samples against a reference.

    :param counts: of a sample by bin, shape (..., bins, features)
    :param shares: of the reference by bin, shape (bins, features), columns sum to 1
    :return: shape (..., features), not negative; 0 where a sample is distributed as the reference,
        NaN where either has no row. A bin that is empty in the reference counts nothing: it has no
        width

    >>> shares = np.full((10, 1), 0.1)
    >>> psi(np.full((10, 1), 3.0), shares).tolist()
    [0.0]
    >>> psi(np.r_[np.full((5, 1), 60.0), np.zeros((5, 1))], shares).round(2).tolist()
    [2.36]
    """
    total = counts.sum(axis=-2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        given = (counts + PRIOR_ROWS * shares) / (total + PRIOR_ROWS)
        parts = np.where(shares > 0, (given - shares) * np.log(given / shares), 0.0)
        found = parts.sum(axis=-2)
    empty = (total[..., 0, :] == 0) | ~(shares.sum(axis=0) > 0)
    return np.asarray(np.where(empty, np.nan, found))


def chance(sample: int, reference: int, bins: int = BINS, quantile: float = QUANTILE) -> float:
    """PSI that independent samples of one distribution stay below in ``quantile`` of all cases.

    :param sample: rows of the one, at least 1
    :param reference: rows of the other, at least 1
    :param bins: used by both

    >>> round(chance(168, 20_000), 3)
    0.102
    """
    return float(chi2.ppf(quantile, bins - 1)) * (1 / sample + 1 / reference)


@dataclass(frozen=True)
class DriftMeasure:
    """What recent rows are like against a training's.

    :param group: :data:`ALL`, or the regime that both are of
    :param rows: recent rows, number
    :param psi: of each feature, shape (features,); NaN where it is not known
    :param beyond: the same less what is usual, shape (features,); 0 or less = usual
    """

    group: str
    rows: int
    psi: Floats
    beyond: Floats

    @property
    def typical(self) -> float:
        """Median over the features of the PSI beyond the usual, not below 0.

        NaN without a known feature.
        """
        known = self.beyond[np.isfinite(self.beyond)]
        return max(float(np.median(known)), 0.0) if len(known) else float("nan")

    @property
    def share(self) -> float:
        """Share of the known features whose PSI is beyond the usual; NaN without one."""
        known = self.beyond[np.isfinite(self.beyond)]
        return float((known > 0).mean()) if len(known) else float("nan")

    def worst(self, names: Sequence[str], count: int = 3) -> list[tuple[str, float]]:
        """Features that have shifted most beyond the usual, with their PSI.

        :param names: of all features, in the order of the columns
        """
        order = np.argsort(-np.nan_to_num(self.beyond, nan=-np.inf), kind="stable")[:count]
        return [(names[one], float(self.psi[one])) for one in order if self.beyond[one] > 0]


@dataclass(frozen=True)
class DriftReference:
    """What the features of a training were like, for all rows and by regime.

    :param edges: of the bins, shape (BINS - 1, features)
    :param shares: by group, shape (BINS, features)
    :param rows: by group, number of training rows that were counted
    :param usual: by group, the PSI that :data:`QUANTILE` of the training's own spans stay below,
        shape (features,); 0 where there were too few
    :param hour: base candles between two rows that count
    """

    edges: NDArray[np.float32]
    shares: dict[str, Floats]
    rows: dict[str, int]
    usual: dict[str, Floats]
    hour: int

    @classmethod
    def of(cls, rows: Rows, hour: int) -> Self:
        """The reference of the rows that a model was fitted on.

        :param rows: of one or more pairs, at least one
        :param hour: base candles of an hour, at least 1; only rows of whole hours count, all where
            there is none
        """
        chosen = rows.time % hour == 0
        kept = rows.take(chosen) if chosen.any() else rows
        edges = bin_edges(kept.X)
        shares, numbers, usual = {}, {}, {}
        spans = _spans(kept, hour)
        for name, mask in _groups(kept.regime):
            counts = bin_counts(kept.X[mask], edges)
            with np.errstate(invalid="ignore"):
                shares[name] = counts / counts.sum(axis=0)
            numbers[name] = int(mask.sum())
            usual[name] = _usual(kept.X, edges, shares[name], mask, spans)
        return cls(edges, shares, numbers, usual, hour)

    def measure(self, X: NDArray[Any], regime: Ints) -> dict[str, DriftMeasure]:
        """Recent rows against the training's, for all of them and by regime.

        :param X: features of the recent rows as the model sees them, shape (n, features)
        :param regime: codes of :mod:`regimeswitch.market.hysteresis`, shape (n,)
        :return: by group; groups with fewer than :data:`MIN_ROWS` rows on either side are left out
        """
        found = {}
        for name, mask in _groups(regime):
            count, known = int(mask.sum()), self.rows[name]
            if count < MIN_ROWS or known < MIN_ROWS:
                continue
            values = psi(bin_counts(X[mask], self.edges), self.shares[name])
            allowed = np.maximum(self.usual[name], chance(count, known))
            found[name] = DriftMeasure(name, count, values, values - allowed)
        return found


def served_measure(
    measures: dict[str, DriftMeasure], regime: int, own: bool
) -> DriftMeasure | None:
    """The measure that speaks for a candle: its sub-model's where one answers, else the base's.

    :param measures: of :meth:`DriftReference.measure`
    :param regime: code of the candle's regime
    :param own: whether a sub-model of that regime answers
    :return: None where neither is known
    """
    found = measures.get(NAMES.get(regime, ALL)) if own else None
    return found or measures.get(ALL)


def _groups(regime: Ints) -> Iterator[tuple[str, Flags]]:
    yield ALL, np.ones(len(regime), dtype=np.bool_)
    for code, name in NAMES.items():
        yield name, regime == code


def _spans(rows: Rows, hour: int) -> Ints:
    """Number of the span of each row, from 0; pairs have spans of their own."""
    _, pair = np.unique(rows.pair, return_inverse=True)
    span = rows.time // (hour * HOURS)
    span -= span.min()
    _, number = np.unique(pair * (span.max() + 1) + span, return_inverse=True)
    return np.asarray(number, dtype=np.int64)


def _usual(
    X: NDArray[Any], edges: NDArray[Any], shares: Floats, mask: Flags, spans: Ints
) -> Floats:
    """PSI of each feature that most spans of a group stay below."""
    sizes = np.bincount(spans[mask], minlength=1)
    wanted = np.flatnonzero(sizes >= MIN_ROWS)
    if len(wanted) < MIN_SPANS:
        return np.zeros(X.shape[1])
    counts = np.stack([bin_counts(X[mask & (spans == one)], edges) for one in wanted])
    found = np.quantile(psi(counts, shares), QUANTILE, axis=0)
    return np.asarray(np.nan_to_num(found))
