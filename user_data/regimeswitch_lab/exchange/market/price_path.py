"""The price of one pair over time, as events: a price and the volume that is traded at it.

These are the trades that the public answers show: one at the beginning of every step of the walk
through a candle. A step without volume has its price all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regimeswitch_lab.exchange.market.candle_store import Floats, Ints
from regimeswitch_lab.exchange.market.candle_walk import STEPS, prices_of, volumes_of
from regimeswitch_lab.exchange.market.symbols import PRECISION, Symbol
from regimeswitch_lab.exchange.market.timeline import Timeline


@dataclass(frozen=True)
class Event:
    """One step of the walk.

    :ivar time: when it begins, in epoch milliseconds
    :ivar candle: opening time of its candle
    :ivar price: in ticks
    :ivar volume: in units of 1e-8
    """

    time: int
    candle: int
    price: int
    volume: int


class PricePath:
    """The price path of one pair.

    :param line: its candles
    :param symbol: its precisions
    """

    def __init__(self, line: Timeline, symbol: Symbol) -> None:
        self.line = line
        self._decimals = symbol.price_decimals
        self.highs, self.lows = self._ticks(line.values[:, 1]), self._ticks(line.values[:, 2])
        self._kept: tuple[int, list[Event]] = (-1, [])

    def _ticks(self, prices: Floats) -> Ints:
        ticks: Ints = np.maximum(np.round(prices * 10**self._decimals), 1).astype(np.int64)
        return ticks

    def next(self, after: int, until: int, below: int, above: int) -> int | None:
        """The candle with the first event between two moments that may have a price in reach.

        :param after: epoch milliseconds; an event at this very moment is over
        :param until: an event at this very moment counts
        :param below: prices up to this one are in reach, in ticks
        :param above: and those from this one on
        :return: its place in the line, or None
        """
        first, last = max(self.line.row(after), 0), self.line.row(until)
        if after >= self.end(first):
            first += 1
        lows, highs = self.lows[first : last + 1], self.highs[first : last + 1]
        found = np.flatnonzero((lows <= below) | (highs >= above))
        return first + int(found[0]) if len(found) else None

    def end(self, row: int) -> int:
        """The last event's time of a candle."""
        return self.line.begins(row, STEPS - 1)

    def events(self, row: int, after: int, until: int) -> list[Event]:
        """The events of a candle between two moments; see :meth:`next`."""
        if self._kept[0] != row:
            self._kept = (row, self._made(row))
        return [event for event in self._kept[1] if after < event.time <= until]

    def _made(self, row: int) -> list[Event]:
        candle = self.line.values[row : row + 1]
        prices = self._ticks(prices_of(candle, self._decimals)[0])
        volumes = volumes_of(candle)
        unit = 10 ** (PRECISION - int(volumes.decimals[0]))
        amounts = np.diff(volumes.units[0], prepend=0)
        opened = int(self.line.opens[row])
        return [
            Event(self.line.begins(row, step), opened, price, amount * unit)
            for step, (price, amount) in enumerate(
                zip(prices.tolist(), amounts.tolist(), strict=True)
            )
        ]
