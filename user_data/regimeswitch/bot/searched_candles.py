"""Bad candles, searched once in each frame although many ask.

FreqAI copies a pair's candles for every block of features, so that a dozen places of one analysis
look at the same numbers in as many frames, and a training cuts the same candles once per window. A
search is remembered by the candles themselves: the same numbers have the same bad rows, and those
of a frame's beginning are the first ones of the whole (no row depends on a later one).
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.market.candles import OHLCV, clean_candles, first_unusable, utc_times
from regimeswitch.market.cleaning import bad_candles
from regimeswitch.settings import SafetySettings


MAX_FRAMES, MAX_ROWS = 8, 200_000
"""What is remembered beside the last search, 55 bytes a row: a pair's timeframes."""

Columns = tuple[NDArray[np.int64], ...]
"""The numbers as they are stored, so that NaN is the same as NaN."""
Limits = tuple[str, float, float]


@dataclass(frozen=True, eq=False)
class SearchedCandles:
    """Candles that have been searched.

    :ivar limits: timeframe, and the limits of the search
    :ivar columns: a copy of the columns of :data:`regimeswitch.market.candles.OHLCV`
    :ivar bad: what was found, one row for each candle
    """

    limits: Limits
    columns: Columns
    bad: pd.DataFrame

    @cached_property
    def usable(self) -> int:
        """How many rows come before the first unusable one."""
        return first_unusable(self.bad)

    def begins_with(self, limits: Limits, columns: Columns) -> bool:
        """Whether these candles, bit by bit, are the first ones that were searched."""
        rows = len(columns[0])
        if limits != self.limits or not 0 < rows <= len(self.bad):
            return False
        # The last row first: it differs where frames do, nearly always.
        pairs = list(zip(columns, self.columns, strict=True))
        return all(one[-1] == own[rows - 1] for one, own in reversed(pairs)) and all(
            np.array_equal(one, own[:rows]) for one, own in pairs
        )


class _Searches(threading.local):
    """The last searches of a thread: FreqAI trains in one, the bot analyses in another."""

    def __init__(self) -> None:
        self.latest: deque[SearchedCandles] = deque()


_SEARCHES = _Searches()


def bad_candles_once(candles: pd.DataFrame, timeframe: str, safety: SafetySettings) -> pd.DataFrame:
    """As :func:`regimeswitch.market.cleaning.bad_candles`; candles that are known are not searched.

    Parameters and result as there.
    """
    # A new frame each: what one caller writes into it reaches no other.
    known = _searched(candles, timeframe, safety)
    return known.bad.iloc[: len(candles)].set_axis(candles.index)


def cleaned_once(candles: pd.DataFrame, timeframe: str, safety: SafetySettings) -> pd.DataFrame:
    """As :func:`regimeswitch.market.cleaning.cleaned`; candles that are known are not searched.

    Parameters and result as there.
    """
    known = _searched(candles, timeframe, safety)
    if known.usable >= len(candles):
        return candles
    return clean_candles(candles, known.bad.iloc[: len(candles)].set_axis(candles.index))


def _searched(candles: pd.DataFrame, timeframe: str, safety: SafetySettings) -> SearchedCandles:
    """The search of these candles, or of longer ones that begin with them."""
    columns = _columns(candles)
    limits = (timeframe, safety.spike_fraction, safety.spike_volume)
    latest = _SEARCHES.latest
    for place, known in enumerate(latest):
        if known.begins_with(limits, columns):
            if place:
                latest.remove(known)
                latest.appendleft(known)
            return known
    found = bad_candles(candles, timeframe, safety)
    known = SearchedCandles(limits, tuple(column.copy() for column in columns), found)
    if len(found):
        latest.appendleft(known)
        while len(latest) > 1 and not _fits(latest):
            latest.pop()
    return known


def _fits(searches: deque[SearchedCandles]) -> bool:
    return len(searches) <= MAX_FRAMES and sum(len(one.bad) for one in searches) <= MAX_ROWS


def _columns(candles: pd.DataFrame) -> Columns:
    numbers = [candles[name].to_numpy(dtype=np.float64) for name in OHLCV[1:]]
    dates = utc_times(candles["date"])
    return tuple(np.ascontiguousarray(column).view(np.int64) for column in (dates, *numbers))
