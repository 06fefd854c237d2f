"""A pair as it is shown at one moment: its last 24 hours and its order book."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from regimeswitch_lab.exchange.market.candle_store import DAY_MS
from regimeswitch_lab.exchange.market.candle_walk import STEPS, Timeline, walked
from regimeswitch_lab.exchange.market.public_trades import QUOTE, PublicTrade, Tape
from regimeswitch_lab.exchange.market.symbols import PRECISION, Symbol, decimal


@dataclass(frozen=True)
class Day:
    """The last 24 hours that are visible; prices in the quote asset.

    :ivar first: number of the first trade
    :ivar count: how many trades there were
    """

    open_ms: int
    opened: float
    high: float
    low: float
    last: float
    volume: float
    quote_volume: float
    first: int
    count: int


@dataclass(frozen=True)
class Book:
    """An order book: one tick from level to level, the same amount on each.

    The best bid is the best ask: a simulated fill then has the price of the candles.

    :ivar decimals: of the price; a tick is ``10 ** -decimals``
    :ivar middle: the best bid and ask in ticks
    :ivar lot: the amount of a level
    :ivar levels: levels of each side; fewer bids where the price comes to nothing
    """

    decimals: int
    middle: int
    lot: float
    levels: int

    def ticks(self) -> tuple[range, range]:
        """The prices of bids and asks in ticks, the best first."""
        bids = range(self.middle, max(self.middle - self.levels, 0), -1)
        return bids, range(self.middle, self.middle + self.levels)

    @property
    def bids(self) -> list[tuple[float, float]]:
        """Price and amount of each bid, the best first."""
        scale = 10**self.decimals
        return [(tick / scale, self.lot) for tick in self.ticks()[0]]

    @property
    def asks(self) -> list[tuple[float, float]]:
        """Price and amount of each ask, the best first."""
        scale = 10**self.decimals
        return [(tick / scale, self.lot) for tick in self.ticks()[1]]

    def text(self, tick: int) -> str:
        """A price as the exchange writes it."""
        whole, part = divmod(tick, 10**self.decimals)
        return f"{whole}.{part * 10 ** (PRECISION - self.decimals):0{PRECISION}d}"

    def sides(self) -> tuple[list[list[str]], list[list[str]]]:
        """Bids and asks as the exchange writes them."""
        lot = decimal(self.lot)
        bids, asks = ([[self.text(tick), lot] for tick in side] for side in self.ticks())
        return bids, asks


@dataclass(frozen=True)
class Moment:
    """A pair until its price next moves.

    :ivar version: names the moment: the time at which the price last moved, epoch milliseconds
    :ivar last_trade: None before the first
    """

    symbol: Symbol
    version: int
    day: Day
    lot: float
    last_trade: PublicTrade | None

    def book(self, levels: int) -> Book:
        """The order book around the last price."""
        decimals = self.symbol.price_decimals
        middle = max(round(self.day.last * 10**decimals), 1)
        return Book(decimals, middle, self.lot, levels)


class Moments:
    """The moments of one pair; the last one is kept as long as it lasts.

    :param symbol: the pair
    :param line: its candles
    :param tape: its trades
    """

    def __init__(self, symbol: Symbol, line: Timeline, tape: Tape) -> None:
        self.symbol = symbol
        self.line = line
        self.tape = tape
        self._key: tuple[int, int, int] | None = None
        self._kept: Moment | None = None

    def at(self, now: int) -> Moment:
        """The pair at a moment; before its first candle, as that one opens."""
        row = max(self.line.row(now), 0)
        step = self.line.step(row, now)
        # Up to now, or up to the end of the candles when they are older.
        since = min(int(self.line.ends[row]), now) - DAY_MS
        low = int(np.searchsorted(self.line.opens, since))
        key = (low, row, step)
        if self._kept is None or key != self._key:
            self._key, self._kept = key, self._made(low, row, step)
        return self._kept

    def _made(self, low: int, row: int, step: int) -> Moment:
        values = self.line.values[low : row + 1].copy()
        fraction = (step + 0.5) / STEPS
        values[-1] = walked(values[-1], fraction, self.symbol.price_decimals)
        quote = float(self.tape.sums(low, row)[:, QUOTE].sum())
        version = self.line.begins(row, step)
        first = self.tape.before(int(self.line.opens[low]))
        until = self.tape.until(version)
        day = Day(
            open_ms=int(self.line.opens[low]),
            opened=float(values[0, 0]),
            high=float(values[:, 1].max()),
            low=float(values[:, 2].min()),
            last=float(values[-1, 3]),
            volume=float(values[:, 4].sum()),
            quote_volume=quote + float(self.tape.part(row, step)[QUOTE]),
            first=first,
            count=until - first,
        )
        last = next(self.tape.trades(until - 1, until)) if until else None
        # Candles that are over: within a candle the amounts of the book then stay as they are.
        over = self.line.values[low:row, 4] if row > low else values[:, 4]
        return Moment(self.symbol, version, day, self._lot(float(over.mean()), day.last), last)

    def window(self, start: int, now: int) -> Day:
        """The trades from a moment up to another; without one the last price stands still."""
        moment = self.at(now)
        first, until = self.tape.before(start), self.tape.until(moment.version)
        if until <= first:
            last = moment.day.last
            return Day(start, last, last, last, last, 0.0, 0.0, first, 0)
        # The candles in the middle as they are stored, those at the ends trade by trade.
        row = self.line.row(moment.version)
        low = min(int(np.searchsorted(self.line.opens, start)), row)
        begins = [self.tape.before(int(self.line.opens[one])) for one in (low, row)]
        head = list(self.tape.trades(first, min(begins[0], until)))
        tail = list(self.tape.trades(max(begins[1], first), until))
        middle = self.line.values[low:row]
        ends = [float(one.price) for one in (*head, *tail)]
        amounts = sum(one.amount for one in (*head, *tail))
        quotes = sum(Decimal(one.quote) for one in (*head, *tail))
        opened = next(self.tape.trades(first, first + 1)).price
        return Day(
            open_ms=start,
            opened=float(opened),
            high=max([*ends, *middle[:, 1]]),
            low=min([*ends, *middle[:, 2]]),
            last=moment.day.last,
            volume=float(middle[:, 4].sum()) + float(amounts),
            quote_volume=float(self.tape.sums(low, row)[:, QUOTE].sum()) + float(quotes),
            first=first,
            count=until - first,
        )

    def _lot(self, volume: float, price: float) -> float:
        """A tenth of what an average candle trades, and never next to nothing."""
        amount = max(volume / 10, 20 * self.symbol.min_notional / price)
        return round(amount, self.symbol.amount_decimals)
