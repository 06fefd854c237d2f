"""Orders, trades and the account as Binance writes them in its answers."""

from collections.abc import Sequence

from regimeswitch_lab.exchange.account.account_orders import (
    STOP_LOSS_LIMIT,
    AccountOrder,
    AccountTrade,
)
from regimeswitch_lab.exchange.account.decimals import ZERO, text
from regimeswitch_lab.exchange.account.settling import Balances, Settling


ACK, RESULT, FULL = "ACK", "RESULT", "FULL"
Answer = dict[str, object]


def _head(order: AccountOrder) -> Answer:
    return {
        "symbol": order.symbol,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
    }


def _state(order: AccountOrder) -> Answer:
    return {
        "price": text(order.price),
        "origQty": text(order.quantity),
        "executedQty": text(order.executed),
        "origQuoteOrderQty": text(order.quote_quantity),
        "cummulativeQuoteQty": text(order.quote_executed),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "side": order.side,
        "selfTradePreventionMode": order.stp,
        **_strategy(order),
    }


def _strategy(order: AccountOrder) -> Answer:
    numbers = {"strategyId": order.strategy_id, "strategyType": order.strategy_type}
    return {name: number for name, number in numbers.items() if number is not None}


def _stop(order: AccountOrder) -> Answer:
    return {"stopPrice": text(order.stop_price)} if order.kind == STOP_LOSS_LIMIT else {}


def queried(order: AccountOrder) -> Answer:
    """An order that was asked for."""
    return {
        **_head(order),
        **_state(order),
        "stopPrice": text(order.stop_price),
        "icebergQty": text(ZERO),
        "time": order.created,
        "updateTime": order.updated,
        "isWorking": not order.waits,
        "workingTime": order.working,
    }


def placed(order: AccountOrder, trades: Sequence[AccountTrade], kind: str) -> Answer:
    """A new order, with as much detail as its ``newOrderRespType`` wants."""
    acknowledged = {**_head(order), "transactTime": order.created}
    if kind == ACK:
        return acknowledged
    result = {**acknowledged, **_state(order), **_stop(order), "workingTime": order.working}
    if kind == RESULT:
        return result
    return {**result, "fills": [_fill(trade) for trade in trades]}


def _fill(trade: AccountTrade) -> Answer:
    return {
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "tradeId": trade.id,
    }


def cancelled(order: AccountOrder, client_id: str) -> Answer:
    """An order that was cancelled.

    :param client_id: the id of the cancel
    """
    return {
        **_head(order),
        "origClientOrderId": order.client_id,
        "clientOrderId": client_id,
        "transactTime": order.updated,
        **_state(order),
        **_stop(order),
    }


def traded(trade: AccountTrade) -> Answer:
    """A trade of the account."""
    return {
        "symbol": trade.symbol,
        "id": trade.id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": text(trade.price),
        "qty": text(trade.quantity),
        "quoteQty": text(trade.quote),
        "commission": text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time,
        "isBuyer": trade.buys,
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def owned(settling: Settling, assets: Sequence[str], *, whole: bool) -> Answer:
    """The account.

    :param assets: those to tell about
    :param whole: tell about empty balances too
    """
    account, rate = settling.account, text(settling.fee)
    points = int(settling.fee * 10_000)
    return {
        "makerCommission": points,
        "takerCommission": points,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": rate,
            "taker": rate,
            "buyer": text(ZERO),
            "seller": text(ZERO),
        },
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": settling.updated,
        "accountType": "SPOT",
        "balances": [
            balance
            for balance in (_balance(account, asset) for asset in assets)
            if whole or balance["free"] != text(ZERO) or balance["locked"] != text(ZERO)
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }


def commissions(settling: Settling) -> Answer:
    """What an order would be charged; there are no taxes and no discounts here."""
    rates = {"maker": text(settling.fee), "taker": text(settling.fee)}
    nothing = dict.fromkeys(rates, text(ZERO))
    discount = {"enabledForAccount": False, "enabledForSymbol": False}
    return {
        "standardCommissionForOrder": rates,
        "specialCommissionForOrder": nothing,
        "taxCommissionForOrder": nothing,
        "discount": {**discount, "discountAsset": "BNB", "discount": text(ZERO)},
    }


def _balance(account: Balances, asset: str) -> Answer:
    return {
        "asset": asset,
        "free": text(account.free.get(asset, ZERO)),
        "locked": text(account.locked.get(asset, ZERO)),
    }
