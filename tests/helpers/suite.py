"""How the suite is run: where its temporary folders are, and in which order its tests come."""

from __future__ import annotations

import os
import signal
from itertools import groupby
from pathlib import Path

import pytest


MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that must be free there; the folders of a whole run take a part of it."""


def pytest_configure() -> None:
    """The same surroundings wherever the suite was started.

    Temporary folders are in memory, where no commit of a database has to wait for a disk. A shell
    starts what it runs in the background with the terminal's signals ignored; programs that the
    tests start would inherit that.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        handler = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return
    found = os.statvfs(MEMORY)
    runs_programs = not found.f_flag & os.ST_NOEXEC
    if runs_programs and found.f_bavail * found.f_frsize >= ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each worker begins with slow files and ends with quick tests, so that all end together.

    ``--dist worksteal`` gives each worker an equal part of the list, and to one that is done the
    end of what another has left.
    """
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers > 1:
        items[:] = in_parts(items, workers)


def in_parts(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The same tests in as many equal parts; a file with slow tests stays together."""
    slow: list[list[pytest.Item]] = []
    quick: list[pytest.Item] = []
    for _, found in groupby(items, key=lambda item: item.path):
        of_file = list(found)
        if any(item.get_closest_marker("slow") for item in of_file):
            slow.append(of_file)
        else:
            quick += of_file
    ordered: list[pytest.Item] = []
    for number in range(workers):
        ordered += [item for of_file in slow[number::workers] for item in of_file]
        missing = (number + 1) * len(items) // workers - len(ordered)
        ordered += quick[: max(missing, 0)]
        del quick[: max(missing, 0)]
    return ordered + quick
