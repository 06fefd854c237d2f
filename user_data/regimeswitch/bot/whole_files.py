"""Files that are whole or not there, whatever stops the process that writes them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def make_durable(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def replacing(path: Path, *, draft: str = ".new", durable: bool = True) -> Iterator[Path]:
    """A file to write into; it takes the place of ``path`` at the end, or never does.

    :param draft: what its name has in addition; of its own where several processes write ``path``
    :param durable: wait for the disk, so that it is there after a power cut too
    """
    fresh = path.with_name(f"{path.name}{draft}")
    try:
        yield fresh
        if durable:
            make_durable(fresh)
        fresh.replace(path)
        if durable:
            make_durable(path.parent)
    finally:
        fresh.unlink(missing_ok=True)
