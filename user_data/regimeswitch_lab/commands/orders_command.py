"""``regimeswitch orders``: orders of a live bot that are not settled, and how one is by hand."""

import argparse
import os
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from regimeswitch.bot.orders.journal import (
    ABSENT,
    DONE,
    KNOWN,
    SENT,
    STRAY,
    Entry,
    Journal,
    journal_path,
)
from regimeswitch_lab.bot_config import load_bot_config
from regimeswitch_lab.inputs import InputError, write_json
from regimeswitch_lab.options import OK, Subparsers, option, refusing
from regimeswitch_lab.screen import screen, table_of


LIVE_URL = "sqlite:///tradesv3.sqlite"
"""freqtrade's database of a live bot that names none."""
FILES = "regimeswitch-orders-*.sqlite"
STATES = {
    SENT: "sent, no response yet; entries of the pair wait (after a sale: further sales)",
    KNOWN: "on the exchange, not seen in the database yet",
    STRAY: "on the exchange and in no trade; its coins are yours to look after",
    ABSENT: "denied by the exchange; still looked for, for safety.order_search_hours",
}
CHOICES = {ABSENT: (SENT, KNOWN), DONE: (SENT, KNOWN, STRAY, ABSENT)}
"""What an order may be settled as, by its state."""


class ChangedError(Exception):
    """An order that was settled by somebody else meanwhile."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "orders",
        help="orders of a live bot that are not settled; --settle settles one by hand",
        description="List the orders of a bot's journal that are not settled, and settle one by "
        "hand. The bot may run meanwhile: it takes note in its next loop, of pairs that are kept "
        "from entries within a minute.",
    )
    option(parser, "--config", default=[])
    option(parser, "--userdir")
    option(parser, "--db-url", help="the bot's database, as the bot has it")
    parser.add_argument("--journal", type=Path, help=f"the journal itself, {FILES}")
    parser.add_argument("--settle", metavar="CLIENT_ID", help="the order to settle")
    parser.add_argument(
        "--as",
        dest="outcome",
        choices=tuple(CHOICES),
        help="absent: it is not on the exchange; the pair may be traded again, and it is still "
        "looked for. done: you have dealt with it; it is not looked at again",
    )
    option(parser, "--export", help="write the orders as JSON")
    parser.set_defaults(run=run)


@refusing("orders", InputError, OSError, finding=[ChangedError])
def run(args: argparse.Namespace) -> int:
    """List or settle; 1 when an order was settled by somebody else, 2 on bad usage."""
    if bool(args.settle) != bool(args.outcome):
        raise InputError("--settle CLIENT_ID and --as absent|done belong together")
    journal = open_journal(find_journal(args))
    try:
        if args.settle:
            settle(journal, args.settle, args.outcome)
        entries = [entry for entry in journal.all() if entry.state in STATES]
    except sqlite3.Error as error:
        raise InputError(f"the journal cannot be used: {error}") from error
    if args.export:
        write_json(args.export, {"journal": str(journal.path), "orders": as_rows(entries)})
    show(journal, entries)
    return OK


def find_journal(args: argparse.Namespace) -> Path:
    """The journal of a bot.

    :raises InputError: naming what there is, when none is known to be the bot's
    """
    if args.journal is not None:
        return Path(args.journal)
    found = sorted(args.userdir.glob(FILES))
    configured = load_bot_config(args.config, os.environ).merged.get("db_url")
    url = args.db_url or str(configured or LIVE_URL)
    own: Path = journal_path(args.userdir, url)
    if own in found:
        return own
    if len(found) == 1 and not args.db_url:
        return Path(found[0])
    there = ", ".join(path.name for path in found) or "none"
    raise InputError(
        f"no journal of {url} in {args.userdir} (there: {there}); give --db-url exactly as the bot "
        "has it, or --journal FILE"
    )


def open_journal(path: Path) -> Journal:
    """A journal that is there; none is made.

    :raises InputError: when it is missing or something else
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; it is made when a bot trades live")
    try:
        return Journal(path)
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path} is no journal of orders: {error}") from None


def settle(journal: Journal, client_id: str, outcome: str) -> None:
    """Settle one order.

    :raises InputError: when there is no such order, or it cannot be settled like this
    :raises ChangedError: when its state has changed since it was read
    """
    found = [entry for entry in journal.all() if entry.client_id == client_id]
    if not found:
        raise InputError(f"{client_id} is not in {journal.path}; call without --settle for a list")
    (entry,) = found
    if entry.state not in CHOICES[outcome]:
        allowed = ", ".join(CHOICES[outcome])
        raise InputError(
            f"{client_id} is {entry.state}; only what is {allowed} can be settled as {outcome}"
        )
    if not journal.settle(client_id, outcome, entry.state):
        raise ChangedError(f"{client_id} was settled by its bot meanwhile; nothing was changed")
    print(f"{client_id}: {entry.state} -> {outcome}; a running bot takes note within a minute")


def as_rows(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Orders as they are exported."""
    return [
        {
            "client_id": entry.client_id,
            "pair": entry.pair,
            "side": "stop" if entry.stop else entry.side,
            "amount": entry.amount,
            "price": entry.price,
            "sent": sent(entry),
            "state": entry.state,
            "order_id": entry.order_id,
            "meaning": STATES[entry.state],
        }
        for entry in entries
    ]


def sent(entry: Entry) -> str:
    """When an order was sent, UTC."""
    return f"{datetime.fromtimestamp(entry.sent_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def show(journal: Journal, entries: Sequence[Entry]) -> None:
    """Print the orders."""
    if not entries:
        print(f"all orders of {journal.path} are settled")
        return
    headings = ["client id", "pair", "side", "amount", "price", "sent (UTC)", "state", "order"]
    rows = []
    for line in as_rows(entries):
        price = "market" if line["price"] is None else f"{line['price']:g}"
        cells = [line["client_id"], line["pair"], line["side"], f"{line['amount']:g}", price]
        rows.append([*cells, line["sent"], line["state"], line["order_id"]])
    title = f"Orders that are not settled, {journal.path.name}"
    screen().print(table_of(title, headings, rows, words=len(headings)))
    for state in dict.fromkeys(entry.state for entry in entries):
        print(f"{state}: {STATES[state]}")
