"""Archives that are no plain files, or too large for the memory or the disk."""

from __future__ import annotations

import stat
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from archives import (
    CANDLES,
    Parts,
    archive,
    elsewhere,
    key_home,
    own_key,
    packed,
    put,
    resealed,
    restore,
    said,
)
from regimeswitch_lab.backup.manifest import MAX_MEMBERS, ArchiveError
from regimeswitch_lab.backup.sealed import open_archive, seal


__all__ = ["archive", "elsewhere", "key_home"]


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
