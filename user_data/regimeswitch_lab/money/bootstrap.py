"""Differences of ratios with intervals: paired, from blocks of 30 days of daily net returns.

Whole blocks are drawn, because days repeat the days before them (Kuensch 1989; circular blocks of
Politis and Romano, 1992), and all variants get the same days.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimeswitch_lab.comparison_metrics import DRAWS, LEAST_BLOCKS, interval


Floats = NDArray[np.float64]

BLOCK_DAYS = 30
SEED = 11
RATIOS = ("sharpe", "calmar", "max_drawdown")
AT_ONCE = 100


def drawn_days(days: int, draws: int = DRAWS, seed: int = SEED) -> NDArray[np.int64]:
    """Days of each draw, shape (draws, days): blocks, which go on at the beginning.

    :param days: number of daily returns; short ranges get blocks of an eighth of them
    """
    length = max(min(BLOCK_DAYS, days // LEAST_BLOCKS), 1)
    count = -(-days // length)
    begins = np.random.default_rng(seed).integers(0, days, (draws, count))
    whole = (begins[:, :, None] + np.arange(length)).reshape(draws, -1) % days
    return np.asarray(whole[:, :days])


def ratios(returns: Floats) -> dict[str, Floats]:
    """Sharpe, Calmar, largest fall and CAGR of rows of daily returns, shape (draws, days).

    NaN where one is not defined, as the Sharpe ratio of returns that never move.
    """
    days = returns.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = returns.std(axis=1)
        sharpe = np.where(deviation > 0, returns.mean(axis=1) / deviation * np.sqrt(365), np.nan)
        growth = np.cumprod(1 + returns, axis=1)
        highest = np.maximum(np.maximum.accumulate(growth, axis=1), 1.0)
        fall = (1 - growth / highest).max(axis=1)
        cagr = growth[:, -1] ** (365 / days) - 1
        return {
            "sharpe": sharpe,
            "calmar": np.where(fall > 0, cagr / fall, np.nan),
            "max_drawdown": fall,
        }


def versus(
    returns: Mapping[str, Floats], references: Sequence[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Differences of each variant to some of them.

    :param returns: daily net returns by variant, all of the same days
    :return: by reference, variant and ratio: ``mean``, the difference over the whole range, and
        ``ci``, the middle 95 % of the draws; None where a ratio is not defined
    """
    days = drawn_days(len(returns[references[0]]))
    whole = {name: ratios(values[None]) for name, values in returns.items()}
    drawn = {name: _drawn(values, days) for name, values in returns.items()}

    def difference(name: str, reference: str, ratio: str) -> dict[str, Any]:
        mean = whole[name][ratio][0] - whole[reference][ratio][0]
        ends = interval(drawn[name][ratio] - drawn[reference][ratio])
        return {"mean": _number(mean), "ci": [_number(end) for end in ends]}

    return {
        reference: {
            name: {ratio: difference(name, reference, ratio) for ratio in RATIOS}
            for name in returns
        }
        for reference in references
    }


def _drawn(values: Floats, days: NDArray[np.int64]) -> dict[str, Floats]:
    parts = [ratios(values[days[n : n + AT_ONCE]]) for n in range(0, len(days), AT_ONCE)]
    return {name: np.concatenate([part[name] for part in parts]) for name in RATIOS}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
