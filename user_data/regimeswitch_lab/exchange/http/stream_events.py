"""What the websocket streams tell, and when: each stream says what is due at a moment.

Time only goes forward in a stream. While the clock stands still, or is behind what was sent,
nothing is due; where it jumps, every candle that closed on the way is. The streams of the order
book tell the best levels, or the changes.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np

from regimeswitch_lab.exchange.http import tickers
from regimeswitch_lab.exchange.http.klines import Kline, klines_of
from regimeswitch_lab.exchange.market.candle_store import CandleRows, closing, opening
from regimeswitch_lab.exchange.market.pair_moment import Book
from regimeswitch_lab.exchange.market.symbols import decimal
from regimeswitch_lab.exchange.market.visible_market import Market


Event = dict[str, object]

# Trades that are sent after a jump of the clock, and candles that are read at once.
MOST = 1000
TICKER_MS = 1000
KLINE_MS, SECOND_KLINE_MS = 2000, 1000
# The words of the REST interface by the letters of the stream.
TICKER_LETTERS = {
    "p": "priceChange",
    "P": "priceChangePercent",
    "w": "weightedAvgPrice",
    "x": "prevClosePrice",
    "c": "lastPrice",
    "Q": "lastQty",
    "b": "bidPrice",
    "B": "bidQty",
    "a": "askPrice",
    "A": "askQty",
    "o": "openPrice",
    "h": "highPrice",
    "l": "lowPrice",
    "v": "volume",
    "q": "quoteVolume",
    "O": "openTime",
    "C": "closeTime",
    "F": "firstId",
    "L": "lastId",
    "n": "count",
}
MINI_LETTERS = "cohlvq"
WINDOW_LETTERS = "pPwcohlvqOCFLn"
# Of a ticker, what goes on although nothing has been traded.
TIMES = "EOC"
# Levels of a book that the stream of changes covers, on either side.
DIFF_LEVELS = 1000


class Stream(ABC):
    """One stream of one pair.

    :param market: what it tells about
    :param symbol: the pair
    :param last: the moment up to which everything has been sent
    """

    def __init__(self, market: Market, symbol: str, last: int) -> None:
        self.market = market
        self.symbol = symbol
        self.last = last

    def due(self, now: int) -> list[Event]:
        """What there is to send at a moment; it will not be sent again."""
        if now <= self.last:
            return []
        events = list(self._events(now)) if self.symbol in self.market.symbols() else []
        self.last = now
        return events

    @abstractmethod
    def _events(self, now: int) -> Iterator[Event]:
        """What has happened since :attr:`last`."""

    def _ticked(self, now: int, every: int) -> bool:
        """Whether a multiple of so many milliseconds has come since the last time."""
        return now // every > self.last // every


class KlineStream(Stream):
    """A candle as it forms, and once when it is over."""

    def __init__(
        self, market: Market, symbol: str, last: int, interval: str, zone_ms: int = 0
    ) -> None:
        super().__init__(market, symbol, last)
        self.interval = interval
        self.zone_ms = zone_ms
        self.every = SECOND_KLINE_MS if interval == "1s" else KLINE_MS

    def _events(self, now: int) -> Iterator[Event]:
        opened = opening(np.array([self.last]), self.interval, self.zone_ms)
        ticked = self._ticked(now, self.every)
        if not ticked and now < closing(opened, self.interval, self.zone_ms)[0]:
            return
        start, whole = int(opened[0]), True
        while whole:
            rows = self._rows(start, now)
            for one in self._klines(rows, now):
                over = one.closed < now
                if (over and one.closed >= self.last) or (ticked and not over):
                    yield self._event(one, now, over)
                start = one.closed + 1
            whole = len(rows.opens) == MOST

    def _rows(self, start: int, now: int) -> CandleRows:
        return self.market.klines(self.symbol, self.interval, start, None, MOST, now, self.zone_ms)

    def _klines(self, rows: CandleRows, now: int) -> list[Kline]:
        return klines_of(self.market, self.symbol, self.interval, rows, now, self.zone_ms)

    def _event(self, one: Kline, now: int, over: bool) -> Event:
        line: Event = {"t": one.opened, "T": one.closed, "s": self.symbol, "i": self.interval}
        line |= (
            {"f": one.first, "L": one.first + one.count - 1} if one.count else {"f": -1, "L": -1}
        )
        line |= dict(zip("ohlcv", one.ohlcv, strict=True))
        line |= {"n": one.count, "x": over, "q": one.quote}
        line |= {"V": one.bought, "Q": one.bought_quote, "B": "0"}
        return {"e": "kline", "E": now, "s": self.symbol, "k": line}


class TradeStream(Stream):
    """Every trade."""

    def __init__(self, market: Market, symbol: str, last: int, aggregate: bool) -> None:
        super().__init__(market, symbol, last)
        self.aggregate = aggregate

    def _events(self, now: int) -> Iterator[Event]:
        tape = self.market.tape(self.symbol)
        first, stop = tape.until(self.last), tape.until(now)
        for one in tape.trades(max(first, stop - MOST), stop):
            event: Event = {"e": "aggTrade" if self.aggregate else "trade", "E": now}
            event |= {"s": self.symbol, "a" if self.aggregate else "t": one.number}
            event |= {"p": one.price, "q": f"{one.amount:.8f}"}
            if self.aggregate:
                event |= {"f": one.number, "l": one.number}
            yield event | {"T": one.at, "m": not one.buyer_takes, "M": True}


class TickerStream(Stream):
    """The last 24 hours, every second."""

    def __init__(self, market: Market, symbol: str, last: int, mini: bool) -> None:
        super().__init__(market, symbol, last)
        self.mini = mini

    def _events(self, now: int) -> Iterator[Event]:
        if self._ticked(now, TICKER_MS):
            day = tickers.day_of(self.market.moment(self.symbol, now), now)
            letters = MINI_LETTERS if self.mini else TICKER_LETTERS
            event: Event = {"e": "24hrMiniTicker" if self.mini else "24hrTicker", "E": now}
            yield event | {"s": self.symbol} | {one: day[TICKER_LETTERS[one]] for one in letters}


class WindowStream(Stream):
    """The last hours, every second; the window begins on a minute.

    :param size: like ``4h``
    """

    def __init__(self, market: Market, symbol: str, last: int, size: str) -> None:
        super().__init__(market, symbol, last)
        self.size = size

    def _events(self, now: int) -> Iterator[Event]:
        if self._ticked(now, TICKER_MS):
            start = tickers.rolling_start(now, tickers.window_ms(self.size))
            pair = self.market.symbols()[self.symbol]
            window = tickers.window_of(self.market, pair, start, now, now)
            event: Event = {"e": f"{self.size}Ticker", "E": now, "s": self.symbol}
            yield event | {one: window[TICKER_LETTERS[one]] for one in WINDOW_LETTERS}


class AverageStream(Stream):
    """The average price of the last minutes, every second when it has changed."""

    def __init__(self, market: Market, symbol: str, last: int) -> None:
        super().__init__(market, symbol, last)
        self._told = ""

    def _events(self, now: int) -> Iterator[Event]:
        if self._ticked(now, TICKER_MS):
            price, at = tickers.average_of(self.market, self.symbol, now)
            if price != self._told:
                self._told = price
                event: Event = {"e": "avgPrice", "E": now, "s": self.symbol, "i": "5m"}
                yield event | {"w": price, "T": at}


class AllStream:
    """The tickers of all pairs in one list, those that have changed.

    :param made: makes the stream of one pair, from a moment on
    :param every: milliseconds from one list to the next
    """

    def __init__(
        self,
        market: Market,
        last: int,
        made: Callable[[str, int], Stream],
        every: int = TICKER_MS,
    ) -> None:
        self.market = market
        self.last = last
        self.every = every
        self._made = made
        self._streams: dict[str, Stream] = {}
        self._told: dict[str, Event] = {}

    def due(self, now: int) -> list[list[Event]]:
        """As :meth:`Stream.due`."""
        if now // self.every <= self.last // self.every:
            return []
        found = [event for name in self.market.symbols() for event in self._changed(name, now)]
        self.last = now
        return [found] if found else []

    def _changed(self, name: str, now: int) -> Iterator[Event]:
        if name not in self._streams:
            self._streams[name] = self._made(name, self.last)
        for event in self._streams[name].due(now):
            facts = {key: value for key, value in event.items() if key not in TIMES}
            if facts != self._told.get(name):
                self._told[name] = facts
                yield event


class BookStream(Stream):
    """The best bid and ask, or the best levels, when they change; the present ones at once."""

    def __init__(
        self, market: Market, symbol: str, last: int, levels: int | None, every: int
    ) -> None:
        super().__init__(market, symbol, last - 1)
        self.levels = levels
        self.every = every
        self._told: int | None = None

    def _events(self, now: int) -> Iterator[Event]:
        moment = self.market.moment(self.symbol, now)
        early = self._told is not None and not self._ticked(now, self.every)
        if early or moment.version == self._told:
            return
        self._told = moment.version
        if self.levels is None:
            best = tickers.best_of(moment)
            letters = {letter: best[TICKER_LETTERS[letter]] for letter in "bBaA"}
            yield {"u": moment.version, "s": self.symbol, **letters}
        else:
            bids, asks = moment.book(self.levels).sides()
            yield {"lastUpdateId": moment.version, "bids": bids, "asks": asks}


class DiffStream(Stream):
    """The changes of the book, in an unbroken row of numbers."""

    def __init__(self, market: Market, symbol: str, last: int, every: int) -> None:
        super().__init__(market, symbol, last)
        self.every = every
        # What the first change follows: the book of the moment of the subscription.
        self._told = self._book(last) if symbol in market.symbols() else None

    def _book(self, now: int) -> tuple[int, Book]:
        moment = self.market.moment(self.symbol, now)
        return moment.version, moment.book(DIFF_LEVELS)

    def _events(self, now: int) -> Iterator[Event]:
        if self._told is None:
            self._told = self._book(now)
        if not self._ticked(now, self.every):
            return
        version, before = self._told
        found, book = self._book(now)
        if found > version:
            self._told = (found, book)
            event: Event = {"e": "depthUpdate", "E": now, "s": self.symbol}
            event |= {"U": version + 1, "u": found}
            yield event | dict(zip("ba", changes(before, book), strict=True))


def changes(before: Book, after: Book) -> Iterator[list[list[str]]]:
    """The levels of each side that have gone, with no amount, and those that are new."""
    lot = decimal(after.lot)
    for old, new in zip(before.ticks(), after.ticks(), strict=True):
        gone = [[after.text(tick), decimal(0.0)] for tick in old if tick not in new]
        same = before.lot == after.lot
        fresh = [[after.text(tick), lot] for tick in new if not (same and tick in old)]
        yield gone + fresh
