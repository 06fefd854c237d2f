"""The tickers of the REST interface: 24 hours, last price, best bid and ask, average price."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from regimeswitch.exchange.answers import answer, listed, mandatory
from regimeswitch.exchange.errors import invalid_symbol
from regimeswitch.exchange.market import Market
from regimeswitch.exchange.moment import Moment
from regimeswitch.exchange.symbols import Symbol, decimal


# Weight of a ticker/24hr request by the largest number of symbols it covers.
DAY_WEIGHTS = ((20, 2), (100, 40))
DAY_WEIGHT_ALL = 80
AVERAGE_MINUTES = 5


class Symbols:
    """Which pairs a request is about.

    :param market: where the pairs are
    """

    def __init__(self, market: Market) -> None:
        self.market = market

    def named(self, name: str) -> Symbol:
        """The pair of a name.

        :raises ApiError: when it is not traded by now
        """
        symbol = self.market.symbols().get(name)
        if symbol is None:
            raise invalid_symbol()
        return symbol

    def chosen(self, request: web.Request) -> tuple[list[Symbol], bool]:
        """The pairs a request is about, and whether it named a single one."""
        if "symbol" in request.query:
            return [self.named(mandatory(request, "symbol"))], True
        names = listed(request, "symbols")
        if names is None:
            return list(self.market.symbols().values()), False
        return [self.named(name) for name in names], False


class Tickers:
    """The handlers.

    :param market: what they tell about
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.symbols = Symbols(market)

    def routes(self) -> list[web.RouteDef]:
        """The paths and their handlers."""
        return [
            web.get("/api/v3/ticker/24hr", self.day),
            web.get("/api/v3/ticker/price", self.price),
            web.get("/api/v3/ticker/bookTicker", self.book),
            web.get("/api/v3/avgPrice", self.average),
        ]

    async def day(self, request: web.Request) -> web.Response:
        """The last 24 hours of one, several or all pairs."""
        symbols, single = self.symbols.chosen(request)
        every = "symbol" not in request.query and "symbols" not in request.query
        size = DAY_WEIGHTS[-1][0] + 1 if every else len(symbols)
        days = [day_of(self.market.moment(one.name), self.market.clock()) for one in symbols]
        return answer(one_or_all(days, single), step_weight(DAY_WEIGHTS, size, DAY_WEIGHT_ALL))

    async def price(self, request: web.Request) -> web.Response:
        """The last price of one, several or all pairs."""
        symbols, single = self.symbols.chosen(request)
        prices = [
            {"symbol": one.name, "price": decimal(self.market.day(one.name).last)}
            for one in symbols
        ]
        return answer(one_or_all(prices, single), 2 if single else 4)

    async def book(self, request: web.Request) -> web.Response:
        """The best bid and ask of one, several or all pairs."""
        symbols, single = self.symbols.chosen(request)
        best = [best_of(self.market.moment(one.name)) for one in symbols]
        return answer(one_or_all(best, single), 2 if single else 4)

    async def average(self, request: web.Request) -> web.Response:
        """The average price of the last minutes, by volume."""
        symbol = self.symbols.named(mandatory(request, "symbol"))
        moment = self.market.moment(symbol.name)
        tape = self.market.tape(symbol.name)
        until = tape.until(moment.version)
        trades = list(tape.trades(tape.before(moment.version - AVERAGE_MINUTES * 60_000), until))
        amount = sum(float(trade.amount) for trade in trades)
        value = sum(float(trade.price) * float(trade.amount) for trade in trades)
        price = value / amount if amount else moment.day.last
        closed = trades[-1].at if trades else moment.version
        body = {"mins": AVERAGE_MINUTES, "price": f"{price:.8f}", "closeTime": closed}
        return answer(body, 2)


def day_of(moment: Moment, now: int) -> dict[str, object]:
    """The last 24 hours of a pair, in the words of the REST interface."""
    day, symbol = moment.day, moment.symbol
    change = day.last - day.opened
    average = day.quote_volume / day.volume if day.volume else day.last
    return {
        **best_of(moment),
        "priceChange": symbol.price(change),
        "priceChangePercent": f"{100 * change / day.opened if day.opened else 0:.3f}",
        "weightedAvgPrice": f"{average:.8f}",
        "prevClosePrice": decimal(day.opened),
        "lastPrice": decimal(day.last),
        "lastQty": f"{moment.last_trade.amount:f}" if moment.last_trade else decimal(0.0),
        "openPrice": decimal(day.opened),
        "highPrice": decimal(day.high),
        "lowPrice": decimal(day.low),
        "volume": decimal(day.volume),
        "quoteVolume": f"{day.quote_volume:.8f}",
        "openTime": day.open_ms,
        "closeTime": now,
        "firstId": day.first if day.count else -1,
        "lastId": day.first + day.count - 1 if day.count else -1,
        "count": day.count,
    }


def best_of(moment: Moment) -> dict[str, object]:
    """The best bid and ask of a pair, in the words of the REST interface."""
    book = moment.book(1)
    price, lot = book.text(book.middle), decimal(book.lot)
    return {
        "symbol": moment.symbol.name,
        "bidPrice": price,
        "bidQty": lot,
        "askPrice": price,
        "askQty": lot,
    }


def one_or_all(answers: Sequence[object], single: bool) -> object:
    """Binance answers with an object where one symbol was named, else with a list."""
    return answers[0] if single else answers


def step_weight(steps: tuple[tuple[int, int], ...], size: int, beyond: int) -> int:
    """The weight of the first step that covers a size, or ``beyond``."""
    return next((weight for most, weight in steps if size <= most), beyond)
