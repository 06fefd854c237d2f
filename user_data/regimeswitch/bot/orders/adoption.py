"""Orders that are on the exchange but in no trade: written into freqtrade's database.

They are written as freqtrade writes an order that it has just placed; freqtrade then looks at it,
counts fills and fees, calls the strategy and sends its messages as it always does.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from freqtrade.enums import TradingMode
from freqtrade.exchange import timeframe_to_minutes
from freqtrade.persistence import Order, Trade
from freqtrade.strategy import IStrategy
from sqlalchemy import select

from regimeswitch.bot.orders.journal import Entry


RECOVERED = "recovered"
"""Exit reason of an exit whose own reason was lost with a crash."""


def in_database(pair: str, order_id: str) -> bool:
    """Whether freqtrade knows an order; ids are the exchange's, by pair.

    Asked by columns: until 2026.7 ``Order.order_by_id`` looks at no pair.
    """
    known = select(Order.id).where(Order.order_id == order_id, Order.ft_pair == pair)
    return Order.session.scalars(known).first() is not None


def open_trades(pair: str) -> list[Trade]:
    """Open trades of a pair."""
    found: list[Trade] = Trade.get_trades_proxy(pair=pair, is_open=True)
    return found


def is_spot(strategy: IStrategy) -> bool:
    """Whether coins are bought and sold, rather than contracts."""
    return bool(strategy.config.get("trading_mode", TradingMode.SPOT) == TradingMode.SPOT)


def held(strategy: IStrategy, pair: str) -> float:
    """Coins of a pair that open trades own; unlimited where nothing is owned but contracts."""
    if not is_spot(strategy):
        return math.inf
    return float(sum(trade.amount for trade in open_trades(pair)))


def held_symbols(strategy: IStrategy) -> frozenset[str]:
    """The pairs of all open trades, as the exchange writes them."""
    markets = strategy.dp._exchange.markets
    pairs = {trade.pair for trade in Trade.get_trades_proxy(is_open=True)}
    # A pair that is listed no more has no market: its coins joined.
    return frozenset(
        str(markets[pair]["id"]) if pair in markets else pair.split(":")[0].replace("/", "")
        for pair in pairs
    )


def coin_of(pair: str) -> str:
    """The coin that is traded, by freqtrade's name of a pair."""
    return pair.split("/")[0]


def owned(coin: str) -> float:
    """What open trades of all pairs own of a coin."""
    trades = Trade.get_trades_proxy(is_open=True)
    return float(sum(one.amount for one in trades if one.safe_base_currency == coin))


def is_empty(order: dict[str, Any]) -> bool:
    """Whether an order is over and has moved nothing."""
    return order["status"] != "open" and not order.get("filled")


def adopt(entry: Entry, order: dict[str, Any], strategy: IStrategy) -> bool:
    """Give an order to the open trade of its pair, or to a new trade if it is a buy.

    :return: False for a sale of coins that belong to no trade, and for a new position in futures,
        whose leverage and direction are not known
    """
    trades = open_trades(entry.pair)
    if not trades and (entry.side != "buy" or not is_spot(strategy)):
        return False
    trade = trades[0] if trades else _new_trade(entry, order, strategy)
    # As freshly placed: freqtrade finds out itself what has been filled since.
    fresh = {**order, "status": "open", "filled": 0.0, "remaining": order["amount"]}
    side = "stoploss" if entry.stop else entry.side
    price = entry.price or order.get("average") or order.get("price")
    mine = Order.parse_from_ccxt_object(fresh, entry.pair, side, entry.amount, price)
    mine.ft_order_tag = entry.tag or None
    trade.orders.append(mine)
    if entry.side != "buy" and not entry.stop:
        trade.exit_order_status = ""
        trade.close_rate_requested = price
        trade.exit_reason = RECOVERED
        mine.ft_order_tag = RECOVERED
    trade.recalc_trade_from_orders()
    Trade.session.add(trade)
    Trade.commit()
    return True


def _new_trade(entry: Entry, order: dict[str, Any], strategy: IStrategy) -> Trade:
    exchange = strategy.dp._exchange
    config, pair = strategy.config, entry.pair
    price = float(order.get("average") or order.get("price") or entry.price or 0.0)
    fee = exchange.get_fee(symbol=pair, taker_or_maker="maker")
    trade = Trade(
        pair=pair,
        base_currency=exchange.get_pair_base_currency(pair),
        stake_currency=config["stake_currency"],
        stake_amount=entry.amount * price,
        amount=0,
        is_open=True,
        amount_requested=entry.amount,
        fee_open=fee,
        fee_close=fee,
        open_rate=price,
        open_rate_requested=entry.price or price,
        open_date=datetime.fromtimestamp(entry.sent_ms / 1000, UTC),
        exchange=exchange.id,
        strategy=strategy.get_strategy_name(),
        enter_tag=entry.tag or None,
        timeframe=timeframe_to_minutes(config["timeframe"]),
        leverage=1.0,
        is_short=False,
        trading_mode=config.get("trading_mode", TradingMode.SPOT),
        funding_fees=0,
        amount_precision=exchange.get_precision_amount(pair),
        price_precision=exchange.get_precision_price(pair),
        precision_mode=exchange.precisionMode,
        precision_mode_price=exchange.precision_mode_price,
        contract_size=exchange.get_contract_size(pair),
    )
    trade.adjust_stop_loss(trade.open_rate, strategy.stoploss, initial=True)
    return trade
