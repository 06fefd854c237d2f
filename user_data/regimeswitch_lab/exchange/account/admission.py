"""Whether an order may be placed: the pair's filters, the price of the moment, the other orders."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from regimeswitch_lab.exchange.account.account_orders import LIMIT_MAKER, MARKET, Order
from regimeswitch_lab.exchange.account.decimals import times
from regimeswitch_lab.exchange.account.order_errors import (
    duplicate_order,
    would_match,
    would_trigger,
)
from regimeswitch_lab.exchange.account.order_filters import Rules


def check_filters(order: Order, rules: Rules, last: Decimal, others: Sequence[Order]) -> None:
    """Hold an order against the pair's filters.

    :param last: the last price
    :param others: the open orders of the pair
    :raises ApiError: as Binance answers
    """
    market = order.kind == MARKET
    if not market:
        rules.check_price(order.price)
        rules.check_side(order.price, last, order.buys)
    if order.stop_price:
        rules.check_price(order.stop_price)
    if not order.quote_quantity:
        rules.check_quantity(order.quantity, market=market)
    value = order.quote_quantity or times(last if market else order.price, order.quantity)
    rules.check_value(value, market=market)
    stops = sum(other.waits for other in others)
    rules.check_number(len(others), stops, stop=order.waits)


def check_moment(order: Order, last: Decimal, others: Sequence[Order]) -> None:
    """Hold an order against the price of the moment and the names of the open orders.

    :param last: the last price, which is the best bid and ask too
    :param others: the open orders of the pair
    :raises ApiError: as Binance answers
    """
    if any(other.client_id == order.client_id for other in others):
        raise duplicate_order()
    there = last >= order.stop_price if order.buys else last <= order.stop_price
    if order.waits and there:
        raise would_trigger()
    crosses = order.price >= last if order.buys else order.price <= last
    if order.kind == LIMIT_MAKER and crosses:
        raise would_match()
