"""How much a pair moves, for the size of its position and for its disaster stop.

Both come from candles of the rule's timeframe and are merged causally into the base timeframe.
Each value is computed from a fixed number of candles, so that it does not depend on where a frame
begins.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.market.candles import merge_causally, resample, timeframe_seconds
from regimeswitch.market.regimes import STALE_RULE_CANDLES, average_true_range
from regimeswitch.settings import MAX_STARTUP_CANDLES, Settings


Floats = NDArray[np.float64]

YEAR_SECONDS = 365 * 86_400
HALF_LIVES = 5
"""The exponential mean is cut off after so many; 3 % of its weight lies before."""
DAILY_ATR_DAYS = 14
VOLATILITY_COLUMN, WEIGHT_COLUMN, DAILY_ATR_COLUMN = "volatility", "target_weight", "daily_atr"
POSITION_COLUMNS = (VOLATILITY_COLUMN, WEIGHT_COLUMN, DAILY_ATR_COLUMN)


def volatility_candles(timeframe: str, half_life_days: float) -> int:
    """Candles that one value of :func:`annual_volatility` is computed from.

    :param timeframe: of the candles
    :param half_life_days: days
    :return: five half-lives, or fewer where Binance serves no more at the start of a bot
    """
    wanted = HALF_LIVES * half_life_days * 86_400 / timeframe_seconds(timeframe)
    return min(max(round(wanted), 2), MAX_STARTUP_CANDLES - 1)


def annual_volatility(candles: pd.DataFrame, timeframe: str, half_life_days: float) -> Floats:
    """Volatility a year from an exponential mean of squared log returns, close to close.

    The exponentially weighted mean of RiskMetrics (J. P. Morgan, Technical Document, 1996, chapter
    5), with a half-life instead of a decay factor and cut off after :data:`HALF_LIVES` of them.

    :param candles: of one pair, cleaned (no zero price), sorted by date, shape (n, ...)
    :param timeframe: of the candles
    :param half_life_days: days after which a return counts half
    :return: fraction a year, e.g. 0.6, shape (n,); row t uses returns up to the close of candle t;
        NaN while there are fewer candles than :func:`volatility_candles` and one, and where a close
        among them is missing
    """
    close = candles["close"].to_numpy(dtype=np.float64)
    length = volatility_candles(timeframe, half_life_days)
    result = np.full(len(close), np.nan)
    if len(close) <= length:
        return result
    seconds = timeframe_seconds(timeframe)
    half_life = half_life_days * 86_400 / seconds
    weights = 0.5 ** (np.arange(length)[::-1] / half_life)
    squares = np.diff(np.log(close)) ** 2
    # Window by window: a running mean would carry the start of the frame along.
    means = np.correlate(squares, weights / weights.sum(), mode="valid")
    result[length:] = np.round(np.sqrt(means * (YEAR_SECONDS / seconds)), 10)
    return result


def target_weights(volatility: Floats, target: float) -> Floats:
    """Share of a slot that is put into a position: min(1, target / volatility).

    Moreira and Muir, "Volatility-Managed Portfolios", Journal of Finance 72 (2017), without
    leverage.

    :param volatility: a year, fraction, shape (n,)
    :param target: a year, fraction; 0 = always the whole slot
    :return: 0 to 1, shape (n,); NaN where the volatility is not known

    >>> target_weights(np.array([0.3, 0.6, 1.2, np.nan]), target=0.6).tolist()
    [1.0, 1.0, 0.5, nan]
    """
    if not target:
        return np.ones(len(volatility))
    with np.errstate(divide="ignore"):
        return np.minimum(target / volatility, 1.0)


def daily_atr(candles: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    """14-day average true range of whole UTC days.

    :param candles: of one pair, cleaned, sorted by date, of a timeframe up to a day
    :param timeframe: of the candles
    :return: frame with ``date`` (opening time of the day) and ``daily_atr`` (price units), known at
        the end of the day; NaN for the first 14 days
    """
    days = candles if timeframe == "1d" else resample(candles, "1d", timeframe)
    atr = np.round(average_true_range(days, DAILY_ATR_DAYS), 10)
    return pd.DataFrame({"date": days["date"], DAILY_ATR_COLUMN: atr})


def position_columns(
    base: pd.DataFrame, candles: pd.DataFrame, settings: Settings, timeframe: str
) -> pd.DataFrame:
    """Volatility, target weight and daily ATR for a frame of base candles.

    :param base: candles of the traded pair; index and length are kept
    :param candles: of the SAME pair and of ``settings.regime.timeframe``, cleaned; also where the
        candles of another pair decide the regime
    :param settings: all of them: ``regime.timeframe``, ``risk.volatility_half_life_days`` and
        ``risk.volatility_target`` are read
    :param timeframe: of ``base``
    :return: the columns :data:`POSITION_COLUMNS`; row t uses candles that closed at or before its
        close; NaN where they are not known yet, or are stale
    """
    rule, risk = settings.regime.timeframe, settings.risk
    known = annual_volatility(candles, rule, risk.volatility_half_life_days)
    moves = pd.DataFrame({"date": candles["date"], VOLATILITY_COLUMN: known})
    moves[WEIGHT_COLUMN] = target_weights(known, risk.volatility_target)
    days = daily_atr(candles, rule)
    parts = [
        merge_causally(
            base["date"], timeframe, frame, of, STALE_RULE_CANDLES * timeframe_seconds(of)
        ).set_axis(base.index)
        for frame, of in ((moves, rule), (days, "1d"))
    ]
    return pd.concat(parts, axis=1)
