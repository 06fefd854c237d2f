"""Archives that somebody made to harm: a file is held against its name and its kind."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from archives import (
    CANDLES,
    CONFIG,
    Parts,
    archive,
    bot,
    elsewhere,
    key_home,
    own_key,
    packed,
    put,
    resealed,
    restore,
    said,
)
from bots import Bot
from regimeswitch_lab.cli import main


__all__ = ["archive", "bot", "elsewhere", "key_home"]

Change = Callable[[Parts], None]
MESSAGES = "regimeswitch-messages-1.json"
PARAMETERS = "strategies/RegimeSwitchStrategy.json"


def with_file(name: str, kind: str, data: bytes = b"import os") -> Change:
    return lambda parts: put(parts, name, kind, data)


def with_field(name: str, value: Any) -> Change:
    return lambda parts: parts["manifest"].__setitem__(name, value)


def table(**columns: Any) -> bytes:
    stream = io.BytesIO()
    pd.DataFrame(columns).to_feather(stream)
    return stream.getvalue()


def database(*statements: str) -> bytes:
    connection = sqlite3.connect(":memory:")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    content = connection.serialize()
    connection.close()
    return content


def another_database(parts: Parts) -> None:
    put(parts, "tradesv3.dryrun.sqlite", "database", database("CREATE TABLE trades (is_open)"))


def with_view(parts: Parts) -> None:
    statements = ("CREATE TABLE trades (is_open)", "CREATE VIEW v AS SELECT 1")
    put(parts, "tradesv3.dryrun.sqlite", "database", database(*statements))
    parts["manifest"]["trades"] = {"all": 0, "open": 0}


def two_databases(parts: Parts) -> None:
    put(parts, "more.sqlite", "database", database("CREATE TABLE trades (is_open)"))


def two_message_files(parts: Parts) -> None:
    for name in (MESSAGES, "regimeswitch-messages-2.json"):
        put(parts, name, "messages", b'{"states": {}, "marks": {}}')


def no_config(parts: Parts) -> None:
    del parts["files"][CONFIG]
    members = parts["manifest"]["members"]
    parts["manifest"]["members"] = [one for one in members if one["name"] != CONFIG]


def of_other_models(parts: Parts) -> None:
    parts["manifest"]["identifiers"] = ["another-bot"]


DEEP = b'{"params":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}"
HOSTILE: list[tuple[Change, str]] = [
    (with_file("strategies/RegimeSwitchStrategy.py", "parameters"), "is a program"),
    (with_file("freqaimodels/Model.py", "candles"), "is a program"),
    (with_file("strategies/Evil.PY", "journal"), "is a program"),
    (with_file("regimeswitch/__init__.pyc", "config"), "is a program"),
    (with_file("site.pth", "journal"), "is a program"),
    (
        with_file("strategies/deep/Evil.json", "parameters", b"{}"),
        "no place of the kind parameters",
    ),
    (with_file("config.json", "parameters", b"{}"), "no place of the kind parameters"),
    (with_file("data/binance/evil.json", "candles"), "no place of the kind candles"),
    (with_file("hyperopts/evil.sqlite", "journal"), "no place of the kind journal"),
    (with_file("models/x/a.sqlite", "journal"), "no place of the kind journal"),
    (with_file("more-config.json", "config", b"{}"), "no place of the kind config"),
    (with_file("models/other/pair_dictionary.json", "models"), "no place of the kind models"),
    (with_file("backtest_results/a.pkl", "predictions"), "no place of the kind predictions"),
    (with_file(PARAMETERS, "parameters"), "cannot be read"),
    (with_file(PARAMETERS, "parameters", b"[]"), "holds no JSON object"),
    (with_file(PARAMETERS, "parameters", b'{"params": [1]}'), "something else than parameters"),
    (with_file(PARAMETERS, "parameters", b'{"params": {"buy": {"a": [1]}}}'), "something else"),
    (with_file(PARAMETERS, "parameters", b'{"params": {}, "code": 1}'), "'code'"),
    (with_file(PARAMETERS, "parameters", DEEP), "nested"),
    (with_file(CONFIG, "config", b"[" * 100_000), "nested too deeply"),
    (with_file(CANDLES, "candles"), "no table of candles"),
    (with_file(CANDLES, "candles", b"ARROW1\0\0" + b"x" * 400 + b"ARROW1"), "no table of candles"),
    (with_file(CANDLES, "candles", table(date=[1], open=["x"])), "its columns are others"),
    (with_file("orders.sqlite", "journal"), "no SQLite database"),
    (with_file("tradesv3.dryrun.sqlite", "database"), "no SQLite database"),
    (with_file("strategies/regimeswitch-messages-1.json", "messages"), "kind messages"),
    (with_file("messages.json", "messages", b"{}"), "no place of the kind messages"),
    (with_file(MESSAGES, "messages", b"{}"), "is no file of sent messages"),
    (with_file(MESSAGES, "messages", b'{"states": [], "marks": {}}'), "is no file of sent"),
    (two_message_files, "2 files of sent messages and not one"),
    (another_database, "has other trades"),
    (two_databases, "'more.sqlite' in it is in no place of the kind database"),
    (no_config, "0 files of the kind config"),
    (of_other_models, "is in no place of the kind predictions"),
    (with_field("identifiers", ["../../other/user_data/models/x"]), "is no name of a folder"),
    (with_field("identifiers", ["/elsewhere/user_data/models/x"]), "is no name of a folder"),
    (with_field("identifiers", [""]), "is no name of a folder"),
    (with_field("identifiers", ["."]), "is no name of a folder"),
    (with_field("identifiers", []), "is in no place of the kind predictions"),
    (with_field("identifiers", ["a", "b"]), "identifiers"),
    (with_field("database", "../../victim/tradesv3.sqlite"), "no place of the kind database"),
    (with_field("database", CONFIG), "no place of the kind database"),
    (with_field("orders", "../x.sqlite"), "its journal of orders '../x.sqlite' is no journal"),
    (with_field("orders", CONFIG), "is not named as a journal of orders"),
    (with_field("made", "\x1b[2J"), "(made: "),
    (with_field("versions", {"freqtrade": "\x1b]0;x\x07"}), "(versions.freqtrade: "),
    (with_field("trades", {"all": "many", "open": 0}), "(trades.all: "),
    (with_field("trades", {}), "its trades {}"),
    (with_field("more", 1), "(more: "),
    (with_file("CON.sqlite", "journal"), "Windows reserves"),
    (with_file("a/nul.tar.jsonl", "journal"), "Windows reserves"),
    (with_file("a /b.jsonl", "journal"), "ends with a dot or a space"),
    (with_file("a./b.jsonl", "journal"), "ends with a dot or a space"),
    (with_file("a\n.jsonl", "journal"), "not every system allows"),
    (with_file("a?.jsonl", "journal"), "not every system allows"),
    (with_file("a/b:stream.jsonl", "journal"), "not every system allows"),
    (with_file(".hidden/b.jsonl", "journal"), "has a hidden part"),
    (with_file("a" * 250 + ".jsonl", "journal"), "a part longer than 240 bytes"),
    (with_file("aa/" * 400 + "b.jsonl", "journal"), "longer than 1024 bytes"),
    (with_file("TRADESV3.dryrun.sqlite", "journal"), "one file on some systems"),
    (with_file("tradesv3.dryrun.sqlite/x.jsonl", "journal"), "one file on some systems"),
    (with_file("DATA/x.jsonl", "journal"), "one file on some systems"),
]


@pytest.mark.parametrize(("change", "words"), HOSTILE, ids=[words for _, words in HOSTILE])
def test_what_was_made_to_harm_is_refused_and_named(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Change, words: str
) -> None:
    """Also from who has the key, and by who trusts it: what is refused here is no bot's."""
    for key, more in ((own_key(), ()), (None, ("--trust",)), (None, ("--data-only",))):
        hostile = resealed(archive, tmp_path / "h.zip", change, key)
        assert restore(hostile, tmp_path / "new", "--force", *more) == 1
        text = said(capsys)
        assert words in text
        assert "Nothing was changed." in text
        assert [path.name for path in tmp_path.iterdir()] == ["h.zip"]


