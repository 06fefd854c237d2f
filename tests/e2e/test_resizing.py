"""Changes of open positions through freqtrade's own backtester, judged by its orders alone."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from heldpairs import POSITION, position_frame
from project import Run
from regimeswitch.settings import load_settings
from results import trades_of


PAIRS = ("BTC/USDT", "ETH/USDT")
RANGE = "20241205-20241229"
WALLET, RATIO, FEE = 100_000.0, 0.99, 0.001
STEP = pd.Timedelta(minutes=5)
ADDED, REDUCED = "rebalance_add", "rebalance_reduce"


def trades_with(
    freqtrade_here: Callable[..., Run], market: Path, risk: dict[str, Any], **also: Any
) -> list[dict[str, Any]]:
    section = deepcopy(POSITION)
    section["risk"] |= risk
    config = {
        "regimeswitch": section,
        "max_open_trades": 2,
        "dry_run_wallet": WALLET,
        "fee": FEE,
        "freqai": {"enabled": False},
        **also,
    }
    words = ("--timerange", RANGE)
    run = freqtrade_here("backtesting", *words, datadir=market, config=config)
    assert run.code == 0, run.log[-3000:]
    return trades_of(run.userdir)


@dataclass(frozen=True)
class Order:
    """One order of a backtest; ``kind`` is its place in the trade: entry, change or exit."""

    at: pd.Timestamp
    pair: str
    buys: bool
    amount: float
    price: float
    tag: str
    kind: str


def orders_of(trades: list[dict[str, Any]]) -> list[Order]:
    found = []
    for trade in trades:
        last = len(trade["orders"]) - 1
        for number, one in enumerate(trade["orders"]):
            kind = {0: "entry", last: "exit"}.get(number, "change")
            at = pd.Timestamp(one["order_filled_timestamp"], unit="ms", tz="UTC")
            amount, price = float(one["amount"]), float(one["safe_price"])
            buys = one["ft_order_side"] == "buy"
            found.append(
                Order(at, trade["pair"], buys, amount, price, one["ft_order_tag"] or "", kind)
            )
    # Within a candle freqtrade goes through the pairs in the order of the whitelist.
    return sorted(found, key=lambda one: (one.at, PAIRS.index(one.pair)))


@dataclass
class Books:
    """An account kept by hand as freqtrade keeps it on paper: a fee is paid when coins are sold."""

    free: float = WALLET
    coins: dict[str, float] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    last: dict[str, pd.Timestamp] = field(default_factory=dict)

    @property
    def capital(self) -> float:
        return RATIO * (self.free + sum(self.cost.values()))

    def book(self, one: Order) -> None:
        held, value = self.coins.get(one.pair, 0.0), one.amount * one.price
        if one.buys:
            self.coins[one.pair] = held + one.amount
            self.cost[one.pair] = self.cost.get(one.pair, 0.0) + value
            self.free -= value
        else:
            sold = self.cost[one.pair] * one.amount / held
            self.coins[one.pair] = held - one.amount
            self.cost[one.pair] -= sold
            self.free += value * (1 - FEE) - sold * FEE
        self.last[one.pair] = one.at
        if one.kind == "exit":
            assert self.coins.pop(one.pair) == pytest.approx(0, abs=1e-6)
            self.cost.pop(one.pair)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_positions_are_brought_to_their_targets_when_they_leave_the_band(
    freqtrade_here: Callable[..., Run], market: Path
) -> None:
    risk = {"volatility_target": 0.2, "rebalance_band": 0.06, "rebalance_hours": 6}
    orders = orders_of(trades_with(freqtrade_here, market, risk))
    section = deepcopy(POSITION)
    section["risk"] |= risk
    settings = load_settings(section)
    told = {pair: position_frame(market, pair, "5m", settings).set_index("date") for pair in PAIRS}
    changes = [one for one in orders if one.kind == "change"]
    assert len([one for one in changes if one.buys]) > 2
    assert len([one for one in changes if not one.buys]) > 2
    assert {one.tag for one in changes} == {ADDED, REDUCED}
    made = {(one.pair, one.at): one for one in orders}
    books = Books()
    for at in pd.date_range(orders[0].at, orders[-1].at, freq=STEP):
        for pair in PAIRS:
            one, candle = made.get((pair, at)), told[pair].loc[at - STEP]
            changed = one is not None and one.kind == "change"
            if pair in books.coins:
                value = books.coins[pair] * candle["close"]
                target = books.capital / 2 * candle["target_weight"]
                off = (target - value) / target
                due = at - books.last[pair] >= pd.Timedelta(hours=6)
                bull = candle["regime"] == "bull"
                assert changed == (due and bull and abs(off) > 0.06), (pair, at, off)
            if changed:
                assert one.buys == (off > 0) and one.tag == (ADDED if off > 0 else REDUCED)
                sized = off * target / (one.price if off > 0 else candle["close"])
                assert one.amount == pytest.approx(abs(sized), rel=0.01)
            if one is not None:
                books.book(one)
