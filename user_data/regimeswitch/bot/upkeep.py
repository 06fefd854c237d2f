"""Orders, trades and account of a live bot are kept in agreement, at the start and in each loop."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping
from functools import partial

from freqtrade.strategy import IStrategy
from sqlalchemy.exc import SQLAlchemyError

from regimeswitch.bot.adoption import is_spot
from regimeswitch.bot.alarms import Alarms
from regimeswitch.bot.ghosts import Ghosts
from regimeswitch.bot.latecomers import Latecomers
from regimeswitch.bot.orders import OrderGuard
from regimeswitch.bot.reconciling import Reconciler
from regimeswitch.bot.restored import Restored
from regimeswitch.bot.shortages import Shortages
from regimeswitch.safetysettings import SafetySettings


logger = logging.getLogger(__name__)


class Upkeep:
    """What compares journal, database, exchange and account; each part runs by itself."""

    def __init__(
        self, guard: OrderGuard, strategy: IStrategy, safety: SafetySettings, alarms: Alarms
    ) -> None:
        self._guard, self._alarms, self._spot = guard, alarms, is_spot(strategy)
        self._orders = Reconciler(guard, strategy, alarms)
        self._late = Latecomers(guard, strategy, alarms, safety.order_search_hours)
        self._ghosts = Ghosts(alarms, self._orders.unsettled)
        self._short = Shortages(strategy, alarms, self._orders.unsettled)
        self._restored = Restored(guard.inquiry, guard.journal, strategy, alarms)

    def start(self) -> None:
        """Before anything is traded: what a crash or an older database has left open."""
        self._orders.run(first=True)
        if self._spot:
            self._try("older database", self._restored.look)
        self._try("empty trades", partial(self._ghosts.look, first=True))

    def loop(self, prices: Mapping[str, float]) -> None:
        """Once in each loop, before freqtrade looks at its trades.

        :param prices: last price by pair
        """
        self._guard.next_loop()
        self._orders.run()
        self._try("late orders", self._late.look)
        self._try("empty trades", self._ghosts.look)
        if self._spot:
            self._try("older database", self._restored.look)
            self._try("missing coins", partial(self._short.look, prices))
        self._orders.report_strange_coins(prices)

    def refusal(self, pair: str) -> str:
        """Why nothing of a pair may be bought; empty where it may."""
        if self._guard.inquiry.unknown(pair):
            return f"{pair}: the outcome of an order is unknown"
        return self._restored.refusal(pair) if self._spot else ""

    def _try(self, what: str, look: Callable[[], None]) -> None:
        """One part's trouble is notified and ends no other."""
        try:
            look()
        except (sqlite3.Error, SQLAlchemyError) as error:
            self._alarms.set(f"upkeep {what}", f"{what} cannot be looked at: {error}")
        else:
            self._alarms.clear(f"upkeep {what}", f"{what} can be looked at again")
