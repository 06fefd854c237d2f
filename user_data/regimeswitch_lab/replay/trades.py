"""Trades of a bot's database and of a backtest in one form, compared one by one."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from regimeswitch_lab.backtest_stats import read_stats


CANDLE = pd.Timedelta(minutes=5)


@dataclass(frozen=True)
class PositionChange:
    """A filled order of a trade between its entry and its exit.

    :param at: moment of the fill, UTC
    :param amount: coins that the position grew by; below 0 = it shrank
    :param held: coins of the position after it
    :param capital: as of :class:`Deal`, at this moment
    """

    at: pd.Timestamp
    price: float
    amount: float
    held: float
    tag: str
    capital: float = 0.0

    @property
    def candle(self) -> pd.Timestamp:
        """Opening time of the candle in which it was filled."""
        return self.at.floor(CANDLE)


@dataclass(frozen=True)
class Deal:
    """One trade; ``open_rate``, ``amount`` and ``stake`` are of its first order.

    :param opened: moment of the entry, UTC
    :param closed: of the exit; None while it is open
    :param capital: the account when it was opened: what it began with and all profits until then
    """

    pair: str
    opened: pd.Timestamp
    open_rate: float
    amount: float
    stake: float
    enter_tag: str
    closed: pd.Timestamp | None
    close_rate: float | None
    exit_reason: str
    profit: float
    capital: float = 0.0
    changes: tuple[PositionChange, ...] = ()

    @property
    def entry_candle(self) -> pd.Timestamp:
        """Opening time of the candle in which it was opened."""
        return self.opened.floor(CANDLE)

    @property
    def exit_candle(self) -> pd.Timestamp | None:
        """Opening time of the candle in which it was closed."""
        return None if self.closed is None else self.closed.floor(CANDLE)


def read_database(path: Path) -> list[Deal]:
    """Trades of a freqtrade database, in the order of their entries."""
    trades = (
        "select id, pair, open_date, open_rate, amount, stake_amount, enter_tag, close_date, "
        "close_rate, exit_reason, close_profit_abs, is_short from trades order by open_date, id"
    )
    orders = (
        "select order_filled_date, coalesce(average, price, ft_price), filled, ft_order_side, "
        "ft_order_tag from orders where ft_trade_id = ? and not ft_is_open and filled > 0 "
        "order by order_filled_date, id"
    )
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        rows = connection.execute(trades).fetchall()
        filled = [connection.execute(orders, [row[0]]).fetchall() for row in rows]
    return [
        _changed(_deal(values), [_order(one, "sell" if short else "buy") for one in of_trade])
        for (_, *values, short), of_trade in zip(rows, filled, strict=True)
    ]


def _order(row: Sequence[Any], entry_side: str) -> PositionChange:
    at, price, amount, side, tag = row
    grows = 1 if side == entry_side else -1
    return PositionChange(pd.to_datetime(at, utc=True), price, grows * amount, 0.0, tag or "")


def read_result(path: Path) -> list[Deal]:
    """Trades of a backtest result file, in the order of their entries."""
    (strategy,) = read_stats(path)["strategy"].values()
    entry = ["pair", "open_date", "open_rate", "amount", "stake_amount", "enter_tag"]
    names = [*entry, "close_date", "close_rate", "exit_reason", "profit_abs"]
    deals = [
        _changed(_deal([trade[name] for name in names]), [_tested(one) for one in trade["orders"]])
        for trade in strategy["trades"]
    ]
    return sorted(deals, key=lambda deal: deal.opened)


def _tested(order: dict[str, Any]) -> PositionChange:
    at = pd.Timestamp(order["order_filled_timestamp"], unit="ms", tz="UTC")
    amount = order["amount"] * (1 if order["ft_is_entry"] else -1)
    return PositionChange(at, order["safe_price"], amount, 0.0, order["ft_order_tag"] or "")


def _changed(deal: Deal, orders: Sequence[PositionChange]) -> Deal:
    """A trade with what lies between its first order and the one that closed it."""
    between = orders[1 : None if deal.closed is None else -1]
    if not between:
        return deal
    first, held, changes = orders[0], orders[0].amount, []
    for one in between:
        held += one.amount
        changes.append(replace(one, held=held))
    return replace(
        deal,
        open_rate=first.price,
        amount=first.amount,
        stake=first.amount * first.price,
        changes=tuple(changes),
    )


def _deal(values: Any) -> Deal:
    pair, opened, open_rate, amount, stake, tag, closed, close_rate, reason, profit = values
    return Deal(
        pair=pair,
        opened=pd.to_datetime(opened, utc=True),
        open_rate=open_rate,
        amount=amount,
        stake=stake,
        enter_tag=tag or "",
        closed=None if closed is None else pd.to_datetime(closed, utc=True),
        close_rate=close_rate,
        exit_reason=reason or "",
        profit=profit or 0.0,
    )
