"""Labels: what a candle was followed by. The only file that looks ahead.

The label of row t is made from candles t+1 to t+horizon and from the threshold known at t. The
last ``horizon`` rows are missing, so that FreqAI drops them from training. Horizon and window are
those of the settings as candles of the base timeframe: the same time with any of them.
"""

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from regimeswitch.market.candles import clean_candles, utc_times
from regimeswitch.market.regimes import five_minute_range
from regimeswitch.market.volatility import YEAR_SECONDS
from regimeswitch.market.volatility_forecast import DAY_SECONDS, day_candles
from regimeswitch.market.windows import window_std
from regimeswitch.settings import LabelSettings


Floats = NDArray[np.float64]

CLASSES = ("buy", "hold", "sell")
"""The fixed class map of every classifier: column order of probabilities."""
CLASS_COLUMN = "&s-signal"
RETURN_COLUMN = "&-return"
VOLATILITY_TARGET = "&-volatility"
"""What a regressor learns in position mode; see :func:`next_day_volatility`."""


def move_threshold(candles: pd.DataFrame, settings: LabelSettings, timeframe: str) -> Floats:
    """The move (fraction of the price) beyond which row t is no longer hold; uses candles to t.

    ``multiple`` times the unit: the standard deviation of log returns over ``window`` candles,
    scaled to the horizon by its square root, or the ATR of a 5-minute candle by price. With
    ``cover_fees`` at least two fees. NaN in warm-up.

    :param candles: of the base timeframe, of one pair, sorted by date, shape (n, ...)
    :param settings: the section ``labels``: ``unit``, ``multiple``, ``horizon``, ``window``,
        ``fee`` and ``cover_fees``
    :param timeframe: of ``candles``
    :return: shape (n,); NaN too where a close of the window is missing
    :raises ValueError: when the timeframe cannot be read
    """
    horizon, window = settings.horizon_in(timeframe), settings.window_in(timeframe)
    close = candles["close"].to_numpy(dtype=np.float64)
    if settings.unit == "volatility":
        returns = np.full(len(close), np.nan)
        returns[1:] = np.log(close[1:] / close[:-1])
        unit = window_std(returns, window) * np.sqrt(horizon)
    else:
        unit = five_minute_range(candles, window, timeframe) / close
    costs = 2 * settings.fee if settings.cover_fees else 0.0
    return np.asarray(np.maximum(settings.multiple * unit, costs), dtype=np.float64)


def forward_return(
    candles: pd.DataFrame,
    settings: LabelSettings,
    timeframe: str,
    bad: pd.DataFrame | None = None,
) -> pd.Series:
    """close[t + horizon] / close[t] - 1, a fraction; missing for the last ``horizon`` rows.

    :param candles: of the base timeframe, of one pair, sorted by date, shape (n, ...)
    :param settings: the section ``labels``; its ``horizon``
    :param timeframe: of ``candles``
    :param bad: of :func:`regimeswitch.market.candles.find_bad_candles`; a row that is bad, or that
        looks ahead over a gap or an impossible candle, is missing
    :return: shape (n,), on the same index; missing too where one of both closes is
    :raises ValueError: when the timeframe cannot be read

    >>> candles = pd.DataFrame({"close": [100.0, 101.0, 102.0, 100.0]})
    >>> forward_return(candles, LabelSettings(horizon=2), "5m").round(4).to_list()
    [0.02, -0.0099, nan, nan]
    """
    candles = _without_bad_prices(candles, bad)
    close = candles["close"].to_numpy(dtype=np.float64)
    ahead = np.full(len(close), np.nan)
    horizon = settings.horizon_in(timeframe)
    ahead[: max(len(close) - horizon, 0)] = close[horizon:] / close[: max(len(close) - horizon, 0)]
    ahead[~_usable(len(close), horizon, bad)] = np.nan
    return pd.Series(ahead - 1, index=candles.index, name=RETURN_COLUMN)


def class_labels(
    candles: pd.DataFrame,
    settings: LabelSettings,
    timeframe: str,
    bad: pd.DataFrame | None = None,
) -> pd.Series:
    """buy, hold or sell for each row, by ``settings.kind``; missing where it cannot be known.

    threshold: buy (sell) when the forward return is above (below) the threshold. triple_barrier:
    which of close * (1 + threshold) and close * (1 - threshold) is touched first by highs and
    lows; hold when neither is, or both within one candle (Lopez de Prado, Advances in Financial
    Machine Learning, 2018, chapter 3).

    :param candles: of the base timeframe, of one pair, sorted by date, shape (n, ...)
    :param settings: the section ``labels``
    :param timeframe: of ``candles``
    :param bad: as in :func:`forward_return`
    :return: one of :data:`CLASSES`, shape (n,), on the same index; missing in warm-up of the
        threshold and where the forward return is
    :raises ValueError: when the timeframe cannot be read

    The two fees of 0.1 % set the least move that counts; the first ten rows warm up, the last one
    has no future:

    >>> close = [100.0, 100.1] * 5 + [100.0, 100.5, 99.9, 100.0]
    >>> candles = pd.DataFrame({"close": close})
    >>> settings = LabelSettings(horizon=1, window=10, multiple=1.0)
    >>> move_threshold(candles, settings, "5m")[10:].round(4).tolist()
    [0.002, 0.002, 0.0026, 0.0026]
    >>> class_labels(candles, settings, "5m").fillna("-").to_list()[9:]
    ['-', 'buy', 'sell', 'hold', '-']
    """
    numbers = class_numbers(candles, settings, timeframe, bad)
    # The last name is that of -1.
    names = np.array([*CLASSES, None], dtype=object)[numbers]
    return pd.Series(names, index=candles.index, name=CLASS_COLUMN, dtype="str")


