"""What a rule would have earned on the same candles: the light version, which a live bot can carry.

One pair at a time, one slot of capital each, in whole columns: a position is opened at the open of
the candle after the signal, with the share of the slot that was known then, its coins are kept, and
it is closed at the open after its regime has ended or at its disaster stop. Costs are charged on
what is bought and on what is sold. ``regimeswitch prove --money`` has the accurate account, with
the caps, limits, minimum sizes and common capital that are left out here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Prices:
    """Cleaned candles of one pair, oldest first; arrays of shape (n,), price units."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


@dataclass(frozen=True)
class RuleSignals:
    """What a rule says at the close of each candle; arrays of shape (n,).

    :ivar enter: to be in; out wins where both are said
    :ivar leave: to be out; where neither is said a position, or none, goes on
    :ivar weight: share of the slot that an entry gets, 0 to 1; NaN and 0 = no entry
    :ivar stop: distance of the disaster stop from the entry, price units; NaN = none
    """

    enter: Flags
    leave: Flags
    weight: Floats
    stop: Floats

    @classmethod
    def holding(cls, count: int) -> RuleSignals:
        """Buy with the whole slot and keep it."""
        never = np.zeros(count, dtype=np.bool_)
        return cls(~never, never, np.ones(count), np.full(count, np.nan))


def slot_returns(prices: Prices, signals: RuleSignals, cost: float) -> Floats:
    """Net return of a slot in each candle, fraction of its worth at the candle before.

    :param cost: fee and slippage of one side, fraction of what is traded
    :return: shape (n,). Row t is decided by signals up to candle t - 1 and marked at the close of
        candle t, so no row changes when candles are added; row 0 is 0. An open position is marked
        without the cost of selling it. NaN from the first row on whose prices are not known.

    Bought at 100 for half of the slot, sold at 120, no costs:

    >>> price = np.array([100.0, 100.0, 110.0, 120.0])
    >>> bull = np.array([True, True, False, False])
    >>> signals = RuleSignals(bull, ~bull, np.full(4, 0.5), np.full(4, np.nan))
    >>> slot_returns(Prices(price, price, price, price), signals, cost=0.0).round(4).tolist()
    [0.0, 0.0, 0.05, 0.0476]
    """
    values = slot_values(prices, signals, cost)
    return values / np.r_[1.0, values[:-1]] - 1 if len(values) else values


def slot_values(prices: Prices, signals: RuleSignals, cost: float) -> Floats:
    """Worth of a slot at the close of each candle, 1 before the first.

    :param cost: and ``return`` as in :func:`slot_returns`; shape (n,)
    """
    inside, first = _positions(signals)
    if not len(first):
        return np.ones(len(inside))
    # Of the position that each row is in, or comes after.
    own = np.maximum(np.cumsum(_starts(inside)) - 1, 0)
    end = _ends(inside, first)
    price = prices.open[first]
    weight, distance = signals.weight[first - 1], signals.stop[first - 1]
    stopped, sold_at = _stops(prices, first, end, price - distance)
    # Sold at the stop, or at the open after the end; what is still open at the end is not sold.
    closed = np.minimum(stopped, end)
    at = np.minimum(closed, len(inside) - 1)
    sale = np.where(stopped < end, sold_at, prices.open[at])
    final = 1 + weight * (sale / price * (1 - cost) - 1 - cost)
    worth = np.ones(len(inside))
    done = closed < len(inside)
    worth[at[done]] *= final[done]
    before = np.cumprod(worth)
    # The row of a sale within a candle is no open position any more.
    rows = np.arange(len(inside))
    held = inside & (rows < closed[own])
    mark = 1 + weight[own] * (prices.close / price[own] - 1 - cost)
    return np.asarray(before * np.where(held, mark, 1.0))


def index_of(returns: Floats) -> Floats:
    """Worth of one unit that earned these returns.

    :param returns: of slots, shape (n,) or (n, pairs); NaN = no slot then, which earns nothing
    :return: shape (n,); of several pairs the slots are equal parts of the capital at every candle,
        as a bot's are at every entry
    """
    known = np.nan_to_num(np.atleast_2d(returns.T).T)
    if not known.size:
        return np.ones(len(known))
    return np.asarray(np.cumprod(1 + known.mean(axis=1)))


def _positions(signals: RuleSignals) -> tuple[Flags, Rows]:
    """In which candles a position is there from the open on, and the first row of each."""
    count = len(signals.enter)
    may = signals.enter & (signals.weight > 0) & ~signals.leave
    says = np.where(signals.leave, 0, np.where(may, 1, -1))
    last = np.maximum.accumulate(np.where(says >= 0, np.arange(count), -1))
    state = np.where(last >= 0, says[np.maximum(last, 0)], 0) == 1
    inside = np.zeros(count, dtype=np.bool_)
    inside[1:] = state[:-1]
    return inside, np.flatnonzero(_starts(inside))


def _starts(inside: Flags) -> Flags:
    return np.asarray(inside & ~np.r_[False, inside[:-1]], dtype=np.bool_)


def _ends(inside: Flags, first: Rows) -> Rows:
    """Row after each position; the number of rows where it is still open."""
    out = np.r_[np.flatnonzero(~inside), len(inside)]
    return np.asarray(out[np.searchsorted(out, first)])


def _stops(prices: Prices, first: Rows, end: Rows, stop: Floats) -> tuple[Rows, Floats]:
    """Row in which each position is stopped, beyond its end where it is not, and the price."""
    rows, sold = end + 1, np.full(len(first), np.nan)
    for number, (begin, until, price) in enumerate(zip(first, end, stop, strict=True)):
        below = prices.low[begin:until] <= price
        if below.any():
            row = rows[number] = begin + int(np.argmax(below))
            # The whole candle below the stop: freqtrade then sells at its open.
            gap = price > prices.high[row]
            sold[number] = prices.open[row] if gap else price
    return rows, sold
