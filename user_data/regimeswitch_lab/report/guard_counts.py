"""What guards have kept back, as far as a bot leaves it on the disk.

A live bot's journal has the fate of every order. Entries that outages, limits, bans and bad candles
kept back are in its log alone, a line each time the reason of a pair changes. Locks are those of
freqtrade's own protections.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from regimeswitch.bot.connection.ban_file import ban_counts
from regimeswitch.bot.connection.health import AUTO_LOCK
from regimeswitch.bot.connection.response_meanings import row
from regimeswitch.bot.orders.journal import ABSENT, EMPTY, KEPT, REFUSED, STRAY, journal_path
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.report.report_source import Note, Source


IN_BACKTESTS = Note(
    "A backtest has no guards: nothing is refused by an outage, a ban or an order in doubt.",
    "The report of a bot's database has their counts.",
)
NO_LOG = Note(
    "Entries that outages, limits, bans and bad candles kept back are in the bot's log alone.",
    "Start the bot with --logfile FILE, and name the file with --log.",
)
FATES = {
    KEPT: "orders that the journal has and the exchange took",
    REFUSED: "orders that the exchange refused",
    ABSENT: "orders without an answer that never reached the exchange",
    STRAY: "orders on the exchange that freqtrade did not know of",
    EMPTY: "orders that moved nothing",
}
PAUSE = re.compile(r": entries pause: (?P<reason>.+)$")
NUMBER = re.compile(r"\d[\d:.,-]*")
MOST = 20
"""Reasons that are listed."""


@dataclass(frozen=True)
class GuardCount:
    """How often something was kept back or found."""

    what: str
    count: int


def read_guards(
    source: Source, userdir: Path, log: Path | None
) -> tuple[list[GuardCount], list[Note]]:
    """Counts of a bot, and what is not known.

    :param userdir: the bot's folder
    :param log: the bot's log file
    :raises InputError: when the log or the journal cannot be read, and for a log of a backtest
    """
    if source.kind == "backtest":
        if log is not None:
            raise InputError(
                f"--log {log} is of a bot, but {source.path} is a backtest, which has no guards; "
                "leave it out, or name the bot's database"
            )
        return [], [IN_BACKTESTS]
    counts = [
        *_locks(source.path),
        *_orders(journal_path(userdir, f"sqlite:///{source.path}")),
        *_bans(userdir),
    ]
    if log is None:
        return counts, [NO_LOG]
    return [*counts, *_pauses(log)], []


def _counted(path: Path, statement: str) -> dict[str, int]:
    """Counts by name; nothing is written, and a bot may run meanwhile."""
    if not path.is_file():
        return {}
    address = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=5)) as connection:
            return {str(name): int(count) for name, count in connection.execute(statement)}
    except sqlite3.Error as error:
        raise InputError(
            f"{path} cannot be read ({error}); name the --userdir and the database of one bot"
        ) from None


def _locks(database: Path) -> list[GuardCount]:
    found = _counted(database, "SELECT reason, COUNT(*) FROM pairlocks GROUP BY reason")
    return [
        GuardCount(f"locks by freqtrade: {reason}", count)
        for reason, count in sorted(found.items())
        # One follows each exit.
        if reason != AUTO_LOCK
    ]


def _orders(journal: Path) -> list[GuardCount]:
    found = _counted(journal, "SELECT state, COUNT(*) FROM orders GROUP BY state")
    return [GuardCount(text, found[state]) for state, text in FATES.items() if state in found]


def _bans(userdir: Path) -> list[GuardCount]:
    """Of all bots of the folder, which share their address."""
    return [
        GuardCount(f"pauses of all requests to {host}: {_in_words(why)}", count)
        for host, counts in sorted(ban_counts(userdir).items())
        for why, count in sorted(counts.items())
    ]


def _in_words(why: str) -> str:
    """A key of the table of answers, which may be of another release."""
    try:
        return f"{row(why).name} ({why})"
    except KeyError:
        return why


def _pauses(log: Path) -> list[GuardCount]:
    found: Counter[str] = Counter()
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if match := PAUSE.search(line.rstrip()):
                    found[NUMBER.sub("…", match["reason"])] += 1
    except OSError as error:
        raise InputError(f"--log {log} cannot be read ({error.strerror})") from None
    return [
        GuardCount(f"entries of a pair began to pause: {reason}", count)
        for reason, count in sorted(found.items(), key=lambda one: (-one[1], one[0]))[:MOST]
    ]
