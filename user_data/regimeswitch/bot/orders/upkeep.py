"""Orders, trades and account of a live bot are kept in agreement, at the start and in each loop."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial

from freqtrade.strategy import IStrategy

from regimeswitch.bot.isolation import Apart
from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.orders.adoption import is_spot
from regimeswitch.bot.orders.late_orders import Latecomers
from regimeswitch.bot.orders.order_guard import OrderGuard
from regimeswitch.bot.orders.reconciliation import Reconciler
from regimeswitch.bot.orders.recovery import Restored
from regimeswitch.bot.orders.shortages import Shortages
from regimeswitch.bot.orders.unfilled_trades import Ghosts
from regimeswitch.settings.safety_settings import SafetySettings


logger = logging.getLogger(__name__)


class Upkeep:
    """What compares journal, database, exchange and account; each part runs by itself.

    :param apart: runs the parts
    """

    def __init__(
        self,
        guard: OrderGuard,
        strategy: IStrategy,
        safety: SafetySettings,
        alarms: Alarms,
        apart: Apart,
    ) -> None:
        self._guard, self._run, self._spot = guard, apart.run, is_spot(strategy)
        self._orders = Reconciler(guard, strategy, alarms)
        self._late = Latecomers(guard, strategy, alarms, safety.order_search_hours)
        self._ghosts = Ghosts(alarms, self._orders.unsettled)
        self._short = Shortages(strategy, alarms, self._orders.unsettled)
        self._restored = Restored(guard.inquiry, guard.journal, strategy, alarms)

    def start(self) -> None:
        """Before anything is traded: what a crash or an older database has left open."""
        self._run("orders and trades", partial(self._orders.run, first=True))
        if self._spot:
            self._run("older database", self._restored.look)
        self._run("empty trades", partial(self._ghosts.look, first=True))

    def loop(self, prices: Mapping[str, float]) -> None:
        """Once in each loop, before freqtrade looks at its trades.

        :param prices: last price by pair
        """
        self._guard.next_loop()
        self._run("orders and trades", self._orders.run)
        self._run("late orders", self._late.look)
        self._run("empty trades", self._ghosts.look)
        if self._spot:
            self._run("older database", self._restored.look)
            self._run("missing coins", partial(self._short.look, prices))
        self._run("coins of no trade", partial(self._orders.report_unmanaged_balance, prices))

    def refusal(self, pair: str) -> str:
        """Why nothing of a pair may be bought; empty where it may."""
        if self._guard.inquiry.unknown(pair):
            return f"{pair}: the outcome of an order is unknown"
        return self._restored.refusal(pair) if self._spot else ""

    def change_refusal(self, pair: str) -> str:
        """Why the size of an open position may not be changed; empty where it may.

        :raises sqlite3.Error: when the journal cannot be read
        """
        unsettled = self._orders.unsettled(pair)
        return f"{pair}: an order is not known for certain yet" if unsettled else ""