def test_a_database_with_a_program_of_its_own_needs_trust(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """People do make views of their own."""
    hostile = resealed(archive, tmp_path / "h.zip", with_view)
    assert restore(hostile, tmp_path / "new", "--data-only") == 1
    assert "has the view 'v', freqtrade none" in said(capsys)
    assert restore(hostile, tmp_path / "new", "--trust") == 0
    own = resealed(archive, tmp_path / "o.zip", with_view, own_key())
    assert restore(own, tmp_path / "other") == 0


ESCAPE = "\x1b]0;x\x07\x1b[2J"


def unlisted(parts: Parts) -> None:
    parts["files"][f"{ESCAPE}.txt"] = b""


def odd_trades(parts: Parts) -> None:
    table_of_odd = f'CREATE TABLE "{ESCAPE}" (is_open)'
    put(parts, "tradesv3.dryrun.sqlite", "database", database(table_of_odd))


@pytest.mark.parametrize(
    "change",
    [
        *(unlisted, odd_trades, with_file(f"{ESCAPE}.jsonl", "journal")),
        *(with_field(name, ESCAPE) for name in ("made", "database", "orders", "userdir")),
        *(with_field("identifiers", [ESCAPE]), with_field(ESCAPE, 1), with_field("format", ESCAPE)),
        *(with_field("trades", {ESCAPE: 1}), with_field("removed", [ESCAPE])),
        with_file(PARAMETERS, "parameters", json.dumps({ESCAPE: 1}).encode()),
    ],
)
def test_no_message_has_what_a_terminal_obeys(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Change
) -> None:
    hostile = resealed(archive, tmp_path / "h.zip", change)
    assert restore(hostile, tmp_path / "new", "--data-only") == 1
    printed = capsys.readouterr()
    assert "is refused" in printed.err
    assert not {"\x1b", "\x07"} & set(printed.out + printed.err)


def test_a_bot_with_odd_files_is_still_copied(bot: Bot, tmp_path: Path) -> None:
    """What could not be restored is left out and named; a backup never fails for it."""
    (bot.userdir / "strange?.jsonl").write_text("{}")
    (bot.userdir / "shelf.db").write_bytes(b"no database")
    (bot.models / "run_params.json").write_text('{"freqai": {"secret": "SECRET-1"}}')
    (bot.models / "helper.py").write_text("import os")
    export = tmp_path / "a.json"
    words = ["--config", bot.config, "--userdir", bot.userdir, "--out", tmp_path / "a.zip"]
    assert main(["backup", *map(str, words), "--export", str(export)]) == 0
    left_out = [Path(name).name for name in json.loads(export.read_text())["left_out"]]
    assert left_out == ["shelf.db", "strange?.jsonl"]
    names = packed(tmp_path / "a.zip")
    assert not [name for name in names if name.endswith((".py", "run_params.json", ".db"))]
    assert restore(tmp_path / "a.zip", tmp_path / "new") == 0


def test_a_database_among_code_or_candles_comes_back_beside_them(bot: Bot, tmp_path: Path) -> None:
    for number, name in enumerate(["data/trades.sqlite", "strategies/t.db", "t.py"]):
        path = bot.userdir / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bot.database.read_bytes())
        bot.change(db_url=f"sqlite:///{path}")
        archive, new = tmp_path / f"{number}.zip", tmp_path / f"new-{number}"
        words = ["--config", bot.config, "--userdir", bot.userdir, "--out", archive]
        bot.database.rename(bot.home / "kept")
        assert main(["backup", *map(str, words)]) == 0
        (bot.home / "kept").rename(bot.database)
        path.unlink()
        assert restore(archive, new) == 0
        address = json.loads((new / CONFIG).read_text())["db_url"]
        assert Path(address.removeprefix("sqlite:///")).parent == new
