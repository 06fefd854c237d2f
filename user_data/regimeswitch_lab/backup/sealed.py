"""Archives that show any change: a zip file that ends with the SHA-256 of all before it.

The digest stands in the comment of the zip file, so that any zip program reads it. It covers every
byte, those included that checksums of members do not: names, dates, the directory. Before it stands
the HMAC of all before that, by the key of the machine that made the archive.
"""

import hashlib
import hmac
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, Protocol

from regimeswitch_lab.backup import archive_limits
from regimeswitch_lab.backup.archive_key import ID_DIGITS, Key
from regimeswitch_lab.backup.archive_names import shown
from regimeswitch_lab.backup.contents import check_content
from regimeswitch_lab.backup.manifest import NAME, ArchiveError, Manifest
from regimeswitch_lab.backup.places import check_manifest


MARK = b"regimeswitch backup, sha256 of all before this number: "
KEYED = b"regimeswitch backup by the key %s, hmac-sha256 of all before this number: "
_DIGEST = 64
_BLOCK = 1 << 20
_END = re.compile(
    rb"(?:"
    + KEYED.replace(b"%s", b"(?P<id>[0-9a-f]{%d})" % ID_DIGITS)
    + rb"(?P<mac>[0-9a-f]{64})\n)?"
    + MARK
    + rb"(?P<digest>[0-9a-f]{64})"
)
_LONGEST_END = len(KEYED) + ID_DIGITS + _DIGEST + 1 + len(MARK) + _DIGEST
Progress = Callable[[int], None]
Origin = Literal["this key", "another key", "no key"]
"""Whose key an archive was made with: that of this machine, another one, or none."""
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, KeyError),
    # IndexError: of a member without a name.
    *(ValueError, OverflowError, IndexError),
)
"""What zipfile raises for a file that is none."""


class _Running(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


@dataclass(frozen=True)
class Archive:
    """An archive whose seal, list and names are in order; its members are not yet read.

    :ivar origin: whether this machine's key made it
    :ivar key_id: of the key it was made with; empty = none
    """

    packed: zipfile.ZipFile
    manifest: Manifest
    origin: Origin
    key_id: str


def write_archive(
    path: Path, manifest: Manifest, source: Path, key: Key, progress: Progress
) -> None:
    """Pack files; the archive appears at once and whole, readable by its owner alone.

    :param source: folder with every member of the manifest, on the disk of ``path``
    :param key: authenticates the archive
    :param progress: called with the bytes of each finished part
    :raises ArchiveError: when it could not be restored
    """
    check_manifest(manifest)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=source)
    unfinished = Path(name)
    try:
        # mkstemp makes it readable and writable for its owner alone.
        with os.fdopen(handle, "w+b") as stream:
            _pack(stream, manifest, source, progress)
            seal(stream, key)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _pack(stream: IO[bytes], manifest: Manifest, source: Path, progress: Progress) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr(NAME, manifest.text())
        for member in manifest.members:
            archive.write(source / member.name, member.name)
            progress(member.size)


def seal(stream: IO[bytes], key: Key | None) -> None:
    """End a zip file that has no comment with HMAC and digest.

    :param key: None leaves the HMAC out, as archives of older versions do
    """
    keyed = KEYED % key.id.encode() + b"0" * _DIGEST + b"\n" if key else b""
    length = stream.seek(0, os.SEEK_END)
    # The last two bytes of a zip file without a comment are the comment's length.
    stream.seek(length - 2)
    stream.write((len(keyed) + len(MARK) + _DIGEST).to_bytes(2, "little"))
    if key:
        stream.write(keyed[: -_DIGEST - 1])
        mac = _digest(stream, stream.tell(), key.running())
        stream.write(mac + b"\n")
    stream.write(MARK)
    stream.write(_digest(stream, stream.tell(), hashlib.sha256()))


def _digest(stream: IO[bytes], length: int, running: _Running) -> bytes:
    """Of the first bytes of a file; the file stands after them then."""
    stream.seek(0)
    while length > 0:
        block = stream.read(min(_BLOCK, length))
        if not block:
            break
        running.update(block)
        length -= len(block)
    return running.hexdigest().encode()


