"""Calibration of class probabilities by regime: of rows that were given 60 %, how many came true.

The served probabilities of a backtest against the classes that came, on candles that the models had
not learned from (Murphy and Winkler, Reliability of subjective probability forecasts, 1977).
Neighbouring candles share most of what follows them, so that there are fewer facts than rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.market.labels import CLASS_COLUMN, CLASSES
from regimeswitch.model.calibration import BINS, calibration_error
from regimeswitch.settings import REGIME_NAMES


ALL = "all"
"""The row of all regimes."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of a regime whose probability of one class is in one bin.

    :ivar given: mean probability; ``came``: share of the rows in which the class came
    """

    answer: str
    low: float
    high: float
    rows: int
    given: float
    came: float


@dataclass(frozen=True)
class ReliabilityRow:
    """Calibration in one regime.

    :ivar spans: of the label's horizon that do not overlap, over all pairs
    :ivar error: expected calibration error, see
        :func:`regimeswitch.model.calibration.calibration_error`
    :ivar given: mean probability by class; ``came``: share of the rows by class
    """

    regime: str
    rows: int
    spans: int
    error: float
    given: dict[str, float]
    came: dict[str, float]
    bins: tuple[ReliabilityBin, ...]


def reliability(rows: pd.DataFrame, horizon_seconds: int) -> list[ReliabilityRow]:
    """One row for each regime that has forecasts, and one of all.

    :param rows: of :func:`regimeswitch_lab.report.stored_forecasts.classified`
    :param horizon_seconds: how far the label looks ahead
    """
    if rows.empty:
        return []
    parts = [(name, rows[rows["regime"] == name]) for name in REGIME_NAMES]
    return [_row(name, part, horizon_seconds) for name, part in [*parts, (ALL, rows)] if len(part)]


def _row(regime: str, rows: pd.DataFrame, horizon_seconds: int) -> ReliabilityRow:
    given = rows[list(CLASSES)].to_numpy(dtype=np.float64)
    came = rows[CLASS_COLUMN].map({name: number for number, name in enumerate(CLASSES)})
    numbers: NDArray[np.int64] = np.asarray(came, dtype=np.int64)
    return ReliabilityRow(
        regime=regime,
        rows=len(rows),
        spans=spans_of(rows, horizon_seconds),
        error=calibration_error(given, numbers),
        given=dict(zip(CLASSES, given.mean(axis=0).tolist(), strict=True)),
        came={name: float((numbers == number).mean()) for number, name in enumerate(CLASSES)},
        bins=tuple(
            one
            for number, name in enumerate(CLASSES)
            for one in _bins(name, given[:, number], numbers == number)
        ),
    )


def _bins(answer: str, given: NDArray[np.float64], came: NDArray[np.bool_]) -> list[ReliabilityBin]:
    place = np.minimum((given * BINS).astype(np.int64), BINS - 1)
    return [
        ReliabilityBin(
            answer=answer,
            low=number / BINS,
            high=(number + 1) / BINS,
            rows=int(mask.sum()),
            given=float(given[mask].mean()),
            came=float(came[mask].mean()),
        )
        for number in range(BINS)
        if (mask := place == number).any()
    ]


def spans_of(rows: pd.DataFrame, seconds: int) -> int:
    """Spans of time that have rows, each pair for itself.

    :param rows: with ``pair`` and ``date``
    :param seconds: length of a span
    """
    number = rows["date"].to_numpy("datetime64[s]").astype(np.int64) // seconds
    return len(pd.DataFrame({"pair": rows["pair"].to_numpy(), "span": number}).drop_duplicates())
