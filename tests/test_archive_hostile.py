"""Archives that somebody made to harm: refused as a whole, or kept in the folder."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import stat
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives import (
    archive,
    bot,
    elsewhere,
    files_below,
    key_home,
    own_key,
    packed,
    resealed,
    restore,
    said,
)
from bots import Bot
from regimeswitch.cli import main
from regimeswitch.lab.archiving.manifest import MAX_MEMBERS, ArchiveError
from regimeswitch.lab.archiving.names import clash_of, fault_of
from regimeswitch.lab.archiving.sealed import open_archive, seal, unpack


__all__ = ["archive", "bot", "elsewhere", "key_home"]

Parts = dict[str, Any]
Change = Callable[[Parts], None]
CONFIG, PARAMETERS = "restored-config.json", "strategies/RegimeSwitchStrategy.json"
CANDLES = "data/binance/BTC_USDT-5m.feather"


def put(parts: Parts, name: str, kind: str, data: bytes) -> None:
    """A file with a list entry that fits it; one of that name is replaced."""
    members = [one for one in parts["manifest"]["members"] if one["name"] != name]
    digest = hashlib.sha256(data).hexdigest()
    entry = {"name": name, "kind": kind, "size": len(data), "sha256": digest}
    parts["manifest"]["members"] = [*members, entry]
    parts["files"][name] = data


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
    return connection.serialize()


def another_database(parts: Parts) -> None:
    put(parts, "tradesv3.dryrun.sqlite", "database", database("CREATE TABLE trades (is_open)"))


def with_view(parts: Parts) -> None:
    statements = ("CREATE TABLE trades (is_open)", "CREATE VIEW v AS SELECT 1")
    put(parts, "tradesv3.dryrun.sqlite", "database", database(*statements))
    parts["manifest"]["trades"] = {"all": 0, "open": 0}


def two_databases(parts: Parts) -> None:
    put(parts, "more.sqlite", "database", database("CREATE TABLE trades (is_open)"))


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
    (another_database, "has other trades"),
    (two_databases, "'more.sqlite' in it is in no place of the kind database"),
    (no_config, "0 files of the kind config"),
    (of_other_models, "is in no place of the kind predictions"),
    (with_field("identifiers", ["../../other/user_data/models/x"]), "is no name of a folder"),
    (with_field("identifiers", ["/home/other/user_data/models/x"]), "is no name of a folder"),
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


def entry(name: str, kind: int = stat.S_IFREG) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o777) << 16
    return info


def rezipped(
    source: Path, target: Path, change: Callable[[zipfile.ZipInfo], None], name: str = CANDLES
) -> Path:
    """The same files; the entry of one is changed."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for one, data in packed(source).items():
            info = entry(one)
            if one == name:
                change(info)
            made.writestr(info, data)
    with target.open("r+b") as stream:
        seal(stream, own_key())
    return target


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (stat.S_IFLNK, "is a link"),
        (stat.S_IFCHR, "is no plain file"),
        (stat.S_IFBLK, "is no plain file"),
        (stat.S_IFIFO, "is no plain file"),
        (stat.S_IFDIR, "is no plain file"),
    ],
)
def test_links_and_devices_are_refused(
    archive: Path, tmp_path: Path, kind: int, words: str
) -> None:
    def change(info: zipfile.ZipInfo) -> None:
        info.external_attr = (kind | 0o777) << 16

    with (
        pytest.raises(ArchiveError) as caught,
        open_archive(rezipped(archive, tmp_path / "l.zip", change), own_key()),
    ):
        pass
    assert f"{CANDLES!r} in it {words}" in str(caught.value)


def test_other_ways_to_pack_are_refused(archive: Path, tmp_path: Path) -> None:
    def change(info: zipfile.ZipInfo) -> None:
        info.compress_type = zipfile.ZIP_LZMA

    made = rezipped(archive, tmp_path / "l.zip", change)
    with (
        pytest.raises(ArchiveError, match="packed in a way that backup never uses"),
        open_archive(made),
    ):
        pass


