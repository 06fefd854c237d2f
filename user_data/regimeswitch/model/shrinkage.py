"""What a sub-model has proven: purged folds, placebo, and the trust that its gain earns.

A sub-model is judged on rows later than those it learned from, a label horizon apart. Its rival
is the base, and a placebo: the same sub-models, trained on regimes whose days were shuffled. More
trees or fewer rows alone would help the placebo just as much, so only what the sub-model gains
over BOTH counts as knowledge of the regime.

Trust is the blending weight with the lowest loss, shrunk by the uncertainty of the gain: by
``1 - (1.645 / z)^2`` where z is the gain in standard errors, and to 0 below 1.645 (the form of the
positive part of James and Stein, 1961; the bound is a one-sided test at 95 %).
Standard errors count blocks of one label horizon over all pairs, not rows: labels overlap, and
pairs move together.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Masks = tuple[NDArray[np.bool_], NDArray[np.bool_]]
Loss = Callable[[Floats], Floats]

WEIGHTS = np.linspace(0.0, 1.0, 21)
LEAST_Z = 1.645
SMALLEST_VARIANCE = 1e-6
"""Forecasts of variance below it, in their own unit, count as this: none may be zero."""
LEAST_BLOCKS = 20
"""Blocks that do not overlap, below which nothing is believed."""


@dataclass(frozen=True)
class Verdict:
    """What one regime's sub-model (or one pair's own finish) has proven.

    :param rows: training rows
    :param judged: rows it was judged on
    :param effective: of them, blocks of one horizon, which do not overlap
    :param scores: mean loss on the judged rows by model (nats, or squared error of a regressor)
    :param trust: 0 to 1, its weight in the served answer
    :param reason: in words
    """

    rows: int = 0
    judged: int = 0
    effective: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    trust: float = 0.0
    reason: str = ""


def purged_folds(time: Ints, tail: float, folds: int, horizon: int) -> Iterator[Masks]:
    """Masks of training and judged rows: each fold is judged by what lies before it.

    :param time: candle number of each row
    :param tail: share of the time span, at its end, that is judged; cut into ``folds``
    :param horizon: of the labels, candles; a training label never reaches into the judged rows
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

    :return: codes, shape (n,); 0 where the row that lends its regime does not exist
    """
    if not len(time):
        return regime.copy()
    first = int(time.min())
    slots = (int(time.max()) - first) // block + 1
    order = np.random.default_rng(seed).permutation(slots)
    place = time - first
    lender = order[place // block] * block + place % block
    result = np.zeros_like(regime)
    for name in np.unique(pair):
        own = pair == name
        known = np.zeros(slots * block, dtype=regime.dtype)
        known[place[own]] = regime[own]
        result[own] = known[lender[own]]
    return result


def block_mean(values: Floats, time: Ints, block: int) -> tuple[float, float, int]:
    """Mean of ``values``, its standard error by blocks of time, and the number of blocks.

    :param block: candles; rows of one block, over all pairs, count as one observation
    """
    mean = float(values.mean())
    _, place = np.unique(time // block, return_inverse=True)
    sums = np.bincount(place, weights=values - mean)
    count = len(sums)
    error = np.sqrt((sums**2).sum() * count / max(count - 1, 1)) / len(values)
    return mean, float(error), count


def earned_trust(
    base: Floats,
    own: Floats,
    loss: Loss,
    time: Ints,
    horizon: int,
    placebo: Floats | None = None,
    rival: str = "the base",
    others: Mapping[str, Floats] | None = None,
) -> tuple[float, int, str]:
    """Weight of ``own`` against ``base`` that the judged rows prove, the blocks, the reason.

    :param base: answers of the base on the judged rows, shape (n, columns)
    :param own: answers of the sub-model
    :param loss: answers to the loss of each row, shape (n,)
    :param placebo: answers of the same sub-model trained on shuffled regimes; None = no such rival
    :param rival: what ``base`` is, in words
    :param others: further answers that must be beaten as they are, by name
    """
    blocks = len(np.unique(time // horizon)) if len(time) else 0
    if blocks < LEAST_BLOCKS:
        return 0.0, blocks, f"{blocks} blocks to judge by, fewer than {LEAST_BLOCKS}: {rival}"
    losses = [float(loss(blend(base, own, weight)).mean()) for weight in WEIGHTS]
    weight = float(WEIGHTS[int(np.argmin(losses))])
    if weight == 0.0:
        return 0.0, blocks, f"no better than {rival}"
    blended = loss(blend(base, own, weight))
    rivals = {rival: base, **(others or {})}
    if placebo is not None:
        rivals["the placebo"] = blend(base, placebo, weight)
    best = np.inf
    for name, answers in rivals.items():
        gain, error, _ = block_mean(loss(answers) - blended, time, horizon)
        z = gain / error if error > 0 else 0.0
        if z <= LEAST_Z:
            return 0.0, blocks, f"does not beat {name} (z {z:.1f})"
        best = min(best, z)
    trust = weight * (1 - (LEAST_Z / best) ** 2)
    return trust, blocks, f"beats {rival} (z {best:.1f}), weight {weight:.2f} shrunk"


def blend(base: Floats, own: Floats, weight: float | Floats) -> Floats:
    """``own`` with ``weight``, ``base`` with the rest."""
    return np.asarray(base + weight * (own - base))


def log_loss(labels: Ints) -> Loss:
    """The loss of probabilities against class numbers: minus the log of the true class's."""
    rows = np.arange(len(labels))
    return lambda answers: -np.log(np.clip(answers[rows, labels], 1e-9, 1.0))


def squared_error(values: Floats) -> Loss:
    """The loss of forecasts, shape (n, 1), against numbers."""
    return lambda answers: (answers[:, 0] - values) ** 2


def qlike(ratios: Floats) -> Loss:
    """The loss of variance forecasts, shape (n, 1): r - log r - 1 where r = realised / forecast.

    It ranks forecasts rightly although realised variance is itself measured with error (Patton,
    "Volatility forecast comparison using imperfect volatility proxies", Journal of Econometrics
    160, 2011).

    :param ratios: realised variance above 0, in the unit of the forecasts, shape (n,)
    """

    def loss(answers: Floats) -> Floats:
        ratio = ratios / np.maximum(answers[:, 0], SMALLEST_VARIANCE)
        return np.asarray(ratio - np.log(ratio) - 1)

    return loss
