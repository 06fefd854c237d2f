"""Coins that left without an order: what the bot has booked of them, against what did leave."""

from __future__ import annotations

from decimal import Decimal

from regimeswitch_lab.exchange.account.decimals import ZERO
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.fault_matrix.scene import BASES
from regimeswitch_lab.fault_matrix.traces import Row, exact
from regimeswitch_lab.fault_matrix.verdict import Verdict


LEFT = "coins_left"
"""How the id of such an order begins, in every bot's database."""
DUST = Decimal("0.05")
"""Coins at 100 each, worth the smallest order of 5: what earlier trades may have left over."""


def is_left(order: Row) -> bool:
    """Whether an order of the database is none, but coins that left the account."""
    return str(order["order_id"]).startswith(f"{LEFT}-")


def judge_left(verdict: Verdict, trading: Trading, orders: list[Row]) -> None:
    """What is booked as left has left, but for dust; what has left of a trade is booked."""
    for base in BASES:
        gone = -trading.account.deposits.get(base, ZERO)
        rows = [row for row in orders if is_left(row) and row["ft_pair"].startswith(f"{base}/")]
        booked = sum((exact(row["filled"]) for row in rows), ZERO)
        if abs(booked - gone) > DUST:
            text = f"{gone:f} {base} left the account, {booked:f} are booked as left"
            verdict.find("lost_trades", text)
