"""Rival forecasts of a pair's volatility over the next 24 hours: exponential mean and HAR.

Both need candles alone and no trees. A trained model is served only where it beats both of them on
later rows (:mod:`regimeswitch.model.volatility_model`). All volatilities are annual, as fractions.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.market.candles import merge_causally, timeframe_seconds
from regimeswitch.market.regimes import STALE_RULE_CANDLES
from regimeswitch.market.volatility import YEAR_SECONDS, annual_volatility
from regimeswitch.settings import MAX_STARTUP_CANDLES, Settings


Floats = NDArray[np.float64]

DAY_SECONDS = 86_400
WEEK_DAYS, MONTH_DAYS = 7, 30
"""Corsi's week and month are of 5 and 22 trading days; these pairs trade on every day."""
RIVAL_COLUMNS = ("ewma", "day", "week", "month")
"""Natural logarithms of annual volatilities: the exponential mean, and realised volatility over the
last day, week and month."""


def day_candles(timeframe: str) -> int:
    """Candles of a day, number; 1 for a day's own candle.

    :param timeframe: of the candles
    :raises ValueError: when the timeframe cannot be read
    """
    return max(DAY_SECONDS // timeframe_seconds(timeframe), 1)


def month_days(timeframe: str) -> int:
    """Days of HAR's longest window: 30, or as many as Binance serves at the start of a bot.

    :param timeframe: of the candles that the window is measured on
    :raises ValueError: when the timeframe cannot be read
    """
    served = (MAX_STARTUP_CANDLES - 1) // day_candles(timeframe)
    return min(MONTH_DAYS, served)


def realised_volatility(candles: pd.DataFrame, timeframe: str, days: int) -> Floats:
    """Annual volatility from the sum of squared log returns, close to close, of the last days.

    Andersen, Bollerslev, Diebold and Labys, "Modeling and Forecasting Realized Volatility",
    Econometrica 71 (2003).

    :param candles: of one pair, cleaned, sorted by date, shape (n, ...)
    :param timeframe: of the candles, a part of a day or a day
    :param days: 1 or more
    :return: fraction a year, shape (n,); row t uses returns up to the close of candle t; NaN for
        the first ``days`` days, where a close among them is missing, and where no price moved
    """
    close = candles["close"].to_numpy(dtype=np.float64)
    squares = np.full(len(close), np.nan)
    squares[1:] = np.diff(np.log(close)) ** 2
    total = _window_sum(squares, day_candles(timeframe))
    total = _window_sum(total, days, day_candles(timeframe))
    annual = total * (YEAR_SECONDS / (days * DAY_SECONDS))
    annual[~(annual > 0)] = np.nan
    return np.asarray(np.round(np.sqrt(annual), 10))


def _window_sum(values: Floats, count: int, step: int = 1) -> Floats:
    """Sum of ``count`` rows, ``step`` apart, row t the last of them.

    Added up row by row in a fixed order: a running sum would carry the start of the frame along.
    """
    result = np.full(len(values), np.nan)
    first = (count - 1) * step
    if len(values) <= first:
        return result
    result[first:] = 0.0
    for back in range(0, count * step, step):
        result[first:] += values[first - back : len(values) - back]
    return result


def rival_columns(
    base: pd.DataFrame, candles: pd.DataFrame, settings: Settings, timeframe: str
) -> pd.DataFrame:
    """What the rival forecasts are made of, for a frame of base candles.

    Day and week come from base candles, as the label does; month and exponential mean from the
    rule's, of which a bot has enough at its start.

    :param base: candles of the pair, cleaned; index and length are kept
    :param candles: of the same pair and of ``settings.regime.timeframe``, cleaned
    :param settings: all of them: ``regime.timeframe`` and ``risk.volatility_half_life_days`` are
        read
    :param timeframe: of ``base``
    :return: the columns :data:`RIVAL_COLUMNS`; row t uses candles that closed at or before its
        close; NaN where one is not known yet, or is stale
    """
    rule = settings.regime.timeframe
    longer = pd.DataFrame(
        {
            "date": candles["date"],
            "ewma": annual_volatility(candles, rule, settings.risk.volatility_half_life_days),
            "month": realised_volatility(candles, rule, month_days(rule)),
        }
    )
    stale = STALE_RULE_CANDLES * timeframe_seconds(rule)
    merged = merge_causally(base["date"], timeframe, longer, rule, stale).set_axis(base.index)
    known = merged.assign(
        day=realised_volatility(base, timeframe, 1),
        week=realised_volatility(base, timeframe, WEEK_DAYS),
    )[list(RIVAL_COLUMNS)]
    return known.where(known > 0).transform(np.log)


@dataclass(frozen=True)
class Har:
    """The heterogeneous autoregression of Corsi, in logarithms.

    "A Simple Approximate Long-Memory Model of Realized Volatility", Journal of Financial
    Econometrics 7 (2009): tomorrow's volatility from that of the last day, week and month, by least
    squares. The logarithm keeps forecasts above zero and single days from deciding; what is lost in
    taking it is given back by the mean of the residuals' exponentials (Duan, "Smearing Estimate",
    Journal of the American Statistical Association 78, 1983).

    :ivar coefficients: constant, day, week, month
    :ivar smearing: mean of realised over forecast variance in the training rows
    """

    coefficients: tuple[float, ...]
    smearing: float

    @classmethod
    def fit(cls, known: Floats, target: Floats) -> Self:
        """Least squares on training rows.

        :param known: :data:`RIVAL_COLUMNS`, finite, shape (n, 4)
        :param target: log of the annual volatility of the 24 hours after each row, finite, (n,)
        """
        design = _design(known)
        found, *_ = np.linalg.lstsq(design, target, rcond=None)
        smearing = float(np.exp(2 * (target - design @ found)).mean())
        return cls(tuple(float(one) for one in found), smearing)

    def variance(self, known: Floats) -> Floats:
        """Forecast of the annual variance, shape (n,); NaN where a column is missing.

        :param known: :data:`RIVAL_COLUMNS`, shape (n, 4); the exponential mean is not read
        """
        logs = _design(known) @ np.asarray(self.coefficients)
        return np.asarray(self.smearing * np.exp(2 * logs))


def ewma_variance(known: Floats) -> Floats:
    """The exponential mean as a forecast of the annual variance, shape (n,).

    :param known: :data:`RIVAL_COLUMNS`, shape (n, 4)
    """
    return np.asarray(np.exp(2 * known[:, 0]))


def _design(known: Floats) -> Floats:
    return np.column_stack([np.ones(len(known)), known[:, 1:]])
