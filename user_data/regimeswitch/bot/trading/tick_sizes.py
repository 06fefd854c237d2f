"""The tick sizes that a backtest rounds its prices to, counted for all candles at a time.

freqtrade writes every price of every candle as text and reads the digits off it: a second for each
pair and half a year of 5-minute candles. Its answer depends on one candle a month alone, that with
the most digits. So digits are counted by arithmetic, freqtrade is asked about those candles, and
about all of them where it finds other digits or where arithmetic cannot tell.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.bot.patches import install, is_installed


BACKTESTING = "freqtrade.optimize.backtesting"
PRICES = ("open", "high", "low", "close")
COUNTS = [f"{name}_count" for name in PRICES]
MOST = "max_count"
DIGITS = 14
"""Significant digits of a price that freqtrade looks at."""
POWERS = np.array([float(10**power) for power in range(23)])
"""Those that are exact in double precision."""
MARGIN = 0.02
"""Distance from halfway between two numbers of so many digits, in which rounding may go wrong."""
UNKNOWN = -1
TickSizes = Callable[[pd.DataFrame], pd.Series]


def count_quickly() -> None:
    """Let the backtests of this process count digits by arithmetic; without one nothing happens."""
    module = sys.modules.get(BACKTESTING)
    if module is not None and not is_installed(module, "get_tick_size_over_time"):
        install("backtest", module, get_tick_size_over_time=_counting)


def _counting(ask: TickSizes) -> TickSizes:
    def get_tick_size_over_time(candles: pd.DataFrame) -> pd.Series:
        found = tick_sizes(candles, ask)
        return ask(candles) if found is None else found

    return get_tick_size_over_time


def tick_sizes(candles: pd.DataFrame, ask: TickSizes) -> pd.Series | None:
    """What freqtrade finds for some candles.

    :param candles: sorted by date; get the columns that freqtrade leaves on them
    :param ask: freqtrade's own function
    :return: by month; None where freqtrade must look at all of them, and nothing is changed
    """
    counts = np.array([decimals(candles[name].to_numpy(dtype=np.float64)) for name in PRICES])
    if candles.empty or (counts == UNKNOWN).any():
        return None
    most = pd.Series(counts.max(axis=0), candles.index)
    month = candles["date"].dt.year * 12 + candles["date"].dt.month
    telling = candles.loc[most.groupby(month).idxmax()].copy()
    result = ask(telling)
    whole = bool((counts > 0).all())
    columns = {
        name: _lengths(own, (own > 0).all()) for name, own in zip(COUNTS, counts, strict=True)
    }
    columns[MOST] = _lengths(counts.max(axis=0), whole)
    known = pd.DataFrame(columns, candles.index)
    names = [*known.columns]
    if [*telling.columns] != [*candles.columns, *names] or not _same(known, telling[names]):
        return None
    for name in names:
        candles[name] = known[name]
    return result


def _same(known: pd.DataFrame, asked: pd.DataFrame) -> bool:
    """Whether freqtrade has counted the same digits of the candles that it was asked about."""
    return bool((known.loc[asked.index].fillna(0) == asked.fillna(0)).all(axis=None))


def _lengths(counts: NDArray[np.int64], whole: bool) -> NDArray[np.generic]:
    """Numbers of digits as pandas has lengths of text: missing where there are none."""
    return counts if whole else np.where(counts > 0, counts, np.nan)


def decimals(prices: NDArray[np.float64]) -> NDArray[np.int64]:
    """Digits behind the point of each price, of its :data:`DIGITS` significant ones.

    :param prices: shape (n,)
    :return: shape (n,); :data:`UNKNOWN` where they are halfway between two numbers of so many
        digits, or beyond what can be counted with

    >>> decimals(np.array([2117.46, 0.00001205, 30000.0, 1 / 3, np.nan])).tolist()
    [2, 8, 0, 14, -1]
    """
    fits = (prices >= 1e-8) & (prices < 10.0 ** (DIGITS - 1))
    known = np.where(fits, prices, 1.0)
    places = DIGITS - 1 - np.floor(np.log10(known)).astype(np.int64)
    scaled = known * POWERS[places]
    number = np.rint(scaled).astype(np.int64)
    clear = np.abs(np.abs(scaled - np.floor(scaled)) - 0.5) > MARGIN
    clear &= (number >= 10 ** (DIGITS - 1)) & (number < 10**DIGITS)
    for power in (8, 4, 2, 1):
        # The zeros at the end, of which there are at most 13.
        ends = number % 10**power == 0
        number = np.where(ends, number // 10**power, number)
        places = places - np.where(ends, power, 0)
    return np.where(fits & clear, np.maximum(places, 0), UNKNOWN)
