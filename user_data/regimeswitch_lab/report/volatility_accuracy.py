"""Forecast against realised volatility of the next day, by regime.

What was served in a backtest, by models or by a rival that they did not beat, on candles that
nothing had learned from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.market.labels import VOLATILITY_TARGET
from regimeswitch.market.volatility import VOLATILITY_COLUMN
from regimeswitch.market.volatility_forecast import DAY_SECONDS
from regimeswitch.model.shrinkage import qlike
from regimeswitch.risk.model_additions import FORECAST_COLUMN
from regimeswitch.settings import REGIME_NAMES
from regimeswitch_lab.report.reliability import ALL, spans_of


Floats = NDArray[np.float64]
GROUPS = 10
"""Of rows in order of their forecast, of equal size."""
LEAST_ROWS = 30
"""Of a group."""


@dataclass(frozen=True)
class VolatilityGroup:
    """Rows with forecasts of about the same size; volatilities a year, fractions.

    :ivar forecast: root of the mean forecast variance; ``realised`` of the realised one
    """

    rows: int
    forecast: float
    realised: float


@dataclass(frozen=True)
class AccuracyRow:
    """One regime.

    :ivar days: that do not overlap, over all pairs
    :ivar forecast: root of the mean forecast variance, a year, fraction; ``realised`` alike
    :ivar ratio: realised over forecast; above 1 it moved more than was forecast
    :ivar qlike: mean loss of the forecast, 0 = exact; ``rule_qlike`` of the exponential mean that
        the rule alone sizes by
    """

    regime: str
    rows: int
    days: int
    forecast: float
    realised: float
    ratio: float
    qlike: float
    rule_qlike: float
    groups: tuple[VolatilityGroup, ...]


def accuracy(rows: pd.DataFrame) -> list[AccuracyRow]:
    """One row for each regime that has forecasts, and one of all.

    :param rows: of :func:`regimeswitch_lab.report.stored_forecasts.sized`
    """
    if rows.empty:
        return []
    parts = [(name, rows[rows["regime"] == name]) for name in REGIME_NAMES]
    return [_row(name, part) for name, part in [*parts, (ALL, rows)] if len(part)]


def _row(regime: str, rows: pd.DataFrame) -> AccuracyRow:
    realised = np.exp(2 * rows[VOLATILITY_TARGET].to_numpy(dtype=np.float64))
    forecast = rows[FORECAST_COLUMN].to_numpy(dtype=np.float64) ** 2
    rule = rows[VOLATILITY_COLUMN].to_numpy(dtype=np.float64) ** 2
    given, came = _root_mean(forecast), _root_mean(realised)
    loss = qlike(realised)
    return AccuracyRow(
        regime=regime,
        rows=len(rows),
        days=spans_of(rows, DAY_SECONDS),
        forecast=given,
        realised=came,
        ratio=came / given,
        qlike=float(loss(forecast[:, None]).mean()),
        rule_qlike=float(loss(rule[:, None]).mean()),
        groups=tuple(_groups(forecast, realised)),
    )


def _groups(forecast: Floats, realised: Floats) -> list[VolatilityGroup]:
    count = min(GROUPS, max(len(forecast) // LEAST_ROWS, 1))
    return [
        VolatilityGroup(len(rows), _root_mean(forecast[rows]), _root_mean(realised[rows]))
        for rows in np.array_split(np.argsort(forecast, kind="stable"), count)
    ]


def _root_mean(variance: Floats) -> float:
    return float(np.sqrt(variance.mean()))
