"""The account's state in a file: whoever got an answer finds it again after a crash."""

import json
import os
import sqlite3
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from regimeswitch_lab.exchange.account import account_orders
from regimeswitch_lab.exchange.account.account_orders import AccountOrder, AccountTrade
from regimeswitch_lab.exchange.account.settling import Amounts


FORMAT = "1"
TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, line TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trades (number INTEGER PRIMARY KEY, line TEXT NOT NULL);
"""


class StateFileError(ValueError):
    """A state file that cannot be used; the text names it and the fix."""


class StateFile:
    """One SQLite file. Readable by its owner only, since it holds the account's keys.

    :param path: the file, which is made when it is not there
    :raises StateFileError: when it is no state file, or cannot be written
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            # Written by the server's thread, one request after the other.
            self._file = sqlite3.connect(path, check_same_thread=False)
            try:
                _refuse_foreign(self._file)
                self._file.execute("PRAGMA journal_mode=WAL")
                self._file.executescript(TABLES)
            except (sqlite3.Error, OSError):
                self._file.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise StateFileError(
                f"state file {path} cannot be used: {error}; name another by --state"
            ) from error
        facts = self.facts()
        if facts.get("format", FORMAT) != FORMAT:
            raise StateFileError(
                f"state file {path} has format {facts['format']}, not {FORMAT}; remove it"
            )

    def facts(self) -> dict[str, str]:
        """Everything that is neither an order nor a trade; empty for a new file."""
        return dict(self._file.execute("SELECT name, value FROM facts"))

    def orders(self) -> list[AccountOrder]:
        """All orders by number."""
        rows = self._file.execute("SELECT line FROM orders ORDER BY id")
        return [account_orders.loaded_order(line) for (line,) in rows]

    def trades(self) -> list[AccountTrade]:
        """All trades in the order in which they were written."""
        rows = self._file.execute("SELECT line FROM trades ORDER BY number")
        return [account_orders.loaded_trade(line) for (line,) in rows]

    def write(
        self,
        facts: dict[str, str],
        orders: Iterable[AccountOrder] = (),
        trades: Iterable[AccountTrade] = (),
    ) -> None:
        """Write what has changed, all of it or nothing."""
        known = {"format": FORMAT, **facts}
        with self._file:
            self._put("facts", ((name, value) for name, value in known.items()))
            self._put("orders", ((one.id, account_orders.dumped(one)) for one in orders))
            self._put("trades", ((None, account_orders.dumped(one)) for one in trades))

    def _put(self, table: str, rows: Iterable[tuple[int | str | None, str]]) -> None:
        self._file.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", rows)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _refuse_foreign(file: sqlite3.Connection) -> None:
    """Write nothing into a database of something else, as of a bot.

    :raises OSError: when it is one
    """
    tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master")}
    if tables and "facts" not in tables:
        raise OSError("it is a database of something else")


def written_amounts(books: dict[str, Amounts]) -> str:
    """The account's books as JSON."""
    return json.dumps(books, default=str)


def read_amounts(line: str) -> dict[str, Amounts]:
    """The account's books from their JSON."""
    return {
        name: {asset: Decimal(amount) for asset, amount in amounts.items()}
        for name, amounts in json.loads(line).items()
    }
