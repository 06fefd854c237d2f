"""Trades of a bot's database and of a backtest in one form, compared one by one."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd


CANDLE = pd.Timedelta(minutes=5)


@dataclass(frozen=True)
class Deal:
    """One trade.

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
    query = (
        "select pair, open_date, open_rate, amount, stake_amount, enter_tag, close_date, "
        "close_rate, exit_reason, close_profit_abs from trades order by open_date, id"
    )
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        rows = connection.execute(query).fetchall()
    return [_deal(row) for row in rows]


def read_result(path: Path) -> list[Deal]:
    """Trades of a backtest result file, in the order of their entries."""
    with zipfile.ZipFile(path) as archive:
        content = json.loads(archive.read(f"{path.stem}.json"))
    (strategy,) = content["strategy"].values()
    entry = ["pair", "open_date", "open_rate", "amount", "stake_amount", "enter_tag"]
    names = [*entry, "close_date", "close_rate", "exit_reason", "profit_abs"]
    deals = [_deal([trade[name] for name in names]) for trade in strategy["trades"]]
    return sorted(deals, key=lambda deal: deal.opened)


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
