"""Volatility, range and volume features: how much the market moves now against its own past week.

The size of the next move is what can be forecast, so this file looks at nothing else: volatility,
range and volume over minutes to a day relative to the week; what the coming hour brought on the
last seven days; how far the price came, and on which side. For the base timeframe only, from 5m to
1h; spans are times, and names count them in 5-minute candles whatever it is: ``%-volume_12`` is the
last hour. Row t uses candles up to and including t; windows are summed one by one, so that a frame
that begins later gives the same numbers; rows without a whole week before them are NaN, and so is a
market without any trade or move in a week.

Why: volatility clusters over several spans at once (Corsi, A simple approximate long-memory model
of realized volatility, 2009) and has a daily pattern (Andersen and Bollerslev, Intraday
periodicity and volatility persistence, 1997).
"""

import numpy as np
import pandas as pd
import talib

from regimeswitch.market.candles import COUNTED, candles_spanning, timeframe_seconds
from regimeswitch.market.features import (
    DAY_CANDLES,
    HOUR_CANDLES,
    Floats,
    candle_arrays,
    feature_frame,
)
from regimeswitch.market.windows import window_mean


SPANS = (3, 6, 12, 24, 48, 96, 288)
LONG_SPANS = (12, 48, 288)
"""5-minute candles."""
WEEK_CANDLES = 7 * DAY_CANDLES
MIN_RATIO = 0.01
"""Ratios below are one and the same: a market that stands still."""


def warm_up_candles(timeframe: str) -> int:
    """Candles before the first row on which all of these features are known.

    :param timeframe: the base timeframe
    """
    # The hour up to now on each of the last seven days, and one candle before it.
    return sum(candles_spanning(span, timeframe) for span in (WEEK_CANDLES, HOUR_CANDLES)) + 3


def volatility_features(candles: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    """Volatility, range and volume features of base candles; see the head of this file.

    ``%-volatility_n``, ``%-range_n``, ``%-volume_n``: log ratio of the last n candles to the week.
    ``%-hour_...``: the same for the coming hour of the day on earlier days. ``%-largest_n``: the
    largest move of n candles. ``%-return_n``: log return in daily standard deviations.
    ``%-rising_n``: share of the squared moves that went up. ``%-place_n``: place of the close
    between low and high, 0 to 1. ``%-roughness_n``: log ratio of range to close-to-close moves. n
    counts 5-minute candles; spans shorter than a base candle are left out.

    :param candles: frame of one pair, sorted by date, without gaps: spans are counted in candles.
        High, low, close and volume are read; prices are above zero
    :param timeframe: of ``candles``, the base timeframe, up to an hour
    :return: the features alone, on the same index; row t includes candle t. NaN while the spans of
        a feature are longer than its past, for none after :func:`warm_up_candles` rows, and where
        a measure is divided by zero; no log ratio is below that of :data:`MIN_RATIO`
    """
    week_length, day_length = (candles_spanning(n, timeframe) for n in (WEEK_CANDLES, DAY_CANDLES))
    high, low, close, volume = candle_arrays(candles)
    move = np.full(len(close), np.nan)
    move[1:] = np.log(close[1:] / close[:-1])
    spread = talib.TRANGE(high, low, close) / close
    square = move**2
    week = {
        "volatility": np.sqrt(window_mean(square, week_length)),
        "range": window_mean(spread, week_length),
        "volume": window_mean(volume, week_length),
    }
    day = np.sqrt(window_mean(square, day_length))
    usual = np.where(day > 0, day, np.nan)
    columns: dict[str, Floats] = {}
    for name, span in _lengths(SPANS, timeframe):
        columns |= {
            f"%-volatility_{name}": _log_ratio(
                np.sqrt(window_mean(square, span)), week["volatility"]
            ),
            f"%-range_{name}": _log_ratio(window_mean(spread, span), week["range"]),
            f"%-volume_{name}": _log_ratio(window_mean(volume, span), week["volume"]),
        }
    columns |= _same_hour(spread, volume, week, timeframe)
    for name, span in _lengths(LONG_SPANS, timeframe):
        power = window_mean(square, span)
        rising = window_mean(np.where(move > 0, square, np.where(np.isnan(move), np.nan, 0)), span)
        top, bottom = _highest(high, span), -_highest(-low, span)
        largest = _highest(np.abs(move), span)
        largest[: span + 1] = np.nan
        columns |= {
            f"%-largest_{name}": _log_ratio(largest, week["volatility"]),
            f"%-return_{name}": _lagged_difference(np.log(close), span) / (usual * np.sqrt(span)),
            f"%-rising_{name}": rising / np.where(power > 0, power, np.nan),
            f"%-place_{name}": (close - bottom) / np.where(top > bottom, top - bottom, np.nan),
            f"%-roughness_{name}": _log_ratio(window_mean(spread, span), np.sqrt(power)),
        }
    return feature_frame(candles, columns)


def _lengths(spans: tuple[int, ...], timeframe: str) -> list[tuple[int, int]]:
    """Each span that a base candle is not longer than, with its base candles."""
    shortest = timeframe_seconds(timeframe) / timeframe_seconds(COUNTED)
    return [(span, candles_spanning(span, timeframe)) for span in spans if span >= shortest]


def _same_hour(
    spread: Floats, volume: Floats, week: dict[str, Floats], timeframe: str
) -> dict[str, Floats]:
    """The coming hour, as it was on the last seven days; t itself is the last candle before it."""
    hour, day = (candles_spanning(count, timeframe) for count in (HOUR_CANDLES, DAY_CANDLES))
    now, traded = window_mean(spread, hour), window_mean(volume, hour)
    days = [_lag(now, k * day - hour) for k in range(1, 8)]
    usual = np.mean(days, axis=0)
    usual_volume = np.mean([_lag(traded, k * day - hour) for k in range(1, 8)], axis=0)
    usual_now = np.mean([_lag(now, k * day) for k in range(1, 8)], axis=0)
    return {
        "%-hour_range": _log_ratio(usual, week["range"]),
        "%-hour_range_now": _log_ratio(usual, now),
        "%-hour_range_yesterday": _log_ratio(days[0], week["range"]),
        "%-hour_range_last_week": _log_ratio(days[6], week["range"]),
        "%-hour_volume": _log_ratio(usual_volume, week["volume"]),
        "%-now_unusual": _log_ratio(now, usual_now),
    }


def _highest(values: Floats, length: int) -> Floats:
    """Maximum of the last ``length`` rows; TA-Lib's takes two or more."""
    return talib.MAX(values, length) if length > 1 else values.copy()


def _log_ratio(numerator: Floats, denominator: Floats) -> Floats:
    ratio = numerator / np.where(denominator > 0, denominator, np.nan)
    return np.asarray(np.log(np.maximum(ratio, MIN_RATIO)))


def _lag(values: Floats, candles: int) -> Floats:
    result = np.full(len(values), np.nan)
    result[candles:] = values[: max(len(values) - candles, 0)]
    return result


def _lagged_difference(values: Floats, candles: int) -> Floats:
    return values - _lag(values, candles)
