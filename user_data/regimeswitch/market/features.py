"""Features: one TA-Lib set, scale-free, the same for the strategy and every command.

Prices enter only as ratios: distances and returns in ATR multiples, volumes relative to their
own mean. So pairs are comparable and a model does not learn a price level. Each function takes a
candle frame and returns a new frame of feature columns alone, on the same index; row t uses
candles up to and including t; rows that are still warming up are NaN. TA-Lib's recursive
indicators (RSI, ADX, MACD, NATR) count as warming up until the start of the frame is forgotten
to 1e-7; plain means and deviations are summed window by window, because a running sum would carry
the start of the frame along; every value is rounded to 10 digits. So a frame that begins later
gives the same numbers. Without a range in 48 candles there is no unit: the rows are NaN.

Spans that stand for a time (the unit, the day, the half hour) are that time in the block of the
base timeframe, whatever it is. Blocks of longer timeframes count as many of their own candles, the
same ones beside any base timeframe. Periods of indicators (RSI, MFI, ADX, MACD and FreqAI's
``indicator_periods_candles``) are candles everywhere, as FreqAI has them.

Definitions of the indicators: TA-Lib function reference, https://ta-lib.org/functions.html
"""

import numpy as np
import pandas as pd
import talib
from numpy.typing import NDArray

from regimeswitch.market.candles import candles_spanning, utc_dates
from regimeswitch.market.windows import window_mean, window_std


Floats = NDArray[np.float64]

UNIT_PERIOD = 48
"""Candles of the mean true range that distances and returns are measured in; four hours of 5m."""
HALF_HOUR_CANDLES = 6
ADX_PERIOD = 14
HOUR_CANDLES = 12
DAY_CANDLES = 288
DIGITS = 10
MIN_WIDTH = 1e-9
"""Standard deviation (fraction of the price) below which bands have no width but rounding."""
SAME_PRICE = 1e-12
"""Fraction of the price below which two typical prices differ by rounding alone."""


def forget_candles(period: int, smoothings: int = 1) -> int:
    """Candles until Wilder smoothing of ``period`` has forgotten its start to 1e-7.

    Its weight of the past shrinks by 1 - 1 / period a candle (Wilder, New Concepts in Technical
    Trading Systems, 1978), and exp(-16) is about 1e-7.

    :param period: of the indicator, candles
    :param smoothings: how many smoothings follow each other (ADX: 3)
    """
    return period * (16 + 6 * (smoothings - 1)) + period * smoothings


def spanned(count: int, base: str | None) -> int:
    """A span of the features, in candles of their block.

    :param count: of 5-minute candles
    :param base: the base timeframe in its own block; None in the block of a longer timeframe,
        which counts its own candles
    """
    return count if base is None else candles_spanning(count, base)


def warm_up_candles(periods: list[int]) -> int:
    """Candles of one timeframe before all of its features are known, on a longer one when closed.

    The block of the base timeframe needs no more of its own candles: its spans are shorter there.

    :param periods: FreqAI's ``indicator_periods_candles``
    """
    longest = max([*periods, ADX_PERIOD])
    rows = max(forget_candles(longest), forget_candles(ADX_PERIOD, 3), DAY_CANDLES + 1)
    # One row for the value itself, one because a longer candle is seen only when it has closed.
    return rows + 2


def longest_period(candles: int) -> int:
    """The longest period whose features are known after so many candles; 0 when there is none.

    :param candles: number of candles, of one timeframe
    :return: candles, as in FreqAI's ``indicator_periods_candles``
    """
    return max((n for n in range(1, candles) if warm_up_candles([n]) <= candles), default=0)


