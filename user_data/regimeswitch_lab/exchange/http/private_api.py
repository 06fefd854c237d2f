"""Binance's signed REST interface: the account and its orders."""

from collections.abc import Iterable
from typing import TypeVar

from aiohttp import web

from regimeswitch_lab.exchange.account import account_orders
from regimeswitch_lab.exchange.account.account_orders import AccountOrder, AccountTrade
from regimeswitch_lab.exchange.account.order_form import ORDER_NAMES
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.http import order_views
from regimeswitch_lab.exchange.http.handlers import answer
from regimeswitch_lab.exchange.http.request_limits import OrderCounts
from regimeswitch_lab.exchange.http.signing import FormHandler, signed
from regimeswitch_lab.exchange.requests import api_errors
from regimeswitch_lab.exchange.requests.request_form import Form


RESPONSES = (order_views.ACK, order_views.RESULT, order_views.FULL)
HOUR_MS = 3_600_000
LONGEST_HOURS = 24
LIST_DEFAULT, LIST_MAX = 500, 1000
CANCEL_NAMES = (
    *("symbol", "orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions"),
)
LIST_NAMES = ("symbol", "startTime", "endTime", "limit")
RESTRICTIONS = {
    "ONLY_NEW": account_orders.NEW,
    "ONLY_PARTIALLY_FILLED": account_orders.PARTIALLY_FILLED,
}
# What myTrades may be asked by, apart from the symbol and a limit.
TRADE_FILTERS = ({"orderId"}, {"fromId"}, {"orderId", "fromId"}, {"startTime", "endTime"})
Entry = TypeVar("Entry", AccountOrder, AccountTrade)


