"""Times as parameters give them: the clock of another zone, and microseconds."""

from __future__ import annotations

import re

from regimeswitch_lab.exchange.http.api_errors import bad_choice


ZONE = re.compile(r"([+-]?)(\d{1,2})(?::([0-5]\d))?")
MINUTE_MS = 60_000
EARLIEST_MS, LATEST_MS = -12 * 60 * MINUTE_MS, 14 * 60 * MINUTE_MS
# From here on a time counts microseconds: as milliseconds it would be in the year 5138.
MICROSECONDS = 10**14


def zone_ms(text: str | None) -> int:
    """How far a ``timeZone`` is ahead of UTC, in milliseconds.

    As in "Kline/Candlestick data" of Binance's REST interface: hours and minutes (``-1:00``,
    ``05:45``) or hours (``4``), from -12:00 to +14:00.

    :param text: None = UTC
    :raises ApiError: when it is none of those

    >>> zone_ms("-1:30")
    -5400000
    """
    if text is None:
        return 0
    match = ZONE.fullmatch(text)
    if match is None or not text.isascii():
        raise bad_choice("timeZone")
    sign = -1 if match[1] == "-" else 1
    found = sign * (int(match[2]) * 60 + int(match[3] or 0)) * MINUTE_MS
    if not EARLIEST_MS <= found <= LATEST_MS:
        raise bad_choice("timeZone")
    return found


def milliseconds(time: int) -> int:
    """A time that was sent in milliseconds or in microseconds, in milliseconds."""
    return time // 1000 if time >= MICROSECONDS else time
