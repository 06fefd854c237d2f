"""Candles from a folder of freqtrade's candle files, in any of Binance's timeframes.

A timeframe with a file of its own comes from that file; any longer one is aggregated from the
longest stored timeframe that divides it, and so are those that open by the clock of another zone.
Nothing here knows the time: what is visible when is the business of
:mod:`regimeswitch_lab.exchange.market.visible_market`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.market.candles import OHLCV, resample, timeframe_seconds, utc_dates
from regimeswitch_lab.exchange.market.candle_files import (
    FORMATS,
    CandleFileError,
    format_of,
    read_candle_file,
)


Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MINUTES_AND_HOURS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h")
INTERVALS = (*MINUTES_AND_HOURS, "1d", "3d", "1w", "1M")
DEFAULT_FORMAT = "feather"
DAY_MS = 86_400_000
VOLUME_DECIMALS = 8
# Day 0 of the epoch is a Thursday, and Binance's week begins on Monday.
WEEK_OFFSET_MS = 3 * DAY_MS
# "Mo" is how freqtrade writes a month, because of file systems that ignore case.
FILE_NAME = re.compile(r"([^_\W]+)_([^_\W]+)-(\d+(?:Mo|[smhdw]))")


class CandleError(ValueError):
    """A folder or file of candles that cannot be used; the text names it and the fix."""


@dataclass(frozen=True)
class CandleRows:
    """Candles as arrays.

    :ivar opens: opening times in epoch milliseconds, ascending, shape (n,)
    :ivar ohlcv: open, high, low, close, volume, shape (n, 5)
    """

    opens: Ints
    ohlcv: Floats

    def frame(self) -> pd.DataFrame:
        """The same candles as a frame with the columns of ``regimeswitch.candles.OHLCV``."""
        frame = pd.DataFrame(self.ohlcv, columns=OHLCV[1:])
        frame.insert(0, "date", pd.to_datetime(self.opens, unit="ms", utc=True))
        return frame


def seconds(interval: str) -> int:
    """Length of an interval in seconds; of the shortest month for ``1M``, to sort by."""
    if interval == "1s":
        return 1
    return 28 * 86_400 if interval == "1M" else timeframe_seconds(interval)


def opening(times: Ints, interval: str, zone_ms: int = 0) -> Ints:
    """Opening times of the candles that contain the given moments, in epoch milliseconds.

    :param zone_ms: how far the clock that the candles open by is ahead of UTC
    """
    if interval == "1M":
        months = (times + zone_ms).astype("datetime64[ms]").astype("datetime64[M]")
        return months.astype("datetime64[ms]").astype(np.int64) - zone_ms
    step = seconds(interval) * 1000
    offset = zone_ms + (WEEK_OFFSET_MS if interval == "1w" else 0)
    return (times + offset) // step * step - offset


def closing(opens: Ints, interval: str, zone_ms: int = 0) -> Ints:
    """First millisecond after the candles that open at the given times."""
    if interval == "1M":
        return opening(opens + 31 * DAY_MS, interval, zone_ms)
    return opens + seconds(interval) * 1000


def divides(step: str, zone_ms: int) -> bool:
    """Whether candles of an interval open at the same moments in a zone as in UTC."""
    return zone_ms == 0 or (step != "1M" and zone_ms % (seconds(step) * 1000) == 0)


def rows_of(frame: pd.DataFrame, shift_ms: int = 0) -> CandleRows:
    """Arrays of a candle frame, its dates moved by ``shift_ms``."""
    opens = utc_dates(frame["date"]).to_numpy("datetime64[ms]").astype(np.int64)
    return CandleRows(opens + shift_ms, frame[OHLCV[1:]].to_numpy(dtype=np.float64))


def summed(volumes: Floats) -> Floats:
    """Volumes that were added up, without the digits that only the adding of floats makes."""
    found: Floats = np.round(volumes, VOLUME_DECIMALS)
    return found


def aggregate(rows: CandleRows, interval: str, zone_ms: int = 0) -> CandleRows:
    """Candles of a longer interval.

    Up to a day they are complete; see :func:`regimeswitch.market.candles.resample`. Longer ones
    are there from the first candle on: Binance's first month of a pair holds what was traded of it.

    :param rows: candles of an interval that divides ``interval``, also in the zone
    """
    if seconds(interval) > DAY_MS // 1000:
        return _days(rows, interval, zone_ms)
    frame = resample(CandleRows(rows.opens + zone_ms, rows.ohlcv).frame(), interval)
    longer = rows_of(frame.assign(volume=summed(frame["volume"].to_numpy())))
    return CandleRows(longer.opens - zone_ms, longer.ohlcv)


def _days(rows: CandleRows, interval: str, zone_ms: int) -> CandleRows:
    opens, first = np.unique(opening(rows.opens, interval, zone_ms), return_index=True)
    last = np.append(first[1:], len(rows.opens)) - 1
    opened, high, low, close, volume = rows.ohlcv.T
    values = [
        opened[first],
        np.maximum.reduceat(high, first),
        np.minimum.reduceat(low, first),
        close[last],
        summed(np.add.reduceat(volume, first)),
    ]
    return CandleRows(opens, np.column_stack(values))


class CandleStore:
    """The candle files of one folder, read at once. Files without a candle are passed over.

    :param folder: folder with files like ``BTC_USDT-5m.feather``
    :param shift_ms: added to every date; whole days, or the candle grid would be lost
    :param data_format: freqtrade's name of the format that is taken where a pair and timeframe
        have files in several; the others serve where there is none
    :raises CandleError: when the folder is missing or has no candles, or a file is damaged
    """

    def __init__(self, folder: Path, shift_ms: int = 0, data_format: str = DEFAULT_FORMAT) -> None:
        if shift_ms % DAY_MS:
            raise ValueError(f"shift_ms is {shift_ms}; only whole days ({DAY_MS}) keep the grid")
        if not folder.is_dir():
            problem = "is not a folder" if folder.exists() else "does not exist"
            raise CandleError(f"candle folder {folder} {problem}; {_MEND}")
        self.folder = folder
        self.shift_ms = shift_ms
        self.assets: dict[str, tuple[str, str]] = {}
        self._stored: dict[str, dict[str, CandleRows]] = {}
        self._made: dict[tuple[str, str, int], CandleRows] = {}
        for kind in dict.fromkeys([data_format, *FORMATS]):
            for path in sorted(folder.iterdir()):
                if format_of(path.name) == kind:
                    self._load(path, FORMATS[kind])
        if not self._stored:
            known = ", ".join(FORMATS.values())
            raise CandleError(
                f"candle folder {folder} has no candles, PAIR-5m.feather (or {known}); {_MEND}"
            )

    def _load(self, path: Path, ending: str) -> None:
        match = FILE_NAME.fullmatch(path.name.removesuffix(ending))
        interval = match[3].replace("Mo", "M") if match else ""
        if match is None or interval not in INTERVALS:
            return
        # A shift by days moves candles of several days off their grid: those are aggregated.
        if self.shift_ms and 86_400 % seconds(interval):
            return
        base, quote = match[1].upper(), match[2].upper()
        if interval in self._stored.get(base + quote, {}):
            return
        rows = read_rows(path, self.shift_ms)
        if len(rows.opens):
            self.assets[base + quote] = (base, quote)
            self._stored.setdefault(base + quote, {})[interval] = rows

    def stored(self, symbol: str) -> list[str]:
        """Intervals that have candles of their own, the shortest first."""
        return sorted(self._stored[symbol], key=seconds)

    def rows(self, symbol: str, interval: str, zone_ms: int = 0) -> CandleRows:
        """Every candle of the folder, whatever the time is.

        :param zone_ms: as of :func:`opening`
        :raises CandleError: when the interval cannot be made of the stored ones
        """
        own = self._stored[symbol].get(interval)
        if divides(interval, zone_ms):
            if own is not None:
                return own
            zone_ms = 0
        key = (symbol, interval, zone_ms)
        if key not in self._made:
            source = self._source(symbol, interval, zone_ms)
            self._made[key] = aggregate(self.rows(symbol, source), interval, zone_ms)
        return self._made[key]

    def _source(self, symbol: str, interval: str, zone_ms: int) -> str:
        """The longest stored interval that divides a longer one, in its zone too."""
        whole = 86_400 if interval in ("1w", "1M") else seconds(interval)
        for stored in reversed(self.stored(symbol)):
            fits = whole % seconds(stored) == 0 and divides(stored, zone_ms)
            if seconds(stored) < seconds(interval) and fits:
                return stored
        stored = ", ".join(self.stored(symbol))
        zone = f" in a zone {zone_ms // 60_000} minutes ahead of UTC" if zone_ms else ""
        raise CandleError(
            f"{interval} candles of {symbol} cannot be made of {stored} candles{zone}."
        )


def read_rows(path: Path, shift_ms: int) -> CandleRows:
    """Read one candle file.

    :raises CandleError: when it is damaged
    """
    try:
        rows = rows_of(read_candle_file(path), shift_ms)
    except (OSError, CandleFileError) as error:
        raise CandleError(f"candle file {path} cannot be read: {error}; {_REPLACE}") from error
    if (np.diff(rows.opens) <= 0).any():
        raise CandleError(f"candle file {path} is not sorted by date; {_REPLACE}")
    if not np.isfinite(rows.ohlcv).all():
        raise CandleError(f"candle file {path} has missing numbers; {_REPLACE}")
    return rows


_MEND = (
    "name a folder with freqtrade's candle files by --datadir, or write one with "
    "`freqtrade download-data --timeframes 5m`"
)
_REPLACE = "remove it, or download it again"
