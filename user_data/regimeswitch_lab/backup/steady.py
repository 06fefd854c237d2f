"""Copies of files that a running bot may be writing: each is whole, and all are of one moment.

A set of files is copied, and copied again when any of them changed meanwhile. A database is copied
by SQLite itself, which is safe beside writers and takes what still lies in the write-ahead log.
"""

import hashlib
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from regimeswitch_lab.backup.manifest import ArchiveError


TRIES = 20
PAUSE_SECONDS = 1.5
_SQLITE = b"SQLite format 3\0"
_PICKLE_STOP = b"."
_ARROW = b"ARROW1"
_BLOCK = 1 << 20
DIGESTS = "digests.json"
Chosen = Mapping[str, Path]
"""Files by their names in the archive."""


class UnsteadyError(Exception):
    """Files are being written; another look may find them whole."""


def is_database(path: Path) -> bool:
    """Whether a file is an SQLite database."""
    with path.open("rb") as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


def copy_database(source: Path, target: Path) -> None:
    """Copy a database that others may be writing to, as it is at one moment.

    :raises ArchiveError: when it is no database, or damaged
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    address = f"{source.resolve().as_uri()}?mode=rw"
    try:
        with (
            closing(sqlite3.connect(address, uri=True, timeout=30)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            # The copy is one file, whatever mode the bot's own is in.
            copy.execute("PRAGMA journal_mode=DELETE")
            (verdict,) = copy.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.Error as error:
        raise ArchiveError(f"{source} cannot be copied ({error})") from None
    if verdict != "ok":
        raise ArchiveError(f"{source} is a damaged database ({verdict}); repair it first")


def copy_steadily(
    choose: Callable[[], Chosen],
    target: Path,
    *,
    tries: int = TRIES,
    pause: Callable[[float], None] = time.sleep,
) -> Chosen:
    """Copy the chosen files so that none is half written and none is of another moment.

    :param choose: says which files, anew for each try
    :param target: folder of the copies
    :param tries: before it gives up
    :return: what was copied
    :raises ArchiveError: when the files never stand still, or one stays incomplete
    """
    trouble = ""
    for number in range(tries):
        if number:
            pause(PAUSE_SECONDS)
        shutil.rmtree(target, ignore_errors=True)
        try:
            chosen = choose()
            before = _state(chosen)
            for name, path in chosen.items():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target / name)
            if choose() != chosen or _state(chosen) != before:
                trouble = "files change while they are copied"
                continue
        except FileNotFoundError as error:
            trouble = f"{error.filename} is missing"
            continue
        except UnsteadyError as error:
            trouble = str(error)
            continue
        unfinished = [path for name, path in chosen.items() if not is_whole(target / name)]
        unfinished += [path for name, path in chosen.items() if differs_from_digests(target / name)]
        if not unfinished:
            return chosen
        trouble = f"{unfinished[0]} is not complete"
    raise ArchiveError(f"{trouble}; after {tries} tries this is no copy to rely on, try later")


def _state(chosen: Chosen) -> dict[str, tuple[int, int, int]]:
    stats = {name: path.stat() for name, path in chosen.items()}
    return {name: (one.st_size, one.st_mtime_ns, one.st_ino) for name, one in stats.items()}


def is_whole(path: Path) -> bool:
    """Whether a file ends as files of its kind end; True for kinds that have no end of their own.

    A writer that has only just begun leaves an empty or cut-off file, whose time and size can
    stand still while it thinks.
    """
    if path.suffix == ".json":
        try:
            json.loads(path.read_bytes())
        except ValueError:
            return False
        return True
    ends = {
        ".pkl": _PICKLE_STOP,
        ".joblib": _PICKLE_STOP,
        ".feather": _ARROW,
    }
    end = ends.get(path.suffix, b"")
    return path.read_bytes()[-len(end) :] == end if end else True


def differs_from_digests(path: Path) -> bool:
    """Whether a list of digests, as the bot keeps one beside each model, does not fit its files."""
    if path.name != DIGESTS:
        return False
    listed: dict[str, str] = json.loads(path.read_bytes()).get("files", {})
    copies = {name: path.with_name(name) for name in listed}
    return any(
        not copy.is_file() or sha256_of(copy) != listed[name] for name, copy in copies.items()
    )


def sha256_of(path: Path) -> str:
    """Checksum of a file."""
    running = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            running.update(block)
    return running.hexdigest()
