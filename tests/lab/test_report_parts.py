"""Candle counts, guard counts and shadow accounts of the report page."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pages import Page
from project import ROOT
from regimeswitch.bot.connection.ban_file import COUNTS_FILE, BanFile
from regimeswitch.bot.orders.journal import ABSENT, REFUSED, Entry, Journal, journal_path
from regimeswitch_lab.report.backtest_file import read_backtest
from regimeswitch_lab.report.candle_history import read_histories
from regimeswitch_lab.report.model_parts import read_models
from regimeswitch_lab.report.page import contents, render
from regimeswitch_lab.report.report_metrics import Range, of_balance
from regimeswitch_lab.report.shadow_balances import shadow_balances
from reported import Result, refused, report
from tradedbots import database


pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

CONFIG = ("--config", str(ROOT / "config.json"))
LOG = """\
2024-12-20 10:00:00,1 - regimeswitch.bot.guards - INFO - BTC/USDT: entries pause: no answer for 12 s
2024-12-20 10:00:05,1 - regimeswitch.bot.guards - INFO - BTC/USDT: entries go on
2024-12-20 11:00:00,1 - regimeswitch.bot.guards - INFO - BTC/USDT: entries pause: no answer for 99 s
2024-12-20 11:00:00,1 - regimeswitch.bot.guards - INFO - ETH/USDT: entries pause: <b>candles end
"""


def test_candles_that_are_missing_idle_or_impossible_are_counted(
    result: Result, tmp_path: Path
) -> None:
    folder = tmp_path / "candles"
    shutil.copytree(result.market, folder)
    path = folder / "BTC_USDT-5m.feather"
    candles = pd.read_feather(path)
    first = int(np.searchsorted(candles["date"], pd.Timestamp("2024-12-01", tz="UTC")))
    for name in ("open", "high", "low"):
        candles.loc[first + 50 : first + 52, name] = candles.loc[first + 49, "close"]
    candles.loc[first + 50 : first + 52, "close"] = candles.loc[first + 49, "close"]
    candles.loc[first + 50 : first + 52, "volume"] = 0.0
    candles.loc[first + 80, "low"] = 0.0
    gone = [first + 10, first + 11, first + 12, first + 30]
    candles.drop(index=gone).reset_index(drop=True).to_feather(path)
    page, _ = report(tmp_path / "report.html", result.path, "--datadir", folder)
    body = page.table("5m candles of the range").body
    row = body["BTC/USDT"]
    assert (row["gaps"], row["missing in them"]) == ("2", "4")
    assert (row["without a trade"], row["impossible"]) == ("3", "1")
    assert set(body["ETH/USDT"].values()) - {row["candles"]} == {"0"}


def test_a_backtest_says_that_it_has_no_guards(result: Result, tmp_path: Path) -> None:
    page, _ = report(tmp_path / "report.html", result.path)
    assert "A backtest has no guards" in page.words
    said = refused(tmp_path / "other.html", result.path, "--log", tmp_path / "bot.log")
    assert "is a backtest, which has no guards; leave it out" in said


def test_guards_of_a_bot_are_counted(tmp_path: Path) -> None:
    path = database(tmp_path / "trades.sqlite")
    with closing(sqlite3.connect(path)) as connection:
        for number, reason in enumerate(["Auto lock", "StoplossGuard", "StoplossGuard"]):
            connection.execute(
                "INSERT INTO pairlocks (pair, side, reason, lock_time, lock_end_time, active) "
                "VALUES ('BTC/USDT', '*', ?, '2024-12-20', ?, 1)",
                (reason, f"2024-12-2{number}"),
            )
        connection.commit()
    journal = Journal(journal_path(tmp_path, f"sqlite:///{path}"))
    for name, state in (("a", REFUSED), ("b", REFUSED), ("c", ABSENT)):
        journal.write(Entry(name, "BTC/USDT", "buy", "limit", False, 1.0, 1.0, 1, state=state))
    before = journal.path.read_bytes(), path.read_bytes()
    log = tmp_path / "bot.log"
    log.write_text(LOG)
    words = (path, *CONFIG, "--userdir", tmp_path)
    page, _ = report(tmp_path / "report.html", *words, "--log", log)
    body = page.table("What guards, locks and the exchange").body
    assert {what: row["times"] for what, row in body.items()} == {
        "locks by freqtrade: StoplossGuard": "2",
        "orders that the exchange refused": "2",
        "orders without an answer that never reached the exchange": "1",
        "entries of a pair began to pause: no answer for … s": "2",
        "entries of a pair began to pause: <b>candles end": "1",
    }
    assert (journal.path.read_bytes(), path.read_bytes()) == before
    page, _ = report(tmp_path / "report.html", *words)
    assert "name the file with --log" in page.words
    assert "The bot has kept no forecasts of whole days" in page.words
    assert "Age and drift of the models were not kept for this run." in page.words
    assert len(page.table("What guards, locks and the exchange").body) == 3


def test_bans_of_the_past_are_counted_by_host_and_reason(tmp_path: Path) -> None:
    path = database(tmp_path / "trades.sqlite")
    bans = BanFile(tmp_path)
    for why in ("418", "429", "418", "of another release"):
        bans.write("api.binance.com", why, 60.0)
        bans.remove("api.binance.com")
    page, _ = report(tmp_path / "report.html", path, *CONFIG, "--userdir", tmp_path)
    body = page.table("What guards, locks and the exchange").body
    assert {what: row["times"] for what, row in body.items() if "api.binance" in what} == {
        "pauses of all requests to api.binance.com: banned (418)": "2",
        "pauses of all requests to api.binance.com: too many requests (429)": "1",
        "pauses of all requests to api.binance.com: of another release": "1",
    }
    for content in ("no JSON", "[]", '{"api.binance.com": {"418": "x"}, "b": 3}'):
        (tmp_path / COUNTS_FILE).write_text(content)
        page, _ = report(tmp_path / "report.html", path, *CONFIG, "--userdir", tmp_path)
        assert "pauses of all requests" not in page.words


def test_a_log_or_journal_that_cannot_be_read(tmp_path: Path) -> None:
    path = database(tmp_path / "trades.sqlite")
    words = (path, *CONFIG, "--userdir", tmp_path)
    said = refused(tmp_path / "report.html", *words, "--log", tmp_path / "none.log")
    assert "none.log cannot be read (No such file or directory)" in said
    journal_path(tmp_path, f"sqlite:///{path}").write_text("no database, but long enough" * 9)
    said = refused(tmp_path / "report.html", *words)
    assert "cannot be read (file is not a database); name the --userdir and the database" in said


def test_shadow_accounts_stand_beside_the_account(result: Result) -> None:
    source = read_backtest(result.path)
    histories = read_histories(source, result.market)
    dates = pd.DatetimeIndex(histories.pairs[0].frame["date"])
    worth = np.linspace(1.0, 1.1, len(dates)) - 0.2 * (np.arange(len(dates)) == 100)
    curves = pd.DataFrame({"shadow_rules": worth, "empty": np.nan, "other": 1.0}, index=dates)
    names = {"shadow_rules": "Rules <alone>", "empty": "Empty", "absent": "Absent"}
    shadows = shadow_balances(curves, names, source.capital)
    assert list(shadows) == ["Rules <alone>"]
    models = read_models(source, histories, None)
    page = Page(render(contents(source, histories, models, shadows=shadows)))
    row = page.table("The account in numbers").body["Rules <alone>"]
    assert (row["final balance, USDT"], row["profit"]) == ("1100", "+10.00 %")
    known = of_balance(shadows["Rules <alone>"], Range(source.begin, source.end, source.capital))
    assert row["maximum drawdown"] == f"{100 * known.max_drawdown:.2f} %"
    drawn = page.data["accounts"][2]
    assert drawn["name"] == "Rules <alone>"
    assert (drawn["equity"]["y"][0], drawn["equity"]["y"][-1]) == (1000.0, 1100.0)
    assert min(drawn["equity"]["y"]) == pytest.approx(1000 * worth.min(), rel=1e-5)