def test_an_encrypted_file_is_refused(archive: Path, tmp_path: Path) -> None:
    content = bytearray(archive.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    plain = content[: content.rindex(b"PK\x05\x06") + 22]
    (tmp_path / "e.zip").write_bytes(plain)
    with (tmp_path / "e.zip").open("r+b") as stream:
        seal(stream, None)
    with pytest.raises(ArchiveError, match="is encrypted"), open_archive(tmp_path / "e.zip"):
        pass


def with_text(path: Path, text: bytes) -> Path:
    """An archive whose list is this text."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("manifest.json", text)
    with path.open("r+b") as stream:
        seal(stream, own_key())
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b" " * (100 << 20), "has 104857600 bytes; 8388608 are the most"),
        (b"[" * 100_000, "its manifest.json is nested too deeply"),
        (b"[" * 50 + b"]" * 50, "its manifest.json is nested more than 40 deep"),
        (b'{"format": 1, "a": ' + b'{"a": ' * 50_000, "its manifest.json"),
        (b"\xff\xfe", "its manifest.json cannot be read"),
        (b'{"format": ' + b"9" * 5000 + b"}", "its manifest.json cannot be read"),
    ],
    ids=["blanks", "brackets", "deep", "objects", "bytes", "number"],
)
def test_a_list_that_would_fill_the_memory_is_refused_before_it_is_read(
    tmp_path: Path, text: bytes, words: str
) -> None:
    made = with_text(tmp_path / "m.zip", text)
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError) as caught, open_archive(made, own_key()):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert words in str(caught.value)
    assert peak < 20 << 20


def test_more_files_than_a_bot_has_are_refused_before_they_are_listed(tmp_path: Path) -> None:
    """The directory of a zip file is read as a whole, also by who wants one file of it."""
    directory = b"".join(
        b"PK\x01\x02" + b"\0" * 24 + (8).to_bytes(2, "little") + b"\0" * 16 + f"{n:08}".encode()
        for n in range(MAX_MEMBERS + 2)
    )
    size, count = len(directory), MAX_MEMBERS + 2
    end = b"PK\x05\x06" + b"\0" * 4 + count.to_bytes(2, "little") * 2
    (tmp_path / "m.zip").write_bytes(directory + end + size.to_bytes(4, "little") + b"\0" * 6)
    with (tmp_path / "m.zip").open("r+b") as stream:
        seal(stream, own_key())
    with pytest.raises(ArchiveError, match="it has 20002 files"), open_archive(tmp_path / "m.zip"):
        pass


def test_what_grows_beyond_measure_needs_trust(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def bomb(parts: Parts) -> None:
        put(parts, "zeros.jsonl", "journal", bytes(70 << 20))

    plain = resealed(archive, tmp_path / "plain.zip", bomb)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in packed(plain).items():
            made.writestr(name, data)
    with path.open("r+b") as stream:
        seal(stream, None)
    assert restore(path, tmp_path / "new", "--data-only") == 1
    text = said(capsys)
    assert "zeros.jsonl" in text
    assert "grow from" in text
    assert not (tmp_path / "new").exists()
    assert restore(path, tmp_path / "new", "--data-only", "--trust") == 0


def test_a_size_that_is_not_the_entry_s_is_refused_before_anything_is_unpacked(
    archive: Path, tmp_path: Path
) -> None:
    def change(parts: Parts) -> None:
        parts["manifest"]["members"][0]["size"] += 1

    made = resealed(archive, tmp_path / "s.zip", change, own_key())
    with pytest.raises(ArchiveError, match="feather in it is not what its"), open_archive(made):
        pass


# --- whatever is changed, it is refused or stays in the folder


TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            *("..", ".", "", "/", "../x", "../../home/user_data/models", "/etc/passwd", "a/../b"),
            *("models", "models/x", "strategies/Evil.py", "CON", "a\x00b", "\ud800", "~", "C:/x"),
            *("tradesv3.dryrun.sqlite", CONFIG, "manifest.json", "models/../x.sqlite", "..\\x"),
        ]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def places_of(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every field of a JSON value, lists and tables themselves among them."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, one in inner:
        found.append((*place, key))
        if isinstance(one, (dict, list)):
            found += places_of(one, (*place, key))
    return found


def changed(value: Any, place: tuple[Any, ...], new: Any) -> None:
    for key in place[:-1]:
        value = value[key]
    value[place[-1]] = new


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another bot's folder, beside which archives are restored."""
    folder = tmp_path_factory.mktemp("others")
    (folder / "home/user_data/models/x").mkdir(parents=True)
    (folder / "home/user_data/models/x/pair_dictionary.json").write_text('{"BTC/USDT": {}}')
    return folder


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_field_is_changed_nothing_leaves_the_folder(
    archive: Path, others: Path, data: st.DataObject
) -> None:
    manifest = json.loads(packed(archive)["manifest.json"])
    place = data.draw(st.sampled_from(places_of(manifest)))
    new = data.draw(VALUES)
    trust = data.draw(st.sampled_from([["--data-only"], ["--trust"], []]))

    def change(parts: Parts) -> None:
        # Who changes a name changes the file's as well.
        if place[-1] == "name" and isinstance(new, str):
            old = parts["manifest"]["members"][place[1]]["name"]
            parts["files"][new] = parts["files"].pop(old)
        changed(parts["manifest"], place, new)

    target = others / "target"
    try:
        hostile = resealed(archive, others / "h.zip", change)
    except (UnicodeEncodeError, ValueError):
        return  # no zip program can write such a name
    before = files_below(others)
    code = main(["restore", str(hostile), "--userdir", str(target), *trust])
    after = files_below(others)
    outside = {name: text for name, text in after.items() if not name.startswith("target/")}
    assert outside == before
    assert code in (0, 1)
    if code:
        assert after == before
        return
    if trust != ["--trust"]:
        assert not [name for name in after if name.endswith((".pkl", ".joblib"))]
        address = json.loads((target / CONFIG).read_text())["db_url"]
        assert Path(address.removeprefix("sqlite:///")).resolve().parent == target.resolve()
    for path in sorted(target.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    target.rmdir()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_file_of_any_bytes_is_refused_in_words(
    archive: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """With a digest that fits, so that the zip file itself is looked at."""
    content = bytearray(archive.read_bytes())
    end = content.rindex(b"PK\x05\x06") + 22
    for _ in range(data.draw(st.integers(1, 4))):
        # The directory is where a reader can be led astray.
        at = data.draw(st.integers(content.index(b"PK\x01\x02"), end - 3))
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "f.zip"
    path.write_bytes(content[:end])
    with path.open("r+b") as stream:
        seal(stream, None)
    try:
        with open_archive(path) as opened:
            unpack(opened, opened.manifest, tmp_path / "out", lambda done: None)
    except ArchiveError as error:
        assert str(error)


@given(st.text(st.characters(), max_size=30))
def test_a_name_that_is_let_through_is_below_the_folder(name: str) -> None:
    try:
        fault = fault_of(name)
    except UnicodeEncodeError:
        pytest.fail("a name that cannot be written is a fault, not an error")
    if not fault:
        root = Path("/root/of/all")
        assert (root / name).is_relative_to(root)
        assert ".." not in Path(name).parts
        assert name.encode()
        assert not set(name) & set('<>:"|?*\\')


@pytest.mark.parametrize(
    ("names", "clash"),
    [
        (["a", "b", "c/d"], None),
        (["a", "A"], ("a", "A")),
        (["caf\u00e9", "cafe\u0301"], ("caf\u00e9", "cafe\u0301")),
        (["stra\u00dfe", "STRASSE"], ("stra\u00dfe", "STRASSE")),
        (["a/b", "A/c"], ("a/b", "A/c")),
        (["a", "a/b"], ("a", "a/b")),
        (["a/b", "A"], ("A", "a/b")),
    ],
)
def test_names_that_are_one_file_somewhere(names: list[str], clash: tuple[str, str] | None) -> None:
    assert clash_of(names) == clash


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
