"""Reads the order that a request wants to place: which parameters go with which type."""

from regimeswitch_lab.exchange.account import account_orders
from regimeswitch_lab.exchange.account.account_orders import AccountOrder
from regimeswitch_lab.exchange.account.decimals import ZERO
from regimeswitch_lab.exchange.market.symbols import STP_DEFAULT, STP_MODES
from regimeswitch_lab.exchange.requests import api_errors
from regimeswitch_lab.exchange.requests.request_form import Form


NEEDED = {
    account_orders.LIMIT: ("timeInForce", "quantity", "price"),
    account_orders.LIMIT_MAKER: ("quantity", "price"),
    account_orders.MARKET: (),
    account_orders.STOP_LOSS_LIMIT: ("timeInForce", "quantity", "price", "stopPrice"),
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


def read_order(form: Form, symbol: str, number: int, now: int) -> AccountOrder:
    """The order of a request, not checked against the market.

    :param number: its order id
    :param now: when it arrived, in epoch milliseconds
    :raises ApiError: as Binance answers
    """
    side = form.choice("side", (account_orders.BUY, account_orders.SELL)) or form.mandatory("side")
    kind = form.mandatory("type")
    if kind in NOT_HERE:
        raise api_errors.unsupported_kind(NOT_HERE[kind])
    if kind not in NEEDED:
        raise api_errors.bad_choice("type")
    for name, words in NOT_SERVED.items():
        if name in form:
            raise api_errors.unsupported_kind(words)
    _check_names(form, kind)
    amounts = {name: form.amount(name) for name in PARAMETERS[1:]}
    for name, value in amounts.items():
        if value == 0:
            raise api_errors.not_above_zero(AMOUNT_WORDS.get(name, "quantity"))
    price, stop_price = amounts["price"] or ZERO, amounts["stopPrice"] or ZERO
    strategy_type = form.whole("strategyType")
    if strategy_type is not None and strategy_type < MIN_STRATEGY_TYPE:
        raise api_errors.bad_strategy()
    stp = form.text("selfTradePreventionMode") or STP_DEFAULT
    if stp not in STP_MODES:
        raise api_errors.bad_stp_mode()
    waits = kind == account_orders.STOP_LOSS_LIMIT
    return AccountOrder(
        id=number,
        symbol=symbol,
        client_id=form.word("newClientOrderId") or f"order-{number}",
        side=side,
        kind=kind,
        time_in_force=form.choice(
            "timeInForce", (account_orders.GTC, account_orders.IOC, account_orders.FOK)
        )
        or account_orders.GTC,
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
            raise api_errors.missing_parameter(name)
    allowed = MARKET_AMOUNTS if kind == account_orders.MARKET else NEEDED[kind]
    if kind == account_orders.MARKET and not any(name in form for name in MARKET_AMOUNTS):
        raise api_errors.one_of_two(*MARKET_AMOUNTS)
    if all(name in form for name in MARKET_AMOUNTS):
        raise api_errors.needless_parameter("quoteOrderQty")
    for name in PARAMETERS:
        if name in form and name not in allowed:
            raise api_errors.needless_parameter(name)
