"""The matching engine: what becomes of orders while the price walks its path.

It works on demand. At each look it goes from the moment of the last one to the present, along
the path, so that the outcome does not depend on how often anyone looked. What it did stays done
when the clock steps back. Resting orders get the volume of the path at their own price; what takes
at once gets the levels that the public order book shows.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from regimeswitch_lab.exchange.account.account_orders import EXPIRED, FOK, IOC, MARKET, AccountOrder
from regimeswitch_lab.exchange.account.decimals import ZERO, down, times
from regimeswitch_lab.exchange.account.order_filters import Rules
from regimeswitch_lab.exchange.account.settling import Settling
from regimeswitch_lab.exchange.market.candle_walk import Event, PricePath
from regimeswitch_lab.exchange.market.pair_moment import Book, Moments
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.requests import api_errors


NEVER = 2**62
# As many levels as the public order book has at most.
DEPTH = 5000
Level = tuple[int, int]


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

    def take(self, order: AccountOrder, got: list[Level], now: int) -> None:
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


def _reach(orders: list[AccountOrder], rules: Rules) -> tuple[int, int]:
    """The prices at which something happens: up to the first, and from the second on."""
    below, above = 0, NEVER
    for order in orders:
        price = rules.ticks(order.stop_price if order.waits else order.price)
        if order.buys != order.waits:
            below = max(below, price)
        else:
            above = min(above, price)
    return below, above


def reached(falling: bool, price: int, now: int) -> bool:
    """Whether the price has come down, or up, to another; both in ticks."""
    return now <= price if falling else now >= price


def serve(
    orders: Sequence[AccountOrder], event: Event, rules: Rules
) -> Iterator[tuple[AccountOrder, int]]:
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


def _priority(order: AccountOrder) -> tuple[object, ...]:
    """Best price first, then the oldest on the book."""
    return (-order.price if order.buys else order.price, order.working, order.id)


def levels(book: Book, rules: Rules, buys: bool) -> Iterator[Level]:
    """The other side of the book, best level first, as ticks and lots."""
    bids, asks = book.ticks()
    lots = rules.lots_of(book.lot)
    return ((ticks, lots) for ticks in (asks if buys else bids))


def takes(order: AccountOrder, book: Book, rules: Rules) -> list[Level]:
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


def _for_quote(order: AccountOrder, book: Book, rules: Rules) -> list[Level]:
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
        raise api_errors.no_liquidity()
    return got


def cost(got: list[Level], rules: Rules) -> Decimal:
    """What the levels of a taking order come to, in the quote asset; each rounded down."""
    values = [down(times(rules.price(ticks), rules.quantity(lots))) for ticks, lots in got]
    return sum(values, ZERO)


def amount(got: list[Level], rules: Rules) -> Decimal:
    """What the levels of a taking order come to, in the base asset."""
    return rules.quantity(sum(lots for _, lots in got))
