"""``regimeswitch backup``: whole, without secrets, and back as it was."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from archives import (
    HIDDEN,
    SECRETS,
    backup,
    bot,
    elsewhere,
    files_below,
    key_home,
    packed,
    restore,
    said,
)
from bots import PAIRS, TRAINED, Bot, trades_of, write_database
from regimeswitch.bot.messages.sent_file import SentFile, sent_path
from regimeswitch.bot.orders.journal import Entry, Journal, journal_path


__all__ = ["bot", "elsewhere", "key_home"]


def test_a_bot_comes_back_as_it_was(bot: Bot, tmp_path: Path) -> None:
    (bot.userdir / "strategies").mkdir()
    (bot.userdir / "strategies/RegimeSwitchStrategy.json").write_text('{"params": {}}')
    archive, export = tmp_path / "a.zip", tmp_path / "a.json"
    assert backup(bot, archive, "--export", export) == 0
    figures = json.loads(export.read_text())
    assert figures["trades"] == {"all": 3, "open": 1}
    assert figures["files"] == {
        **{"candles": 2, "config": 1, "database": 1, "models": 9, "parameters": 1},
        "predictions": 1,
    }
    assert (figures["identifiers"], figures["pairs"]) == ([bot.identifier], PAIRS)
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob(".*")] == []
    shutil.move(bot.home, tmp_path / "gone")
    new, export = tmp_path / "machine/user_data", tmp_path / "r.json"
    assert restore(archive, new, "--export", export) == 0
    assert trades_of(new / "tradesv3.dryrun.sqlite") == [
        *((0, "BTC/USDT", 0), (1, "ETH/USDT", 0), (2, "BTC/USDT", 1))
    ]
    listed = json.loads((new / "models" / bot.identifier / "pair_dictionary.json").read_text())
    for info in listed.values():
        folder = Path(info["data_path"])
        assert folder.is_relative_to(new)
        assert (folder / f"{info['model_filename']}_model.joblib").is_file()
    before, after = files_below(tmp_path / "gone/user_data"), files_below(new)
    changed = {name for name in after if before.get(name) != after[name]}
    listing = f"models/{bot.identifier}/pair_dictionary.json"
    assert changed <= {"restored-config.json", "tradesv3.dryrun.sqlite", listing}
    assert set(after) - set(before) == {"restored-config.json"}
    assert json.loads(export.read_text())["aside"] == ""
    assert stat.S_IMODE((new / "tradesv3.dryrun.sqlite").stat().st_mode) == 0o600


def test_nothing_confidential_is_in_it(
    bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot.change(**SECRETS)
    monkeypatch.setenv("FREQTRADE__COINGECKO__API_KEY", "KEY-12")
    monkeypatch.setenv("FREQTRADE__MAX_OPEN_TRADES", "7")
    export = tmp_path / "a.json"
    assert backup(bot, tmp_path / "a.zip", "--export", export) == 0
    for name, content in packed(tmp_path / "a.zip").items():
        for word in HIDDEN:
            assert word.encode() not in content, (name, word)
    assert set(json.loads(export.read_text())["removed"]) == {
        *("exchange.key", "exchange.secret", "exchange.password", "exchange.ccxt_config.apiKey"),
        *("exchange.ccxt_config.httpsProxy", "telegram.token", "telegram.chat_id", "webhook.url"),
        *("api_server.password", "api_server.jwt_secret_key", "api_server.ws_token"),
        *("exchange.ccxt_config.a", "coingecko.api_key"),
    }
    kept = json.loads(packed(tmp_path / "a.zip")["restored-config.json"])
    assert kept["exchange"]["ccxt_config"] == {}
    assert kept["max_open_trades"] == 7


def test_what_still_lies_in_the_write_ahead_log_is_copied(bot: Bot, tmp_path: Path) -> None:
    writer = sqlite3.connect(bot.database)
    writer.execute("INSERT INTO trades VALUES (3, 'ETH/USDT', 1)")
    writer.commit()
    writer.execute("INSERT INTO trades VALUES (4, 'ETH/USDT', 1)")
    assert Path(f"{bot.database}-wal").stat().st_size > 0
    assert backup(bot, tmp_path / "a.zip") == 0
    writer.rollback()
    writer.close()
    assert restore(tmp_path / "a.zip", tmp_path / "new") == 0
    copy = tmp_path / "new/tradesv3.dryrun.sqlite"
    assert [row[0] for row in trades_of(copy)] == [0, 1, 2, 3]
    assert not list(copy.parent.glob("*-wal"))


def test_journals_of_the_bot_are_copied_as_what_they_are(bot: Bot, tmp_path: Path) -> None:
    write_database(bot.userdir / "orders.sqlite", trades=1)
    (bot.userdir / "safety").mkdir()
    (bot.userdir / "safety/floor.jsonl").write_text('{"day": 1}\n{"half')
    (bot.userdir / "before-restore-1").mkdir()
    write_database(bot.userdir / "before-restore-1/old.sqlite")
    assert backup(bot, tmp_path / "a.zip") == 0
    assert restore(tmp_path / "a.zip", tmp_path / "new") == 0
    assert len(trades_of(tmp_path / "new/orders.sqlite")) == 1
    assert (tmp_path / "new/safety/floor.jsonl").read_text() == '{"day": 1}\n{"half'
    assert not list((tmp_path / "new").rglob("old.sqlite"))


def test_a_database_elsewhere_is_found_by_the_configuration(bot: Bot, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    write_database(other, trades=5)
    bot.change(db_url=f"sqlite:///{other}")
    assert backup(bot, tmp_path / "a.zip") == 0
    assert restore(tmp_path / "a.zip", tmp_path / "new") == 0
    assert len(trades_of(tmp_path / "new/other.sqlite")) == 5
    kept = json.loads((tmp_path / "new/restored-config.json").read_text())
    assert kept["db_url"] == f"sqlite:///{tmp_path}/new/other.sqlite"


def journal_of(bot: Bot, address: str) -> Path:
    """A journal of orders as a bot with this address of its database keeps it; one order in it."""
    path = journal_path(bot.userdir, address)
    Journal(path).write(Entry("rs1", "BTC/USDT", "buy", "limit", False, 1.0, 2.0, 3))
    return path


@pytest.mark.parametrize("relative", [True, False])
def test_orders_whose_outcome_is_unknown_go_along(bot: Bot, tmp_path: Path, relative: bool) -> None:
    name = bot.database.name if relative else str(bot.database)
    journal_of(bot, f"sqlite:///{name}")
    journal_of(bot, "sqlite:///another.sqlite")
    assert backup(bot, tmp_path / "a.zip") == 0
    assert restore(tmp_path / "a.zip", tmp_path / "new") == 0
    address = json.loads((tmp_path / "new/restored-config.json").read_text())["db_url"]
    found = journal_path(tmp_path / "new", address)
    assert found.is_file()
    assert [entry.client_id for entry in Journal(found).open()] == ["rs1"]


@pytest.mark.parametrize("relative", [True, False])
def test_what_was_sent_is_not_sent_again(bot: Bot, tmp_path: Path, relative: bool) -> None:
    name = bot.database.name if relative else str(bot.database)
    for number, address in enumerate([f"sqlite:///{name}", "sqlite:///another.sqlite"]):
        sent = SentFile(sent_path(bot.userdir, address))
        sent.put_state("outage", {"of": number})
        sent.save()
    assert backup(bot, tmp_path / "a.zip") == 0
    assert restore(tmp_path / "a.zip", tmp_path / "new") == 0
    address = json.loads((tmp_path / "new/restored-config.json").read_text())["db_url"]
    found = sent_path(tmp_path / "new", address)
    assert list((tmp_path / "new").glob("regimeswitch-messages-*")) == [found]
    assert SentFile(found).states == {"outage": {"of": 0}}


def test_files_of_messages_that_are_ambiguous_stay_behind(bot: Bot, tmp_path: Path) -> None:
    for name in ("one", "two"):
        sent = SentFile(sent_path(bot.userdir, f"sqlite:///{name}.sqlite"))
        sent.put_mark("seen", 1)
        sent.save()
    assert backup(bot, tmp_path / "a.zip") == 0
    assert not [name for name in packed(tmp_path / "a.zip") if "messages" in name]


def test_journals_that_are_ambiguous_are_named(
    bot: Bot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        journal_of(bot, f"sqlite:///{name}.sqlite")
    assert backup(bot, tmp_path / "a.zip") == 1
    assert "give --db-url exactly as the bot has it" in said(capsys)


def test_a_container_keeps_its_own_name_of_the_folder(bot: Bot, tmp_path: Path) -> None:
    listing = bot.models / "pair_dictionary.json"
    text = listing.read_text().replace(str(bot.userdir.resolve()), "/freqtrade/user_data")
    listing.write_text(text)
    assert backup(bot, tmp_path / "a.zip") == 0
    for number, (more, expected) in enumerate(
        [((), "/freqtrade/user_data"), (("--bot-userdir", "/bot"), "/bot")]
    ):
        new = tmp_path / f"new-{number}"
        assert restore(tmp_path / "a.zip", new, *more) == 0
        listed = json.loads((new / "models" / bot.identifier / "pair_dictionary.json").read_text())
        folder = f"{expected}/models/{bot.identifier}/sub-train-BTC_{TRAINED}"
        assert listed["BTC/USDT"]["data_path"] == folder


def test_a_bot_without_models_is_copied(
    bot: Bot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(bot.models)
    assert backup(bot, tmp_path / "a.zip") == 0
    assert "It has no models" in capsys.readouterr().out
    assert restore(tmp_path / "a.zip", tmp_path / "new") == 0
    assert len(trades_of(tmp_path / "new/tradesv3.dryrun.sqlite")) == 3
