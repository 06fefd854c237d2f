"""Candles as they come from an exchange, one list of numbers each: which are not taken in.

What is wrong here cannot be seen later: a table of candles fills missing prices from the candle
before and melts duplicates into one.
"""

import math
from collections.abc import Sequence

from regimeswitch.market.candles import timeframe_seconds


Tick = Sequence[float | int | None]
"""Opening time in milliseconds, open, high, low, close, volume."""

MISSING, DUPLICATE, FUTURE, MISPLACED = "missing value", "duplicate", "future", "misplaced"
SLACK_MILLISECONDS = 30_000
"""How far the exchange's clock may be ahead of ours."""
MAX_ON_GRID = 86400
"""Seconds: longer candles begin on days of their own, such as Mondays."""


def sound_ticks(
    ticks: Sequence[Tick], timeframe: str, now: int
) -> tuple[list[Tick], list[tuple[object, str]]]:
    """The candles that may be taken in, in order of time, and what was left out and why.

    missing value: a price, the volume or the time is missing or no number. duplicate: another
    candle of the same time is in the list; one is kept where all say the same, and none where they
    differ, since nobody knows which one is right. future: it opens after
    ``now``. misplaced: it does not open on the grid of its timeframe.

    :param ticks: in any order; the forming candle may be among them and stays
    :param timeframe: of the candles
    :param now: the machine's time, milliseconds since 1970; :data:`SLACK_MILLISECONDS` are allowed
    :return: kept candles; opening time and kind of each one left out
    :raises ValueError: when the timeframe cannot be read

    >>> first, other, half = [0, 7, 9, 6, 8, 5], [0, 7, 9, 6, 7, 5], [150_000, 8, 8, 8, 8, 0]
    >>> sound_ticks([first, first, half], "5m", now=300_000)
    ([[0, 7, 9, 6, 8, 5]], [(150000, 'misplaced'), (0, 'duplicate')])
    >>> sound_ticks([first, other], "5m", now=300_000)
    ([], [(0, 'duplicate'), (0, 'duplicate')])
    """
    length = timeframe_seconds(timeframe)
    found: dict[int, list[Tick]] = {}
    refused: list[tuple[object, str]] = []
    for tick in ticks:
        kind = _kind(tick, length, now)
        if kind:
            refused.append((tick[0] if tick else None, kind))
            continue
        found.setdefault(int(tick[0] or 0), []).append(tick)
    kept = []
    for opened, same in sorted(found.items()):
        agree = all(list(tick[:6]) == list(same[0][:6]) for tick in same)
        kept += same[:1] if agree else []
        refused += [(opened, DUPLICATE)] * (len(same) - agree)
    return kept, refused


def _kind(tick: Tick, length: int, now: int) -> str:
    if len(tick) < 6 or not all(_is_number(value) for value in tick[:6]):
        return MISSING
    opened = float(tick[0] or 0)
    if opened > now + SLACK_MILLISECONDS:
        return FUTURE
    if opened % 1000 or (length <= MAX_ON_GRID and opened % (length * 1000)):
        return MISPLACED
    return ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
