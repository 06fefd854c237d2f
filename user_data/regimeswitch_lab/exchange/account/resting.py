"""Who gets the volume: the account's resting orders of one side, at one event of the path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from regimeswitch_lab.exchange.account.account_orders import Order
from regimeswitch_lab.exchange.account.order_filters import Rules
from regimeswitch_lab.exchange.market.price_path import Event


def reached(falling: bool, price: int, now: int) -> bool:
    """Whether the price has come down, or up, to another; both in ticks."""
    return now <= price if falling else now >= price


def serve(orders: Sequence[Order], event: Event, rules: Rules) -> Iterator[tuple[Order, int]]:
    """The lots that resting orders get at their own price; also notes what was served.

    All volume that is traded at the price of the best order, or beyond it, goes to that order
    until it is full; then comes the next one. Whole lots only: what is left of a candle is lost.

    :param orders: orders of one pair and one side that rest on the book
    """
    volume = event.volume
    for order in sorted(orders, key=_priority):
        if not volume or not reached(order.buys, rules.ticks(order.price), event.price):
            return
        if order.candle != event.candle:
            order.candle, order.served, order.served_lots = event.candle, 0, 0
        wanted = rules.lots(order.rest)
        before = order.served
        lots = min((before + volume) // rules.lot_units - order.served_lots, wanted)
        order.served_lots += lots
        # What a full order leaves goes to the next one.
        full = lots == wanted
        order.served = order.served_lots * rules.lot_units if full else before + volume
        volume -= order.served - before
        yield order, lots


def _priority(order: Order) -> tuple[object, ...]:
    """Best price first, then the oldest on the book."""
    return (-order.price if order.buys else order.price, order.working, order.id)
