"""Figures of a comparison, and how sure they are: everything from sums over blocks of time.

A figure is a function of sums (losses, squares, products of ranks), so a bootstrap only has to
weigh the sums of the blocks anew. Blocks are stretches of calendar time over all pairs, because
neighbouring rows repeat each other and pairs move together (Kuensch, The jackknife and the
bootstrap for general stationary observations, 1989). All models of a comparison get the same
draws: intervals of differences are paired.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from regimeswitch.market.labels import CLASSES
from regimeswitch.model.calibration import BINS


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIGURES = ("skill", "log_loss", "brier", "ece", "ic", "top")
DRAWS = 1000
BLOCK_DAYS = 7
LEAST_BLOCKS = 8
TOP_SHARE = 0.05
SAME_RANKS = 1e-9
"""Spread of ranks below which all answers are one and the same, but for rounding."""


def time_blocks(time: Ints, per_day: int) -> Ints:
    """Block number of each row: a week, or less where the range is too short for eight blocks."""
    if not len(time):
        return time
    first = int(time.min())
    span = int(time.max()) - first + 1
    length = max(min(BLOCK_DAYS * per_day, span // LEAST_BLOCKS), 1)
    return np.asarray((time - first) // length)


def block_sums(
    probabilities: Floats, labels: Ints, forward: Floats, reference: Floats, block: Ints, count: int
) -> Floats:
    """Sums from which all figures follow, one row per block, shape (count, sums).

    :param probabilities: shape (n, 3), in the order of :data:`regimeswitch.market.labels.CLASSES`
    :param labels: class numbers
    :param forward: forward return of each row, fraction
    :param reference: loss of the class frequencies, per row
    :param block: block number of each row, below ``count``
    """
    loss = -np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-9, 1.0))
    truth = np.eye(len(CLASSES))[labels]
    brier = ((probabilities - truth) ** 2).sum(axis=1)
    direction = probabilities[:, 0] - probabilities[:, 2]
    one, two = (rankdata(values) / max(len(labels), 1) for values in (direction, forward))
    top = direction >= np.quantile(direction, 1 - TOP_SHARE) if len(labels) else direction > 0
    rows = [np.ones(len(labels)), loss, reference, brier]
    rows += [one, two, one * two, one**2, two**2, top, top * forward]
    place = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    for number in range(len(CLASSES)):
        distance = probabilities[:, number] - truth[:, number]
        rows += [(place[:, number] == bin_) * distance for bin_ in range(BINS)]
    return np.stack([np.bincount(block, weights=row, minlength=count) for row in rows], axis=1)


def figures(sums: Floats, fee: float) -> dict[str, Floats]:
    """All figures from summed statistics, shape (draws, sums) each to (draws,).

    skill: 1 - log loss / log loss of the class frequencies. ece: see
    :func:`regimeswitch.model.calibration.calibration_error`. ic: rank correlation of
    p(buy) - p(sell) with the forward return, 0 where all answers are the same. top: mean forward
    return of the highest 5 % of p(buy) - p(sell), less two fees.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        n, loss, reference, brier, one, two, both, one2, two2, top, gained = sums[:, :11].T
        spread = np.sqrt((one2 / n - (one / n) ** 2) * (two2 / n - (two / n) ** 2))
        bins = np.abs(sums[:, 11:]).reshape(len(sums), len(CLASSES), BINS)
        return {
            "skill": 1 - loss / reference,
            "log_loss": loss / n,
            "brier": brier / n,
            "ece": bins.sum(axis=2).mean(axis=1) / n,
            "ic": np.where(spread > SAME_RANKS, (both / n - one * two / n**2) / spread, 0.0),
            "top": gained / top - 2 * fee,
        }


def draws(count: int, seed: int, number: int = DRAWS) -> Floats:
    """How often each block is drawn, shape (number, count)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), size=number).astype(np.float64)


def compared(
    sums: Mapping[str, Floats], reference: str, fee: float, seed: int
) -> dict[str, dict[str, object]]:
    """Figures of each model with intervals, and its paired differences to the reference model.

    :param sums: of :func:`block_sums` by model, all with the same blocks
    :return: by model: each figure, ``<figure>_ci``, and ``vs`` with mean and interval of each
    """
    weights = draws(len(next(iter(sums.values()))), seed)
    whole = {name: figures(part.sum(axis=0)[None], fee) for name, part in sums.items()}
    drawn = {name: figures(weights @ part, fee) for name, part in sums.items()}
    result: dict[str, dict[str, object]] = {}
    for name in sums:
        entry: dict[str, object] = {}
        versus = {}
        for figure in FIGURES:
            entry[figure] = float(whole[name][figure][0])
            entry[f"{figure}_ci"] = interval(drawn[name][figure])
            versus[figure] = {
                "mean": float(whole[name][figure][0] - whole[reference][figure][0]),
                "ci": interval(drawn[name][figure] - drawn[reference][figure]),
            }
        result[name] = entry | {"vs": versus}
    return result


def interval(values: Floats) -> list[float]:
    """The middle 95 %."""
    low, high = (
        np.nanquantile(values, [0.025, 0.975]) if np.isfinite(values).any() else (np.nan,) * 2
    )
    return [float(low), float(high)]
