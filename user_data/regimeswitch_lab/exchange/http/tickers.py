"""The tickers of the REST interface: last price, best bid and ask, average price, and windows.

What each may be asked for is in "Market data endpoints" of Binance's REST interface.
"""

import re
from collections.abc import Sequence

import numpy as np
from aiohttp import web

from regimeswitch_lab.exchange.http.handlers import answer
from regimeswitch_lab.exchange.http.signing import public
from regimeswitch_lab.exchange.market.candle_store import DAY_MS, closing, opening
from regimeswitch_lab.exchange.market.pair_moment import Day, Moment
from regimeswitch_lab.exchange.market.symbols import STATUS, Symbol, decimal
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.requests import api_errors
from regimeswitch_lab.exchange.requests.request_form import MINUTE_MS, Form, zone_ms


# Weight of a ticker/24hr request by the largest number of symbols it covers.
DAY_WEIGHTS = ((20, 2), (100, 40))
DAY_WEIGHT_ALL = 80
WINDOW_WEIGHT, WINDOW_WEIGHT_MAX, WINDOW_SYMBOLS = 4, 200, 100
AVERAGE_MINUTES = 5
STATUSES = ("TRADING", "HALT", "BREAK")
CHOICE = ("symbol", "symbols", "symbolStatus")
FULL, MINI = "FULL", "MINI"
# What the short form of a ticker leaves out.
ONLY_FULL = (
    *("priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice", "lastQty"),
    *("bidPrice", "bidQty", "askPrice", "askQty"),
)
UNITS_MS = {"m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": DAY_MS}
LONGEST = {"m": 59, "h": 23, "d": 7}


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
            raise api_errors.invalid_symbol()
        return symbol

    def one(self, form: Form) -> Symbol:
        """The pair that a request must name, in the status that it may name."""
        symbol = self.named(form.mandatory("symbol"))
        if form.choice("symbolStatus", STATUSES) not in (None, STATUS):
            raise api_errors.other_status()
        return symbol

    def chosen(self, form: Form) -> tuple[list[Symbol], bool]:
        """The pairs a request is about, and whether it named a single one.

        :raises ApiError: for a pair that is unknown, twice there or in another status, and for
            both ways of naming pairs at once
        """
        names = form.listed("symbols")
        if "symbol" in form:
            if names is not None:
                raise api_errors.bad_combination()
            return [self.one(form)], True
        known = self.market.symbols()
        found = list(known.values()) if names is None else [self.named(name) for name in names]
        if len({one.name for one in found}) < len(found):
            raise api_errors.repeated_symbol()
        status = form.choice("symbolStatus", STATUSES)
        return found if status in (None, STATUS) else [], False

    def few(self, form: Form) -> tuple[list[Symbol], bool]:
        """As :meth:`chosen`, of a request that must name pairs, and not too many."""
        if "symbol" not in form and "symbols" not in form:
            raise api_errors.one_of_two("symbol", "symbols")
        symbols, single = self.chosen(form)
        if len(symbols) > WINDOW_SYMBOLS:
            raise api_errors.too_many_symbols(WINDOW_SYMBOLS)
        return symbols, single


