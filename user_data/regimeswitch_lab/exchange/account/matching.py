"""The matching engine: what becomes of orders while the price walks its path.

It works on demand. At each look it goes from the moment of the last one to the present, along
the path, so that the outcome does not depend on how often anyone looked. What it did stays done
when the clock steps back.
"""

from __future__ import annotations

from regimeswitch_lab.exchange.account.account_orders import EXPIRED, FOK, IOC, MARKET, Order
from regimeswitch_lab.exchange.account.order_filters import Rules
from regimeswitch_lab.exchange.account.resting import reached, serve
from regimeswitch_lab.exchange.account.settling import Settling
from regimeswitch_lab.exchange.account.taking import DEPTH, Level, takes
from regimeswitch_lab.exchange.market.pair_moment import Moments
from regimeswitch_lab.exchange.market.price_path import Event, PricePath
from regimeswitch_lab.exchange.market.visible_market import Market


NEVER = 2**62


class Pair:
    """What the engine needs of one pair: its filters, its path, its book at any moment."""

    def __init__(self, market: Market, symbol: str) -> None:
        self.rules = Rules(market.symbols()[symbol])
        tape = market.tape(symbol)
        self.path = PricePath(tape.line, self.rules.symbol)
        self.moments = Moments(self.rules.symbol, tape.line, tape)


class Matching:
    """Open orders of one account on the market.

    :param market: the candles and their clock
    :param settling: the orders and the account behind them
    """

    def __init__(self, market: Market, settling: Settling) -> None:
        self.market = market
        self.settling = settling
        self.seen = market.clock()
        self._pairs: dict[str, Pair] = {}

    def _pair(self, symbol: str) -> Pair:
        if symbol not in self._pairs:
            self._pairs[symbol] = Pair(self.market, symbol)
        return self._pairs[symbol]

    def rules(self, symbol: str) -> Rules:
        """The filters of a pair that is traded."""
        return self._pair(symbol).rules

    def advance(self) -> None:
        """Let everything happen that has happened on the market by now."""
        now = self.market.clock()
        if now <= self.seen and self.settling.orders:
            return
        for symbol in sorted({order.symbol for order in self.settling.open()}):
            self._walk(self._pair(symbol), self.seen, now)
        self.seen = now

    def _walk(self, pair: Pair, after: int, until: int) -> None:
        symbol = pair.rules.symbol.name
        while after < until and (orders := self.settling.open(symbol)):
            row = pair.path.next(after, until, *_reach(orders, pair.rules))
            if row is None:
                return
            for event in pair.path.events(row, after, until):
                self._serve(pair, event)
                self._trigger(pair, event)
            after = max(after, pair.path.end(row))

    def _serve(self, pair: Pair, event: Event) -> None:
        """Give the volume of an event to the orders on the book."""
        orders = [one for one in self.settling.open(pair.rules.symbol.name) if not one.waits]
        for buys in (True, False):
            side = [order for order in orders if order.buys == buys]
            for order, lots in serve(side, event, pair.rules):
                self.settling.touch(order)
                if lots:
                    self.settling.fill(order, pair.rules, order.price, lots, event.time, maker=True)

    def _trigger(self, pair: Pair, event: Event) -> None:
        """Send the orders to the book whose stop price an event has reached."""
        for order in self.settling.open(pair.rules.symbol.name):
            price = pair.rules.ticks(order.stop_price)
            if order.waits and reached(not order.buys, price, event.price):
                order.working = order.updated = event.time
                self.settling.touch(order)
                book = pair.moments.at(event.time).book(DEPTH)
                self.take(order, takes(order, book, pair.rules), event.time)

    def take(self, order: Order, got: list[Level], now: int) -> None:
        """Fill an order from the book, and settle what becomes of the rest.

        :param got: what the book has for it
        """
        rules = self.rules(order.symbol)
        if order.time_in_force == FOK and sum(lots for _, lots in got) < rules.lots(order.rest):
            got = []
        for ticks, lots in got:
            self.settling.fill(order, rules, rules.price(ticks), lots, now, maker=False)
        if order.open and (order.kind == MARKET or order.time_in_force in (IOC, FOK)):
            self.settling.close(order, rules, EXPIRED, now)


def _reach(orders: list[Order], rules: Rules) -> tuple[int, int]:
    """The prices at which something happens: up to the first, and from the second on."""
    below, above = 0, NEVER
    for order in orders:
        price = rules.ticks(order.stop_price if order.waits else order.price)
        if order.buys != order.waits:
            below = max(below, price)
        else:
            above = min(above, price)
    return below, above
