"""Reads freqtrade's candle files, of each of its formats, without freqtrade.

freqtrade's setting ``dataformat_ohlcv`` says which format a bot keeps its candles in.
"""

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow

from regimeswitch.market.candles import OHLCV, utc_dates


FORMATS = {"feather": ".feather", "parquet": ".parquet", "jsongz": ".json.gz", "json": ".json"}
"""freqtrade's names, and how the files end; the usual one first."""


class CandleFileError(ValueError):
    """A candle file that cannot be read; the text says why, and does not name the file."""


def format_of(name: str) -> str | None:
    """The format that a file's name stands for; None when it is no candle file.

    >>> format_of("BTC_USDT-5m.json.gz")
    'jsongz'
    """
    found = (kind for kind, ending in FORMATS.items() if name.endswith(ending))
    return next(found, None)


def read_candle_file(path: Path) -> pd.DataFrame:
    """Candles exactly as stored: also twice, or out of order.

    :return: the columns of :data:`regimeswitch.market.candles.OHLCV`, dates in UTC; may be empty
    :raises CandleFileError: when the content is no table of candles
    :raises OSError: when the file is not there or not readable
    """
    kind = format_of(path.name)
    if kind is None:
        raise CandleFileError(f"its name ends in none of {', '.join(FORMATS.values())}")
    if not path.is_file():
        raise FileNotFoundError(2, "No such file", str(path))
    try:
        frame = _READERS[kind](path)[OHLCV]
        frame = frame.astype(dict.fromkeys(OHLCV[1:], "float64"))
        return frame.assign(date=utc_dates(frame["date"]))
    except (*_DAMAGE, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CandleFileError(str(error) or "it is empty") from None


def _from_json(path: Path) -> pd.DataFrame:
    """Rows without names: milliseconds, open, high, low, close, volume."""
    frame = pd.read_json(path, orient="values")
    if frame.empty:
        return pd.DataFrame([], columns=OHLCV).assign(date=pd.to_datetime([], utc=True))
    if frame.shape[1] != len(OHLCV):
        raise ValueError(f"its rows have {frame.shape[1]} values instead of {len(OHLCV)}")
    frame = frame.set_axis(OHLCV, axis="columns")
    return frame.assign(date=pd.to_datetime(frame["date"], unit="ms", utc=True).dt.as_unit("ms"))


_DAMAGE = (pyarrow.ArrowException, gzip.BadGzipFile, zlib.error, EOFError)
_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "feather": lambda path: pd.read_feather(path, columns=OHLCV),
    "parquet": lambda path: pd.read_parquet(path, columns=OHLCV),
    "jsongz": _from_json,
    "json": _from_json,
}
