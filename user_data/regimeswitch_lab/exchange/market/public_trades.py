"""The trades of a pair, made from its candles: one at the beginning of every step of the path.

There is no table of trades. A number tells the candle and the step, and with them the time, the
price and the amount; what a candle's trades add up to is worked out where it is asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from regimeswitch_lab.exchange.market import candle_walk
from regimeswitch_lab.exchange.market.candle_store import Floats, Ints
from regimeswitch_lab.exchange.market.symbols import Symbol, decimal


# Sums are worked out and kept by so many candles.
BLOCK = 1024
EIGHT = Decimal("0.00000001")
# The columns of what candles add up to.
QUOTE, BOUGHT, BOUGHT_QUOTE = range(3)


@dataclass(frozen=True)
class PublicTrade:
    """One trade.

    :ivar number: counts the trades of the pair, from 0
    :ivar at: epoch milliseconds
    :ivar buyer_takes: a buyer met an order that was there; else a seller did
    """

    number: int
    at: int
    price: str
    amount: Decimal
    buyer_takes: bool

    @property
    def quote(self) -> str:
        """Its value in the quote asset."""
        return f"{(Decimal(self.price) * self.amount).quantize(EIGHT):f}"


class Tape:
    """The trades of one pair; a candle without volume has none.

    :param symbol: its precisions
    :param line: its candles
    """

    def __init__(self, symbol: Symbol, line: candle_walk.Timeline) -> None:
        self.line = line
        self._decimals = symbol.price_decimals
        self._counts = np.where(candle_walk.totals_of(line.values)[0] > 0, candle_walk.STEPS, 0)
        # Number of the first trade of every candle, and of the first after the last.
        self._firsts = np.concatenate([[0], np.cumsum(self._counts)])
        self._sums = np.full((len(line.opens), 3), np.nan)

    def before(self, moment: int) -> int:
        """How many trades there were before a moment."""
        return self.until(moment - 1)

    def until(self, moment: int) -> int:
        """How many trades there were up to and including a moment."""
        row = self.line.row(moment)
        if row < 0:
            return 0
        done = self.line.step(row, moment) + 1 if self._counts[row] else 0
        return int(self._firsts[row]) + done

    def trades(self, first: int, stop: int) -> Iterator[PublicTrade]:
        """The trades from one number to before another."""
        row = int(np.searchsorted(self._firsts, first, side="right")) - 1
        while first < stop:
            begin = int(self._firsts[row])
            end = min(int(self._firsts[row + 1]), stop)
            yield from self._of_candle(row, first - begin, end - begin)
            first, row = max(first, end), row + 1

    def _of_candle(self, row: int, first: int, stop: int) -> Iterator[PublicTrade]:
        candle = self.line.values[row : row + 1]
        prices, buys = (
            candle_walk.prices_of(candle, self._decimals)[0],
            candle_walk.buys_of(candle)[0],
        )
        volumes = candle_walk.volumes_of(candle)
        unit = Decimal(1).scaleb(-int(volumes.decimals[0]))
        done = [0, *volumes.units[0].tolist()]
        before = int(self._firsts[row])
        for step in range(first, stop):
            amount = (done[step + 1] - done[step]) * unit
            if step == candle_walk.STEPS - 1:
                amount = Decimal(decimal(float(candle[0, 4]))) - done[step] * unit
            at, buyer = self.line.begins(row, step), bool(buys[step])
            yield PublicTrade(before + step, at, decimal(float(prices[step])), amount, buyer)

    def sums(self, low: int, high: int) -> Floats:
        """What the trades of whole candles add up to.

        :param low: first candle
        :param high: the one after the last
        :return: value in the quote asset, amount that buyers took, and its value; shape (n, 3)
        """
        for begin in range(low // BLOCK * BLOCK, high, BLOCK):
            block = self._sums[begin : begin + BLOCK]
            if np.isnan(block[0, 0]):
                block[:] = self._summed(self.line.values[begin : begin + BLOCK], candle_walk.STEPS)
        return self._sums[low:high]

    def part(self, row: int, step: int) -> Floats:
        """As :meth:`sums`, of one candle up to and including a step, shape (3,)."""
        part: Floats = self._summed(self.line.values[row : row + 1], step + 1)[0]
        return part

    def _summed(self, candles: Floats, steps: int) -> Floats:
        amounts = candle_walk.volumes_of(candles).amounts()[:, :steps]
        values = candle_walk.prices_of(candles, self._decimals)[:, :steps] * amounts
        buys = candle_walk.buys_of(candles)[:, :steps]
        sums = [values, np.where(buys, amounts, 0.0), np.where(buys, values, 0.0)]
        return np.column_stack([one.sum(axis=1) for one in sums])

    def totals(self, edges: Ints, now: int) -> tuple[Ints, Floats]:
        """Numbers and sums of the trades between moments, those up to now only.

        :param edges: ascending moments at which candles of the line begin, shape (n + 1,)
        :return: numbers of the first trades, shape (n + 1,), and sums as in :meth:`sums`
        """
        rows = np.searchsorted(self.line.opens, edges)
        last = self.line.row(now)
        low, high = int(rows[0]), max(min(int(rows[-1]), last + 1), int(rows[0]))
        sums = self.sums(low, high)
        if high == last + 1 and high > low and now < self.line.ends[last]:
            sums = np.vstack([sums[:-1], self.part(last, self.line.step(last, now))])
        added = np.vstack([np.zeros(3), np.cumsum(sums, axis=0)])
        places = np.clip(rows, low, high) - low
        numbers = np.minimum(self._firsts[rows], self.until(now))
        return numbers, np.diff(added[places], axis=0)
