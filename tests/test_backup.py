"""``regimeswitch backup`` and ``restore``: whole, checked, without secrets, nothing overwritten."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots import PAIRS, TRAINED, Bot, make_bot, trades_of, write_database, write_models
from regimeswitch.bot.journal import Entry, Journal, journal_path
from regimeswitch.cli import main
from regimeswitch.lab.archiving.manifest import ArchiveError, Manifest
from regimeswitch.lab.archiving.placing import Placement, Unit
from regimeswitch.lab.archiving.sealed import MARK, open_archive, unpack, write_archive
from regimeswitch.lab.archiving.steady import copy_steadily


SECRETS = {
    "exchange": {
        "key": "KEY-1",
        "secret": "SECRET-2",
        "password": "PASS-3",
        "ccxt_config": {"apiKey": "KEY-4", "httpsProxy": "http://me:PASS-5@proxy:80", "a": [1]},
    },
    "telegram": {"token": "TOKEN-6", "chat_id": "778899"},
    "api_server": {"password": "PASS-8", "jwt_secret_key": "JWT-9", "ws_token": ["TOKEN-10"]},
    "webhook": {"enabled": False, "url": "https://hook/SECRET-11"},
    "db_url": "",
}
HIDDEN = ("KEY-", "SECRET-", "PASS-", "TOKEN-", "JWT-", "778899")


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    return make_bot(tmp_path / "home")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def backup(bot: Bot, out: Path, *more: object) -> int:
    words = ["--config", bot.config, "--userdir", bot.userdir, "--out", out, *more]
    return main(["backup", *map(str, words)])


def restore(archive: Path, userdir: Path, *more: object) -> int:
    return main(["restore", str(archive), "--userdir", str(userdir), *map(str, more)])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was written to standard error, its line breaks folded."""
    return " ".join(capsys.readouterr().err.split())


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def packed(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


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
        "coingecko.api_key",
    }
    kept = json.loads(packed(tmp_path / "a.zip")["restored-config.json"])
    assert kept["exchange"]["ccxt_config"] == {"a": [1]}
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


