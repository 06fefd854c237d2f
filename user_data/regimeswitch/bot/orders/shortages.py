"""Coins that left the account without an order: trades own what is there, the rest is booked.

A withdrawal, a transfer to Earn or a conversion is no order. freqtrade then refuses the exit for
ever, of what is left too. The missing part is written into the trade as a closed order that nobody
sent, at the price at which it is neither profit nor loss, and with no money for it: the coins left
at what they had cost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from freqtrade.exceptions import ExchangeError
from freqtrade.persistence import Order, Trade
from freqtrade.strategy import IStrategy

from regimeswitch.bot.messages.alerts import Alarms


LEFT = "coins_left"
"""Exit reason, order type and beginning of the order's id."""
RECORD = "regimeswitch_coins_left"
"""Key of a trade's custom data: what has left, when, and at which price it was booked."""
ROUNDING = 0.0025
"""Share of a trade that rounding and a fee which was not noted may lack."""
UNKNOWN_FEE = 0.02
"""The same while freqtrade does not know a trade's fee; its own limit for such a difference."""
REFRESH_SECONDS = 60.0
"""How often the account is asked while trades are open; weight 20 (Binance, "Account
information")."""


class Shortages:
    """Compares open trades with the account; spot alone.

    Counted is all that the account has, locked coins too: another bot of the same account may own a
    part of it, so only what is missing in any case is missed.

    :param unsettled: whether an order of a pair is not yet known for certain
    """

    def __init__(
        self, strategy: IStrategy, alarms: Alarms, unsettled: Callable[[str], bool]
    ) -> None:
        self._strategy, self._alarms, self._unsettled = strategy, alarms, unsettled
        self._asked = 0.0
        self._before: set[str] = set()

    def look(self, prices: Mapping[str, float]) -> None:
        """Book what was missing at the last look too.

        :param prices: last price by pair, by which dust is found
        """
        by_coin: dict[str, list[Trade]] = {}
        for trade in Trade.get_open_trades():
            by_coin.setdefault(trade.safe_base_currency, []).append(trade)
        if not by_coin or not self._refresh():
            self._before.clear()
            return
        short = {coin for coin, trades in by_coin.items() if self._is_short(coin, trades)}
        for coin in short & self._before:
            self._book(coin, by_coin[coin], prices)
        self._before = short - self._before

    def _refresh(self) -> bool:
        """Ask the account where that is due; False where it does not answer."""
        if not self._before and 0 <= time.time() - self._asked < REFRESH_SECONDS:
            return True
        self._asked = time.time()
        try:
            self._strategy.wallets.update()
        except ExchangeError:
            # Notified as unreachable by those who watch the connection.
            return False
        return True

    def _is_short(self, coin: str, trades: list[Trade]) -> bool:
        for trade in trades:
            if trade.has_open_orders or trade.has_open_sl_orders or self._unsettled(trade.pair):
                return False
        known = all(trade.fee_open_currency is not None for trade in trades)
        owned = sum(trade.amount for trade in trades)
        least = owned * (1 - (ROUNDING if known else UNKNOWN_FEE))
        return bool(owned > 0 and self._strategy.wallets.get_total(coin) < least)

    def _book(self, coin: str, trades: list[Trade], prices: Mapping[str, float]) -> None:
        """The oldest trade keeps its coins first."""
        there = left = exact(self._strategy.wallets.get_total(coin))
        for trade in sorted(trades, key=lambda one: one.id):
            owned = owned_by_orders(trade)
            kept = min(owned, left)
            left -= kept
            if kept < owned:
                self._reduce(trade, owned - kept, kept, there, prices.get(trade.pair, 0.0))

    def _reduce(
        self, trade: Trade, missing: Decimal, kept: Decimal, there: Decimal, price: float
    ) -> None:
        """Book what is missing of a trade, and close it where nothing can be sold any more."""
        coin, dust = trade.safe_base_currency, self._is_dust(trade, kept, price)
        order = left_order(trade, float(missing), datetime.now(UTC))
        trade.orders.append(order)
        if dust:
            trade.exit_reason = LEFT
            # There is no fee that freqtrade could ask the exchange for.
            trade.update_fee(0.0, trade.stake_currency, None, trade.exit_side)
            trade.close(order.ft_price, show_msg=False)
        else:
            trade.recalc_trade_from_orders()
        Trade.commit()
        record = {"order": order.order_id, "amount": float(missing), "price": order.ft_price}
        trade.set_custom_data(RECORD, [*(trade.get_custom_data(RECORD) or []), record])
        if dust:
            # As after every exit: no entry on the candle of the exit.
            self._strategy.lock_pair(trade.pair, datetime.now(UTC), reason=LEFT)
        rest = f"{kept:f} {coin} are dust, less than an order may be" if kept else "nothing is left"
        what = (
            f"{rest}; the trade is closed with exit reason {LEFT}"
            if dust
            else f"the trade owns the {kept:f} {coin} that are there, its exits go on with them"
        )
        self._alarms.tell(
            order.order_id,
            f"{trade.pair}: {missing:f} {coin} of trade {trade.id} have left the account without "
            f"an order (withdrawal, Earn, conversion); the account holds {there:f} {coin}. They "
            f"are booked as order {order.order_id}, neither profit nor loss; {what}",
        )

    def _is_dust(self, trade: Trade, kept: Decimal, price: float) -> bool:
        """Whether an amount is too small for an order."""
        market: Mapping[str, Any] = self._strategy.dp._exchange.markets.get(trade.pair) or {}
        limits = market.get("limits") or {}
        least = (limits.get("cost") or {}).get("min") or 0.0
        smallest = (limits.get("amount") or {}).get("min") or 0.0
        amount = float(kept)
        return not kept or amount < smallest or amount * (price or trade.open_rate) < least


def exact(number: float | None) -> Decimal:
    """A number of the database or the account as it is written."""
    return Decimal(str(number or 0))


def owned_by_orders(trade: Trade) -> Decimal:
    """What the orders of a trade have bought and not sold; freqtrade cuts it to whole lots."""
    amount = Decimal(0)
    for order in trade.orders:
        if not order.ft_is_open and order.filled:
            moved = exact(order.filled) - exact(order.ft_fee_base)
            amount += moved if order.ft_order_side == trade.entry_side else -moved
    return amount


def left_order(trade: Trade, amount: float, now: datetime) -> Order:
    """A closed order of coins that left: sold for nothing by its cost, at cost by its price."""
    number = sum(order.order_id.startswith(LEFT) for order in trade.orders)
    price = trade.open_rate * (1 + (trade.fee_open or 0.0)) / (1 - (trade.fee_close or 0.0))
    return Order(
        order_id=f"{LEFT}-{trade.id}-{number + 1}",
        ft_order_side=trade.exit_side,
        ft_pair=trade.pair,
        ft_is_open=False,
        ft_amount=amount,
        ft_price=price,
        ft_order_tag=LEFT,
        status="closed",
        symbol=trade.pair,
        order_type=LEFT,
        side=trade.exit_side,
        price=price,
        average=price,
        amount=amount,
        filled=amount,
        remaining=0.0,
        cost=0.0,
        funding_fee=0.0,
        order_date=now,
        order_filled_date=now,
        order_update_date=now,
    )
