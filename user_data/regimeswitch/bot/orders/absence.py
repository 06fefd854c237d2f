"""Whether an order that the exchange denies is really absent: open orders, trades and the account.

One question is answered from one place, which may lag behind the others by minutes. An order that
was carried out leaves traces elsewhere: it is listed, it has traded, or its coins are held or gone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import ccxt

from regimeswitch.bot.orders.journal import Entry, Journal


MARGIN_MS = 60_000
"""Trades are looked for from this long before an order was sent, whatever the clocks say."""
MAX_ORDERS = 20
"""Orders behind these trades that are asked for, the oldest first; weight 4 each."""
TRACE = 0.02
"""Share of an order's amount by which balances may differ for other reasons, as fees in coins."""

ARCHIVED = -2026
"""Binance, "Error codes": cancelled or expired without a fill over 90 days ago, and archived."""
_CODE = re.compile(r'"code"\s*:\s*(-\d+)')

Order = dict[str, Any]


@dataclass(frozen=True)
class Trace:
    """What was found of an order apart from the question for it.

    :ivar order: the order itself, where a trade or a list has led to it
    :ivar doubt: what speaks against its absence; empty where nothing does
    :ivar traded: whether it certainly has moved money, although it cannot be asked for
    """

    order: Order | None = None
    doubt: str = ""
    traded: bool = False


class Traces:
    """Looks for orders where one question has denied them.

    Weights of requests: open orders of a pair 6, trades of a pair 20, account 20 (Binance, "REST
    API: Account endpoints").

    :param client: the exchange client, whose answers are taken as they are
    """

    def __init__(self, client: Any, journal: Journal) -> None:
        self._journal = journal
        self._open, self._trades = client.fetch_open_orders, client.fetch_my_trades
        self._balance, self._fetch = client.fetch_balance, client.fetch_order

    def of(self, entry: Entry) -> Trace:
        """What is found of an order.

        :raises ccxt.BaseError: when one of the three cannot be asked
        """
        for order in self._open(entry.pair):
            if order.get("clientOrderId") == entry.client_id:
                return Trace(order)
        found = self._traded(entry)
        if found.order is not None or found.doubt:
            return found
        return Trace(doubt=self._of_account(entry))

    def open_numbers(self, pair: str) -> set[str]:
        """Numbers of the open orders of a pair.

        :raises ccxt.BaseError: when they cannot be asked for
        """
        return {str(order["id"]) for order in self._open(pair)}

    def filled(self, entry: Entry) -> float:
        """Coins that an order has moved according to the account's trades, by the order's number.

        :raises ccxt.BaseError: when they cannot be asked for
        """
        trades = self._trades(entry.pair, entry.sent_ms - MARGIN_MS)
        return float(sum(one["amount"] for one in trades if one["order"] == entry.order_id))

    def _traded(self, entry: Entry) -> Trace:
        trades = self._trades(entry.pair, entry.sent_ms - MARGIN_MS)
        amounts: dict[str, float] = {}
        for one in trades:
            if one["side"] == entry.side:
                number = str(one["order"])
                amounts[number] = amounts.get(number, 0.0) + float(one["amount"])
        # An order cannot have moved more than it was for; another bot's may be many.
        most = entry.amount * (1 + TRACE)
        numbers = {number for number, amount in amounts.items() if amount <= most}
        if entry.order_id and entry.order_id in numbers:
            text = f"trades show that order {entry.order_id} was filled"
            return Trace(doubt=text, traded=True)
        for number in sorted(numbers, key=int)[:MAX_ORDERS]:
            if self._journal.find(entry.pair, number) is not None:
                continue
            try:
                order = self._fetch(number, entry.pair)
            except ccxt.BaseError as error:
                if not is_denial(error):
                    raise
                text = f"trades show a {entry.side} of order {number}, which cannot be asked for"
                return Trace(doubt=f"{text} ({error})", traded=True)
            if order.get("clientOrderId") == entry.client_id:
                return Trace(order)
        return Trace()

    def _of_account(self, entry: Entry) -> str:
        coin = entry.pair.split("/")[0]
        balance = self._balance().get(coin) or {}
        if entry.side == "sell":
            free = float(balance.get("free") or 0)
            if free < entry.amount * (1 - TRACE):
                return f"only {free:.8g} {coin} of {entry.amount:.8g} are free"
            return ""
        more = float(balance.get("total") or 0) - (entry.coins or 0)
        if entry.coins is not None and more > entry.amount * TRACE:
            return f"the account holds {more:.8g} {coin} more than before it was sent"
        return ""


def is_denial(error: ccxt.BaseError) -> bool:
    """Whether the exchange has answered that there is no such order, or can never say."""
    hopeless = (ccxt.InvalidOrder, ccxt.BadRequest)
    return isinstance(error, hopeless) or code_of(error) == ARCHIVED


def code_of(error: BaseException) -> int:
    """Binance's code in an error of the exchange client; 0 without one."""
    found = _CODE.search(str(error))
    return int(found[1]) if found else 0
