"""Whether an order may be placed: Binance's filters, the price of the moment, the other orders."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from regimeswitch_lab.exchange.account.account_orders import LIMIT_MAKER, MARKET, AccountOrder
from regimeswitch_lab.exchange.account.decimals import times
from regimeswitch_lab.exchange.market.symbols import PRECISION, Symbol
from regimeswitch_lab.exchange.requests import api_errors


class Rules:
    """The filters of one pair, in Decimal.

    :param symbol: the pair
    """

    def __init__(self, symbol: Symbol) -> None:
        self.symbol = symbol
        self.base, self.quote = symbol.base, symbol.quote
        self.tick = Decimal(1).scaleb(-symbol.price_decimals)
        self.step = Decimal(1).scaleb(-symbol.amount_decimals)
        # Of 1e-8.
        self.lot_units = 10 ** (PRECISION - symbol.amount_decimals)
        self._filters: dict[str, dict[str, Any]] = {
            str(one["filterType"]): one for one in symbol.filters()
        }

    def ticks(self, price: Decimal) -> int:
        """A price as a number of ticks."""
        return int(price / self.tick)

    def lots_of(self, quantity: float) -> int:
        """A quantity of the book as a number of lots."""
        scale: int = 10**self.symbol.amount_decimals
        return round(quantity * scale)

    def price(self, ticks: int) -> Decimal:
        """A number of ticks as a price."""
        return ticks * self.tick

    def lots(self, quantity: Decimal) -> int:
        """The whole lots in a quantity."""
        return int(quantity // self.step)

    def quantity(self, lots: int) -> Decimal:
        """A number of lots as a quantity."""
        return lots * self.step

    def _limit(self, kind: str, name: str) -> Decimal:
        return Decimal(str(self._filters[kind][name]))

    def check_price(self, price: Decimal) -> None:
        """PRICE_FILTER: range and tick size, of prices and stop prices."""
        low, high = self._limit("PRICE_FILTER", "minPrice"), self._limit("PRICE_FILTER", "maxPrice")
        if not low <= price <= high or price % self.tick:
            raise api_errors.filter_failure("PRICE_FILTER")

    def check_side(self, price: Decimal, last: Decimal, buys: bool) -> None:
        """PERCENT_PRICE_BY_SIDE: distance of a price from the market's."""
        kind, side = "PERCENT_PRICE_BY_SIDE", "bid" if buys else "ask"
        low = times(last, self._limit(kind, f"{side}MultiplierDown"))
        if not low <= price <= times(last, self._limit(kind, f"{side}MultiplierUp")):
            raise api_errors.filter_failure(kind)

    def check_quantity(self, quantity: Decimal, *, market: bool) -> None:
        """LOT_SIZE and, for a market order, MARKET_LOT_SIZE."""
        for kind in ("LOT_SIZE", "MARKET_LOT_SIZE")[: 2 if market else 1]:
            low, high = self._limit(kind, "minQty"), self._limit(kind, "maxQty")
            step = self._limit(kind, "stepSize")
            if not low <= quantity <= high or (step and quantity % step):
                raise api_errors.filter_failure(kind)

    def check_value(self, value: Decimal, *, market: bool) -> None:
        """NOTIONAL: the smallest and, but for market orders, the largest value of an order."""
        low = self._limit("NOTIONAL", "minNotional")
        high = self._limit("NOTIONAL", "maxNotional")
        if value < low or (value > high and not market):
            raise api_errors.filter_failure("NOTIONAL")

    def check_number(self, orders: int, stops: int, *, stop: bool) -> None:
        """MAX_NUM_ORDERS and MAX_NUM_ALGO_ORDERS: how many orders may be open.

        :param orders: open orders of the pair before this one
        :param stops: those of them that wait for a stop price
        :param stop: whether this one does
        """
        if orders >= self._limit("MAX_NUM_ORDERS", "maxNumOrders"):
            raise api_errors.filter_failure("MAX_NUM_ORDERS")
        if stop and stops >= self._limit("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders"):
            raise api_errors.filter_failure("MAX_NUM_ALGO_ORDERS")


def check_filters(
    order: AccountOrder, rules: Rules, last: Decimal, others: Sequence[AccountOrder]
) -> None:
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


def check_moment(order: AccountOrder, last: Decimal, others: Sequence[AccountOrder]) -> None:
    """Hold an order against the price of the moment and the names of the open orders.

    :param last: the last price, which is the best bid and ask too
    :param others: the open orders of the pair
    :raises ApiError: as Binance answers
    """
    if any(other.client_id == order.client_id for other in others):
        raise api_errors.duplicate_order()
    there = last >= order.stop_price if order.buys else last <= order.stop_price
    if order.waits and there:
        raise api_errors.would_trigger()
    crosses = order.price >= last if order.buys else order.price <= last
    if order.kind == LIMIT_MAKER and crosses:
        raise api_errors.would_match()
