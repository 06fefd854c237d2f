"""Orders that were accepted and show up later: until then no question about them is answered.

What comes out of an account that is read from a copy which lags behind: the order itself, lists of
orders, trades and the balance of its coin.
"""

import json
from dataclasses import dataclass

from aiohttp import web

from regimeswitch_lab.exchange.faults.fault_rules import ORDER_PATH
from regimeswitch_lab.exchange.http.handlers import compact, refusal
from regimeswitch_lab.exchange.requests.api_errors import no_such_order


LISTS = ("/api/v3/openOrders", "/api/v3/allOrders", "/api/v3/myTrades")
ACCOUNT = "/api/v3/account"


@dataclass(frozen=True)
class Hidden:
    """An order that no answer shows yet.

    :ivar until: epoch milliseconds
    :ivar balances: of its coin, as they were answered last
    """

    number: int
    symbol: str
    until: int
    balances: tuple[dict[str, str], ...]


class Unseen:
    """The orders that are not shown yet."""

    def __init__(self) -> None:
        self._hidden: list[Hidden] = []
        self._balances: list[dict[str, str]] = []

    def hide(self, response: web.Response, until: int) -> None:
        """Show an order that was just accepted only from a moment on, in epoch milliseconds."""
        content = json.loads(response.text or "")
        if "orderId" in content:
            symbol = content["symbol"]
            kept = [one for one in self._balances if symbol.startswith(one["asset"])]
            self._hidden.append(Hidden(content["orderId"], symbol, until, tuple(kept)))

    def shown(self, path: str, response: web.StreamResponse, now: int) -> web.StreamResponse:
        """An answer without what is not shown yet."""
        hidden = [one for one in self._hidden if now < one.until]
        watched = path == ACCOUNT or (hidden and path in (ORDER_PATH, *LISTS))
        if not watched or not isinstance(response, web.Response) or response.status != 200:
            return response
        content = json.loads(response.text or "")
        numbers = {one.number for one in hidden}
        if path == ACCOUNT:
            for one in hidden:
                assets = {balance["asset"] for balance in one.balances}
                others = [kept for kept in content["balances"] if kept["asset"] not in assets]
                content["balances"] = [*others, *one.balances]
            self._balances = content["balances"]
        elif path == ORDER_PATH:
            return refusal(no_such_order()) if content.get("orderId") in numbers else response
        else:
            content = [one for one in content if one["orderId"] not in numbers]
        return web.json_response(content, dumps=compact) if hidden else response
