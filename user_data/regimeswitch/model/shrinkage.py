"""The weight that validation rows justify: purged folds, a placebo, losses, and a shrunken weight.

A sub-model is validated on rows later than those it learned from, a label horizon apart. Its
rivals are the base and a placebo: the same sub-models, trained on regimes whose days were
shuffled. More trees or fewer rows alone would help the placebo just as much, so only what the
sub-model gains over BOTH counts as knowledge of the regime.

The weight is the one with the lowest loss, shrunk by the uncertainty of the gain: by
``1 - (1.645 / z)^2`` where z is the gain in standard errors, and to 0 below 1.645 (the form of the
positive part of James and Stein, "Estimation with quadratic loss", 1961; the bound is a one-sided
test at 95 %). Standard errors count blocks of one label horizon over all pairs, not rows: labels
overlap, and pairs move together.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Masks = tuple[NDArray[np.bool_], NDArray[np.bool_]]
Loss = Callable[[Floats], Floats]

WEIGHTS = np.linspace(0.0, 1.0, 21)
MIN_Z = 1.645
MIN_VARIANCE = 1e-6
"""Forecasts of variance below it, in their own unit, count as this: none may be zero."""
MIN_BLOCKS = 20
"""Blocks that do not overlap, below which a weight is 0."""


@dataclass(frozen=True)
class ValidatedWeight:
    """A weight between a candidate and its rival, and the validation behind it.

    :param rows: training rows
    :param validation_rows: rows the weight was measured on
    :param blocks: of them, blocks of one horizon, which do not overlap
    :param losses: mean loss on the validation rows by model (nats, squared error or QLIKE)
    :param weight: of the candidate in what is served, 0 to 1
    :param z: smallest gain over a rival in standard errors; None where none was measured
    :param reason: of the weight, in words
    """

    rows: int = 0
    validation_rows: int = 0
    blocks: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    weight: float = 0.0
    z: float | None = None
    reason: str = ""


def purged_folds(time: Ints, tail: float, folds: int, horizon: int) -> Iterator[Masks]:
    """Masks of training and validation rows of a purged walk-forward validation.

    Each fold learns from all rows before its validation rows, less one label horizon (purging:
    Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 7).

    :param time: candle number of each row, shape (n,), in any order
    :param tail: share of the time span, at its end, that is validated on, above 0 and below 1
    :param folds: consecutive parts of the tail, number
    :param horizon: of the labels, candles; a training label never reaches a validation row
    :return: by fold, masks of training and of validation rows, shape (n,); none without rows

    >>> for train, later in purged_folds(np.arange(10), tail=0.4, folds=2, horizon=1):
    ...     print(np.flatnonzero(train), np.flatnonzero(later))
    [0 1 2 3 4] [6 7]
    [0 1 2 3 4 5 6] [8 9]
    """
    if not len(time):
        return
    first, last = int(time.min()), int(time.max()) + 1
    edges = np.linspace(last - tail * (last - first), last, folds + 1).round().astype(np.int64)
    for begin, end in itertools.pairwise(edges.tolist()):
        yield time + horizon < begin, (time >= begin) & (time < end)


def shuffled_regimes(
    regime: Ints, time: Ints, pair: NDArray[np.generic], block: int, seed: int
) -> Ints:
    """The placebo: every row gets the regime of the same hour of another day.

    Blocks of ``block`` candles change places, all pairs alike, so that durations and shares stay
    (but for the seams) and only the connection with the rows is lost.

    :param regime: codes of :mod:`regimeswitch.market.hysteresis`, shape (n,)
    :param time: candle number of each row, shape (n,), in any order
    :param pair: name of the pair of each row, shape (n,)
    :param block: candles that stay together, e.g. a day
    :param seed: of the permutation, which depends on it and on the span of ``time`` alone
    :return: codes, shape (n,); 0 where the row that the regime would come from does not exist
    """
    if not len(time):
        return regime.copy()
    first = int(time.min())
    slots = (int(time.max()) - first) // block + 1
    order = np.random.default_rng(seed).permutation(slots)
    place = time - first
    source = order[place // block] * block + place % block
    result = np.zeros_like(regime)
    for name in np.unique(pair):
        own = pair == name
        known = np.zeros(slots * block, dtype=regime.dtype)
        known[place[own]] = regime[own]
        result[own] = known[source[own]]
    return result


def block_mean(values: Floats, time: Ints, block: int) -> tuple[float, float, int]:
    """Mean of ``values``, its standard error by blocks of time, and the number of blocks.

    The standard error is clustered by block (Liang and Zeger, "Longitudinal data analysis using
    generalized linear models", 1986).

    :param values: e.g. differences of losses, shape (n,), n at least 1; NaN makes the mean NaN
    :param time: candle number of each row, shape (n,)
    :param block: candles; rows of one block, over all pairs, count as one observation
    :return: mean and error in the unit of ``values``, and a number
    """
    mean = float(values.mean())
    _, place = np.unique(time // block, return_inverse=True)
    sums = np.bincount(place, weights=values - mean)
    count = len(sums)
    error = np.sqrt((sums**2).sum() * count / max(count - 1, 1)) / len(values)
    return mean, float(error), count


def validated_weight(
    base: Floats,
    own: Floats,
    loss: Loss,
    time: Ints,
    horizon: int,
    placebo: Floats | None = None,
    rival: str = "base",
    others: Mapping[str, Floats] | None = None,
) -> ValidatedWeight:
    """Weight of ``own`` against ``base`` that validation rows justify.

    :param base: answers of the rival on the validation rows, shape (n, columns), no NaN
    :param own: answers of the candidate, e.g. a sub-model; the same shape
    :param loss: answers to the loss of each row, shape (n,)
    :param time: candle number of each row, shape (n,), in any order
    :param horizon: of the labels, candles: the length of a block
    :param placebo: answers of the same candidate trained on shuffled regimes; None = no such rival
    :param rival: what ``base`` is, in words
    :param others: further answers that must be beaten as they are, by name
    :return: without ``rows`` and ``losses``, which the caller knows
    """
    count = len(time)
    blocks = len(np.unique(time // horizon)) if count else 0
    found = ValidatedWeight(validation_rows=count, blocks=blocks)
    if blocks < MIN_BLOCKS:
        reason = f"{blocks} validation blocks against {rival}, fewer than {MIN_BLOCKS}"
        return replace(found, reason=reason)
    losses = [float(loss(blend(base, own, weight)).mean()) for weight in WEIGHTS]
    weight = float(WEIGHTS[int(np.argmin(losses))])
    if weight == 0.0:
        return replace(found, reason=f"no gain over {rival}")
    blended = loss(blend(base, own, weight))
    rivals = {rival: base, **(others or {})}
    if placebo is not None:
        rivals["placebo"] = blend(base, placebo, weight)
    best = np.inf
    for name, answers in rivals.items():
        gain, error, _ = block_mean(loss(answers) - blended, time, horizon)
        z = gain / error if error > 0 else 0.0
        if z <= MIN_Z:
            return replace(found, z=z, reason=f"no significant gain over {name}, z {z:.1f}")
        best = min(best, z)
    shrunk = weight * (1 - (MIN_Z / best) ** 2)
    return replace(found, weight=shrunk, z=best, reason=f"gain over {rival}, z {best:.1f}")


def blend(base: Floats, own: Floats, weight: float | Floats) -> Floats:
    """``own`` with ``weight``, ``base`` with the rest.

    :param base: answers, shape (n, columns)
    :param own: answers, shape (n, columns)
    :param weight: of ``own``, 0 to 1, or one for each row, shape (n, 1)
    :return: shape (n, columns); NaN where either is, whatever the weight

    >>> blend(np.array([[0.25, 0.75]]), np.array([[0.75, 0.25]]), 0.5).tolist()
    [[0.5, 0.5]]
    """
    return np.asarray(base + weight * (own - base))


def log_loss(labels: Ints) -> Loss:
    """The loss of probabilities against class numbers: minus the log of the true class's.

    :param labels: class numbers from 0, shape (n,)
    :return: from probabilities, shape (n, classes), to nats, shape (n,); probabilities below 1e-9
        count as 1e-9, NaN stays NaN
    """
    rows = np.arange(len(labels))
    return lambda answers: -np.log(np.clip(answers[rows, labels], 1e-9, 1.0))


def squared_error(values: Floats) -> Loss:
    """The loss of forecasts against numbers: the squared difference.

    :param values: what came true, shape (n,)
    :return: from forecasts, shape (n, 1), to losses, shape (n,); NaN stays NaN
    """
    return lambda answers: (answers[:, 0] - values) ** 2


def qlike(ratios: Floats) -> Loss:
    """The loss of variance forecasts, shape (n, 1): r - log r - 1 where r = realised / forecast.

    It ranks forecasts rightly although realised variance is itself measured with error (Patton,
    "Volatility forecast comparison using imperfect volatility proxies", Journal of Econometrics
    160, 2011).

    :param ratios: realised variance above 0, in the unit of the forecasts, shape (n,)
    :return: from forecasts, shape (n, 1), to losses, shape (n,); forecasts below
        :data:`MIN_VARIANCE` count as it
    """

    def loss(answers: Floats) -> Floats:
        ratio = ratios / np.maximum(answers[:, 0], MIN_VARIANCE)
        return np.asarray(ratio - np.log(ratio) - 1)

    return loss
