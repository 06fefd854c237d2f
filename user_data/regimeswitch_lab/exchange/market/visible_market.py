"""The market of the embedded exchange: which candles, prices and books are visible now.

Only what has happened by the clock is shown. A candle that is still forming shows the part of it
that is over: inside the shortest stored candle the price walks from the open to both extremes and
to the close on the path of :mod:`regimeswitch_lab.exchange.market.candle_walk`, so that every
moment has one price and the final candle is the stored one.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from regimeswitch_lab.exchange.market.candle_store import (
    DAY_MS,
    DEFAULT_FORMAT,
    CandleRows,
    CandleStore,
    Floats,
    closing,
    opening,
    seconds,
    summed,
)
from regimeswitch_lab.exchange.market.candle_walk import timeline, walked
from regimeswitch_lab.exchange.market.pair_moment import Book, Day, Moment, Moments
from regimeswitch_lab.exchange.market.public_trades import Tape
from regimeswitch_lab.exchange.market.symbols import Symbol, read_symbol


Clock = Callable[[], int]


def real_time() -> int:
    """The present in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def combined(values: Floats) -> Floats:
    """One candle of several that follow each other."""
    high, low, volume = values[:, 1].max(), values[:, 2].min(), summed(values[:, 4].sum())
    return np.array([values[0, 0], high, low, values[-1, 3], volume])


class Market:
    """Candles under a clock.

    :param store: where the candles are stored
    :param clock: gives the present in epoch milliseconds; default: real time
    :raises CandleError: when a candle file cannot be read
    """

    def __init__(self, store: CandleStore, clock: Clock = real_time) -> None:
        self.store = store
        self.clock = clock
        self._symbols = {name: read_symbol(store, name) for name in sorted(store.assets)}
        self._pairs: dict[str, Moments] = {}
        self._all_since = max(one.first_ms for one in self._symbols.values())

    def symbols(self) -> dict[str, Symbol]:
        """Pairs that have a candle by now."""
        now = self.clock()
        if now >= self._all_since:
            return self._symbols
        return {name: symbol for name, symbol in self._symbols.items() if symbol.first_ms <= now}

    def klines(
        self,
        symbol: str,
        interval: str,
        start: int | None,
        end: int | None,
        limit: int,
        now: int | None = None,
        zone_ms: int = 0,
    ) -> CandleRows:
        """Candles that are over, and the forming one as far as it has got.

        :param start: earliest opening time in epoch milliseconds; with it the answer holds the
            first ``limit`` candles from there, without it the last ones
        :param end: latest opening time in epoch milliseconds
        :param now: the moment to show; None = the present
        :param zone_ms: how far the clock that the candles open by is ahead of UTC
        :raises CandleError: when the interval cannot be made of the stored ones
        """
        now = self.clock() if now is None else now
        rows = self.store.rows(symbol, interval, zone_ms)
        current = opening(np.array([now]), interval, zone_ms)
        over = int(np.searchsorted(rows.opens, current[0]))
        opens = rows.opens[:over]
        forming = self._forming(symbol, interval, int(current[0]), now)
        if forming is not None:
            opens = np.append(opens, current)
        low = 0 if start is None else int(np.searchsorted(opens, start))
        high = len(opens) if end is None else int(np.searchsorted(opens, end, side="right"))
        if start is None:
            low = max(high - limit, 0)
        high = max(min(high, low + limit), low)
        values = rows.ohlcv[low : min(high, over)]
        if forming is not None and low <= over < high:
            values = np.vstack([values, forming])
        return CandleRows(opens[low:high], values)

    def _forming(self, symbol: str, interval: str, opened: int, now: int) -> Floats | None:
        # A source that begins inside the candle would show a part of it as the whole; of the days
        # or weeks in which a pair begins there is no more.
        begins = self._symbols[symbol].first_ms if seconds(interval) > DAY_MS // 1000 else opened
        for source in self.store.stored(symbol):
            rows = self.store.rows(symbol, source)
            aligned = opening(np.array([opened]), source)[0] == opened
            if (
                aligned
                and seconds(source) <= seconds(interval)
                and rows.opens[0] <= max(opened, begins)
            ):
                part = self._seen(symbol, source, opened, now)
                if len(part.opens):
                    return combined(part.ohlcv)
        return None

    def _seen(self, symbol: str, source: str, start: int, now: int) -> CandleRows:
        """Stored candles that open from ``start`` on, the last one as far as it has got."""
        rows = self.store.rows(symbol, source)
        low, high = np.searchsorted(rows.opens, [start, now + 1])
        opens, values = rows.opens[low:high], rows.ohlcv[low:high]
        if len(opens):
            close = int(closing(opens[-1:], source)[0])
            if now < close:
                fraction = (now - int(opens[-1])) / (close - int(opens[-1]))
                decimals = self._symbols[symbol].price_decimals
                values = np.vstack([values[:-1], walked(values[-1], fraction, decimals)])
        return CandleRows(opens, values)

    def moment(self, symbol: str, now: int | None = None) -> Moment:
        """A pair as it is shown, or as it was at the end of its candles.

        :param now: the moment to show; None = the present
        :raises KeyError: when it has no candle by now
        """
        if symbol not in self.symbols():
            raise KeyError(symbol)
        return self._pair(symbol).at(self.clock() if now is None else now)

    def tape(self, symbol: str) -> Tape:
        """The trades of a pair, those after now included."""
        return self._pair(symbol).tape

    def _pair(self, symbol: str) -> Moments:
        if symbol not in self._pairs:
            line = timeline(self.store, symbol)
            rules = self._symbols[symbol]
            self._pairs[symbol] = Moments(rules, line, Tape(rules, line))
        return self._pairs[symbol]

    def day(self, symbol: str) -> Day:
        """The 24 hours up to now, or up to the end of the candles when they are older."""
        return self.moment(symbol).day

    def window(self, symbol: str, start: int, now: int | None = None) -> Day:
        """What was traded from a moment up to now.

        :param now: the moment to show; None = the present
        :raises KeyError: when it has no candle by now
        """
        if symbol not in self.symbols():
            raise KeyError(symbol)
        return self._pair(symbol).window(start, self.clock() if now is None else now)

    def book(self, symbol: str, levels: int) -> Book:
        """An order book around the last price."""
        return self.moment(symbol).book(levels)

    def span_ms(self) -> tuple[int, int]:
        """Opening time of the first and closing time of the last stored candle of all pairs."""
        found = self._symbols.values()
        return min(one.first_ms for one in found), max(one.end_ms for one in found)


def open_market(
    folder: Path,
    clock: Clock = real_time,
    *,
    shift_to_now: bool = False,
    data_format: str = DEFAULT_FORMAT,
) -> Market:
    """The market of a candle folder.

    :param shift_to_now: move the candles by whole days, so that the present lies inside them:
        before it most of them, after it a quarter of them but seven days at most
    :param data_format: as of :class:`CandleStore`
    :raises CandleError: when the folder or a file in it cannot be used
    """
    market = Market(CandleStore(folder, data_format=data_format), clock)
    if not shift_to_now:
        return market
    first, end = market.span_ms()
    future = min((end - first) // 4, 7 * DAY_MS)
    days = -((end - future - clock()) // DAY_MS)
    return Market(CandleStore(folder, days * DAY_MS, data_format), clock)