class Tickers:
    """The handlers.

    :param market: what they tell about
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.symbols = Symbols(market)

    def routes(self) -> list[web.RouteDef]:
        """The paths and their handlers."""
        path = "/api/v3"
        return [
            web.get(f"{path}/ticker/24hr", public(self.day, (*CHOICE, "type"))),
            web.get(f"{path}/ticker", public(self.window, (*CHOICE, "type", "windowSize"))),
            web.get(f"{path}/ticker/tradingDay", public(self.today, (*CHOICE, "type", "timeZone"))),
            web.get(f"{path}/ticker/price", public(self.price, CHOICE)),
            web.get(f"{path}/ticker/bookTicker", public(self.book, CHOICE)),
            web.get(f"{path}/avgPrice", public(self.average, ("symbol",))),
        ]

    async def day(self, form: Form) -> web.Response:
        """The last 24 hours of one, several or all pairs."""
        symbols, single = self.symbols.chosen(form)
        every = "symbol" not in form and "symbols" not in form
        size = DAY_WEIGHTS[-1][0] + 1 if every else len(symbols)
        days = [day_of(self.market.moment(one.name), self.market.clock()) for one in symbols]
        weight = step_weight(DAY_WEIGHTS, size, DAY_WEIGHT_ALL)
        return answer(one_or_all(shortened(days, form), single), weight)

    async def window(self, form: Form) -> web.Response:
        """The last minutes, hours or days of one or several pairs."""
        size, now = window_ms(form.text("windowSize")), self.market.clock()
        return self._windows(form, rolling_start(now, size), now)

    async def today(self, form: Form) -> web.Response:
        """The day of a time zone, of one or several pairs."""
        zone, now = zone_ms(form.text("timeZone")), self.market.clock()
        opened = opening(np.array([now]), "1d", zone)
        return self._windows(form, int(opened[0]), int(closing(opened, "1d")[0]) - 1)

    def _windows(self, form: Form, start: int, end: int) -> web.Response:
        symbols, single = self.symbols.few(form)
        found = [window_of(self.market, one, start, end) for one in symbols]
        weight = min(WINDOW_WEIGHT * len(symbols), WINDOW_WEIGHT_MAX)
        return answer(one_or_all(shortened(found, form), single), weight)

    async def price(self, form: Form) -> web.Response:
        """The last price of one, several or all pairs."""
        symbols, single = self.symbols.chosen(form)
        prices = [
            {"symbol": one.name, "price": decimal(self.market.day(one.name).last)}
            for one in symbols
        ]
        return answer(one_or_all(prices, single), 2 if single else 4)

    async def book(self, form: Form) -> web.Response:
        """The best bid and ask of one, several or all pairs."""
        symbols, single = self.symbols.chosen(form)
        best = [best_of(self.market.moment(one.name)) for one in symbols]
        return answer(one_or_all(best, single), 2 if single else 4)

    async def average(self, form: Form) -> web.Response:
        """The average price of the last minutes, by volume."""
        symbol = self.symbols.named(form.mandatory("symbol"))
        price, closed = average_of(self.market, symbol.name)
        return answer({"mins": AVERAGE_MINUTES, "price": price, "closeTime": closed}, 2)


def average_of(market: Market, name: str, now: int | None = None) -> tuple[str, int]:
    """The average price of the last minutes by volume, and the time of the last trade."""
    moment, tape = market.moment(name, now), market.tape(name)
    until = tape.until(moment.version)
    trades = list(tape.trades(tape.before(moment.version - AVERAGE_MINUTES * MINUTE_MS), until))
    amount = sum(float(trade.amount) for trade in trades)
    value = sum(float(trade.price) * float(trade.amount) for trade in trades)
    price = value / amount if amount else moment.day.last
    return decimal(price), trades[-1].at if trades else moment.version


def window_ms(text: str | None) -> int:
    """The length of a ``windowSize`` like ``15m``, ``4h`` or ``7d``; of a day by default.

    :raises ApiError: when it is none of those
    """
    match = re.fullmatch(r"([1-9][0-9]?)([mhd])", "1d" if text is None else text)
    if match is None or int(match[1]) > LONGEST[match[2]]:
        raise api_errors.bad_choice("windowSize")
    return int(match[1]) * UNITS_MS[match[2]]


def rolling_start(now: int, size: int) -> int:
    """Where a window begins: on a minute, so that it is up to a minute longer than its size."""
    return (now - size) // MINUTE_MS * MINUTE_MS


def shortened(tickers: list[dict[str, object]], form: Form) -> list[dict[str, object]]:
    """Tickers in the form that a request wants.

    :raises ApiError: when there is no such form
    """
    kind = form.text("type")
    if kind not in (None, FULL, MINI):
        raise api_errors.bad_ticker()
    if kind != MINI:
        return tickers
    return [{key: one[key] for key in one if key not in ONLY_FULL} for one in tickers]


def changes_of(day: Day, symbol: Symbol) -> dict[str, object]:
    """What the prices and trades of a window come to."""
    change = day.last - day.opened
    average = day.quote_volume / day.volume if day.volume else day.last
    return {
        "priceChange": symbol.price(change),
        "priceChangePercent": f"{100 * change / day.opened if day.opened else 0:.3f}",
        "weightedAvgPrice": decimal(average),
        "openPrice": decimal(day.opened),
        "highPrice": decimal(day.high),
        "lowPrice": decimal(day.low),
        "lastPrice": decimal(day.last),
        "volume": decimal(day.volume),
        "quoteVolume": decimal(day.quote_volume),
        "openTime": day.open_ms,
        "firstId": day.first if day.count else -1,
        "lastId": day.first + day.count - 1 if day.count else -1,
        "count": day.count,
    }


def day_of(moment: Moment, now: int) -> dict[str, object]:
    """The last 24 hours of a pair, in the words of the REST interface."""
    last = moment.last_trade
    return {
        **best_of(moment),
        **changes_of(moment.day, moment.symbol),
        "prevClosePrice": decimal(moment.day.opened),
        "lastQty": f"{last.amount:.8f}" if last else decimal(0.0),
        "closeTime": now,
    }


def window_of(
    market: Market, symbol: Symbol, start: int, end: int, now: int | None = None
) -> dict[str, object]:
    """A window of a pair, in the words of the REST interface.

    :param end: what it says of its end, which may lie ahead
    """
    day = market.window(symbol.name, start, now)
    return {"symbol": symbol.name, **changes_of(day, symbol), "closeTime": end}


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
