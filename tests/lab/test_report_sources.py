"""What a report is made of: result files and databases, candles or none, and what is refused."""

from __future__ import annotations

import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade, init_db

from project import ROOT
from regimeswitch_lab.report.formats import NONE
from reported import Result, changed, refused, report, with_config, write_metadata
from tradedbots import database


pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

HOSTILE = '</script><img src=x onerror="alert(1)">'
CONFIG = ("--config", str(ROOT / "config.json"))


def test_without_candles_the_page_says_so(result: Result, tmp_path: Path) -> None:
    page, said = report(tmp_path / "report.html", result.path)
    told = "No 5m candles were found"
    assert told in page.words and told in said
    assert "Name the folder of the candle files with --datadir." in page.words
    assert page.data["pairs"] == [] and len(page.data["accounts"]) == 1
    assert "TOTAL" in page.table("By regime").body
    assert f"{result.strategy['market_change'] * 100:+.2f} %" in page.words


def test_candles_beside_the_result_are_found(result: Result, tmp_path: Path) -> None:
    path = tmp_path / "backtest_results" / result.path.name
    path.parent.mkdir()
    shutil.copy(result.path, path)
    shutil.copytree(result.market, tmp_path / "data" / "binance")
    (tmp_path / "data" / "binance" / "ETH_USDT-5m.feather").unlink()
    page, said = report(tmp_path / "report.html", path)
    assert [one["pair"] for one in page.data["pairs"]] == ["BTC/USDT"]
    told = "run `freqtrade download-data --pairs ETH/USDT --timeframes 5m`"
    assert told in page.words and told in said
    assert "Buying BTC/USDT (of 2, those with candles) at the beginning" in page.words


def test_texts_of_files_are_texts(result: Result, tmp_path: Path) -> None:
    def hostile(found: dict[str, Any]) -> None:
        (strategy,) = found["strategy"].values()
        for trade in strategy["trades"]:
            trade["enter_tag"] = trade["exit_reason"] = HOSTILE
            for order in trade["orders"]:
                order["ft_order_tag"] = HOSTILE

    path = changed(result.path, tmp_path / result.path.name, hostile)
    page, _ = report(tmp_path / "report.html", path, "--datadir", result.market)
    assert HOSTILE not in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "img" not in {tag for tag, _ in page.elements}
    assert HOSTILE in page.table("By regime").body
    assert HOSTILE in page.data["pairs"][0]["marks"]["entry"]["text"][0]


def test_models_of_the_run_are_read(result: Result, tmp_path: Path) -> None:
    from regimeswitch.model.training_report import metadata_of
    from worlds import PAIRS, blended, world

    model = blended(world({1: 2.0, 2: -2.0, 3: 0.0}, {1: 0.4, 2: 0.3, 3: 0.3}, rows=1500).train)
    own = metadata_of(model, PAIRS[0])
    stamps = (1733011200, 1733616000)
    for stamp in stamps:
        for coin in ("BTC", "ETH"):
            write_metadata(tmp_path / "models", coin, stamp, own)
    path = with_models(result.path, tmp_path / result.path.name)
    page, _ = report(tmp_path / "report.html", path, "--models", tmp_path / "models")
    rows = page.table("Log loss on validation rows").rows[1:]
    assert len(rows) == 3 * len(stamps)
    for row in rows:
        verdict = own["evidence"][row[3]]
        assert row[0] in ("2024-12-01 00:00", "2024-12-08 00:00") and row[1] == "BTC, ETH"
        assert row[6] == f"{verdict['trust']:.2f}"
        scores = [verdict["scores"][name] for name in ("frequencies", "base", "sub_model")]
        errors = own["calibration_error"][row[3]]
        assert row[12:14] == [f"{errors[name]:.4f}" for name in ("before", "after")]
        assert row[7:10] == [f"{value:.4f}" for value in scores]
    assert len(page.data["trainings"]) == len(stamps)


def with_models(path: Path, target: Path) -> Path:
    """The same result of a configuration that trains models."""
    return with_config(path, target, lambda config: config["regimeswitch"]["models"].clear())


def test_signal_mode_has_no_reasons_and_no_target_weight(result: Result, tmp_path: Path) -> None:
    def signal(config: dict[str, Any]) -> None:
        config["regimeswitch"] = {"entries": {"mode": "signal"}}

    path = with_config(result.path, tmp_path / result.path.name, signal)
    page, _ = report(tmp_path / "report.html", path, "--datadir", result.market)
    assert "Reasons for no entry are not counted in signal mode" in page.words
    assert not [
        table for table in page.tables if table.caption.startswith("Which candles are held")
    ]
    for one in page.data["pairs"]:
        assert "volatility" in one and "target_weight" not in one
    assert "In signal mode an entry needs a forecast that is proven" in page.words


def test_models_that_are_not_found_are_named(result: Result, tmp_path: Path) -> None:
    path = with_models(result.path, tmp_path / result.path.name)
    page, _ = report(tmp_path / "report.html", path, "--models", tmp_path / "nowhere")
    assert f"No model of this run was found (looked in {tmp_path / 'nowhere'})" in page.words


def test_models_of_the_size_of_the_next_day_have_a_table(result: Result, tmp_path: Path) -> None:
    scores = {"EWMA": 0.3, "HAR": 0.2, "base": 0.1234, "served": float("nan")}
    bull = {"rows": 1780, "judged": 363, "scores": scores, "served": "HAR", "reason": "<b>few"}
    served = {"volatility": {"bull": bull, "unknown": {}}}
    for coin in ("ETH", "BTC"):
        write_metadata(tmp_path / "models", coin, 1734480000, served)
    path = with_models(result.path, tmp_path / result.path.name)
    page, _ = report(tmp_path / "report.html", path, "--models", tmp_path / "models")
    (table,) = [one for one in page.tables if one.caption.startswith("QLIKE")]
    _, row = table.rows
    numbers = ["1,780", "363", "0.3000", "0.2000", "0.1234", NONE, NONE, NONE]
    assert row[1:] == ["BTC, ETH", "bull", *numbers, "HAR", "<b>few"]


