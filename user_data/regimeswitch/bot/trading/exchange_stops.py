"""Stops on the exchange that do not protect: freqtrade's own stop is off while it counts on them.

A stop-limit order that is triggered becomes a limit order. Where the price has jumped over its
limit it rests there, and freqtrade, which looks at ``order_types.stoploss_on_exchange`` alone,
does not sell below it. The same holds where no stop could be placed at all.
Source: https://developers.binance.com/docs/binance-spot-api-docs/faqs/stop_price (STOP_LOSS_LIMIT).
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from freqtrade.enums import ExitCheckTuple, ExitType
from freqtrade.exceptions import ExchangeError, FreqtradeException
from freqtrade.strategy import IStrategy

from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.patches import install
from regimeswitch.bot.trading.exit_reasons import Held, reason_of


logger = logging.getLogger(__name__)


class StopWatch:
    """Watches the stops that one bot has on the exchange.

    :param wait: how long the price may be beyond a stop's limit before the position is sold at
        market, seconds
    :param loops: after how many loops in a row without a stop people are notified, where it has not
        been refused for good
    """

    def __init__(self, strategy: IStrategy, alarms: Alarms, wait: float, loops: int) -> None:
        self._strategy: Any = strategy
        self._alarms, self._wait, self._loops = alarms, wait, loops
        self._beyond_since: dict[int, datetime] = {}
        self._failures: dict[str, int] = {}

    def install(self) -> None:
        """Wrap the way in which freqtrade places stops."""
        install("exchange", self._strategy.dp._exchange, create_stoploss=self._placing)

    def _placing(self, create: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(create)
        def create_stoploss(pair: str, *arguments: Any, **options: Any) -> Any:
            try:
                order = create(pair, *arguments, **options)
            except FreqtradeException as error:
                self._not_placed(pair, error)
                raise
            self._failures.pop(pair, None)
            self._alarms.clear(f"no stop {pair}", f"{pair}: the stop on the exchange is placed")
            return order

        return create_stoploss

    def _not_placed(self, pair: str, error: Exception) -> None:
        self._failures[pair] = self._failures.get(pair, 0) + 1
        reason = reason_of(error, Held(pair))
        if self._failures[pair] >= self._loops or reason.final:
            self._alarms.set(
                f"no stop {pair}",
                f"{pair}: its stop on the exchange is not placed: {reason.why}. The position is "
                "protected only while this bot runs and can sell; tried again in each loop",
            )

    def exits(self, trade: Any, rate: float, now: datetime) -> list[Any]:
        """What has to be sold because its stop does not protect it.

        :param rate: the price of an exit
        :param now: UTC
        """
        if not self._strategy.order_types.get("stoploss_on_exchange"):
            return []
        if self._strategy.config["dry_run"]:
            # On paper freqtrade's own stop is on.
            return []
        stops = trade.open_sl_orders
        if not stops:
            return self._own_stop(trade, rate)
        return self._jumped(trade, stops[-1], rate, now)

    def _own_stop(self, trade: Any, rate: float) -> list[Any]:
        self._beyond_since.pop(trade.id, None)
        stop = trade.stop_loss
        if trade.has_open_orders or not stop or not _is_beyond(trade, rate, stop):
            return []
        return [ExitCheckTuple(exit_type=ExitType.STOP_LOSS)]

    def _jumped(self, trade: Any, stop: Any, rate: float, now: datetime) -> list[Any]:
        limit = stop.price
        if not limit or not self._is_past(trade, stop, rate):
            self._beyond_since.pop(trade.id, None)
            return []
        since = self._beyond_since.setdefault(trade.id, now)
        if now < since:
            # The clock has been set back.
            self._beyond_since[trade.id] = since = now
        seconds = (now - since).total_seconds()
        if seconds < self._wait:
            return []
        self._alarms.tell(
            f"stop {trade.id}",
            f"{trade.pair}: the price ({rate:g}) has jumped over the limit of the stop on the "
            f"exchange ({limit:g}), which is unfilled for {seconds:.0f} s; order {stop.order_id} "
            f"is cancelled and {trade.amount:g} {trade.safe_base_currency} are sold at market",
        )
        return [ExitCheckTuple(exit_type=ExitType.EMERGENCY_EXIT)]

    def _is_past(self, trade: Any, stop: Any, rate: float) -> bool:
        """Whether the market has gone past the limit."""
        if _is_beyond(trade, rate, stop.price):
            return bool(rate != stop.price)
        trigger = stop.stop_price or trade.stop_loss
        if not trigger or not _is_beyond(trade, rate, trigger):
            return False
        # Triggered: the price may be the order's own, which is then the best of its side.
        price = self._best_taker(trade)
        return price is not None and price != stop.price and _is_beyond(trade, price, stop.price)

    def _best_taker(self, trade: Any) -> float | None:
        """What somebody pays (or asks, for a short) now; None where the book is not known."""
        try:
            book = self._strategy.dp.orderbook(trade.pair, 1)
        except ExchangeError as error:
            logger.info(f"{trade.pair}: the book is not known: {error}")
            return None
        side = book["asks" if trade.is_short else "bids"]
        return float(side[0][0]) if side else None


def _is_beyond(trade: Any, price: float, limit: float) -> bool:
    """Whether a price is at a limit or worse for the position."""
    return bool(price >= limit if trade.is_short else price <= limit)
