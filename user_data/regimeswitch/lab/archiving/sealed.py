"""Archives that show any change: a zip file that ends with the SHA-256 of all before it.

The digest stands in the comment of the zip file, so that any zip program reads it. It covers every
byte, those included that checksums of members do not: names, dates, the directory.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from regimeswitch.lab.archiving.manifest import NAME, ArchiveError, Manifest


MARK = b"regimeswitch backup, sha256 of all before this number: "
_DIGEST = 64
_BLOCK = 1 << 20
Progress = Callable[[int], None]


def write_archive(path: Path, manifest: Manifest, source: Path, progress: Progress) -> None:
    """Pack files; the archive appears at once and whole, readable by its owner alone.

    :param source: folder with every member of the manifest, on the disk of ``path``
    :param progress: called with the bytes of each finished part
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=source)
    unfinished = Path(name)
    try:
        # mkstemp makes it readable and writable for its owner alone.
        with os.fdopen(handle, "w+b") as stream:
            _pack(stream, manifest, source, progress)
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
        archive.comment = MARK + b"0" * _DIGEST
    stream.seek(0)
    digest = _digest(stream, stream.seek(0, os.SEEK_END) - _DIGEST)
    stream.seek(-_DIGEST, os.SEEK_END)
    stream.write(digest)


def _digest(stream: IO[bytes], length: int) -> bytes:
    stream.seek(0)
    running = hashlib.sha256()
    while length > 0:
        block = stream.read(min(_BLOCK, length))
        if not block:
            break
        running.update(block)
        length -= len(block)
    return running.hexdigest().encode()


@contextmanager
def open_archive(path: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """An archive whose seal, list and names are in order; its members are not yet read.

    :raises ArchiveError: when they are not
    """
    try:
        with path.open("rb") as stream:
            _check_seal(stream)
            with zipfile.ZipFile(stream) as archive:
                manifest = Manifest.parse(archive.read(NAME))
                _check_names(archive, manifest)
                yield archive, manifest
    except OSError as error:
        raise ArchiveError(f"it cannot be read ({error.strerror})") from None
    except (zipfile.BadZipFile, KeyError, zlib.error, NotImplementedError) as error:
        raise ArchiveError(f"it is no archive of a bot ({error})") from None


def _check_seal(stream: IO[bytes]) -> None:
    length = stream.seek(0, os.SEEK_END)
    end = len(MARK) + _DIGEST
    stream.seek(max(length - end, 0))
    tail = stream.read(end)
    if not tail.startswith(MARK):
        raise ArchiveError("its end is missing, or it is no archive of a bot; copy it again")
    if _digest(stream, length - _DIGEST) != tail[-_DIGEST:]:
        raise ArchiveError("it is damaged: its checksum does not match; copy it again")


def _check_names(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """The list names what is in the archive, each file once and nothing else."""
    names = sorted(archive.namelist())
    listed = sorted([NAME, *(member.name for member in manifest.members)])
    if names != listed:
        odd = sorted(set(names) ^ set(listed)) or ["a file twice"]
        raise ArchiveError(f"its list and its files do not agree ({', '.join(odd[:3])})")


def unpack(archive: zipfile.ZipFile, manifest: Manifest, target: Path, progress: Progress) -> None:
    """Write every member below a folder and compare its size and checksum with the list.

    :raises ArchiveError: at the first one that differs
    """
    for member in manifest.members:
        place = target / member.name
        place.parent.mkdir(parents=True, exist_ok=True)
        running, size = hashlib.sha256(), 0
        with archive.open(member.name) as packed, place.open("wb") as stream:
            while block := packed.read(_BLOCK):
                size += len(block)
                if size > member.size:
                    break
                running.update(block)
                stream.write(block)
        if (size, running.hexdigest()) != (member.size, member.sha256):
            raise ArchiveError(f"{member.name} in it is not what its list says; copy it again")
        place.chmod(0o600 if member.kind in ("database", "journal", "config") else 0o644)
        progress(member.size)
