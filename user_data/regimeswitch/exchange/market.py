"""The market of the embedded exchange: which candles, prices and books are visible now.

Only what has happened by the clock is shown. A candle that is still forming shows the part of it
that is over: inside the shortest stored candle the price walks from the open to both extremes and
to the close on a fixed path, so that every moment has one price and the final candle is the
stored one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regimeswitch.exchange.candlestore import (
    DAY_MS,
    CandleStore,
    Floats,
    Rows,
    closing,
    opening,
    seconds,
)
from regimeswitch.exchange.symbols import Symbol, read_symbol


Clock = Callable[[], int]

# The price rests at the open for the first tenth of a candle, so that a bot which wakes up a
# second after the close trades at the very price that a backtest uses.
PATH_TIMES = (0.0, 0.1, 0.4, 0.7, 0.95)


def real_time() -> int:
    """The present in epoch milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Day:
    """The last 24 hours that are visible; prices in the quote asset."""

    open_ms: int
    opened: float
    high: float
    low: float
    last: float
    volume: float
    quote_volume: float
    count: int


@dataclass(frozen=True)
class Book:
    """An order book: price and amount of each level, the best first.

    The best bid is the best ask: a simulated fill then has the price of the candles.
    """

    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]


def walked(candle: Floats, fraction: float, decimals: int) -> Floats:
    """The part of a candle that is over.

    :param candle: open, high, low, close, volume
    :param fraction: share of the candle's time that has gone by, 0..1
    :param decimals: decimals of the price between the candle's own four prices
    """
    opened, high, low, close, volume = (float(value) for value in candle)
    turns = (low, high) if close >= opened else (high, low)
    prices = (opened, opened, *turns, close)
    price = float(np.interp(fraction, PATH_TIMES, prices))
    if PATH_TIMES[1] < fraction < PATH_TIMES[-1]:
        price = min(max(round(price, decimals), low), high)
    seen = [value for at, value in zip(PATH_TIMES, prices, strict=True) if at <= fraction]
    seen.append(price)
    return np.array([opened, max(seen), min(seen), price, volume * fraction])


def combined(values: Floats) -> Floats:
    """One candle of several that follow each other."""
    high, low, volume = values[:, 1].max(), values[:, 2].min(), values[:, 4].sum()
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

    def symbols(self) -> dict[str, Symbol]:
        """Pairs that have a candle by now."""
        now = self.clock()
        return {name: symbol for name, symbol in self._symbols.items() if symbol.first_ms <= now}

    def klines(
        self, symbol: str, interval: str, start: int | None, end: int | None, limit: int
    ) -> Rows:
        """Candles that are over, and the forming one as far as it has got.

        :param start: earliest opening time in epoch milliseconds; with it the answer holds the
            first ``limit`` candles from there, without it the last ones
        :param end: latest opening time in epoch milliseconds
        :raises CandleError: when the interval cannot be made of the stored ones
        """
        now = self.clock()
        rows = self.store.rows(symbol, interval)
        current = opening(np.array([now]), interval)
        over = int(np.searchsorted(rows.opens, current[0]))
        opens = rows.opens[:over]
        forming = self._forming(symbol, interval, now)
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
        return Rows(opens[low:high], values)

    def _forming(self, symbol: str, interval: str, now: int) -> Floats | None:
        opened = int(opening(np.array([now]), interval)[0])
        for source in self.store.stored(symbol):
            rows = self.store.rows(symbol, source)
            # A source that begins inside the candle would show a part of it as the whole.
            if seconds(source) <= seconds(interval) and rows.opens[0] <= opened:
                part = self._seen(symbol, source, opened, now)
                if len(part.opens):
                    return combined(part.ohlcv)
        return None

    def _seen(self, symbol: str, source: str, start: int, now: int) -> Rows:
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
        return Rows(opens, values)

    def day(self, symbol: str) -> Day:
        """The 24 hours up to now, or up to the end of the candles when they are older."""
        now = self.clock()
        source, end = self._latest(symbol, now)
        rows = self._seen(symbol, source, end - DAY_MS, now)
        whole = combined(rows.ohlcv)
        quote = float((rows.ohlcv[:, 4] * rows.ohlcv[:, :4].mean(axis=1)).sum())
        opened, high, low, last, volume = (float(value) for value in whole)
        open_ms = int(rows.opens[0])
        return Day(open_ms, opened, high, low, last, volume, quote, len(rows.opens))

    def _latest(self, symbol: str, now: int) -> tuple[str, int]:
        """The stored interval that reaches furthest by now, the shortest of those, and its end."""
        best, best_end = "", -1
        for source in self.store.stored(symbol):
            opens = self.store.rows(symbol, source).opens
            seen = opens[: np.searchsorted(opens, now + 1)]
            end = min(int(closing(seen[-1:], source)[0]), now) if len(seen) else -1
            if end > best_end:
                best, best_end = source, end
        return best, best_end

    def book(self, symbol: str, levels: int) -> Book:
        """An order book around the last price, one tick from level to level."""
        day, rules = self.day(symbol), self._symbols[symbol]
        scale = 10**rules.price_decimals
        middle = max(round(day.last * scale), 1)
        # A level holds a tenth of what an average candle trades, and never next to nothing.
        amount = max(day.volume / day.count / 10, 20 * rules.min_notional * scale / middle)
        lot = round(amount, rules.amount_decimals)
        bids = [((middle - step) / scale, lot) for step in range(min(levels, middle))]
        asks = [((middle + step) / scale, lot) for step in range(levels)]
        return Book(bids, asks)

    def span_ms(self) -> tuple[int, int]:
        """Opening time of the first and closing time of the last stored candle of all pairs."""
        found = self._symbols.values()
        return min(one.first_ms for one in found), max(one.end_ms for one in found)


def open_market(folder: Path, clock: Clock = real_time, *, shift_to_now: bool = False) -> Market:
    """The market of a candle folder.

    :param shift_to_now: move the candles by whole days, so that the present lies inside them:
        before it most of them, after it a quarter of them but seven days at most
    :raises CandleError: when the folder or a file in it cannot be used
    """
    market = Market(CandleStore(folder), clock)
    if not shift_to_now:
        return market
    first, end = market.span_ms()
    future = min((end - first) // 4, 7 * DAY_MS)
    days = -((end - future - clock()) // DAY_MS)
    return Market(CandleStore(folder, days * DAY_MS), clock)
