"""``regimeswitch orders``: what is not settled, and how it is by hand."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from regimeswitch.bot.orders.journal import (
    ABSENT,
    DONE,
    KEPT,
    KNOWN,
    SENT,
    STRAY,
    Entry,
    Journal,
    journal_path,
)
from regimeswitch_lab.cli import main


URL = "sqlite:///bot.sqlite"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    found = Journal(journal_path(tmp_path, URL))
    for number, state in enumerate((SENT, KNOWN, KEPT, STRAY, ABSENT)):
        found.write(
            Entry(f"rs{state}", "BTC/USDT", "buy", "limit", False, 0.5, 100.0 + number, 10**12)
        )
        if state == KNOWN:
            found.known(f"rs{state}", "77")
        elif state != SENT:
            found.close(f"rs{state}", state)
    return found


def orders(journal: Journal, *words: str) -> int:
    return main(["orders", "--userdir", str(journal.path.parent), "--db-url", URL, *words])


def test_what_is_not_settled_is_listed_and_exported(
    journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert orders(journal, "--export", str(tmp_path / "orders.json")) == 0
    out = capsys.readouterr().out
    for state in (SENT, KNOWN, STRAY, ABSENT):
        assert f"rs{state}" in out
    assert f"rs{KEPT}" not in out
    told = json.loads((tmp_path / "orders.json").read_text())
    assert [one["state"] for one in told["orders"]] == [SENT, KNOWN, STRAY, ABSENT]
    assert told["orders"][1]["order_id"] == "77"
    assert told["orders"][0]["sent"] == "2001-09-09 01:46:40"


@pytest.mark.parametrize(
    ("state", "outcome"),
    [(SENT, ABSENT), (KNOWN, ABSENT), (SENT, DONE), (STRAY, DONE), (ABSENT, DONE)],
)
def test_one_is_settled_by_hand(
    journal: Journal, capsys: pytest.CaptureFixture[str], state: str, outcome: str
) -> None:
    assert orders(journal, "--settle", f"rs{state}", "--as", outcome) == 0
    assert journal.state(f"rs{state}") == outcome
    assert f"rs{state}: {state} -> {outcome}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--settle", "rsnone", "--as", "done"), "rsnone is not in"),
        (("--settle", "rskept", "--as", "done"), "rskept is kept; only what is sent, known"),
        (("--settle", "rsstray", "--as", "absent"), "rsstray is stray; only what is sent, known"),
        (("--settle", "rssent"), "belong together"),
        (("--as", "done"), "belong together"),
        (("--db-url", "sqlite:///another.sqlite"), "no journal of sqlite:///another.sqlite"),
        (("--journal", "none.sqlite"), "none.sqlite does not exist"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    journal: Journal, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    before = journal.all()
    assert orders(journal, *words) == 2
    assert told in capsys.readouterr().err
    assert journal.all() == before


def test_a_file_that_is_no_journal_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.sqlite"
    other.write_text("no database at all, but long enough to be looked at as one" * 20)
    assert main(["orders", "--journal", str(other)]) == 2
    assert "is no journal of orders" in capsys.readouterr().err


def test_what_a_bot_has_settled_meanwhile_is_left(journal: Journal) -> None:
    """The decision was made at another state than the order is in."""
    journal.close("rssent", KEPT)
    assert not journal.settle("rssent", ABSENT, SENT)
    assert journal.state("rssent") == KEPT


def test_a_journal_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    path = tmp_path / "regimeswitch-orders-old.sqlite"
    columns = "client_id, pair, side, kind, stop, amount, price, sent_ms, tag, state, order_id"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE orders ({columns}, PRIMARY KEY(client_id))")
        row = ("rs1", "BTC/USDT", "buy", "limit", 0, 1.0, 9.0, 1, "", SENT, "")
        database.execute(f"INSERT INTO orders VALUES ({', '.join('?' * len(row))})", row)
    (entry,) = Journal(path).all()
    assert (entry.client_id, entry.coins) == ("rs1", None)
    journal = Journal(path)
    journal.write(Entry("rs2", "BTC/USDT", "buy", "limit", False, 1.0, 9.0, 2, coins=0.5))
    assert journal.all()[1].coins == 0.5
