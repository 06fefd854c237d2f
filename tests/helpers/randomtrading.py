"""Random orders on wild candles, and what must hold after each of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import hypothesis.strategies as st
import numpy as np

from exchanges import START_MS, STEP_MS
from regimeswitch_lab.exchange.account.account_orders import AccountTrade
from regimeswitch_lab.exchange.account.trading_account import Trading
from traders import candles_of


SYMBOLS = {"AAAUSDT": ("AAA", "USDT"), "CCCBTC": ("CCC", "BTC")}
BALANCES = {
    "USDT": Decimal("2000.12345678"),
    "BTC": Decimal("0.60000001"),
    "AAA": Decimal(9),
    "CCC": Decimal(12),
}
BEGIN_MS = START_MS + 20 * STEP_MS
CANDLES = 400
STEP = STEP_MS // 60
# Thin enough that orders fill in parts. CCC trades at prices and in lots of so many decimals that
# their product has more than eight.
SEEDS = {"AAA_USDT": (100.0, 7, 3.0, 3), "CCC_BTC": (0.05, 8, 2.0, 7)}
SIZES = {"AAAUSDT": Decimal(10), "CCCBTC": Decimal("0.003")}


def wild(price: float, seed: int, volume: float, decimals: int) -> Any:
    """Candles that jump, some without any volume."""
    random = np.random.default_rng(seed)
    opens = price * np.exp(np.cumsum(random.normal(0, 0.004, CANDLES)))
    closes = opens * np.exp(random.normal(0, 0.004, CANDLES))
    highs = np.maximum(opens, closes) * (1 + random.uniform(0, 0.005, CANDLES))
    lows = np.minimum(opens, closes) * (1 - random.uniform(0, 0.005, CANDLES))
    prices = np.round(np.column_stack([opens, highs, lows, closes]), decimals)
    frame = candles_of([(one[0], one[1], one[2], one[3]) for one in prices.tolist()])
    amounts = np.where(random.random(CANDLES) < 0.1, 0.0, random.exponential(volume, CANDLES))
    return frame.assign(volume=amounts)


ORDERS = st.fixed_dictionaries(
    {
        "symbol": st.sampled_from(sorted(SYMBOLS)),
        "side": st.sampled_from(("BUY", "SELL")),
        "type": st.sampled_from(("LIMIT", "LIMIT", "MARKET", "QUOTE", "LIMIT_MAKER", "STOP")),
        "timeInForce": st.sampled_from(("GTC", "GTC", "GTC", "IOC", "FOK")),
        "share": st.integers(1, 60),
        "offset": st.integers(-25, 25),
        "stop": st.integers(1, 15),
    }
)
MOVES = st.sampled_from((1, 999, 5000, 17_000, 60_000, STEP_MS, 3 * STEP_MS + 1, 20 * STEP_MS))


def wanted(trading: Trading, order: dict[str, Any]) -> str:
    """A request for an order near the market, of a size that the account may have."""
    rules = trading.rules(order["symbol"])
    last = rules.price(trading.market.book(order["symbol"], 1).middle)
    price = _near(last, order["offset"], rules.tick)
    away = -order["stop"] if order["side"] == "SELL" else order["stop"]
    value = order["share"] * SIZES[order["symbol"]]
    found = {
        "symbol": order["symbol"],
        "side": order["side"],
        "type": order["type"],
        "quantity": str((value / last).quantize(rules.step)),
    }
    if order["type"] == "QUOTE":
        found |= {"type": "MARKET", "quoteOrderQty": str(value)}
        del found["quantity"]
    if order["type"] in ("LIMIT", "LIMIT_MAKER", "STOP"):
        found["price"] = str(price)
    if order["type"] in ("LIMIT", "STOP"):
        found["timeInForce"] = order["timeInForce"]
    if order["type"] == "STOP":
        found |= {"type": "STOP_LOSS_LIMIT", "stopPrice": str(_near(last, away, rules.tick))}
    return "&".join(f"{name}={value}" for name, value in found.items())


def _near(last: Decimal, thousandths: int, tick: Decimal) -> Decimal:
    return (last * (1000 + thousandths) / 1000).quantize(tick)


def state(trading: Trading) -> dict[str, Any]:
    """Everything that is remembered."""
    books = {
        name: {key: one for key, one in book.items() if one}
        for name, book in trading.account.books().items()
    }
    return {
        "books": books,
        "orders": [asdict(order) for order in trading.settling.orders.values()],
        "trades": [asdict(trade) for trade in trading.settling.trades],
    }


def check_balances(trading: Trading) -> None:
    """Trades explain every balance, and orders every locked amount, to the last digit."""
    balance: dict[str, Decimal] = dict(BALANCES)
    for trade in trading.settling.trades:
        base, quote = SYMBOLS[trade.symbol]
        sign, got = (1, trade.quantity) if trade.buys else (-1, trade.quote)
        balance[base] += sign * trade.quantity
        balance[quote] -= sign * trade.quote
        balance[trade.fee_asset] -= trade.fee
        assert trade.fee_asset == (base if trade.buys else quote)
        assert trade.quote == eight(trade.price * trade.quantity, ROUND_FLOOR)
        assert trade.fee == eight(got / 1000, ROUND_FLOOR)
    locked = dict.fromkeys(BALANCES, Decimal(0))
    for order in trading.settling.open():
        base, quote = SYMBOLS[order.symbol]
        rest = order.quantity - order.executed
        if order.side == "BUY":
            locked[quote] += eight(rest * order.price, ROUND_CEILING)
        else:
            locked[base] += rest
    account = trading.account
    for asset, total in balance.items():
        free, held = account.free.get(asset, 0), account.locked.get(asset, 0)
        assert (free + held, held) == (total, locked[asset])
        assert free >= 0 and held >= 0
        gone = account.fees.get(asset, 0) + account.market.get(asset, 0)
        assert free + held + gone == BALANCES[asset]


def eight(value: Decimal, rounding: str) -> Decimal:
    """An amount of eight decimals."""
    return value.quantize(Decimal("0.00000001"), rounding=rounding)


def check_orders(trading: Trading) -> None:
    """No order gets more than it asked for, or is in a state that does not fit what it got."""
    filled: dict[int, Decimal] = {}
    for trade in trading.settling.trades:
        order = trading.settling.orders[trade.order_id]
        filled[order.id] = filled.get(order.id, Decimal(0)) + trade.quantity
        better = trade.price <= order.price if trade.buys else trade.price >= order.price
        assert better or order.kind == "MARKET"
    for order in trading.settling.orders.values():
        assert order.executed == filled.get(order.id, 0) <= order.quantity
        assert (order.status == "FILLED") == (order.executed == order.quantity)
        assert order.status != "PARTIALLY_FILLED" or order.executed > 0
        assert order.time_in_force == "GTC" or order.waits or not order.open
        assert order.executed in (0, order.quantity) or order.time_in_force != "FOK"


def check_fill(
    trading: Trading, trade: AccountTrade, served: Counter[tuple[str, int, bool]]
) -> None:
    """A resting order gets what is traded at its price or beyond, and no volume twice.

    :param served: what orders of one pair and side got of a candle, in units of 1e-8
    """
    order, tape = trading.settling.orders[trade.order_id], trading.market.tape(trade.symbol)
    assert trade.price == order.price
    number = tape.until(trade.time)
    (public,) = tape.trades(number - 1, number)
    assert public.at == trade.time > order.created
    beyond = (trade.price - Decimal(public.price)) * (1 if trade.buys else -1)
    assert beyond >= -trading.rules(trade.symbol).tick / 2
    row = tape.line.row(trade.time)
    key = trade.symbol, row, trade.buys
    served[key] += int(trade.quantity * 10**8)
    first = tape.until(int(tape.line.opens[row]) - 1)
    traded = sum(one.amount for one in tape.trades(first, number))
    assert served[key] <= traded * 10**8