class Private:
    """The handlers.

    :param trading: the account they are about
    """

    def __init__(self, trading: Trading) -> None:
        self.trading = trading
        self.counts = OrderCounts()

    def routes(self) -> list[web.RouteDef]:
        """The paths and their handlers."""
        path = "/api/v3"
        table: list[tuple[str, str, FormHandler, tuple[str, ...]]] = [
            ("GET", f"{path}/account", self.account, ("omitZeroBalances",)),
            ("GET", f"{path}/order", self.order, ("symbol", "orderId", "origClientOrderId")),
            ("POST", f"{path}/order", self.place, ORDER_NAMES),
            ("POST", f"{path}/order/test", self.test, (*ORDER_NAMES, "computeCommissionRates")),
            ("DELETE", f"{path}/order", self.cancel, CANCEL_NAMES),
            ("GET", f"{path}/openOrders", self.open_orders, ("symbol",)),
            ("DELETE", f"{path}/openOrders", self.cancel_all, ("symbol",)),
            ("GET", f"{path}/allOrders", self.all_orders, (*LIST_NAMES, "orderId")),
            ("GET", f"{path}/myTrades", self.my_trades, (*LIST_NAMES, "orderId", "fromId")),
            ("GET", f"{path}/rateLimit/order", self.order_counts, ()),
        ]
        return [
            web.route(verb, url, signed(self.trading, handler, names))
            for verb, url, handler, names in table
        ]

    async def account(self, form: Form) -> web.Response:
        """Balances and commission."""
        market = self.trading.market.symbols().values()
        whole = not form.flag("omitZeroBalances", False)
        with self.trading.look():
            mine = self.trading.settling.account.assets()
            assets = sorted({*mine, *(one.base for one in market), *(one.quote for one in market)})
            return answer(order_views.owned(self.trading.settling, assets, whole=whole), 20)

    async def place(self, form: Form) -> web.Response:
        """Place an order."""
        now = self.trading.market.clock()
        self.counts.check(now)
        kind = form.choice("newOrderRespType", RESPONSES)
        order = self.trading.place(form)
        detail = kind or (
            order_views.FULL
            if order.kind in (account_orders.LIMIT, account_orders.MARKET)
            else order_views.ACK
        )
        response = answer(order_views.placed(order, self.trading.trades_of(order), detail), 1)
        response.headers.update(self.counts.add(now))
        return response

    async def test(self, form: Form) -> web.Response:
        """Check an order against the filters without placing it."""
        wanted = form.flag("computeCommissionRates", False)
        form.choice("newOrderRespType", RESPONSES)
        self.trading.check(form)
        return answer(
            order_views.commissions(self.trading.settling) if wanted else {}, 20 if wanted else 1
        )

    def _wanted(self, form: Form) -> AccountOrder | None:
        """The order that a request names."""
        symbol = self.trading.rules(form.mandatory("symbol")).symbol.name
        number, client_id = form.whole("orderId"), form.text("origClientOrderId")
        if number is None and client_id is None:
            raise api_errors.one_of_two("origClientOrderId", "orderId")
        return self.trading.find(symbol, number, client_id)

    async def order(self, form: Form) -> web.Response:
        """One order."""
        with self.trading.look():
            order = self._wanted(form)
            if order is None:
                raise api_errors.no_such_order()
            return answer(order_views.queried(order), 4)

    async def cancel(self, form: Form) -> web.Response:
        """Cancel one order."""
        restriction = form.text("cancelRestrictions")
        if restriction is not None and restriction not in RESTRICTIONS:
            raise api_errors.bad_restriction()
        with self.trading.look():
            order = self.trading.cancel(self._wanted(form), RESTRICTIONS.get(restriction or ""))
            client_id = form.word("newClientOrderId") or f"cancel-{order.id}"
            body = order_views.cancelled(order, client_id)
        return answer(body, 1)

    async def cancel_all(self, form: Form) -> web.Response:
        """Cancel every open order of a pair."""
        symbol = self.trading.rules(form.mandatory("symbol")).symbol.name
        with self.trading.look():
            orders = self.trading.settling.open(symbol)
            if not orders:
                raise api_errors.unknown_order()
            body = [
                order_views.cancelled(self.trading.cancel(one), f"cancel-{one.id}")
                for one in orders
            ]
        return answer(body, 1)

    async def open_orders(self, form: Form) -> web.Response:
        """Open orders of one pair, or of all."""
        symbol = form.text("symbol")
        if symbol is not None:
            symbol = self.trading.rules(symbol).symbol.name
        with self.trading.look():
            orders = self.trading.settling.open(symbol)
            return answer(
                [order_views.queried(order) for order in orders], 80 if symbol is None else 6
            )

    async def all_orders(self, form: Form) -> web.Response:
        """Orders of a pair, whatever became of them."""
        symbol = self.trading.rules(form.mandatory("symbol")).symbol.name
        first, limit = form.whole("orderId"), form.limit(LIST_DEFAULT, LIST_MAX)
        start, end = period(form)
        with self.trading.look():
            found = [
                order
                for order in self.trading.settling.orders.values()
                if order.symbol == symbol and start <= order.created <= end
            ]
            mine = page(found, first, limit, from_start="startTime" in form)
            return answer([order_views.queried(order) for order in mine], 20)

    async def my_trades(self, form: Form) -> web.Response:
        """Trades of a pair."""
        symbol = self.trading.rules(form.mandatory("symbol")).symbol.name
        names = {"orderId", "fromId", "startTime", "endTime"}
        asked = {name for name in names if name in form}
        if not any(asked <= allowed for allowed in TRADE_FILTERS):
            raise api_errors.bad_combination()
        number, first = form.whole("orderId"), form.whole("fromId")
        limit = form.limit(LIST_DEFAULT, LIST_MAX)
        start, end = period(form)
        with self.trading.look():
            found = [
                trade
                for trade in self.trading.settling.trades
                if trade.symbol == symbol
                and start <= trade.time <= end
                and number in (None, trade.order_id)
            ]
            mine = page(found, first, limit, from_start="startTime" in form)
            return answer(
                [order_views.traded(trade) for trade in mine], 20 if number is None else 5
            )

    async def order_counts(self, form: Form) -> web.Response:
        """How many new orders there were, and how many there may be."""
        return answer(self.counts.used(self.trading.market.clock()), 40)


def period(form: Form) -> tuple[int, int]:
    """The times between which a list is wanted, both included."""
    start, end = form.time("startTime"), form.time("endTime")
    if start is not None and end is not None and end - start > LONGEST_HOURS * HOUR_MS:
        raise api_errors.too_long_apart(LONGEST_HOURS)
    return 0 if start is None else start, 2**63 if end is None else end


def page(found: Iterable[Entry], first: int | None, limit: int, *, from_start: bool) -> list[Entry]:
    """One answer's worth of a list: from a number or a time on, otherwise the newest."""
    if first is not None:
        return [one for one in found if one.id >= first][:limit]
    entries = list(found)
    return entries[:limit] if from_start else entries[-limit:]
