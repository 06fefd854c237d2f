"""Journal, exchange and database are brought together: at the start and in every loop."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from typing import Any

import ccxt
from freqtrade.strategy import IStrategy
from sqlalchemy.exc import SQLAlchemyError

from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.messages.message import Level
from regimeswitch.bot.orders.adoption import (
    adopt,
    coin_of,
    in_database,
    is_empty,
    open_trades,
    owned,
)
from regimeswitch.bot.orders.in_flight import described
from regimeswitch.bot.orders.journal import EMPTY, KEPT, KNOWN, STRAY, Entry
from regimeswitch.bot.orders.order_guard import OrderGuard


logger = logging.getLogger(__name__)

UNMANAGED_SHARE = 0.02
"""Share of the coins of open trades that rounding and fees may leave in the wallet."""


class Reconciler:
    """Looks after the orders of the journal until freqtrade's database has them."""

    def __init__(self, guard: OrderGuard, strategy: IStrategy, alarms: Alarms) -> None:
        self._guard = guard
        self._strategy, self._alarms = strategy, alarms
        self._missing_before: set[str] = set()
        # None before the first look, when nothing is on its way between wallet and database.
        self._unmanaged_before: set[str] | None = None

    def run(self, first: bool = False) -> None:
        """Look at every order that is not settled.

        :param first: at the start, when nothing can be on its way into the database
        """
        try:
            entries = self._guard.journal.open()
            self._guard.inquiry.keep(entries)
            entries += self._guard.inquiry.unwritten()
            missing = {entry.client_id for entry in entries if not self._look_at(entry, first)}
        except (sqlite3.Error, SQLAlchemyError) as error:
            self._alarms.set("reconcile", f"orders and trades cannot be compared: {error}")
            return
        self._alarms.clear("reconcile", "orders and trades can be compared again")
        self._missing_before = missing

    def _look_at(self, entry: Entry, first: bool) -> bool:
        """False for an order that is looked at once more before anything is done about it."""
        if self._guard.is_in_flight(entry):
            return True
        if entry.state == KNOWN and in_database(entry.pair, entry.order_id):
            self._guard.inquiry.close(entry, KEPT)
            return True
        if entry.state == KNOWN and not first and entry.client_id not in self._missing_before:
            # Another thread of freqtrade may be about to write it.
            return False
        order = self._find(entry, first)
        if order is not None:
            self._settle(entry, order)
        return True

    def _settle(self, entry: Entry, order: dict[str, Any]) -> None:
        """An order that freqtrade does not know: give it to a trade."""
        if in_database(entry.pair, str(order["id"])):
            self._guard.inquiry.close(entry, KEPT)
            return
        if is_empty(order):
            self._guard.inquiry.close(entry, EMPTY)
            return
        adopted = adopt(entry, order, self._strategy)
        self._guard.inquiry.close(entry, KEPT if adopted else STRAY)
        what = "it has been given to its trade" if adopted else "look after it yourself"
        self._alarms.tell(
            f"adopted {entry.client_id}",
            f"{described(entry)} is on the exchange as {order['id']} and was in no trade: {what}",
        )

    def unsettled(self, pair: str) -> bool:
        """Whether an order of a pair is being placed, unknown, or not seen in the database yet.

        :raises sqlite3.Error: when the journal cannot be read
        """
        entries = self._guard.journal.open()
        return self._guard.inquiry.unknown(pair) or any(entry.pair == pair for entry in entries)

    def _find(self, entry: Entry, first: bool) -> dict[str, Any] | None:
        try:
            inquiry = self._guard.inquiry
            return inquiry.at_start(entry) if first else inquiry.once(entry)
        except ccxt.BaseError as error:
            logger.warning(f"{described(entry)}: cannot be looked at ({error})")
            return None

    def report_unmanaged_balance(self, prices: Mapping[str, float]) -> None:
        """Notify of coins of no open trade that are worth an order, by pair's price."""
        unmanaged = {}
        for pair, price in prices.items():
            base, extra, least = self._unmanaged(pair)
            if extra and extra * price >= least:
                unmanaged[base] = extra
            else:
                self._alarms.clear(
                    f"unmanaged {base}", f"all {base} in the wallet belong to trades"
                )
        before = unmanaged if self._unmanaged_before is None else self._unmanaged_before
        for base in unmanaged.keys() & set(before):
            self._alarms.set(
                f"unmanaged {base}",
                f"{unmanaged[base]:.8g} {base} in the wallet belong to no trade; the bot will not "
                "sell them: sell or move them yourself, or leave them",
                level=Level.ACTION,
            )
        self._unmanaged_before = set(unmanaged)

    def _unmanaged(self, pair: str) -> tuple[str, float, float]:
        """Coin, how much of it belongs to no trade, and the least value of an order."""
        market = self._strategy.dp._exchange.markets.get(pair)
        if market is None:
            return coin_of(pair), 0.0, 0.0
        base, of_trades = market["base"], owned(market["base"])
        extra = self._strategy.wallets.get_total(base) - of_trades
        moving = any(trade.has_open_orders for trade in open_trades(pair))
        if moving or extra <= of_trades * UNMANAGED_SHARE:
            extra = 0.0
        return base, extra, market["limits"]["cost"]["min"] or 0.0
