"""How large an archive may be before any of it is believed.

Numbers of a zip file are those of its author. What is held in memory is looked at before it is
read: the directory (APPNOTE.TXT of PKWARE, 4.3.14 to 4.3.16), the list of files, their sizes.
"""

import os
import stat
import zipfile
from typing import IO

from regimeswitch_lab.backup.manifest import MAX_MEMBERS, ArchiveError, Manifest
from regimeswitch_lab.backup.plain_json import MAX_BYTES


MAX_DIRECTORY_BYTES = 4 << 20
MAX_RATIO = 100
"""Unpacked to packed bytes of all files of an archive that no key vouches for."""
RATIO_FROM_BYTES = 64 << 20
"""Below it a ratio harms nobody: a small database of zeros packs a thousandfold."""
_END_BYTES, _LOCATOR_BYTES, _END64_BYTES = 22, 20, 56


def check_directory(stream: IO[bytes], comment: int) -> None:
    """Refuse a zip file whose directory is too large to be read.

    :param comment: length of the comment at its end, bytes
    :raises ArchiveError: when it is, or when there is no directory
    """
    length = stream.seek(0, os.SEEK_END)
    at = length - comment - _END_BYTES
    end = _read(stream, at, _END_BYTES)
    if end[:4] != b"PK\x05\x06" or int.from_bytes(end[20:22], "little") != comment:
        raise ArchiveError("it is no archive of a bot (its zip directory has no end)")
    count, size = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    if _read(stream, at - _LOCATOR_BYTES, 4) == b"PK\x06\x07":
        end64 = _read(stream, at - _LOCATOR_BYTES - _END64_BYTES, _END64_BYTES)
        count, size = int.from_bytes(end64[32:40], "little"), int.from_bytes(end64[40:48], "little")
    if count > MAX_MEMBERS + 1 or size > MAX_DIRECTORY_BYTES:
        raise ArchiveError(
            f"it has {count} files, listed in {size} bytes; {MAX_MEMBERS} files and "
            f"{MAX_DIRECTORY_BYTES >> 20} MB are the most"
        )


def _read(stream: IO[bytes], at: int, length: int) -> bytes:
    stream.seek(max(at, 0))
    return stream.read(length) if at >= 0 else b""


def check_entries(archive: zipfile.ZipFile) -> None:
    """Refuse everything that is no plain file: links, devices, folders, encrypted ones.

    :raises ArchiveError: naming the first
    """
    for entry in archive.infolist():
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or entry.is_dir():
            what = "a link" if kind == stat.S_IFLNK else "no plain file"
            raise ArchiveError(f"{entry.filename!r} in it is {what}; an archive has files alone")
        if entry.flag_bits & 0x1:
            raise ArchiveError(f"{entry.filename!r} in it is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveError(
                f"{entry.filename!r} in it is packed in a way that backup never uses"
            )


def read_limited(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file of an archive that is held in memory as a whole.

    :raises ArchiveError: when it is larger than the list may be
    :raises KeyError: when there is none
    """
    size = archive.getinfo(name).file_size
    if size > MAX_BYTES:
        raise ArchiveError(f"its {name} has {size} bytes; {MAX_BYTES} are the most")
    with archive.open(name) as stream:
        return stream.read(MAX_BYTES + 1)


def check_ratio(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Refuse files that grow beyond measure when they are unpacked.

    :raises ArchiveError: naming the one that grows most
    """
    entries = [archive.getinfo(member.name) for member in manifest.members]
    whole = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries) + 1
    if whole > RATIO_FROM_BYTES and whole > MAX_RATIO * packed:
        worst = max(entries, key=lambda entry: entry.file_size)
        raise ArchiveError(
            f"its files grow from {packed / 1e6:.1f} MB to {whole / 1e6:.1f} MB, most of all "
            f"{worst.filename}, and no key of this machine vouches for it; if it is yours, add "
            "--trust"
        )
