"""The account: what it owns, what is locked, and where every unit of it went.

Nothing appears or vanishes: of each asset, deposits = free + locked + fees paid + given to the
market, where the market's share is negative for what came from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from regimeswitch_lab.exchange.account.decimals import ZERO
from regimeswitch_lab.exchange.account.order_errors import insufficient_balance


Amounts = dict[str, Decimal]
BOOKS = ("deposits", "free", "locked", "fees", "market")


class Account:
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
