"""What the streams of a pair's order book tell: the best levels, and the changes."""

from __future__ import annotations

from collections.abc import Iterator

from regimeswitch_lab.exchange.http.stream_events import TICKER_LETTERS, Event, Stream
from regimeswitch_lab.exchange.http.tickers import best_of
from regimeswitch_lab.exchange.market.pair_moment import Book
from regimeswitch_lab.exchange.market.symbols import decimal
from regimeswitch_lab.exchange.market.visible_market import Market


# Levels of a book that the stream of changes covers, on either side.
DIFF_LEVELS = 1000


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
            best = best_of(moment)
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
