"""Archives that are not as they were made are refused, and nothing is written."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives import (
    archive,
    elsewhere,
    key_home,
    own_key,
    refused,
    resealed,
    restore,
    said,
)
from regimeswitch_lab.backup.sealed import MARK


__all__ = ["archive", "elsewhere", "key_home"]


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
    parts["manifest"]["format"] = 3


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
        (later_format, "of format 3 and this version reads 1 to 2"),
        (strange_list, "its manifest.json cannot be read"),
        (
            strange_kind,
            "members.0.kind, of 'data/binance/BTC_USDT-5m.feather': Input should",
        ),
        (strange_member, "its manifest.json cannot be read"),
        (no_numbers, "its manifest.json holds no JSON object"),
    ],
)
def test_an_archive_that_was_tampered_with_is_refused(
    archive: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Any]], None],
    words: str,
) -> None:
    tampered = resealed(archive, tmp_path / "t.zip", change, own_key())
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
