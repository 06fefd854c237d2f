"""An older or lost database: the journal is held against it before anything is bought.

A database that was restored from a backup, or deleted, does not know what was bought since. The
journal and the account do. Orders of the journal that no trade knows are replayed pair by pair;
what they leave in the account is given back to trades where that is unambiguous, and keeps its pair
from entries where it is not.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import ccxt
from freqtrade.persistence import Order as DatabaseOrder
from freqtrade.strategy import IStrategy
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.messages.message import Level
from regimeswitch.bot.orders.absence import TRACE, Order, Traces
from regimeswitch.bot.orders.adoption import adopt, coin_of, is_empty, open_trades, owned
from regimeswitch.bot.orders.in_flight import Inquiry, described
from regimeswitch.bot.orders.journal import DONE, EMPTY, KEPT, STRAY, Entry, Journal


AGAIN_SECONDS = 60.0
MAX_QUESTIONS = 50
"""Orders of a pair that are asked for, the newest; weight 4 each."""
CLOCKS_MS = 60_000


@dataclass
class Found:
    """An order that no trade knows.

    :ivar lost: it has moved money and cannot be asked for any more
    """

    entry: Entry
    order: Order
    lost: bool = False

    @property
    def coins(self) -> float:
        """What it has bought; negative for a sale."""
        filled = float(self.order.get("filled") or 0)
        return filled if self.entry.side == "buy" else -filled


class Restored:
    """Compares the journal with the database, once at the start, then where something is left."""

    def __init__(
        self, inquiry: Inquiry, journal: Journal, strategy: IStrategy, alarms: Alarms
    ) -> None:
        self._inquiry, self._journal = inquiry, journal
        self._strategy, self._alarms = strategy, alarms
        self._traces: Traces = inquiry.traces
        self._waiting: dict[str, str] = {}
        self._all = True
        self._due = 0.0

    def refusal(self, pair: str) -> str:
        """Why nothing of a pair may be bought; empty where it may."""
        if self._all:
            return "the journal of orders was not held against the database yet"
        return self._waiting.get(pair, "")

    def look(self) -> None:
        """Compare what was not compared yet, or has left something to be settled."""
        now = time.time()
        if not (self._all or self._waiting) or 0 < self._due - now <= AGAIN_SECONDS:
            return
        self._due = now + AGAIN_SECONDS
        try:
            unknown, newest = self._unknown()
        except (sqlite3.Error, SQLAlchemyError) as error:
            self._alarms.set("restored", f"journal and database cannot be compared: {error}")
            return
        self._alarms.clear("restored", "journal and database can be compared again")
        pairs = unknown if self._all else [pair for pair in unknown if pair in self._waiting]
        before, self._all = self._waiting, False
        self._waiting = {pair: self._compare(pair, unknown[pair], newest) for pair in pairs}
        self._waiting = {pair: reason for pair, reason in self._waiting.items() if reason}
        for pair in {*before, *self._waiting}:
            if pair in self._waiting:
                self._alarms.set(f"restored {pair}", self._waiting[pair], level=Level.ACTION)
            else:
                self._alarms.clear(f"restored {pair}", f"{pair}: explained; entries go on")

    def _unknown(self) -> tuple[dict[str, list[Entry]], int]:
        """Orders of the journal that the database does not know, by pair, and when the newest
        that it knows was sent."""
        columns = select(DatabaseOrder.ft_pair, DatabaseOrder.order_id)
        known = {(pair, number) for pair, number in DatabaseOrder.session.execute(columns)}
        found: dict[str, list[Entry]] = {}
        newest = 0
        for entry in self._journal.placed():
            if (entry.pair, entry.order_id) in known:
                newest = max(newest, entry.sent_ms)
            else:
                found.setdefault(entry.pair, []).append(entry)
        return found, newest

    def _compare(self, pair: str, entries: list[Entry], newest: int) -> str:
        """Settle what is unknown of a pair; gives why it must not be bought, empty = it may."""
        if self._strategy.dp._exchange.markets.get(pair) is None:
            # Nothing can be asked about it, and nothing can be bought.
            return ""
        try:
            left = self._left(pair, entries)
        except ccxt.BaseError as error:
            return f"{pair}: the journal cannot be held against the database yet ({error})"
        if left:
            reason = self._give_back(pair, left, newest)
            if reason:
                return reason
        given = {one.entry.client_id for one in left}
        for entry in entries:
            if entry.client_id not in given and self._journal.state(entry.client_id) != EMPTY:
                self._inquiry.close(entry, DONE)
        return ""

    def _extra(self, pair: str) -> float:
        """Coins of the account that no open trade owns."""
        coin = coin_of(pair)
        return float(self._strategy.wallets.get_total(coin)) - owned(coin)

    def _left(self, pair: str, entries: list[Entry]) -> list[Found]:
        """The unknown orders behind what the account holds now, oldest first.

        :raises ccxt.BaseError: when the exchange cannot be asked
        """
        trades, extra = open_trades(pair), self._extra(pair)
        resting = self._traces.open_numbers(pair)
        largest = max(entry.amount for entry in entries)
        is_resting = any(entry.order_id in resting for entry in entries)
        if not trades and not is_resting and extra <= largest * TRACE:
            return []
        if trades:
            began = min(trade.open_date_utc for trade in trades).timestamp() * 1000 - CLOCKS_MS
            entries = [entry for entry in entries if entry.sent_ms >= began]
        found: list[Found] = []
        for entry in entries[: -MAX_QUESTIONS - 1 : -1]:
            one = self._ask(entry)
            if one is not None:
                found.insert(0, one)
            net = sum(each.coins for each in found)
            if not trades and found and 0 < extra * (1 - TRACE) <= net:
                break
        return found if trades else _since_the_last_exit(found)

    def _ask(self, entry: Entry) -> Found | None:
        """An order; None where it has moved nothing and never will."""
        order = self._inquiry.ask_for(entry)
        if order is not None and not is_empty(order):
            return Found(entry, order)
        filled = 0.0 if order is not None else self._traces.filled(entry)
        if filled:
            return Found(entry, {"filled": filled, "status": "closed"}, lost=True)
        self._inquiry.close(entry, EMPTY)
        return None

    def _give_back(self, pair: str, left: list[Found], newest: int) -> str:
        """Give orders to trades; gives why that is not done, empty where it was or need not be."""
        coin = coin_of(pair)
        there = float(self._strategy.wallets.get_total(coin))
        net = owned(coin) + sum(one.coins for one in left)
        rests = any(one.order["status"] == "open" for one in left)
        if not open_trades(pair) and not rests and there < net * TRACE:
            # Bought, and gone since by no order of ours.
            left.clear()
            return ""
        older = any(one.entry.sent_ms <= newest for one in left)
        short = there < net * (1 - TRACE)
        if older or short or any(one.lost for one in left):
            why = "the database is newer than they are" if older else "they cannot be fetched"
            return self._left_over(
                pair, left, f"the account holds only {there:.8g}" if short else why
            )
        for one in left:
            if not adopt(one.entry, one.order, self._strategy):
                return self._left_over(pair, [one], "no trade can be made of it")
            self._inquiry.close(one.entry, KEPT)
        listed = ", ".join(f"{described(one.entry)} = {one.order['id']}" for one in left)
        self._alarms.tell(
            f"given back {pair}",
            f"{pair}: the database is older than the journal of orders; given back to trades were "
            f"{listed}",
        )
        return ""

    def _left_over(self, pair: str, left: list[Found], why: str) -> str:
        for one in left:
            # Listed by `regimeswitch orders` until they are settled.
            self._inquiry.close(one.entry, STRAY)
        buys = [one for one in left if one.entry.side == "buy"] or left
        listed = ", ".join(
            f"{one.entry.client_id} (order {one.entry.order_id}, "
            f"{datetime.fromtimestamp(one.entry.sent_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC, "
            f"{abs(one.coins):.8g} {one.entry.side})"
            for one in buys
        )
        return (
            f"{pair}: the journal has orders that the database does not know: {listed}; they are "
            f"not given to a trade, because {why}. No entries of {pair} until these coins are sold "
            f"or moved, or until `regimeswitch orders --settle "
            f"{buys[0].entry.client_id} --as done` for each"
        )


def _since_the_last_exit(found: list[Found]) -> list[Found]:
    """What has come after the last time that everything was sold."""
    since: list[Found] = []
    bought = net = 0.0
    for one in found:
        since.append(one)
        bought, net = bought + max(one.coins, 0.0), net + one.coins
        if net <= bought * TRACE and one.order["status"] != "open":
            since, bought, net = [], 0.0, 0.0
    return since
