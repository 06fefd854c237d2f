"""What an order takes from the book at once: the levels that the public order book shows."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from regimeswitch_lab.exchange.account.account_orders import MARKET, Order
from regimeswitch_lab.exchange.account.decimals import ZERO, down, times
from regimeswitch_lab.exchange.account.order_errors import (
    no_liquidity,
)
from regimeswitch_lab.exchange.account.order_filters import Rules
from regimeswitch_lab.exchange.market.pair_moment import Book


# As many levels as the public order book has at most.
DEPTH = 5000
Level = tuple[int, int]


def levels(book: Book, rules: Rules, buys: bool) -> Iterator[Level]:
    """The other side of the book, best level first, as ticks and lots."""
    bids, asks = book.ticks()
    lots = rules.lots_of(book.lot)
    return ((ticks, lots) for ticks in (asks if buys else bids))


def takes(order: Order, book: Book, rules: Rules) -> list[Level]:
    """What an order would get now, as ticks and lots. No level is ever used up.

    :raises ApiError: when a quote amount is not enough for one lot
    """
    if order.quote_quantity:
        return _for_quote(order, book, rules)
    limit = None if order.kind == MARKET else rules.ticks(order.price)
    left = rules.lots(order.rest)
    got = []
    for ticks, lots in levels(book, rules, order.buys):
        beyond = limit is not None and (ticks > limit if order.buys else ticks < limit)
        if beyond or not left:
            break
        got.append((ticks, min(lots, left)))
        left -= got[-1][1]
    return got


def _for_quote(order: Order, book: Book, rules: Rules) -> list[Level]:
    left = order.quote_quantity
    got = []
    for ticks, lots in levels(book, rules, order.buys):
        price = rules.price(ticks)
        mine = min(lots, int(left // times(price, rules.step)))
        if mine:
            got.append((ticks, mine))
            left -= down(times(price, rules.quantity(mine)))
        if mine < lots:
            break
    if not got:
        raise no_liquidity()
    return got


def cost(got: list[Level], rules: Rules) -> Decimal:
    """What the levels of a taking order come to, in the quote asset; each rounded down."""
    values = [down(times(rules.price(ticks), rules.quantity(lots))) for ticks, lots in got]
    return sum(values, ZERO)


def amount(got: list[Level], rules: Rules) -> Decimal:
    """What the levels of a taking order come to, in the base asset."""
    return rules.quantity(sum(lots for _, lots in got))