def test_a_database(result: Result, tmp_path: Path) -> None:
    path = database(tmp_path / "trades.sqlite")
    before = path.read_bytes()
    words = (path, *CONFIG, "--datadir", result.market)
    page, said = report(tmp_path / "report.html", *words)
    assert path.read_bytes() == before
    assert "The bot has recorded fewer than two daily balances" in said
    assert "became 1008.801 USDT" in page.words and "Paper trading" in page.words
    row = page.table("By regime").body["TOTAL"]
    assert (row["trades"], row["profit, USDT"], row["win rate"]) == ("1", "8.801", "100.0 %")
    assert (row["fees, USDT"], row["mean holding time"]) == ("0.409", "2d 00:00")
    assert "1 trades are still open" in page.words
    marks = page.data["pairs"][0]["marks"]
    assert {kind: len(found["t"]) for kind, found in marks.items()} == {
        "entry": 1,
        "addition": 1,
        "reduction": 1,
        "exit": 1,
    }


def test_daily_balances_of_a_database_are_the_account(result: Result, tmp_path: Path) -> None:
    path = database(tmp_path / "trades.sqlite", balances=(1000.0, 940.0, 1020.0))
    page, said = report(tmp_path / "report.html", path, *CONFIG, "--datadir", result.market)
    assert said == ""
    row = page.table("The account in numbers, open positions at market prices").body["RegimeSwitch"]
    assert (row["final balance, USDT"], row["profit"]) == ("1020", "+2.00 %")
    assert row["maximum drawdown"] == "6.00 %"


def test_a_live_database_needs_the_capital(tmp_path: Path) -> None:
    path = database(tmp_path / "trades.sqlite")
    live = tmp_path / "live.json"
    live.write_text('{"dry_run": false}')
    words = (path, *CONFIG, str(live))
    said = refused(tmp_path / "report.html", *words)
    assert "does not say how much it began with; give --capital AMOUNT" in said
    page, _ = report(tmp_path / "report.html", *words, "--capital", "2000")
    assert "2000 USDT became 2008.801 USDT" in page.words
    assert "Orders of a live account" in page.words


def test_a_folder_of_results_means_the_last_one(result: Result, tmp_path: Path) -> None:
    page, _ = report(tmp_path / "report.html", result.path.parent)
    assert f"Made from {result.path.name}" in page.words
    said = refused(tmp_path / "other.html", tmp_path)
    assert f"{tmp_path} holds no result of `freqtrade backtesting`" in said


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    said = refused(tmp_path / "report.html", tmp_path / "none.zip")
    assert "none.zip cannot be read (No such file or directory)" in said


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "trades.json"
    path.write_text("{}")
    said = refused(tmp_path / "report.html", path)
    assert "is neither a result of `freqtrade backtesting` (a zip) nor a bot's SQLite" in said


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("notes.txt",), "it has 0 files *_config.json"),
        (("a_config.json",), "There is no item named 'a.json'"),
        (("a_config.json", "a.json"), "KeyError: 'strategy'"),
    ],
)
def test_an_archive_that_is_no_backtest(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    said = refused(tmp_path / "report.html", path)
    assert "is not a result of `freqtrade backtesting`" in said and words in said


def test_two_strategies_in_one_result(result: Result, tmp_path: Path) -> None:
    def twice(found: dict[str, Any]) -> None:
        found["strategy"]["Other"] = found["strategy"]["RegimeSwitchStrategy"]

    path = changed(result.path, tmp_path / result.path.name, twice)
    said = refused(tmp_path / "report.html", path)
    assert "holds the strategies RegimeSwitchStrategy, Other; a report is about one" in said


def test_a_named_folder_without_candles(result: Result, tmp_path: Path) -> None:
    said = refused(tmp_path / "report.html", result.path, "--datadir", tmp_path)
    assert "USDT-5m.feather is missing; run `freqtrade download-data --pairs" in said


def test_candles_of_another_time(result: Result, tmp_path: Path) -> None:
    def later(found: dict[str, Any]) -> None:
        (strategy,) = found["strategy"].values()
        strategy["backtest_start_ts"] += 400 * 86_400_000
        strategy["backtest_end_ts"] += 400 * 86_400_000

    path = changed(result.path, tmp_path / result.path.name, later)
    said = refused(tmp_path / "report.html", path, "--datadir", result.market)
    assert "has no candles from 2025-12-25 to 2026-02-02; run `freqtrade download-data" in said


def test_a_database_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (id INTEGER)")
        connection.commit()
    said = refused(tmp_path / "report.html", path, *CONFIG)
    assert "is not a database of a freqtrade bot (it has no table of trades)" in said


def test_a_database_without_a_trade(tmp_path: Path) -> None:
    path = tmp_path / "trades.sqlite"
    init_db(f"sqlite:///{path}")
    engine = Trade.session.get_bind()
    Trade.session.remove()
    engine.dispose()
    said = refused(tmp_path / "report.html", path, *CONFIG)
    assert "holds no trade yet; there is nothing to report" in said


def test_a_page_that_cannot_be_written(result: Result, tmp_path: Path) -> None:
    said = refused(tmp_path / "nowhere" / "report.html", result.path)
    assert "cannot be written (No such file or directory)" in said


def test_a_capital_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        refused(tmp_path / "report.html", "trades.sqlite", "--capital", "0")
