"""Runs a child process to its end, passes signals on to it, and leaves nothing of it behind."""

import contextlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from regimeswitch.bot.processes import kill_group
from regimeswitch_lab.offline.overlay import child_environment
from regimeswitch_lab.stop_signals import relayed


class _Relay:
    """Passes signals on, those included that came before the child was there."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def __call__(self, number: int) -> None:
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)

    def attach(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        for number in self._early:
            process.send_signal(number)


Take = Callable[[str], None]


def run_child(
    command: list[str],
    environment: Mapping[str, str],
    readers: Mapping[str, Take] | None = None,
) -> int:
    """Run a command and wait for it; call it in the main thread, where signals arrive.

    The child gets a process group of its own: a Ctrl-C in the terminal then reaches it once,
    through here, rather than twice.

    :param command: program and arguments
    :param readers: what gets each line, with its end, of ``stdout`` or ``stderr``, in a thread of
        its own; a stream without a reader is this process's own
    :return: its exit code; 128 + n when signal n ended it, as a shell says it
    """
    relay = _Relay()
    streams = dict.fromkeys(readers or {}, subprocess.PIPE)
    with relayed(relay), _group(command, environment, **streams) as process:
        relay.attach(process)
        threads = [
            threading.Thread(target=_read, args=(getattr(process, name), take), daemon=True)
            for name, take in (readers or {}).items()
        ]
        for thread in threads:
            thread.start()
        code = process.wait()
        # Whatever it has left behind would hold the streams open.
        kill_group(process.pid)
        for thread in threads:
            thread.join()
    return 128 - code if code < 0 else code


def _read(stream: IO[bytes], take: Take) -> None:
    with io.TextIOWrapper(stream, encoding="utf-8", errors="replace") as text:
        for line in text:
            take(line)


@contextlib.contextmanager
def _group(
    command: list[str], environment: Mapping[str, str], **streams: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A child that leads a process group, which is gone afterwards with all that is in it."""
    with subprocess.Popen(command, env=dict(environment), process_group=0, **streams) as process:
        try:
            yield process
        finally:
            # What the child started and did not wait for: the group outlives its leader.
            kill_group(process.pid)


def run_logged(command: list[str], log: Path, environment: Mapping[str, str]) -> int:
    """Run a command whose output goes to a file; in any thread.

    :return: its exit code, as :mod:`subprocess` has it
    """
    with (
        log.open("w") as stream,
        _group(command, environment, stdout=stream, stderr=subprocess.STDOUT) as process,
    ):
        return process.wait()


def run_counting(
    module: str,
    plan: Path,
    log: Path,
    progress: Callable[[int], None],
    decided: Mapping[str, object] | None = None,
) -> tuple[int, int]:
    """Run a module of ours in a process of its own; it prints a number whenever it gets on.

    :param module: e.g. ``regimeswitch_lab.replay.bot_process``
    :param plan: its only argument
    :param log: gets what it writes to standard error
    :param progress: called with each number
    :param decided: configuration that the environment must not win over
    :return: the last number (0 when none came) and the exit code as :mod:`subprocess` has it
    """
    reached = 0
    command = [sys.executable, "-m", module, str(plan)]
    environment = child_environment(os.environ, decided=decided)
    with (
        log.open("w") as stream,
        _group(command, environment, stdout=subprocess.PIPE, stderr=stream) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip().isdigit():
                reached = int(line)
                progress(reached)
        return reached, process.wait()
