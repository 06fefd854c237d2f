"""The account, and what fills and endings of orders do to it.

Nothing appears or vanishes: of each asset, deposits = free + locked + fees paid + given to the
market, where the market's share is negative for what came from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from regimeswitch_lab.exchange.account.account_orders import (
    FILLED,
    MARKET,
    PARTIALLY_FILLED,
    AccountOrder,
    AccountTrade,
)
from regimeswitch_lab.exchange.account.decimals import ZERO, down, times, up
from regimeswitch_lab.exchange.account.order_filters import Rules
from regimeswitch_lab.exchange.requests.api_errors import insufficient_balance


Amounts = dict[str, Decimal]
BOOKS = ("deposits", "free", "locked", "fees", "market")


class Settling:
    """Orders, trades and the account they change together.

    Amounts of the quote asset and fees are rounded down to eight decimals, each fill by itself.

    :param account: whose orders they are
    :param fee: the exchange's share of what a trade brings, e.g. 0.001
    """

    def __init__(self, account: Balances, fee: Decimal) -> None:
        self.account = account
        self.fee = fee
        self.orders: dict[int, AccountOrder] = {}
        self.trades: list[AccountTrade] = []
        self._counts: Counter[str] = Counter()
        # What was not written down yet.
        self.touched: dict[int, AccountOrder] = {}
        # When an order last changed, in epoch milliseconds.
        self.updated = 0
        self._open: dict[str, dict[int, AccountOrder]] = {}

    def open(self, symbol: str | None = None) -> list[AccountOrder]:
        """Open orders of one pair or of all, the oldest first."""
        chosen = self._open.values() if symbol is None else [self._open.get(symbol, {})]
        return sorted((one for orders in chosen for one in orders.values()), key=lambda one: one.id)

    def add(self, order: AccountOrder) -> None:
        """Take an order in, as it is."""
        self.updated = max(self.updated, order.updated)
        self.orders[order.id] = order
        if order.open:
            self._open.setdefault(order.symbol, {})[order.id] = order

    def restore(self, orders: Iterable[AccountOrder], trades: Iterable[AccountTrade]) -> None:
        """Take over what was written down."""
        for order in orders:
            self.add(order)
        self.trades = list(trades)
        self._counts = Counter(trade.symbol for trade in self.trades)

    def place(self, order: AccountOrder, rules: Rules, market_cost: Decimal) -> None:
        """Take a new order in and lock what it may cost.

        :param market_cost: what a market order will cost; other orders tell by their price
        :raises ApiError: when the account has not as much
        """
        amount = market_cost if order.kind == MARKET else needed(order)
        self.account.lock(paid_asset(order, rules), amount)
        order.locked = amount
        self.add(order)
        self.touch(order)

    def fill(
        self, order: AccountOrder, rules: Rules, price: Decimal, lots: int, now: int, *, maker: bool
    ) -> None:
        """Exchange a part of an order at a price, and unlock what it no longer needs."""
        quantity = rules.quantity(lots)
        quote = down(times(price, quantity))
        given, got = (quote, quantity) if order.buys else (quantity, quote)
        received = rules.base if order.buys else rules.quote
        fee = down(times(got, self.fee))
        self.account.pay(paid_asset(order, rules), given)
        self.account.receive(received, got, fee)
        order.locked -= given
        order.executed += quantity
        order.quote_executed += quote
        order.updated = now
        order.status = PARTIALLY_FILLED if order.rest else FILLED
        self._counts[order.symbol] += 1
        self.trades.append(
            AccountTrade(
                id=self._counts[order.symbol],
                order_id=order.id,
                symbol=order.symbol,
                price=price,
                quantity=quantity,
                quote=quote,
                fee=fee,
                fee_asset=received,
                time=now,
                buys=order.buys,
                maker=maker,
            )
        )
        self._release(order, rules)

    def close(self, order: AccountOrder, rules: Rules, status: str, now: int) -> None:
        """End an order before it is full."""
        order.status, order.updated = status, now
        self._release(order, rules)

    def _release(self, order: AccountOrder, rules: Rules) -> None:
        """Unlock what an order no longer needs: a buy may have been cheaper than its price."""
        spare = order.locked - needed(order)
        self.account.unlock(paid_asset(order, rules), spare)
        order.locked -= spare
        self.touch(order)

    def touch(self, order: AccountOrder) -> None:
        """Note a change of an order."""
        self.updated = max(self.updated, order.updated)
        self.touched[order.id] = order
        if not order.open:
            self._open.get(order.symbol, {}).pop(order.id, None)


def paid_asset(order: AccountOrder, rules: Rules) -> str:
    """The asset that an order gives."""
    return rules.quote if order.buys else rules.base


def needed(order: AccountOrder) -> Decimal:
    """What an order must hold back for what is not filled.

    A market order keeps what it has: its cost is known before it is placed, and it never rests.
    """
    if not order.open:
        return ZERO
    if order.kind == MARKET:
        return order.locked
    return up(times(order.price, order.rest)) if order.buys else order.rest


class Balances:
    """Balances of one user.

    :param deposits: what it starts with, by asset
    """

    def __init__(self, deposits: Mapping[str, Decimal]) -> None:
        self.deposits: Amounts = dict(deposits)
        self.free: Amounts = dict(deposits)
        self.locked: Amounts = {}
        self.fees: Amounts = {}
        self.market: Amounts = {}

    def books(self) -> dict[str, Amounts]:
        """All books by name, to be written down."""
        return {name: getattr(self, name) for name in BOOKS}

    def restore(self, books: Mapping[str, Amounts]) -> None:
        """Take over books that were written down."""
        for name in BOOKS:
            setattr(self, name, dict(books.get(name, {})))

    def assets(self) -> list[str]:
        """Every asset that was ever here."""
        return sorted({*self.free, *self.locked})

    def deposit(self, asset: str, amount: Decimal) -> None:
        """Coins come in, or with a negative amount leave, without an order."""
        _add(self.deposits, asset, amount)
        _add(self.free, asset, amount)

    def lock(self, asset: str, amount: Decimal) -> None:
        """Hold back an amount for an order.

        :raises ApiError: when there is not as much
        """
        if self.free.get(asset, ZERO) < amount:
            raise insufficient_balance()
        _add(self.free, asset, -amount)
        _add(self.locked, asset, amount)

    def unlock(self, asset: str, amount: Decimal) -> None:
        """Give back what was held for an order."""
        _add(self.locked, asset, -amount)
        _add(self.free, asset, amount)

    def pay(self, asset: str, amount: Decimal) -> None:
        """Give a locked amount to the market."""
        _add(self.locked, asset, -amount)
        _add(self.market, asset, amount)

    def receive(self, asset: str, amount: Decimal, fee: Decimal) -> None:
        """Take an amount from the market, of which the exchange keeps a fee."""
        _add(self.market, asset, -amount)
        _add(self.fees, asset, fee)
        _add(self.free, asset, amount - fee)


def _add(amounts: Amounts, asset: str, amount: Decimal) -> None:
    amounts[asset] = amounts.get(asset, ZERO) + amount