def period_features(candles: pd.DataFrame, period: int, base: str | None = None) -> pd.DataFrame:
    """Features of one look-back ``period`` (candles): FreqAI's ``feature_engineering_expand_all``.

    rsi, mfi (0..1); distance of the close from its mean (ATR); Bollinger width (ATR) and place of
    the close in the bands (0 lower, 1 upper); rate of change (ATR, per square root of the period);
    NATR relative to the unit ATR; volume relative to its mean; efficiency ratio (0..1: net move by
    path, Kaufman, Trading Systems and Methods).

    :param candles: of one pair, cleaned, sorted by date, shape (n, ...); high, low, close, volume
        are read
    :param period: candles, at least 2
    :param base: as in :func:`spanned`, for the unit ATR
    :return: nine columns on the same index; row t includes candle t; NaN in warm-up
        (:func:`warm_up_candles`), where a window holds a NaN, and where a measure has no unit

    The same market at a hundred times the price has the same features:

    >>> close = 100 + np.sin(np.arange(300.0))
    >>> candles = pd.DataFrame({"high": close + 1, "low": close - 1, "close": close, "volume": 1.0})
    >>> features = period_features(candles, 10)
    >>> features.equals(period_features(candles * [100, 100, 100, 1], 10))
    True
    >>> features["%-mean_distance-period"].first_valid_index()
    48
    """
    high, low, close, volume = candle_arrays(candles)
    atr = unit_atr(candles, base)
    mean, deviation = window_mean(close, period), window_std(close, period)
    deviation[deviation <= MIN_WIDTH * mean] = 0.0
    moved = _change(close, period)
    path = window_mean(np.abs(_change(close, 1)), period) * period
    rsi = _forget(talib.RSI(close, timeperiod=period), forget_candles(period))
    natr = _forget(talib.NATR(high, low, close, timeperiod=period), forget_candles(period))
    return feature_frame(
        candles,
        {
            "%-rsi-period": rsi / 100,
            "%-mfi-period": money_flow_index(candles, period),
            "%-mean_distance-period": (close - mean) / atr,
            "%-band_width-period": 4 * deviation / atr,
            "%-band_place-period": _per(close - mean, 4 * deviation) + 0.5,
            "%-roc-period": moved / (atr * np.sqrt(period)),
            "%-natr-period": natr * close / (100 * atr),
            "%-relative_volume-period": _per(volume, window_mean(volume, period)),
            "%-efficiency-period": _per(np.abs(moved), path),
        },
    )


def basic_features(candles: pd.DataFrame, base: str | None = None) -> pd.DataFrame:
    """Features without a look-back setting: FreqAI's ``feature_engineering_expand_basic``.

    Last returns, candle body and shadows, MACD and its histogram, directional movement (ATR);
    ADX (0..1); volatility as percent of the price; short against daily volatility; volume
    relative to the day.

    :param candles: of one pair, cleaned, sorted by date, shape (n, ...); open, high, low, close and
        volume are read
    :param base: as in :func:`spanned`, for the unit ATR, the half hour and the day
    :return: thirteen columns on the same index; row t includes candle t; NaN as in
        :func:`period_features`
    """
    high, low, close, volume = candle_arrays(candles)
    opened = candles["open"].to_numpy(dtype=np.float64)
    atr = unit_atr(candles, base)
    day, half_hour = spanned(DAY_CANDLES, base), spanned(HALF_HOUR_CANDLES, base)
    macd, _, histogram = talib.MACD(close, fastperiod=12, slowperiod=26, signalperiod=9)
    adx_warm, macd_warm = forget_candles(ADX_PERIOD, 3), forget_candles(14)
    adx = talib.ADX(high, low, close, timeperiod=ADX_PERIOD)
    plus = talib.PLUS_DI(high, low, close, timeperiod=ADX_PERIOD)
    minus = talib.MINUS_DI(high, low, close, timeperiod=ADX_PERIOD)
    true_range = talib.TRANGE(high, low, close)
    day_range = window_mean(true_range, day)
    return feature_frame(
        candles,
        {
            "%-return_1": _change(close, 1) / atr,
            "%-return_3": _change(close, 3) / (atr * np.sqrt(3)),
            "%-body": (close - opened) / atr,
            "%-upper_shadow": (high - np.maximum(opened, close)) / atr,
            "%-lower_shadow": (np.minimum(opened, close) - low) / atr,
            "%-macd": _forget(macd, macd_warm) / atr,
            "%-macd_histogram": _forget(histogram, macd_warm) / atr,
            "%-adx": _forget(adx, adx_warm) / 100,
            "%-direction": _forget(plus - minus, adx_warm) / 100,
            "%-atr_percent": _per(100 * atr, close),
            "%-short_volatility": _per(window_mean(true_range, half_hour), day_range),
            "%-day_volatility": _per(atr, day_range),
            "%-day_volume": _per(volume, window_mean(volume, day)),
        },
    )


