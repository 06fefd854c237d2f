"""Whatever is changed in an archive, it is refused in words or stays in the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives import (
    CONFIG,
    Parts,
    archive,
    elsewhere,
    files_below,
    key_home,
    packed,
    resealed,
)
from regimeswitch_lab.backup.archive_names import clash_of, fault_of
from regimeswitch_lab.backup.manifest import ArchiveError
from regimeswitch_lab.backup.sealed import open_archive, seal, unpack
from regimeswitch_lab.cli import main


__all__ = ["archive", "elsewhere", "key_home"]


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
        root = Path("/folder/of/all")
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
