"""Binance's public REST interface over a :class:`~regimeswitch.exchange.market.Market`."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from regimeswitch.exchange.answers import answer, limited, listed, mandatory, number
from regimeswitch.exchange.candlestore import INTERVALS, CandleError, closing
from regimeswitch.exchange.errors import invalid_interval, invalid_symbol
from regimeswitch.exchange.limits import RATE_LIMITS
from regimeswitch.exchange.market import Market
from regimeswitch.exchange.symbols import Symbol, decimal


KLINES_DEFAULT, KLINES_MAX = 500, 1000
DEPTH_DEFAULT, DEPTH_MAX = 100, 5000
# Weight of a depth request by the largest limit it covers.
DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (DEPTH_MAX, 250))
# Weight of a ticker/24hr request by the largest number of symbols it covers.
DAY_WEIGHTS = ((20, 2), (100, 40))
DAY_WEIGHT_ALL = 80


class Rest:
    """The handlers.

    :param market: what they tell about
    """

    def __init__(self, market: Market) -> None:
        self.market = market

    def routes(self) -> list[web.RouteDef]:
        """The paths and their handlers."""
        return [
            web.get("/api/v3/ping", self.ping),
            web.get("/api/v3/time", self.time),
            web.get("/api/v3/exchangeInfo", self.exchange_info),
            web.get("/api/v3/klines", self.klines),
            web.get("/api/v3/depth", self.depth),
            web.get("/api/v3/ticker/24hr", self.ticker_day),
            web.get("/api/v3/ticker/price", self.ticker_price),
            web.get("/api/v3/ticker/bookTicker", self.ticker_book),
        ]

    def _symbol(self, name: str) -> Symbol:
        symbol = self.market.symbols().get(name)
        if symbol is None:
            raise invalid_symbol()
        return symbol

    def _chosen(self, request: web.Request) -> tuple[list[Symbol], bool]:
        """The symbols a request is about, and whether it named a single one."""
        if "symbol" in request.query:
            return [self._symbol(mandatory(request, "symbol"))], True
        names = listed(request, "symbols")
        if names is None:
            return list(self.market.symbols().values()), False
        return [self._symbol(name) for name in names], False

    async def ping(self, request: web.Request) -> web.Response:
        """Whether the exchange is there."""
        return answer({}, 1)

    async def time(self, request: web.Request) -> web.Response:
        """The exchange's clock."""
        return answer({"serverTime": self.market.clock()}, 1)

    async def exchange_info(self, request: web.Request) -> web.Response:
        """Pairs, filters and limits."""
        symbols, _ = self._chosen(request)
        info = {
            "timezone": "UTC",
            "serverTime": self.market.clock(),
            "rateLimits": RATE_LIMITS,
            "exchangeFilters": [],
            "symbols": [symbol.info() for symbol in symbols],
        }
        return answer(info, 20)

    async def klines(self, request: web.Request) -> web.Response:
        """Candles. The quote volume is estimated by the mean of the four prices."""
        symbol = self._symbol(mandatory(request, "symbol"))
        interval = mandatory(request, "interval")
        if interval not in INTERVALS:
            raise invalid_interval()
        start, end = number(request, "startTime"), number(request, "endTime")
        limit = limited(request, KLINES_DEFAULT, KLINES_MAX)
        try:
            rows = self.market.klines(symbol.name, interval, start, end, limit)
        except CandleError as error:
            raise invalid_interval(str(error)) from error
        quotes = rows.ohlcv[:, 4] * rows.ohlcv[:, :4].mean(axis=1)
        table = zip(
            rows.opens.tolist(),
            rows.ohlcv.tolist(),
            closing(rows.opens, interval).tolist(),
            quotes.tolist(),
            strict=True,
        )
        # The number of trades and the takers' share are not in the candles: 0, as if unknown.
        zero = decimal(0.0)
        lines = [
            [at, *map(decimal, values), close - 1, f"{quote:.8f}", 0, zero, zero, "0"]
            for at, values, close, quote in table
        ]
        return answer(lines, 2)

    async def depth(self, request: web.Request) -> web.Response:
        """The order book."""
        symbol = self._symbol(mandatory(request, "symbol"))
        limit = limited(request, DEPTH_DEFAULT, DEPTH_MAX)
        book = self.market.book(symbol.name, limit)
        sides = {
            side: [[symbol.price(price), decimal(amount)] for price, amount in levels]
            for side, levels in (("bids", book.bids), ("asks", book.asks))
        }
        weight = step_weight(DEPTH_WEIGHTS, limit, DEPTH_WEIGHTS[-1][1])
        return answer({"lastUpdateId": self.market.clock(), **sides}, weight)

    async def ticker_day(self, request: web.Request) -> web.Response:
        """The last 24 hours of one, several or all symbols."""
        symbols, single = self._chosen(request)
        every = "symbol" not in request.query and "symbols" not in request.query
        size = DAY_WEIGHTS[-1][0] + 1 if every else len(symbols)
        weight = step_weight(DAY_WEIGHTS, size, DAY_WEIGHT_ALL)
        return answer(one_or_all([self._day(one) for one in symbols], single), weight)

    def _day(self, symbol: Symbol) -> dict[str, object]:
        day = self.market.day(symbol.name)
        change = day.last - day.opened
        average = day.quote_volume / day.volume if day.volume else day.last
        return {
            **self._best(symbol),
            "priceChange": symbol.price(change),
            "priceChangePercent": f"{100 * change / day.opened if day.opened else 0:.3f}",
            "weightedAvgPrice": f"{average:.8f}",
            "prevClosePrice": decimal(day.opened),
            "lastPrice": decimal(day.last),
            "lastQty": decimal(0.0),
            "openPrice": decimal(day.opened),
            "highPrice": decimal(day.high),
            "lowPrice": decimal(day.low),
            "volume": decimal(day.volume),
            "quoteVolume": f"{day.quote_volume:.8f}",
            "openTime": day.open_ms,
            "closeTime": self.market.clock(),
            "firstId": -1,
            "lastId": -1,
            "count": 0,
        }

    def _best(self, symbol: Symbol) -> dict[str, object]:
        book = self.market.book(symbol.name, 1)
        (bid, bid_lot), (ask, ask_lot) = book.bids[0], book.asks[0]
        return {
            "symbol": symbol.name,
            "bidPrice": symbol.price(bid),
            "bidQty": decimal(bid_lot),
            "askPrice": symbol.price(ask),
            "askQty": decimal(ask_lot),
        }

    async def ticker_price(self, request: web.Request) -> web.Response:
        """The last price of one, several or all symbols."""
        symbols, single = self._chosen(request)
        prices = [
            {"symbol": one.name, "price": decimal(self.market.day(one.name).last)}
            for one in symbols
        ]
        return answer(one_or_all(prices, single), 2 if single else 4)

    async def ticker_book(self, request: web.Request) -> web.Response:
        """The best bid and ask of one, several or all symbols."""
        symbols, single = self._chosen(request)
        best = one_or_all([self._best(one) for one in symbols], single)
        return answer(best, 2 if single else 4)


def one_or_all(answers: Sequence[object], single: bool) -> object:
    """Binance answers with an object where one symbol was named, else with a list."""
    return answers[0] if single else answers


def step_weight(steps: tuple[tuple[int, int], ...], size: int, beyond: int) -> int:
    """The weight of the first step that covers a size, or ``beyond``."""
    return next((weight for most, weight in steps if size <= most), beyond)
