"""Time ranges of the command line, read as freqtrade reads ``--timerange``."""

import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.exceptions import ConfigurationError

from regimeswitch.market.candles import utc_dates
from regimeswitch_lab.inputs import InputError


OPEN = 2**62
"""Later than any candle, epoch seconds."""


def read_range(text: str) -> tuple[int | None, int | None]:
    """Start and end of a time range in epoch seconds, None where it is left open.

    :param text: e.g. ``20241201-20250101``, ``20241201T0630-`` or ``-20250101``; empty for all
    :raises InputError: when it is no time range
    """
    try:
        found = TimeRange.parse_timerange(text)
    except (ConfigurationError, OverflowError) as error:
        raise InputError(
            f"--timerange {text!r} is not a time range; write YYYYMMDD-YYYYMMDD ({error})"
        ) from None
    start = found.startts if found.starttype else None
    stop = found.stopts if found.stoptype else None
    if start is not None and stop is not None and start >= stop:
        raise InputError(
            f"--timerange {text!r} is not a time range: it ends where it begins or before; write "
            "YYYYMMDD-YYYYMMDD"
        )
    return start, stop


def time_inside(dates: pd.Series, timerange: str) -> pd.Series:
    """Mask of the dates in a time range, its end excluded.

    :raises InputError: when it is no time range, or holds none of the dates
    """
    start, stop = read_range(timerange)
    seconds = utc_dates(dates).astype("int64") // 1000
    inside = (seconds >= (start or -OPEN)) & (seconds < (OPEN if stop is None else stop))
    if not inside.any():
        raise InputError(
            f"--timerange {timerange!r} holds no candles; they reach from "
            f"{dates.iloc[0]:%Y%m%d} to {dates.iloc[-1]:%Y%m%d}"
        )
    return inside


def range_text(start: int, stop: int) -> str:
    """A definite range as freqtrade writes it.

    :param start: epoch seconds, as is ``stop``
    """
    return str(TimeRange("date", "date", start, stop).timerange_str)
