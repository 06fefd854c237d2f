"""Orders and trades of the account, and how they are written down and read again."""

import json
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

from regimeswitch_lab.exchange.account.decimals import ZERO


BUY, SELL = "BUY", "SELL"
LIMIT, MARKET = "LIMIT", "MARKET"
LIMIT_MAKER, STOP_LOSS_LIMIT = "LIMIT_MAKER", "STOP_LOSS_LIMIT"
GTC, IOC, FOK = "GTC", "IOC", "FOK"
NEW, PARTIALLY_FILLED, FILLED = "NEW", "PARTIALLY_FILLED", "FILLED"
CANCELED, EXPIRED = "CANCELED", "EXPIRED"
OPEN = (NEW, PARTIALLY_FILLED)


@dataclass
class AccountOrder:
    """One order.

    :ivar quantity: in the base asset; of an order by quote amount what it came to
    :ivar quote_quantity: what a market order is to cost or bring, or 0
    :ivar executed: filled so far, in the base asset
    :ivar quote_executed: paid or received for it, in the quote asset
    :ivar locked: what the account holds back for the rest: quote asset of a buy, else base asset
    :ivar created: epoch milliseconds, like all times
    :ivar working: since when it is on the book, or -1 as long as its stop was not reached
    :ivar candle: opening time of the candle in which it last had volume
    :ivar served: volume of that candle that was this order's, in units of 1e-8
    :ivar served_lots: lots that it got in that candle
    :ivar stp: its self-trade prevention; it changes nothing, since own orders never meet
    :ivar strategy_id: the client's own number of a strategy, as is its type
    """

    id: int
    symbol: str
    client_id: str
    side: str
    kind: str
    time_in_force: str
    price: Decimal
    quantity: Decimal
    created: int
    updated: int
    quote_quantity: Decimal = ZERO
    stop_price: Decimal = ZERO
    status: str = NEW
    executed: Decimal = ZERO
    quote_executed: Decimal = ZERO
    locked: Decimal = ZERO
    working: int = -1
    candle: int = -1
    served: int = 0
    served_lots: int = 0
    stp: str = "NONE"
    strategy_id: int | None = None
    strategy_type: int | None = None

    @property
    def buys(self) -> bool:
        """Whether it buys the base asset."""
        return self.side == BUY

    @property
    def open(self) -> bool:
        """Whether it can still be filled."""
        return self.status in OPEN

    @property
    def waits(self) -> bool:
        """Whether its stop price was not reached yet."""
        return self.kind == STOP_LOSS_LIMIT and self.working < 0

    @property
    def rest(self) -> Decimal:
        """What is not filled, in the base asset."""
        return self.quantity - self.executed


@dataclass(frozen=True)
class AccountTrade:
    """One fill of an order; the fee is in the asset that was received.

    :ivar id: counts the account's trades of the pair
    """

    id: int
    order_id: int
    symbol: str
    price: Decimal
    quantity: Decimal
    quote: Decimal
    fee: Decimal
    fee_asset: str
    time: int
    buys: bool
    maker: bool


def dumped(one: AccountOrder | AccountTrade) -> str:
    """An order or trade as JSON."""
    return json.dumps(asdict(one), default=str)


def loaded_order(line: str) -> AccountOrder:
    """An order from its JSON."""
    return AccountOrder(**_values(AccountOrder, line))


def loaded_trade(line: str) -> AccountTrade:
    """A trade from its JSON."""
    return AccountTrade(**_values(AccountTrade, line))


def _values(kind: type[AccountOrder] | type[AccountTrade], line: str) -> dict[str, Any]:
    money = {field.name for field in fields(kind) if field.type is Decimal}
    return {
        name: Decimal(value) if name in money else value for name, value in json.loads(line).items()
    }
