"""Reads the order that a request wants to place: which parameters go with which type."""

from __future__ import annotations

from regimeswitch_lab.exchange.account.account_orders import (
    BUY,
    FOK,
    GTC,
    IOC,
    LIMIT,
    LIMIT_MAKER,
    MARKET,
    SELL,
    STOP_LOSS_LIMIT,
    Order,
)
from regimeswitch_lab.exchange.account.decimals import ZERO
from regimeswitch_lab.exchange.account.order_errors import (
    bad_stp_mode,
    not_above_zero,
    unsupported_kind,
)
from regimeswitch_lab.exchange.http.api_errors import (
    bad_choice,
    bad_strategy,
    missing_parameter,
    needless_parameter,
    one_of_two,
)
from regimeswitch_lab.exchange.http.request_form import Form
from regimeswitch_lab.exchange.market.symbols import STP_DEFAULT, STP_MODES


NEEDED = {
    LIMIT: ("timeInForce", "quantity", "price"),
    LIMIT_MAKER: ("quantity", "price"),
    MARKET: (),
    STOP_LOSS_LIMIT: ("timeInForce", "quantity", "price", "stopPrice"),
}
# Of the parameters above and these, an order may have only those of its own type.
MARKET_AMOUNTS = ("quantity", "quoteOrderQty")
PARAMETERS = ("timeInForce", "quantity", "quoteOrderQty", "price", "stopPrice")
NOT_HERE = {
    "STOP_LOSS": "Stop loss",
    "TAKE_PROFIT": "Take profit",
    "TAKE_PROFIT_LIMIT": "Take profit limit",
}
# Of orders with more to them than is served here.
NOT_SERVED = {
    "icebergQty": "Iceberg",
    "trailingDelta": "Trailing stop",
    **dict.fromkeys(("pegPriceType", "pegOffsetType", "pegOffsetValue"), "Pegged"),
}
ORDER_NAMES = (
    *("symbol", "side", "type", *PARAMETERS, "newClientOrderId", "newOrderRespType"),
    *("strategyId", "strategyType", "selfTradePreventionMode", *NOT_SERVED),
)
# Smaller numbers of a strategy's type are Binance's own.
MIN_STRATEGY_TYPE = 1_000_000
AMOUNT_WORDS = {"price": "price", "stopPrice": "stopPrice"}


def read_order(form: Form, symbol: str, number: int, now: int) -> Order:
    """The order of a request, not checked against the market.

    :param number: its order id
    :param now: when it arrived, in epoch milliseconds
    :raises ApiError: as Binance answers
    """
    side = form.choice("side", (BUY, SELL)) or form.mandatory("side")
    kind = form.mandatory("type")
    if kind in NOT_HERE:
        raise unsupported_kind(NOT_HERE[kind])
    if kind not in NEEDED:
        raise bad_choice("type")
    for name, words in NOT_SERVED.items():
        if name in form:
            raise unsupported_kind(words)
    _check_names(form, kind)
    amounts = {name: form.amount(name) for name in PARAMETERS[1:]}
    for name, value in amounts.items():
        if value == 0:
            raise not_above_zero(AMOUNT_WORDS.get(name, "quantity"))
    price, stop_price = amounts["price"] or ZERO, amounts["stopPrice"] or ZERO
    strategy_type = form.whole("strategyType")
    if strategy_type is not None and strategy_type < MIN_STRATEGY_TYPE:
        raise bad_strategy()
    stp = form.text("selfTradePreventionMode") or STP_DEFAULT
    if stp not in STP_MODES:
        raise bad_stp_mode()
    waits = kind == STOP_LOSS_LIMIT
    return Order(
        id=number,
        symbol=symbol,
        client_id=form.word("newClientOrderId") or f"order-{number}",
        side=side,
        kind=kind,
        time_in_force=form.choice("timeInForce", (GTC, IOC, FOK)) or GTC,
        price=price,
        quantity=amounts["quantity"] or ZERO,
        quote_quantity=amounts["quoteOrderQty"] or ZERO,
        stop_price=stop_price,
        created=now,
        updated=now,
        working=-1 if waits else now,
        stp=stp,
        strategy_id=form.whole("strategyId"),
        strategy_type=strategy_type,
    )


def _check_names(form: Form, kind: str) -> None:
    for name in NEEDED[kind]:
        if name not in form:
            raise missing_parameter(name)
    allowed = MARKET_AMOUNTS if kind == MARKET else NEEDED[kind]
    if kind == MARKET and not any(name in form for name in MARKET_AMOUNTS):
        raise one_of_two(*MARKET_AMOUNTS)
    if all(name in form for name in MARKET_AMOUNTS):
        raise needless_parameter("quoteOrderQty")
    for name in PARAMETERS:
        if name in form and name not in allowed:
            raise needless_parameter(name)
