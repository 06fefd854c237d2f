"""What a case left behind: the bot's database and log, the account, the candles as they were."""

import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from regimeswitch_lab.exchange.account.decimals import UNIT
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.fault_matrix.scene import BASES


Truth = dict[tuple[str, int], list[float]]


@dataclass(frozen=True)
class Evidence:
    """What a case left behind.

    :ivar log: everything that the bot has logged
    :ivar trading: the account; None on paper
    :ivar died: how the bot ended before its time, empty when it did not
    :ivar truth: the candles as they are
    :ivar unnotified: exits that were neither made nor notified in time, one line each
    :ivar unequal: amounts of trades that were not the account's, one line each
    """

    database: Path
    log: str
    trading: Trading | None
    injection: Injection
    died: str = ""
    truth: Truth = field(default_factory=dict)
    unnotified: list[str] = field(default_factory=list)
    unequal: list[str] = field(default_factory=list)


Row = dict[str, Any]


def read_database(path: Path) -> tuple[list[Row], list[Row]]:
    """Trades and orders of a bot's database; nothing where there is none."""
    if not path.exists():
        return [], []
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        tables = {row["name"] for row in connection.execute("SELECT name FROM sqlite_master")}
        trades, orders = (
            [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY id")]
            if name in tables
            else []
            for name in ("trades", "orders")
        )
    finally:
        connection.close()
    return trades, orders


def moment(text: str) -> datetime:
    """A time of the database, which is UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def exact(number: float | None) -> Decimal:
    """A number of the database in the exchange's eight decimals.

    What has been filled in parts is a sum of floats there.
    """
    return Decimal(str(number or 0)).quantize(UNIT)


def read_truth(folder: Path) -> Truth:
    """The candles as they are, by pair and opening time in epoch seconds."""
    truth: Truth = {}
    for base in BASES:
        frame = pd.read_feather(folder / f"{base}_USDT-5m.feather")
        times = frame["date"].dt.as_unit("s").astype("int64").tolist()
        prices = frame[["open", "high", "low", "close"]].round(8).to_numpy().tolist()
        truth |= {(f"{base}/USDT", at): row for at, row in zip(times, prices, strict=True)}
    return truth