def class_numbers(
    candles: pd.DataFrame,
    settings: LabelSettings,
    timeframe: str,
    bad: pd.DataFrame | None = None,
) -> NDArray[np.int64]:
    """:func:`class_labels` as places in :data:`CLASSES`, shape (n,); -1 where missing.

    Parameters and errors as there.
    """
    candles = _without_bad_prices(candles, bad)
    threshold = move_threshold(candles, settings, timeframe)
    moves = forward_return(candles, settings, timeframe, bad).to_numpy()
    if settings.kind == "threshold":
        sign = np.where(moves > threshold, 1, np.where(moves < -threshold, -1, 0))
    else:
        sign = _first_touch(candles, threshold, settings.horizon_in(timeframe))
    known = np.isfinite(threshold) & np.isfinite(moves)
    return np.where(known, 1 - sign, -1)


def next_day_volatility(
    candles: pd.DataFrame, timeframe: str, bad: pd.DataFrame | None = None
) -> pd.Series:
    """Logarithm of the annual realised volatility of the 24 hours after each candle.

    Squared log returns of the base candles, close to close, as
    :func:`regimeswitch.market.volatility_forecast.realised_volatility` has them of the past.

    :param candles: of the base timeframe, of one pair, sorted by date, shape (n, ...)
    :param timeframe: of ``candles``; a day is 24 hours of them
    :param bad: as in :func:`forward_return`
    :return: shape (n,); missing where the 24 hours are not complete, where the row or a candle in
        them is bad, and where no price moved
    """
    candles = _without_bad_prices(candles, bad)
    close = candles["close"].to_numpy(dtype=np.float64)
    horizon = day_candles(timeframe)
    ahead = np.full(len(close), np.nan)
    if len(close) > horizon:
        squares = np.diff(np.log(close)) ** 2
        ahead[:-horizon] = sliding_window_view(squares, horizon).sum(axis=1)
        times = utc_times(candles["date"]).astype("datetime64[s]").astype(np.int64)
        ahead[:-horizon][times[horizon:] - times[:-horizon] != DAY_SECONDS] = np.nan
    ahead[~_usable(len(close), horizon, bad) | ~(ahead > 0)] = np.nan
    annual = ahead * (YEAR_SECONDS / DAY_SECONDS)
    return pd.Series(np.log(annual) / 2, index=candles.index, name=VOLATILITY_TARGET)


def _first_touch(candles: pd.DataFrame, threshold: Floats, horizon: int) -> NDArray[np.int64]:
    """1 where the upper barrier is touched first, -1 the lower, 0 none or both at once."""
    close = candles["close"].to_numpy(dtype=np.float64)
    rows = max(len(close) - horizon, 0)
    sign = np.zeros(len(close), dtype=np.int64)
    if rows == 0:
        return sign
    highs = sliding_window_view(candles["high"].to_numpy(dtype=np.float64)[1:], horizon)
    lows = sliding_window_view(candles["low"].to_numpy(dtype=np.float64)[1:], horizon)
    upper = highs >= (close * (1 + threshold))[:rows, None]
    lower = lows <= (close * (1 - threshold))[:rows, None]
    first_upper = np.where(upper.any(axis=1), upper.argmax(axis=1), horizon)
    first_lower = np.where(lower.any(axis=1), lower.argmax(axis=1), horizon)
    sign[:rows] = np.sign(first_lower - first_upper)
    return sign


def _without_bad_prices(candles: pd.DataFrame, bad: pd.DataFrame | None) -> pd.DataFrame:
    """Cleaned, so that one impossible price neither removes nor widens a whole window."""
    return candles if bad is None else clean_candles(candles, bad)


def _usable(rows: int, horizon: int, bad: pd.DataFrame | None) -> NDArray[np.bool_]:
    if bad is None:
        return np.ones(rows, dtype=bool)
    itself = bad.any(axis=1).to_numpy()
    broken = bad.drop(columns="flat").any(axis=1).to_numpy()
    usable = ~itself
    if rows > horizon:
        usable[: rows - horizon] &= ~sliding_window_view(broken[1:], horizon).any(axis=1)
    return np.asarray(usable)