def calendar_features(candles: pd.DataFrame) -> pd.DataFrame:
    """Minute of the hour and of the day and day of the week of the candle's opening, in UTC.

    :param candles: shape (n, ...); date is read
    :return: three columns on the same index: 0 to 59, 0 to 1439, 0 (Monday) to 6
    """
    dates = utc_dates(candles["date"])
    minute, hour = dates.dt.minute.to_numpy(), dates.dt.hour.to_numpy()
    return feature_frame(
        candles,
        {
            "%-minute": minute.astype(np.float64),
            "%-minute_of_day": (60 * hour + minute).astype(np.float64),
            "%-weekday": dates.dt.day_of_week.to_numpy().astype(np.float64),
        },
    )


def money_flow_index(candles: pd.DataFrame, period: int) -> Floats:
    """Share of the money traded on rising typical prices, 0..1; NaN where none was traded.

    TA-Lib's MFI, without its running sums, which leave a residue when trade stops.

    :param candles: of one pair, sorted by date, shape (n, ...)
    :param period: candles of the window, the last one included
    :return: shape (n,); NaN for the first ``period`` rows and where the window holds a NaN
    """
    high, low, close, volume = candle_arrays(candles)
    typical = (high + low + close) / 3
    step = _change(typical, 1)
    flow = typical * volume
    flow[np.abs(step) <= SAME_PRICE * typical] = 0.0
    flow[np.isnan(step)] = np.nan
    rising = np.where(step > 0, flow, np.where(np.isnan(step), np.nan, 0.0))
    return _per(window_mean(rising, period), window_mean(flow, period))


def unit_atr(candles: pd.DataFrame, base: str | None = None) -> Floats:
    """Simple mean of the true range over 48 candles; NaN where it is zero (no range).

    :param candles: of one pair, sorted by date, shape (n, ...); high, low and close are read
    :param base: as in :func:`spanned`: the 48 are of 5 minutes there
    :return: price units, shape (n,); row t includes candle t; NaN in warm-up too
    """
    high, low, close, _ = candle_arrays(candles)
    atr = window_mean(talib.TRANGE(high, low, close), spanned(UNIT_PERIOD, base))
    return np.where(atr > 0, atr, np.nan)


def candle_arrays(candles: pd.DataFrame) -> tuple[Floats, Floats, Floats, Floats]:
    """High, low, close and volume.

    :param candles: shape (n, ...)
    :return: four arrays of float64, each of shape (n,); NaN stays NaN
    """
    high, low, close, volume = (
        candles[name].to_numpy(dtype=np.float64) for name in ("high", "low", "close", "volume")
    )
    return high, low, close, volume


def _change(close: Floats, candles: int) -> Floats:
    result = np.full(len(close), np.nan)
    result[candles:] = close[candles:] - close[: max(len(close) - candles, 0)]
    return result


def _per(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient that is NaN where the denominator is not above zero."""
    return np.asarray(numerator / np.where(denominator > 0, denominator, np.nan))


def _forget(values: Floats, candles: int) -> Floats:
    result = values.copy()
    result[:candles] = np.nan
    return result


def feature_frame(candles: pd.DataFrame, columns: dict[str, Floats]) -> pd.DataFrame:
    """Feature columns on the index of the candles; what is not finite is NaN, 10 digits.

    :param candles: shape (n, ...); its index is read
    :param columns: values by name, each of shape (n,)
    """
    values = np.array(list(columns.values())).reshape(len(columns), len(candles))
    values[~np.isfinite(values)] = np.nan
    return pd.DataFrame(values.round(DIGITS).T, candles.index, list(columns), copy=False)
