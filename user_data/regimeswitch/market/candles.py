"""Candles: timeframes, resampling, causal merging, and finding candles that cannot be true.

A candle frame has the columns date, open, high, low, close, volume; date is the OPENING time in
UTC. Row t is known at its close: date + timeframe.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Who reads candles needs their length too: both from here.
from regimeswitch.settings.timeframes import COUNTED as COUNTED
from regimeswitch.settings.timeframes import candles_spanning as candles_spanning
from regimeswitch.settings.timeframes import timeframe_seconds as timeframe_seconds


Floats = NDArray[np.float64]

OHLCV = ["date", "open", "high", "low", "close", "volume"]
TIMEFRAME_SECONDS = {
    **{"5m": 300, "15m": 900, "30m": 1800},
    **{"1h": 3600, "4h": 14400, "1d": 86400},
}
UTC_DATES = pd.DatetimeTZDtype("ms", "UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
UNUSABLE_KINDS = ("zero", "negative", "inverted", "volume", "spike")
BAD_KINDS = ("gap", "flat", *UNUSABLE_KINDS)
SMALLEST_PRICE, LARGEST_PRICE = 1e-15, 1e15
"""No pair has a price outside of them; beyond, arithmetic itself fails."""
LARGEST_VOLUME = 1e30
VOLUME_CANDLES, MIN_VOLUME_CANDLES = 288, 12
"""Candles before one with whose volumes its own is compared, and how many need trades."""


def utc_dates(dates: pd.Series) -> pd.Series:
    """Dates as datetime64[ms, UTC], whatever mixture of UTC objects they came in.

    Stored and live candles carry different UTC objects; their concatenation has dtype object,
    on which ``.dt`` fails.

    :param dates: times with a zone, or without one and meant as UTC
    :return: on the same index; NaT stays NaT
    """
    if isinstance(dates.dtype, pd.DatetimeTZDtype):
        known = dates if dates.dtype.tz is UTC else dates.dt.tz_convert(UTC)
        return known if known.dtype == UTC_DATES else known.dt.as_unit("ms")
    return pd.to_datetime(dates, utc=True).dt.as_unit("ms")


def utc_times(dates: pd.Series) -> NDArray[np.datetime64]:
    """:func:`utc_dates` as numbers, shape (n,): datetime64[ms], which cost a look far less.

    :param dates: as there
    """
    if not isinstance(dates.dtype, pd.DatetimeTZDtype):
        dates = utc_dates(dates)
    return dates.to_numpy("datetime64[ms]")


def time_numbers(dates: pd.Series, timeframe: str) -> NDArray[np.int64]:
    """Opening times counted in candles of a timeframe since 1970-01-01 UTC.

    :param dates: opening times as :func:`utc_dates` takes them, shape (n,), none missing
    :param timeframe: of the candles; a time inside of a candle gets that candle's number
    :return: shape (n,); neighbours without a gap differ by 1
    :raises ValueError: when the timeframe cannot be read
    """
    milliseconds = utc_times(dates).view(np.int64)
    return np.asarray(milliseconds // (1000 * timeframe_seconds(timeframe)))


def closed_row(frame: pd.DataFrame, now: datetime, timeframe: str) -> int:
    """Position of the last candle that had closed at ``now``.

    :param frame: candles of ``timeframe``, sorted by date
    :param now: aware; the candle that closes at this very moment counts
    :param timeframe: of ``frame``
    :return: -1 where none had closed
    :raises ValueError: when the timeframe cannot be read
    """
    if frame.empty:
        return -1
    return last_closed(utc_times(frame["date"]).view(np.int64), now, timeframe)


def last_closed(opened: NDArray[np.int64], now: datetime, timeframe: str) -> int:
    """:func:`closed_row` of opening times that are numbers already.

    :param opened: milliseconds since 1970, ascending, shape (n,)
    :param now: as there
    :param timeframe: of the candles
    :return: as there
    :raises ValueError: when the timeframe cannot be read
    """
    # Python's own whole numbers: pandas' times cost many times as much, and every look of a bot at
    # an open position asks this.
    newest = (now - EPOCH) // MILLISECOND - 1000 * timeframe_seconds(timeframe)
    return int(np.searchsorted(opened, newest, side="right")) - 1


def resample(candles: pd.DataFrame, timeframe: str, shorter: str | None = None) -> pd.DataFrame:
    """Complete candles of a longer timeframe, from shorter ones.

    :param candles: frame of one pair, sorted by date, of a timeframe that divides ``timeframe``
    :param timeframe: the longer timeframe, e.g. ``1h``; its candles open on the grid counted from
        1970-01-01 UTC
    :param shorter: timeframe of ``candles``; None = the smallest distance between two of them
    :return: new frame with the columns of :data:`OHLCV`. The last candle is left out unless the
        shorter candles reach its close, so that no row changes later; so is the first unless they
        start at its open. A candle with a gap inside is made of what is there, and one without
        any shorter candle has no row. NaN is passed over where another value is there.
    :raises ValueError: when a timeframe cannot be read

    Five candles of 5m from 10:55 on make one of 15m: that of 10:45 lacks its beginning, that of
    11:15 its end.

    >>> opened = pd.date_range("2024-01-01 10:55", periods=5, freq="5min", tz="UTC")
    >>> candles = pd.DataFrame({"date": opened, "open": [9, 1, 2, 3, 4], "volume": 1})
    >>> candles = candles.assign(high=candles.open + 1, low=candles.open, close=candles.open)
    >>> resample(candles, "15m", "5m")
                           date  open  high  low  close  volume
    0 2024-01-01 11:00:00+00:00   1.0   4.0  1.0    3.0     3.0
    """
    if candles.empty:
        return candles.loc[:, OHLCV].reset_index(drop=True)
    dates = utc_dates(candles["date"])
    if shorter is not None:
        width = pd.Timedelta(seconds=timeframe_seconds(shorter))
    else:
        width = dates.diff().min() if len(dates) > 1 else pd.Timedelta(0)
    counted = time_numbers(dates, timeframe)
    begins = np.flatnonzero(np.r_[True, counted[1:] != counted[:-1]])
    column = {name: candles[name].to_numpy(dtype=np.float64) for name in OHLCV[1:]}
    volume = np.where(np.isnan(column["volume"]), 0.0, column["volume"])
    milliseconds = counted[begins] * timeframe_seconds(timeframe) * 1000
    longer = pd.DataFrame(
        {
            "date": pd.Series(milliseconds.astype("datetime64[ms]")).dt.tz_localize(UTC),
            "open": _first_known(column["open"], begins),
            "high": np.fmax.reduceat(column["high"], begins),
            "low": np.fmin.reduceat(column["low"], begins),
            "close": _last_known(column["close"], begins),
            "volume": np.add.reduceat(volume, begins),
        }
    )
    step = pd.Timedelta(seconds=timeframe_seconds(timeframe))
    complete = (longer["date"] >= dates.iloc[0]) & (longer["date"] + step <= dates.iloc[-1] + width)
    result: pd.DataFrame = longer[complete]
    return result.reset_index(drop=True)


def _first_known(values: Floats, begins: NDArray[np.int64]) -> Floats:
    """The first value of each group that is no NaN; groups begin at the given rows."""
    first: Floats = values[begins]
    if not np.isnan(first).any():
        return first
    return _last_known(values[::-1], len(values) - np.r_[begins[1:], len(values)][::-1])[::-1]


def _last_known(values: Floats, begins: NDArray[np.int64]) -> Floats:
    """The last value of each group that is no NaN; NaN where there is none."""
    plain: Floats = values[np.r_[begins[1:], len(values)] - 1]
    if not np.isnan(plain).any():
        return plain
    rows = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    last = rows[np.r_[begins[1:], len(values)] - 1]
    return np.where(last >= begins, values[last], np.nan)


def merge_causally(
    dates: pd.Series,
    timeframe: str,
    longer: pd.DataFrame,
    longer_timeframe: str,
    stale_seconds: int,
) -> pd.DataFrame:
    """Columns of longer candles for base candles, each from the last longer candle that closed.

    A base candle opened at 10:55 (5m) closes at 11:00 and sees the 1h candle opened at 10:00.

    :param dates: opening times of the base candles, sorted, none missing
    :param timeframe: of the base candles
    :param longer: columns ``date`` (opening time) and others, sorted by date
    :param longer_timeframe: of ``longer``
    :param stale_seconds: a longer candle that closed more than this before the base candle's
        close counts as missing
    :return: frame of the other columns, as long as ``dates`` and numbered from 0; missing before
        the first one. A NaN of the last longer candle is kept: the one before does not stand in.
    :raises ValueError: when a timeframe cannot be read, or ``dates`` or ``longer`` are not sorted

    >>> dates = pd.Series(pd.date_range("2024-01-01 10:50", periods=3, freq="5min", tz="UTC"))
    >>> opened = pd.to_datetime(["2024-01-01 09:00", "2024-01-01 10:00"], utc=True)
    >>> hours = pd.DataFrame({"date": opened, "hour": ["9 to 10", "10 to 11"]})
    >>> merge_causally(dates, "5m", hours, "1h", stale_seconds=7200)["hour"].to_list()
    ['9 to 10', '10 to 11', '10 to 11']
    """
    rows = seen_rows(dates, timeframe, longer["date"], longer_timeframe, stale_seconds)
    columns = {name: longer[name].array for name in longer.columns.drop("date")}
    merged = {
        name: pd.api.extensions.take(values, rows, allow_fill=True)
        for name, values in columns.items()
    }
    return pd.DataFrame(merged, index=pd.RangeIndex(len(rows)), copy=False)


def seen_rows(
    dates: pd.Series,
    timeframe: str,
    longer_dates: pd.Series,
    longer_timeframe: str,
    stale_seconds: int,
) -> NDArray[np.int64]:
    """For each base candle the row of the last longer candle that had closed; -1 = none.

    Parameters and errors as of :func:`merge_causally`.

    :param longer_dates: opening times of the longer candles, sorted, none missing
    :return: shape (n,)
    """
    known = _milliseconds(dates, timeframe)
    longer_known = _milliseconds(longer_dates, longer_timeframe)
    for name, times in (("dates", known), ("longer", longer_known)):
        if (times[1:] < times[:-1]).any():
            raise ValueError(f"{name} must be sorted by date")
    if not len(longer_known):
        return np.full(len(known), -1)
    # Each longer candle is seen from its close on, until the next one closes or it is stale.
    begins = np.searchsorted(known, longer_known, side="left")
    replaced = np.r_[begins[1:], len(known)]
    ends = np.minimum(
        np.searchsorted(known, longer_known + 1000 * stale_seconds, side="right"), replaced
    )
    rows = np.full(2 * len(begins) + 1, -1)
    rows[1::2] = np.arange(len(begins))
    bounds = np.column_stack([begins, ends]).ravel()
    return np.repeat(rows, np.diff(bounds, prepend=0, append=len(known)))


def _milliseconds(dates: pd.Series, timeframe: str) -> NDArray[np.int64]:
    """Closing times of candles, since 1970."""
    opened = utc_times(dates).view(np.int64)
    return np.asarray(opened + 1000 * timeframe_seconds(timeframe), dtype=np.int64)


def find_bad_candles(
    candles: pd.DataFrame, timeframe: str, spike_fraction: float, spike_volume: float = 0.0
) -> pd.DataFrame:
    """Which candles cannot be true or carry no trade, by kind.

    gap: candles are missing right before this one. flat: no volume and one price, which is also how
    freqtrade fills gaps. zero, negative: a price at or below zero (NaN counts as zero). inverted:
    high or low do not enclose open and close. volume: negative, missing or above
    :data:`LARGEST_VOLUME`. spike: open, high, low or close further than ``spike_fraction`` from
    both the last good close and the previous close, so that after a true jump only the jump itself
    is held back, or beyond any price that a pair can have; not where the volume bears the move out,
    since a price that is true and far away takes many trades, and one that was garbled comes with
    the volume of any other candle.

    :param candles: frame of one pair, sorted by date, with the columns of :data:`OHLCV`
    :param timeframe: of ``candles``
    :param spike_fraction: e.g. 0.5 = half again as high, or half as low
    :param spike_volume: a move is true from this many times the median volume on, of the usable
        candles with trades among the :data:`VOLUME_CANDLES` before it; 0 = volume proves nothing,
        nor does it where there are fewer than :data:`MIN_VOLUME_CANDLES` of them
    :return: frame of booleans on the same index with the columns :data:`BAD_KINDS`; row t uses
        candles up to t
    :raises ValueError: when the timeframe cannot be read

    A price for one candle that is ten times too high, then a candle that is not there:

    >>> candles = pd.DataFrame({"close": [10.0, 100.0, 10.0, 11.0], "volume": 1.0})
    >>> candles = candles.assign(open=candles.close, high=candles.close, low=candles.close)
    >>> times = ["00:00", "00:05", "00:10", "00:20"]
    >>> candles["date"] = pd.to_datetime([f"2024-01-01 {time}" for time in times], utc=True)
    >>> bad = find_bad_candles(candles, "5m", spike_fraction=0.5)
    >>> bad["spike"].to_list(), bad["gap"].to_list()
    ([False, True, False, False], [False, False, False, True])
    >>> clean_candles(candles, bad)["close"].to_list()
    [10.0, 10.0, 10.0, 11.0]
    """
    prices = [candles[name].to_numpy(dtype=np.float64) for name in ("open", "high", "low", "close")]
    opens, highs, lows, closes = prices
    broken = ~np.logical_and.reduce([np.isfinite(price) for price in prices])
    highest, lowest = np.fmax.reduce(prices), np.fmin.reduce(prices)
    step = pd.Timedelta(seconds=timeframe_seconds(timeframe))
    zero = broken | np.logical_or.reduce([price == 0 for price in prices])
    negative = ~broken & (lowest < 0)
    inverted = ~zero & ((highs < np.maximum(opens, closes)) | (lows > np.minimum(opens, closes)))
    volumes = candles["volume"].to_numpy(dtype=np.float64)
    flat = (highs == lows) & (opens == closes) & (volumes <= 0)
    volume = ~((volumes >= 0) & (volumes <= LARGEST_VOLUME))
    unusable = zero | negative | inverted | volume
    beyond = ~unusable & ((highest > LARGEST_PRICE) | (lowest < SMALLEST_PRICE))
    traded = np.where(unusable | beyond, 0.0, volumes)
    found = _spikes(
        closes, highest, lowest, traded, unusable | beyond, spike_fraction, spike_volume
    )
    times = utc_times(candles["date"])
    return pd.DataFrame(
        {
            "gap": np.diff(times, prepend=times[:1]) > step.to_timedelta64(),
            "flat": flat & ~unusable,
            "zero": zero,
            "negative": negative,
            "inverted": inverted,
            "volume": volume,
            "spike": found | beyond,
        },
        index=candles.index,
    )


def _spikes(
    closes: Floats,
    highest: Floats,
    lowest: Floats,
    traded: Floats,
    unusable: NDArray[np.bool_],
    fraction: float,
    volume: float,
) -> NDArray[np.bool_]:
    upper, lower = 1 + fraction, 1 / (1 + fraction)
    spikes = np.zeros(len(closes), dtype=bool)
    usable = np.flatnonzero(~unusable)
    before = closes[usable[:-1]]
    later = usable[1:]
    if not ((highest[later] > before * upper) | (lowest[later] < before * lower)).any():
        return spikes
    good = previous = np.nan
    for row in range(len(closes)):
        if unusable[row]:
            continue
        high, low = highest[row], lowest[row]
        off_good = high > good * upper or low < good * lower
        off_previous = high > previous * upper or low < previous * lower
        previous = closes[row]
        spikes[row] = off_good and off_previous and not _borne_out(traded, row, volume)
        if not spikes[row]:
            good = previous
    return spikes


def _borne_out(traded: Floats, row: int, multiple: float) -> bool:
    """Whether a candle's volume is so many times the usual one that its far price is true.

    :param traded: volumes, 0 where a candle is unusable
    """
    if not multiple:
        return False
    before = traded[max(row - VOLUME_CANDLES, 0) : row]
    with_trades = before[before > 0]
    if len(with_trades) < MIN_VOLUME_CANDLES:
        return False
    return bool(traded[row] >= multiple * np.median(with_trades))


def clean_candles(candles: pd.DataFrame, bad: pd.DataFrame) -> pd.DataFrame:
    """Candles for computing features: each unusable one becomes flat at the last good close.

    Gaps and flat candles stay as they are. Rows before the first good candle become NaN. Only
    earlier candles are used, and the rows stay marked in ``bad``: they are neither trained on nor
    traded on.

    :param candles: frame of one pair, sorted by date
    :param bad: of :func:`find_bad_candles` for the same rows
    :return: a new frame with the volume of unusable candles at 0, or ``candles`` itself when there
        are none
    """
    unusable = _unusable(bad)
    if not unusable.any():
        return candles
    clean = candles.copy()
    last_good = clean["close"].where(~unusable).ffill()
    for column in ("open", "high", "low", "close"):
        clean[column] = clean[column].where(~unusable, last_good)
    clean["volume"] = clean["volume"].where(~unusable, 0.0)
    return clean


def first_unusable(bad: pd.DataFrame) -> int:
    """Row of the first candle that :func:`clean_candles` would change; their number for none.

    :param bad: of :func:`find_bad_candles`
    """
    unusable = _unusable(bad)
    return int(unusable.argmax()) if unusable.any() else len(bad)


def _unusable(bad: pd.DataFrame) -> NDArray[np.bool_]:
    return np.asarray(np.logical_or.reduce([bad[kind].to_numpy() for kind in UNUSABLE_KINDS]))
