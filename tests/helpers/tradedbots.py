"""The database of a bot with two trades, as freqtrade itself writes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from freqtrade.persistence import KeyValueStore, Order, Trade, init_db
from freqtrade.persistence.wallet_history import WalletHistory


START = datetime(2024, 12, 20, tzinfo=UTC)


def database(path: Path, balances: Sequence[float] = ()) -> Path:
    """A bot's database: one trade with an addition and a reduction, and one that is open."""
    init_db(f"sqlite:///{path}")
    KeyValueStore.store_value("bot_start_time", START)
    fills = [("buy", 0, 1.0, 100.0), ("buy", 1, 1.0, 100.0), ("sell", 2, 1.0, 104.0)]
    closed = trade("BTC/USDT", [*fills, ("sell", 48, 1.0, 105.21)])
    closed.close(105.21)
    closed.close_date = START.replace(tzinfo=None) + timedelta(hours=48)
    closed.exit_reason = "regime_bear"
    for one in (closed, trade("ETH/USDT", [("buy", 60, 1.0, 50.0)])):
        Trade.session.add(one)
    for day, balance in enumerate(balances):
        when = START.replace(tzinfo=None) + timedelta(days=day)
        for coin, part, managed in (("USDT", 0.4, True), ("BTC", 0.6, True), ("BNB", 9.0, False)):
            Trade.session.add(
                WalletHistory(
                    timestamp=when,
                    currency=coin,
                    rate=1.0,
                    quote_currency="USDT",
                    balance=part * balance,
                    total_quote=part * balance,
                    bot_managed=managed,
                )
            )
    Trade.commit()
    engine = Trade.session.get_bind()
    Trade.session.remove()
    engine.dispose()
    return path


def trade(pair: str, fills: list[tuple[str, int, float, float]]) -> Trade:
    orders = []
    for number, (side, hours, amount, price) in enumerate(fills):
        when = START.replace(tzinfo=None) + timedelta(hours=hours)
        orders.append(
            Order(
                ft_order_side=side,
                ft_pair=pair,
                ft_is_open=False,
                ft_amount=amount,
                ft_price=price,
                order_id=f"{pair} {number}",
                status="closed",
                symbol=pair,
                side=side,
                price=price,
                average=price,
                amount=amount,
                filled=amount,
                remaining=0.0,
                cost=amount * price,
                order_date=when,
                order_filled_date=when,
            )
        )
    found = Trade(
        pair=pair,
        exchange="binance",
        open_rate=fills[0][3],
        amount=fills[0][2],
        stake_amount=fills[0][3],
        fee_open=0.001,
        fee_close=0.001,
        is_open=True,
        is_short=False,
        leverage=1.0,
        open_date=orders[0].order_date,
        enter_tag="bull",
        strategy="RegimeSwitchStrategy",
        timeframe=5,
        orders=orders,
    )
    found.recalc_trade_from_orders()
    return found