@contextmanager
def open_archive(path: Path, key: Key | None = None) -> Iterator[Archive]:
    """An archive whose seal, list and names are in order; its members are not yet read.

    :param key: of this machine; None when it has none
    :raises ArchiveError: when they are not
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise ArchiveError(f"it cannot be read ({error.strerror})") from None
    with stream:
        try:
            end, origin = _check_seal(stream, key)
            archive_limits.check_directory(stream, len(end[0]))
            packed = zipfile.ZipFile(stream)
            archive_limits.check_entries(packed)
            manifest = Manifest.parse(archive_limits.read_limited(packed, NAME))
        except OSError as error:
            raise ArchiveError(f"it cannot be read ({error.strerror})") from None
        except ArchiveError:
            raise
        except UNREADABLE as error:
            raise ArchiveError(f"it is no archive of a bot ({shown(error)})") from None
        with packed:
            check_manifest(manifest)
            _check_names(packed, manifest)
            yield Archive(packed, manifest, origin, (end["id"] or b"").decode())


def _check_seal(stream: IO[bytes], key: Key | None) -> tuple[re.Match[bytes], Origin]:
    length = stream.seek(0, os.SEEK_END)
    stream.seek(max(length - _LONGEST_END, 0))
    tail = stream.read(_LONGEST_END)
    end = re.compile(_END.pattern + rb"\Z").search(tail)
    if end is None:
        raise ArchiveError("its end is missing, or it is no archive of a bot; copy it again")
    if _digest(stream, length - _DIGEST, hashlib.sha256()) != end["digest"]:
        raise ArchiveError("it is damaged: its checksum does not match; copy it again")
    if end["mac"] is None:
        return end, "no key"
    if key is None or not hmac.compare_digest(key.id.encode(), end["id"]):
        return end, "another key"
    covered = length - len(tail) + end.start("mac")
    if not hmac.compare_digest(_digest(stream, covered, key.running()), end["mac"]):
        raise ArchiveError(
            f"it says that it was made with the key {key.path} and was changed since, or never was"
        )
    return end, "this key"


def _check_names(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """The list names what is in the archive, each file once and nothing else."""
    names = sorted(archive.namelist())
    listed = sorted([NAME, *(member.name for member in manifest.members)])
    if names != listed:
        odd = sorted(set(names) ^ set(listed)) or ["a file twice"]
        raise ArchiveError(
            f"its list and its files do not agree ({', '.join(map(shown, odd[:3]))})"
        )
    for member in manifest.members:
        if archive.getinfo(member.name).file_size != member.size:
            raise ArchiveError(f"{member.name} in it is not what its list says; copy it again")


def unpack(
    archive: Archive, manifest: Manifest, target: Path, progress: Progress, *, trusted: bool = False
) -> None:
    """Write members below a folder; compare size, checksum and content with the list.

    :param manifest: of what is wanted: the archive's, or a part of it
    :param trusted: by the key or by the user: how well its files pack says nothing then
    :raises ArchiveError: at the first one that differs
    """
    if not trusted:
        archive_limits.check_ratio(archive.packed, manifest)
    for member in manifest.members:
        place = target / member.name
        place.parent.mkdir(parents=True, exist_ok=True)
        running, size = hashlib.sha256(), 0
        try:
            with archive.packed.open(member.name) as packed, place.open("wb") as stream:
                while block := packed.read(_BLOCK):
                    size += len(block)
                    if size > member.size:
                        break
                    running.update(block)
                    stream.write(block)
        except UNREADABLE as error:
            raise ArchiveError(f"{member.name} in it cannot be unpacked ({shown(error)})") from None
        if (size, running.hexdigest()) != (member.size, member.sha256):
            raise ArchiveError(f"{member.name} in it is not what its list says; copy it again")
        check_content(member, place)
        place.chmod(0o600 if member.kind in ("database", "journal", "config") else 0o644)
        progress(member.size)
