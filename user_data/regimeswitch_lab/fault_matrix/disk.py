"""Disks that cannot be written, for this process: full, or read-only below a folder.

Full is a limit of the operating system on the size of files (RLIMIT_FSIZE): a write beyond it
fails, whoever writes. Read-only is refused where Python opens, makes, renames or removes files.
"""

import contextlib
import errno
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


# An audit hook cannot be taken away again: one for all, and what it protects.
_read_only: set[str] = set()
_hooked: list[bool] = []
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR


@contextlib.contextmanager
def full_disk(room: int = 0) -> Iterator[None]:
    """No file can be written beyond a size by this process meanwhile.

    :param room: that size, bytes
    """
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing below a folder can be changed by this process meanwhile."""
    if not _hooked:
        sys.addaudithook(_refuse)
        _hooked.append(True)
    _read_only.add(str(folder))
    try:
        yield
    finally:
        _read_only.discard(str(folder))


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not _read_only or (event != "open" and event not in CHANGES):
        return
    path = arguments[0]
    if not isinstance(path, str | os.PathLike):
        return
    flags = arguments[2] if event == "open" else WRITING
    writes = isinstance(flags, int) and bool(flags & WRITING)
    if writes and any(str(path).startswith(folder) for folder in _read_only):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
