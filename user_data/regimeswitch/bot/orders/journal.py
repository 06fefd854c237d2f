"""The journal of orders: written before an order is sent, so that a crash cannot lose one."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from regimeswitch.bot.database_name import database_digest


SENT, KNOWN, KEPT, REFUSED, ABSENT, STRAY = "sent", "known", "kept", "refused", "absent", "stray"
EMPTY, DONE = "empty", "done"
"""Moved nothing; dealt with, by hand or by a database that is gone, and not looked at again."""
OPEN = (SENT, KNOWN)
"""States that still need work: no answer yet, or not seen in freqtrade's database yet."""
PLACED = (KEPT, STRAY)
"""States of orders that were on the exchange and may have moved money."""


@dataclass(frozen=True)
class Entry:
    """One order as it was sent.

    :param client_id: our own id, at most 36 characters
    :param pair: as freqtrade writes it
    :param side: buy or sell
    :param kind: order type as the exchange client got it
    :param stop: whether it is a stop-loss on the exchange
    :param price: None for a market order
    :param sent_ms: our clock when it was written down, epoch milliseconds
    :param tag: entry tag of the signal, empty for exits
    :param order_id: the exchange's own id, empty until it is known
    :param coins: what the account held of the pair's coin before, free and locked; None = unknown
    """

    client_id: str
    pair: str
    side: str
    kind: str
    stop: bool
    amount: float
    price: float | None
    sent_ms: int
    tag: str = ""
    state: str = SENT
    order_id: str = ""
    coins: float | None = None


_COLUMNS = [field.name for field in fields(Entry)]


def new_client_id() -> str:
    """An id that no other order has: 26 characters that Binance accepts."""
    return f"rs{secrets.token_hex(12)}"


def journal_path(folder: Path, db_url: str) -> Path:
    """Where the journal of a bot lies: one for each database, since orders belong to one.

    :param db_url: however it is spelled: a relative path and the absolute one are one database
    """
    return folder / f"regimeswitch-orders-{database_digest(db_url)}.sqlite"


class Journal:
    """Orders that were sent, on disk before the call returns.

    :param path: an SQLite file, made where it is missing
    :raises sqlite3.Error: from every method, when the file cannot be written or read
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        with closing(self._connect()) as connection, connection:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS orders ({', '.join(_COLUMNS)}, PRIMARY KEY(client_id))"
            )
            there = {row[1] for row in connection.execute("PRAGMA table_info(orders)")}
            for name in _COLUMNS:
                if name not in there:
                    # Written by an earlier release.
                    connection.execute(f"ALTER TABLE orders ADD COLUMN {name}")

    def write(self, entry: Entry) -> None:
        """Write an order down; it may be sent once this has returned."""
        marks = ", ".join("?" * len(_COLUMNS))
        self._change(f"INSERT INTO orders VALUES ({marks})", astuple(entry))

    def known(self, client_id: str, order_id: str) -> None:
        """The exchange has the order."""
        self._change(
            "UPDATE orders SET state = ?, order_id = ? WHERE client_id = ?",
            (KNOWN, order_id, client_id),
        )

    def close(self, client_id: str, state: str) -> None:
        """Nothing is left to do for an order: kept, refused, absent, stray, empty or done."""
        self._change("UPDATE orders SET state = ? WHERE client_id = ?", (state, client_id))

    def settle(self, client_id: str, state: str, seen: str) -> bool:
        """Close an order by hand, unless its state is no longer the one that was seen.

        :param seen: state at which the decision was made; a running bot may have changed it
        :return: whether it was closed
        """
        statement = "UPDATE orders SET state = ? WHERE client_id = ? AND state = ?"
        return self._change(statement, (state, client_id, seen)) == 1

    def open(self) -> list[Entry]:
        """Orders that still need work, oldest first."""
        return self._read("WHERE state IN (?, ?)", OPEN)

    def placed(self) -> list[Entry]:
        """Orders that were on the exchange and are settled, oldest first."""
        return self._read("WHERE state IN (?, ?) AND order_id != ''", PLACED)

    def absent(self, since_ms: int) -> list[Entry]:
        """Orders sent since a moment that were taken for absent, oldest first."""
        return self._read("WHERE state = ? AND sent_ms >= ?", (ABSENT, since_ms))

    def state(self, client_id: str) -> str:
        """State of an order; empty where it is not in the journal."""
        found = self._read("WHERE client_id = ?", (client_id,))
        return found[0].state if found else ""

    def find(self, pair: str, order_id: str) -> Entry | None:
        """The order with an id of the exchange, which is unique for its pair."""
        found = self._read("WHERE order_id = ? AND pair = ?", (order_id, pair))
        return found[0] if found else None

    def all(self) -> list[Entry]:
        """Every order of this bot, oldest first."""
        return self._read("", ())

    def _read(self, condition: str, values: tuple[object, ...]) -> list[Entry]:
        statement = f"SELECT {', '.join(_COLUMNS)} FROM orders {condition} ORDER BY rowid"
        with self._lock, closing(self._connect()) as connection:
            rows = connection.execute(statement, values).fetchall()
        return [Entry(*row) for row in rows]

    def _change(self, statement: str, values: tuple[object, ...]) -> int:
        with self._lock, closing(self._connect()) as connection, connection:
            return connection.execute(statement, values).rowcount

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=5)
        try:
            # Written through to the disk, and the folder's entry of the rollback file with it.
            connection.execute("PRAGMA synchronous = EXTRA")
        except sqlite3.Error:
            connection.close()
            raise
        return connection
