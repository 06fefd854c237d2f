"""Binance's public REST interface over what is visible of a market."""

from aiohttp import web

from regimeswitch_lab.exchange.http.handlers import answer, compact, text_answer
from regimeswitch_lab.exchange.http.klines import KlineTexts
from regimeswitch_lab.exchange.http.request_limits import RATE_LIMITS
from regimeswitch_lab.exchange.http.signing import public
from regimeswitch_lab.exchange.http.tickers import Symbols, Tickers, step_weight
from regimeswitch_lab.exchange.market.candle_store import INTERVALS, CandleError
from regimeswitch_lab.exchange.market.public_trades import PublicTrade, Tape
from regimeswitch_lab.exchange.market.symbols import PERMISSION
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.requests import api_errors
from regimeswitch_lab.exchange.requests.request_form import Form, zone_ms


KLINES_DEFAULT, KLINES_MAX = 500, 1000
TRADES_DEFAULT, TRADES_MAX = 500, 1000
DEPTH_DEFAULT, DEPTH_MAX = 100, 5000
# Weight of a depth request by the largest limit it covers.
DEPTH_WEIGHTS = ((100, 5), (500, 25), (1000, 50), (DEPTH_MAX, 250))
KLINE_NAMES = ("symbol", "interval", "startTime", "endTime", "timeZone", "limit")
INFO_NAMES = ("symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus")
AGGREGATE_NAMES = ("symbol", "fromId", "startTime", "endTime", "limit")
# "Account and symbol permissions" in Binance's enums.
GROUPS = tuple(f"TRD_GRP_{number:03d}" for number in range(2, 26))
PERMISSIONS = (PERMISSION, "MARGIN", "LEVERAGED", *GROUPS)


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
        path = "/api/v3"
        return [
            web.get(f"{path}/ping", public(self.ping)),
            web.get(f"{path}/time", public(self.time)),
            web.get(f"{path}/exchangeInfo", public(self.exchange_info, INFO_NAMES)),
            web.get(f"{path}/klines", public(self.klines, KLINE_NAMES)),
            # Candles prepared for charts, which ours need not be.
            web.get(f"{path}/uiKlines", public(self.klines, KLINE_NAMES)),
            web.get(f"{path}/depth", public(self.depth, ("symbol", "limit", "symbolStatus"))),
            web.get(f"{path}/trades", public(self.trades, ("symbol", "limit"))),
            web.get(
                f"{path}/historicalTrades",
                public(self.historical_trades, ("symbol", "limit", "fromId")),
            ),
            web.get(f"{path}/aggTrades", public(self.aggregate_trades, AGGREGATE_NAMES)),
            *Tickers(self.market).routes(),
        ]

    async def ping(self, form: Form) -> web.Response:
        """Whether the exchange is there."""
        return answer({}, 1)

    async def time(self, form: Form) -> web.Response:
        """The exchange's clock."""
        return answer({"serverTime": self.market.clock()}, 1)

    async def exchange_info(self, form: Form) -> web.Response:
        """Pairs, filters and limits."""
        symbols, _ = self.symbols.chosen(form)
        named = "symbol" in form or "symbols" in form
        if named and ("permissions" in form or "symbolStatus" in form):
            raise api_errors.bad_combination()
        if PERMISSION not in permissions(form):
            symbols = []
        shown = form.flag("showPermissionSets", True)
        info = {
            "timezone": "UTC",
            "serverTime": self.market.clock(),
            "rateLimits": RATE_LIMITS,
            "exchangeFilters": [],
            "symbols": [one.info(permissions=shown) for one in symbols],
        }
        return answer(info, 20)

    async def klines(self, form: Form) -> web.Response:
        """Candles."""
        symbol = self.symbols.named(form.mandatory("symbol")).name
        interval = form.mandatory("interval")
        if interval not in INTERVALS:
            raise api_errors.invalid_interval()
        start, end = form.time("startTime"), form.time("endTime")
        limit = form.limit(KLINES_DEFAULT, KLINES_MAX)
        zone, now = zone_ms(form.text("timeZone")), self.market.clock()
        try:
            rows = self.market.klines(symbol, interval, start, end, limit, now, zone)
        except CandleError as error:
            raise api_errors.invalid_interval(str(error)) from error
        lines = self._klines.texts(symbol, interval, rows, now, zone)
        return text_answer(f"[{','.join(lines)}]", 2)

    async def depth(self, form: Form) -> web.Response:
        """The order book."""
        symbol = self.symbols.one(form).name
        limit = form.limit(DEPTH_DEFAULT, DEPTH_MAX)
        moment = self.market.moment(symbol)
        version, text = self._books.get((symbol, limit), (-1, ""))
        if version != moment.version:
            bids, asks = moment.book(limit).sides()
            body = {"lastUpdateId": moment.version, "bids": bids, "asks": asks}
            text = compact(body)
            self._books[symbol, limit] = (moment.version, text)
        return text_answer(text, step_weight(DEPTH_WEIGHTS, limit, DEPTH_WEIGHTS[-1][1]))

    async def trades(self, form: Form) -> web.Response:
        """The latest trades."""
        return answer([trade_line(one) for one in self._found(form, None)], 25)

    async def historical_trades(self, form: Form) -> web.Response:
        """Trades from a number on, or the latest."""
        first = form.whole("fromId")
        return answer([trade_line(one) for one in self._found(form, first)], 25)

    async def aggregate_trades(self, form: Form) -> web.Response:
        """Trades from a number or between two moments, each an aggregate of its own."""
        first = form.whole("fromId")
        start, end = form.time("startTime"), form.time("endTime")
        if first is not None and (start is not None or end is not None):
            raise api_errors.bad_combination()
        if start is not None:
            first = self._tape(form).before(start)
        found = self._found(form, first, end)
        return answer([aggregate_line(one) for one in found], 4)

    def _tape(self, form: Form) -> Tape:
        return self.market.tape(self.symbols.named(form.mandatory("symbol")).name)

    def _found(self, form: Form, first: int | None, end: int | None = None) -> list[PublicTrade]:
        """The first trades from a number on, or the last ones, up to a moment at the most."""
        tape, now = self._tape(form), self.market.clock()
        limit = form.limit(TRADES_DEFAULT, TRADES_MAX)
        stop = tape.until(now if end is None else min(end, now))
        if first is None:
            first = max(stop - limit, 0)
        return list(tape.trades(first, min(first + limit, stop)))


def permissions(form: Form) -> list[str]:
    """The permissions of which pairs are to have one: a single one, or a list.

    :raises ApiError: when there is no such permission
    """
    text = form.text("permissions")
    wanted = form.listed("permissions") if text and text.startswith("[") else [text or PERMISSION]
    if not set(wanted or ()) <= set(PERMISSIONS):
        raise api_errors.bad_choice("permissions")
    return wanted or []


def trade_line(trade: PublicTrade) -> dict[str, object]:
    """A trade as the lists of trades show it."""
    return {
        "id": trade.number,
        "price": trade.price,
        "qty": f"{trade.amount:.8f}",
        "quoteQty": trade.quote,
        "time": trade.at,
        "isBuyerMaker": not trade.buyer_takes,
        "isBestMatch": True,
    }


def aggregate_line(trade: PublicTrade) -> dict[str, object]:
    """A trade as the list of aggregates shows it."""
    return {
        "a": trade.number,
        "p": trade.price,
        "q": f"{trade.amount:.8f}",
        "f": trade.number,
        "l": trade.number,
        "T": trade.at,
        "m": not trade.buyer_takes,
        "M": True,
    }