def test_journals_that_cannot_be_told_apart_are_named(
    bot: Bot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        journal_of(bot, f"sqlite:///{name}.sqlite")
    assert backup(bot, tmp_path / "a.zip") == 1
    assert "give --db-url exactly as the bot is told it" in said(capsys)


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


# --- what cannot be copied


def without_part(bot: Bot) -> None:
    next(bot.models.glob("*/*_label_pipeline.pkl")).unlink()


def cut_off(bot: Bot) -> None:
    path = next(bot.models.glob("*/*_model.joblib"))
    path.write_bytes(path.read_bytes()[:-3])


def another_digest(bot: Bot) -> None:
    folder = next(bot.models.glob("sub-train-BTC_*"))
    name = next(folder.glob("*_model.joblib")).name
    (folder / "digests.json").write_text(json.dumps({"files": {name: "0" * 64}}))


def half_listed(bot: Bot) -> None:
    (bot.models / "pair_dictionary.json").write_text('{"BTC')


def of_others(bot: Bot) -> None:
    bot.change(regimeswitch={"labels": {"horizon": 13}})


def no_database(bot: Bot) -> None:
    bot.database.unlink()


def two_databases(bot: Bot) -> None:
    write_database(bot.userdir / "tradesv3.sqlite")


def no_sqlite(bot: Bot) -> None:
    bot.change(db_url="postgresql://me:PASS-1@host/trades")


def no_such_database(bot: Bot) -> None:
    bot.change(db_url="sqlite:///none.sqlite")


def another_database(bot: Bot) -> None:
    bot.database.unlink()
    database = sqlite3.connect(bot.database)
    database.execute("CREATE TABLE something (a)")
    database.close()


def damaged_database(bot: Bot) -> None:
    sqlite3.connect(bot.database).close()
    content = bytearray(bot.database.read_bytes())
    content[4096:4200] = b"\xff" * 104
    bot.database.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_part, "_label_pipeline.pkl is missing; after 20 tries"),
        (cut_off, "_model.joblib is not complete; after 20 tries"),
        (another_digest, "digests.json is not complete; after 20 tries"),
        (half_listed, "pair_dictionary.json is not complete; after 20 tries"),
        (of_others, "but this configuration uses regimeswitch-rs"),
        (no_database, "name the bot's, --db-url sqlite:///FILE"),
        (two_databases, "there are several databases"),
        (no_sqlite, "the database host/trades is no SQLite file"),
        (no_such_database, "the database none.sqlite does not exist"),
        (another_database, "is no database of freqtrade"),
        (damaged_database, "home/user_data/tradesv3.dryrun.sqlite"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_cannot_be_copied_is_one_message_and_leaves_nothing(
    bot: Bot,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Bot], None],
    words: str,
) -> None:
    monkeypatch.setattr("regimeswitch.lab.archiving.steady.PAUSE_SECONDS", 0)
    spoil(bot)
    assert backup(bot, tmp_path / "a.zip") == 1
    text = said(capsys).replace(" ", "")
    assert words.replace(" ", "") in text
    assert text.count("regimeswitchbackup:") == 1
    assert "PASS-1" not in text
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--userdir", "none"], "--userdir none does not exist"),
        (["--config", "none.json"], "--config none.json cannot be read"),
        (["--config", "text.json"], "--config text.json is not JSON"),
        (["--config", "adds.json"], "adds.json and what it adds cannot be read"),
        (["--config", "wrong.json"], 'did you mean "horizon"?'),
        (["--out", "none/a.zip"], "the folder none does not exist"),
        (["--out", "there.zip"], "there.zip is there already"),
        (["--out", "home"], "home is there already"),
        (["--export", "none/a.json"], "--export none/a.json cannot be written"),
    ],
)
def test_bad_usage_of_backup_is_one_message(
    bot: Bot, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    Path("text.json").write_text("{")
    Path("adds.json").write_text('{"add_config_files": ["none.json"]}')
    Path("there.zip").write_text("precious")
    wrong = {**bot.content(), "regimeswitch": {"labels": {"horizn": 1}}}
    Path("wrong.json").write_text(json.dumps(wrong))
    assert backup(bot, Path("a.zip"), *more) == 2
    text = said(capsys)
    assert words in text
    assert text.count("regimeswitch backup:") == 1
    assert Path("there.zip").read_text() == "precious"


def test_damaged_models_do_not_hold_back_the_trades(bot: Bot, tmp_path: Path) -> None:
    cut_off(bot)
    assert backup(bot, tmp_path / "a.zip", "--without-models") == 0
    assert restore(tmp_path / "a.zip", tmp_path / "new") == 0
    assert len(trades_of(tmp_path / "new/tradesv3.dryrun.sqlite")) == 3
    assert not (tmp_path / "new/models").exists()


def test_force_replaces_an_archive(bot: Bot, tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_text("old")
    assert backup(bot, archive, "--force") == 0
    assert main(["restore", str(archive), "--check"]) == 0


# --- training goes on while files are copied


def test_a_training_meanwhile_gives_no_half_model(bot: Bot, tmp_path: Path) -> None:
    """A training ends between two files of the copy, again and again; then it is over."""
    looks = iter(range(1, 100))

    def choose() -> dict[str, Path]:
        number = next(looks)
        files = {path.name: path for path in sorted(bot.models.glob("*.*"))}
        # The second look of a try comes after its copies.
        if number in (2, 4):
            write_models(bot, TRAINED + number)
        return files

    copy_steadily(choose, tmp_path / "copy", pause=lambda seconds: None)
    listed = json.loads((tmp_path / "copy/pair_dictionary.json").read_text())
    predictions = (tmp_path / "copy/historic_predictions.pkl").read_bytes()
    assert listed["BTC/USDT"]["trained_timestamp"] == TRAINED + 4
    assert predictions == (bot.models / "historic_predictions.pkl").read_bytes()
    assert next(looks) == 7


def test_files_that_never_stand_still_are_given_up(bot: Bot, tmp_path: Path) -> None:
    numbers = iter(range(1000))

    def choose() -> dict[str, Path]:
        path = bot.models / "historic_predictions.pkl"
        path.write_bytes(b"x" * next(numbers) + b".")
        return {"p.pkl": path}

    with pytest.raises(ArchiveError, match="files change while they are copied; after 20 tries"):
        copy_steadily(choose, tmp_path / "copy", pause=lambda seconds: None)


# --- archives that are not as they were made


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("archive")
    made = make_bot(folder / "home")
    assert backup(made, folder / "a.zip") == 0
    yield folder / "a.zip"


def refused(path: Path) -> str:
    """Why an archive is refused; fails when it is not, and when anything was written."""
    target = path.parent / "target"
    with pytest.raises(ArchiveError) as caught, open_archive(path) as (opened, manifest):
        unpack(opened, manifest, target, lambda done: None)
    return str(caught.value)


@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_changed_byte_is_refused(archive: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(archive.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(content)
    refused(damaged)
    assert not (tmp_path / "target").exists()


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_cut_or_longer_archive_is_refused(
    archive: Path, tmp_path: Path, data: st.DataObject
) -> None:
    content = archive.read_bytes()
    end = data.draw(st.integers(0, len(content) - 1))
    more = data.draw(st.binary(min_size=1, max_size=9))
    changed = data.draw(st.sampled_from([content[:end], content[end:][1:], content + more]))
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(changed)
    refused(damaged)


def resealed(source: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """An archive with other content and a seal that is right: made on purpose, not damaged."""
    content = packed(source)
    manifest = json.loads(content.pop("manifest.json"))
    everything = {"manifest": manifest, "files": content, "twice": []}
    change(everything)
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("manifest.json", json.dumps(everything["manifest"]))
        for name, data in [*everything["files"].items(), *everything["twice"]]:
            archive.writestr(name, data)
        archive.comment = MARK + b"0" * 64
    whole = target.read_bytes()[:-64]
    target.write_bytes(whole + hashlib.sha256(whole).hexdigest().encode())
    return target


def outside(name: str) -> Callable[[dict[str, Any]], None]:
    def change(parts: dict[str, Any]) -> None:
        data = b"evil"
        digest = hashlib.sha256(data).hexdigest()
        entry = {"name": name, "kind": "config", "size": len(data), "sha256": digest}
        parts["manifest"]["members"].append(entry)
        parts["files"][name] = data

    return change


def another_size(parts: dict[str, Any]) -> None:
    parts["files"]["restored-config.json"] += b" " * 100_000


def another_content(parts: dict[str, Any]) -> None:
    parts["files"]["restored-config.json"] = parts["files"]["restored-config.json"].swapcase()


def unlisted(parts: dict[str, Any]) -> None:
    parts["files"]["more.txt"] = b"more"


def unpacked_member(parts: dict[str, Any]) -> None:
    del parts["files"]["restored-config.json"]


def later_format(parts: dict[str, Any]) -> None:
    parts["manifest"]["format"] = 2


def strange_list(parts: dict[str, Any]) -> None:
    del parts["manifest"]["trades"]


def strange_kind(parts: dict[str, Any]) -> None:
    parts["manifest"]["members"][0]["kind"] = "program"


def strange_member(parts: dict[str, Any]) -> None:
    parts["manifest"]["members"] = [["a"]]


def no_numbers(parts: dict[str, Any]) -> None:
    parts["manifest"] = [1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (outside("../evil.json"), "'../evil.json', which leads out"),
        (outside("/evil.json"), "'/evil.json', which leads out"),
        (outside("a/../../evil.json"), "which leads out"),
        (outside("a//evil.json"), "which leads out"),
        (outside("C:/evil.json"), "which leads out"),
        (outside("..\\evil.json"), "which leads out"),
        (another_size, "restored-config.json in it is not what its list says"),
        (another_content, "restored-config.json in it is not what its list says"),
        (unlisted, "do not agree (more.txt)"),
        (unpacked_member, "do not agree (restored-config.json)"),
        (later_format, "of format 2 and this version reads 1"),
        (strange_list, "its manifest.json cannot be read"),
        (strange_kind, "of the unknown kind 'program'"),
        (strange_member, "its manifest.json cannot be read"),
        (no_numbers, "its manifest.json cannot be read"),
    ],
)
def test_an_archive_that_was_tampered_with_is_refused(
    archive: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Any]], None],
    words: str,
) -> None:
    tampered = resealed(archive, tmp_path / "t.zip", change)
    assert restore(tampered, tmp_path / "new") == 1
    text = said(capsys)
    assert words in text
    assert "Nothing was changed." in text
    assert [path.name for path in tmp_path.iterdir()] == ["t.zip"]


def test_a_file_twice_is_refused(archive: Path, tmp_path: Path) -> None:
    def twice(parts: dict[str, Any]) -> None:
        parts["twice"] = [("restored-config.json", b"{}")]

    with pytest.warns(UserWarning, match="Duplicate name"):
        tampered = resealed(archive, tmp_path / "t.zip", twice)
    assert "do not agree (a file twice)" in refused(tampered)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "its end is missing, or it is no archive of a bot"),
        (b"PK and nothing else, " * 20, "its end is missing"),
        (b"no zip" + MARK, "its end is missing"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert words in refused(path)


def test_a_sealed_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    content = b"no zip" + MARK
    path.write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    assert "it is no archive of a bot" in refused(path)


def test_too_little_room_is_refused(
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert restore(archive, tmp_path / "new") == 1
    assert "0.00 GB are free" in said(capsys)
    assert not list(tmp_path.iterdir())


# --- where it goes


@pytest.mark.parametrize(
    "name",
    [
        "tradesv3.dryrun.sqlite",
        "tradesv3.dryrun.sqlite-wal",
        "data/binance/BTC_USDT-5m.feather",
        "restored-config.json",
        "models/IDENTIFIER/precious",
    ],
)
def test_other_data_is_not_overwritten(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with open_archive(archive) as (_, manifest):
        name = name.replace("IDENTIFIER", manifest.identifiers[0])
    there = tmp_path / "new" / name
    there.parent.mkdir(parents=True)
    there.write_text("precious")
    assert restore(archive, tmp_path / "new") == 1
    text = said(capsys)
    assert "holds other data" in text
    assert "Nothing was changed." in text
    assert files_below(tmp_path / "new") == {name: b"precious"}
    assert restore(archive, tmp_path / "new", "--force") == 0
    (aside,) = (tmp_path / "new").glob("before-restore-*")
    assert (aside / name).read_text() == "precious"
    assert len(trades_of(tmp_path / "new/tradesv3.dryrun.sqlite")) == 3


def test_code_that_is_there_already_is_no_hindrance(archive: Path, tmp_path: Path) -> None:
    code = tmp_path / "new/strategies/RegimeSwitchStrategy.py"
    code.parent.mkdir(parents=True)
    code.write_text("# code")
    assert restore(archive, tmp_path / "new") == 0
    assert code.read_text() == "# code"


def test_a_link_or_a_file_in_place_of_a_folder_is_refused(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "new/models").symlink_to(tmp_path / "elsewhere")
    assert restore(archive, tmp_path / "new", "--force") == 1
    assert "is not a folder of its own" in said(capsys)
    (tmp_path / "new/models").unlink()
    (tmp_path / "new/models").write_text("a file")
    assert restore(archive, tmp_path / "new", "--force") == 1
    assert "is not a folder of its own" in said(capsys)
    (tmp_path / "file").write_text("a file")
    assert restore(archive, tmp_path / "file") == 1
    assert "is a file; name a folder" in said(capsys)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_failure_on_the_way_moves_everything_back(tmp_path: Path) -> None:
    staging, userdir = tmp_path / "staging", tmp_path / "user_data"
    for folder in (staging, userdir):
        folder.mkdir()
        for name in ("a", "b"):
            (folder / name).write_text(f"{name} of {folder.name}")
    (staging / "b").unlink()
    with pytest.raises(FileNotFoundError):
        Placement(staging, userdir).place([Unit("a", "a"), Unit("b", "b", is_database=True)])
    assert files_below(userdir) == {"a": b"a of user_data", "b": b"b of user_data"}
    assert files_below(staging) == {"a": b"a of staging"}


def test_an_archive_that_cannot_be_written_leaves_nothing(archive: Path, tmp_path: Path) -> None:
    with open_archive(archive) as (_, manifest):
        pass
    with pytest.raises(FileNotFoundError):
        write_archive(tmp_path / "b.zip", manifest, tmp_path, lambda done: None)
    assert not list(tmp_path.iterdir())


def test_an_archive_of_another_version_is_restored_and_says_so(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def older(parts: dict[str, Any]) -> None:
        parts["manifest"]["versions"] |= {"freqtrade": "2025.1", "features": "1"}

    assert restore(resealed(archive, tmp_path / "o.zip", older), tmp_path / "new") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "made with freqtrade 2025.1, here is" in out
    assert "the bot will train its models anew" in out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["ARCHIVE"], "--userdir is needed"),
        (["none.zip", "--check"], "none.zip does not exist"),
        (["ARCHIVE", "--check", "--export", "none/a.json"], "--export none/a.json cannot"),
    ],
)
def test_bad_usage_of_restore_is_one_message(
    archive: Path, capsys: pytest.CaptureFixture[str], words: list[str], text: str
) -> None:
    given_words = [str(archive) if word == "ARCHIVE" else word for word in words]
    assert main(["restore", *given_words]) == 2
    message = said(capsys)
    assert text in message
    assert message.count("regimeswitch restore:") == 1


def test_the_list_comes_back_as_it_was_written(archive: Path) -> None:
    with open_archive(archive) as (_, manifest):
        assert Manifest.parse(manifest.text().encode()) == manifest


def test_the_commands_as_a_user_types_them(bot: Bot, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "regimeswitch.cli"]
    archive = tmp_path / "a.zip"
    for words, text in (
        (
            ["backup", "--config", bot.config, "--userdir", bot.userdir, "--out", archive],
            "3 trades",
        ),
        (["restore", archive, "--userdir", tmp_path / "new"], "Start it with: freqtrade trade"),
    ):
        done = subprocess.run(
            [*line, *map(str, words)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert text in done.stdout
        assert "Traceback" not in done.stderr
