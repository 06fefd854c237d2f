"""Ends what a process has started."""

from __future__ import annotations

import contextlib
import os
import time

import psutil


GONE_SECONDS = 2.0
"""How long processes that were killed may take to be gone, on a machine that is busy."""
LOOK_SECONDS = 0.01


class Descendants:
    """All that this process has started, and what those have started.

    One whose parent ends becomes another's child, so that they are looked for again and again.
    """

    def __init__(self) -> None:
        self._known: set[psutil.Process] = set()

    def look(self) -> set[psutil.Process]:
        """Look for them; those that were not known."""
        fresh = _wanted(psutil.Process().children(recursive=True)) - self._known
        self._known |= fresh
        return fresh

    def terminate(self) -> None:
        """Ask those that this process itself has started to end."""
        self.look()
        for child in _wanted(psutil.Process().children()):
            with contextlib.suppress(psutil.Error):
                child.terminate()

    def kill(self) -> None:
        """Kill all and see them gone; each is halted before its children are looked for."""
        self.look()
        fresh = set(self._known)
        while fresh:
            for process in fresh:
                with contextlib.suppress(psutil.Error):
                    process.suspend()
            fresh = self.look()
        for process in self._known:
            with contextlib.suppress(psutil.Error):
                process.kill()
        deadline = time.monotonic() + GONE_SECONDS
        while any(map(_runs, self._known)) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)


def kill_group(group: int) -> None:
    """Kill what is left of a process group, whose leader may be gone already."""
    for process in _wanted([one for one in psutil.process_iter() if _group_of(one) == group]):
        with contextlib.suppress(psutil.Error):
            process.kill()


def _runs(process: psutil.Process) -> bool:
    """Not so when it has ended and its parent has yet to ask how."""
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def _group_of(process: psutil.Process) -> int:
    try:
        return os.getpgid(process.pid)
    except OSError:
        return 0


def _wanted(found: list[psutil.Process]) -> set[psutil.Process]:
    """Without Python's own helper, which clears away shared memory and ends by itself."""
    wanted = set()
    for process in found:
        with contextlib.suppress(psutil.Error):
            if not any("resource_tracker" in word for word in process.cmdline()):
                wanted.add(process)
    return wanted
