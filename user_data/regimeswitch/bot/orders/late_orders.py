"""Orders that were taken for absent and show up all the same: looked for, and looked after."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

import ccxt
from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy

from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.orders.absence import Order
from regimeswitch.bot.orders.adoption import adopt, in_database, is_empty, open_trades
from regimeswitch.bot.orders.in_flight import described
from regimeswitch.bot.orders.journal import EMPTY, KEPT, STRAY, Entry
from regimeswitch.bot.orders.order_guard import OrderGuard


logger = logging.getLogger(__name__)

FIRST_SECONDS = 60.0
AGE_SHARE = 0.1
"""The next question comes after this share of an order's age: sixty of them in a day."""
MAX_QUESTIONS = 3
"""In one loop; each has a weight of 4 (Binance, "REST API: Account endpoints", query order)."""


class Latecomers:
    """Looks for absent orders now and then.

    :param hours: how long after an order was sent
    """

    def __init__(
        self, guard: OrderGuard, strategy: IStrategy, alarms: Alarms, hours: float
    ) -> None:
        self._guard, self._strategy, self._alarms = guard, strategy, alarms
        self._seconds = hours * 3600
        self._due: dict[str, float] = {}

    def look(self) -> None:
        """Ask for those that are due.

        :raises sqlite3.Error: when the journal cannot be read
        """
        now = time.time()
        entries = self._guard.journal.absent(int((now - self._seconds) * 1000))
        self._due = {one.client_id: self._due.get(one.client_id, now) for one in entries}
        due = [one for one in entries if self._due[one.client_id] <= now]
        for entry in due[:MAX_QUESTIONS]:
            age = max(now - entry.sent_ms / 1000, 0.0)
            self._due[entry.client_id] = now + max(FIRST_SECONDS, AGE_SHARE * age)
            try:
                order = self._guard.inquiry.ask_for(entry)
                if order is not None:
                    self._settle(entry, order)
            except ccxt.BaseError as error:
                logger.info(f"{described(entry)}: not looked for now ({error})")

    def _settle(self, entry: Entry, order: Order) -> None:
        """It is there: a second order that still rests is cancelled, what has moved is kept."""
        number = str(order["id"])
        if in_database(entry.pair, number):
            self._close(entry, order, KEPT)
            return
        outcome = ""
        if order["status"] == "open" and self._is_second(entry):
            order = self._guard.cancel_order(number, entry.pair)
            outcome = "it was cancelled, because freqtrade has placed another since; "
        if is_empty(order):
            self._close(entry, order, EMPTY)
            outcome = outcome or "it is over without a fill; "
            what = "nothing was moved"
        elif adopt(entry, order, self._strategy):
            self._close(entry, order, KEPT)
            what = "it has been given to its trade"
        else:
            self._close(entry, order, STRAY)
            what = "it belongs to no trade, look after it yourself"
        self._alarms.tell(
            f"late {entry.client_id}",
            f"{described(entry)} was taken for absent and has shown up as {number}: "
            f"{outcome}{what}",
        )

    def _is_second(self, entry: Entry) -> bool:
        """Whether freqtrade has done since what the order was for, or is about to."""
        trades = open_trades(entry.pair)
        if entry.side == "buy":
            # An addition shows up beside the trade that it was for.
            sent = datetime.fromtimestamp(entry.sent_ms / 1000, UTC)
            return any(one.has_open_orders or _bought_since(one, sent) for one in trades)
        return not trades or any(one.has_open_orders or one.has_open_sl_orders for one in trades)

    def _close(self, entry: Entry, order: Order, state: str) -> None:
        self._guard.inquiry.found(entry, order)
        self._guard.inquiry.close(entry, state)


def _bought_since(trade: Trade, sent: datetime) -> bool:
    return any(
        order.ft_order_side == trade.entry_side and order.order_date_utc > sent
        for order in trade.orders
    )
