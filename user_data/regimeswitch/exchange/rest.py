"""Binance's public REST interface over a :class:`~regimeswitch.exchange.market.Market`."""

from __future__ import annotations

from aiohttp import web

from regimeswitch.exchange.answers import (
    answer,
    compact,
    limited,
    mandatory,
    number,
    text_answer,
)
from regimeswitch.exchange.candlestore import INTERVALS, CandleError
from regimeswitch.exchange.errors import ApiError, invalid_interval
from regimeswitch.exchange.klines import KlineTexts
from regimeswitch.exchange.limits import RATE_LIMITS
from regimeswitch.exchange.market import Market
from regimeswitch.exchange.tickers import Symbols, Tickers, step_weight
from regimeswitch.exchange.trades import Tape, Trade


KLINES_DEFAULT, KLINES_MAX = 500, 1000
TRADES_DEFAULT, TRADES_MAX = 500, 1000
DEPTH_DEFAULT, DEPTH_MAX = 100, 5000
# Weight of a depth request by the largest limit it covers.
DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (DEPTH_MAX, 250))


class Rest:
    """The handlers.

    :param market: what they tell about
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.symbols = Symbols(market)
        self._klines = KlineTexts(market)
        # The last book that was written, by pair and limit, and its moment.
        self._books: dict[tuple[str, int], tuple[int, str]] = {}

    def routes(self) -> list[web.RouteDef]:
        """The paths and their handlers."""
        return [
            web.get("/api/v3/ping", self.ping),
            web.get("/api/v3/time", self.time),
            web.get("/api/v3/exchangeInfo", self.exchange_info),
            web.get("/api/v3/klines", self.klines),
            # Candles prepared for charts, which ours need not be.
            web.get("/api/v3/uiKlines", self.klines),
            web.get("/api/v3/depth", self.depth),
            web.get("/api/v3/trades", self.trades),
            web.get("/api/v3/historicalTrades", self.historical_trades),
            web.get("/api/v3/aggTrades", self.aggregate_trades),
            *Tickers(self.market).routes(),
        ]

    async def ping(self, request: web.Request) -> web.Response:
        """Whether the exchange is there."""
        return answer({}, 1)

    async def time(self, request: web.Request) -> web.Response:
        """The exchange's clock."""
        return answer({"serverTime": self.market.clock()}, 1)

    async def exchange_info(self, request: web.Request) -> web.Response:
        """Pairs, filters and limits."""
        symbols, _ = self.symbols.chosen(request)
        info = {
            "timezone": "UTC",
            "serverTime": self.market.clock(),
            "rateLimits": RATE_LIMITS,
            "exchangeFilters": [],
            "symbols": [symbol.info() for symbol in symbols],
        }
        return answer(info, 20)

    async def klines(self, request: web.Request) -> web.Response:
        """Candles."""
        symbol = self.symbols.named(mandatory(request, "symbol")).name
        interval = mandatory(request, "interval")
        if interval not in INTERVALS:
            raise invalid_interval()
        start, end = number(request, "startTime"), number(request, "endTime")
        limit = limited(request, KLINES_DEFAULT, KLINES_MAX)
        now = self.market.clock()
        try:
            rows = self.market.klines(symbol, interval, start, end, limit, now)
        except CandleError as error:
            raise invalid_interval(str(error)) from error
        lines = self._klines.texts(symbol, interval, rows, now)
        return text_answer(f"[{','.join(lines)}]", 2)

    async def depth(self, request: web.Request) -> web.Response:
        """The order book."""
        symbol = self.symbols.named(mandatory(request, "symbol")).name
        limit = limited(request, DEPTH_DEFAULT, DEPTH_MAX)
        moment = self.market.moment(symbol)
        version, text = self._books.get((symbol, limit), (-1, ""))
        if version != moment.version:
            bids, asks = moment.book(limit).sides()
            body = {"lastUpdateId": moment.version, "bids": bids, "asks": asks}
            text = compact(body)
            self._books[symbol, limit] = (moment.version, text)
        return text_answer(text, step_weight(DEPTH_WEIGHTS, limit, DEPTH_WEIGHTS[-1][1]))

    async def trades(self, request: web.Request) -> web.Response:
        """The latest trades."""
        return answer([trade_line(one) for one in self._found(request, None)], 25)

    async def historical_trades(self, request: web.Request) -> web.Response:
        """Trades from a number on, or the latest."""
        first = number(request, "fromId")
        return answer([trade_line(one) for one in self._found(request, first)], 25)

    async def aggregate_trades(self, request: web.Request) -> web.Response:
        """Trades from a number or between two moments, each an aggregate of its own."""
        first = number(request, "fromId")
        start, end = number(request, "startTime"), number(request, "endTime")
        if first is not None and (start is not None or end is not None):
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        if start is not None:
            first = self._tape(request).before(start)
        found = self._found(request, first, end)
        return answer([aggregate_line(one) for one in found], 4)

    def _tape(self, request: web.Request) -> Tape:
        return self.market.tape(self.symbols.named(mandatory(request, "symbol")).name)

    def _found(
        self, request: web.Request, first: int | None, end: int | None = None
    ) -> list[Trade]:
        """The first trades from a number on, or the last ones, up to a moment at the most."""
        tape, now = self._tape(request), self.market.clock()
        limit = limited(request, TRADES_DEFAULT, TRADES_MAX)
        stop = tape.until(now if end is None else min(end, now))
        if first is None:
            first = max(stop - limit, 0)
        return list(tape.trades(first, min(first + limit, stop)))


def trade_line(trade: Trade) -> dict[str, object]:
    """A trade as the lists of trades show it."""
    return {
        "id": trade.number,
        "price": trade.price,
        "qty": f"{trade.amount:f}",
        "quoteQty": trade.quote,
        "time": trade.at,
        "isBuyerMaker": not trade.buyer_takes,
        "isBestMatch": True,
    }


def aggregate_line(trade: Trade) -> dict[str, object]:
    """A trade as the list of aggregates shows it."""
    return {
        "a": trade.number,
        "p": trade.price,
        "q": f"{trade.amount:f}",
        "f": trade.number,
        "l": trade.number,
        "T": trade.at,
        "m": not trade.buyer_takes,
        "M": True,
    }
