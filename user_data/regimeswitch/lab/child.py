"""Runs a child process to its end, passes signals on to it, and leaves nothing of it behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from regimeswitch.lab.overlay import child_environment


FORWARDED = (signal.SIGINT, signal.SIGTERM)


class _Relay:
    """Passes signals on, those included that came before the child was there."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def __call__(self, number: int, frame: types.FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)

    def attach(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        for number in self._early:
            process.send_signal(number)


@contextlib.contextmanager
def _relayed() -> Iterator[_Relay]:
    relay = _Relay()
    previous = {number: signal.signal(number, relay) for number in FORWARDED}
    try:
        yield relay
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def run_child(command: list[str], environment: Mapping[str, str]) -> int:
    """Run a command and wait for it; call it in the main thread, where signals arrive.

    The child gets a process group of its own: a Ctrl-C in the terminal then reaches it once,
    through here, rather than twice.

    :param command: program and arguments
    :return: its exit code; 128 + n when signal n ended it, as a shell says it
    """
    with _relayed() as relay:
        process = subprocess.Popen(command, env=dict(environment), process_group=0)
        relay.attach(process)
        try:
            code = process.wait()
        finally:
            # What the child started and did not wait for: the group outlives its leader.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return 128 - code if code < 0 else code


def run_counting(
    module: str,
    plan: Path,
    log: Path,
    progress: Callable[[int], None],
    decided: Mapping[str, object] | None = None,
) -> tuple[int, int]:
    """Run a module of ours in a process of its own; it prints a number whenever it gets on.

    :param module: e.g. ``regimeswitch.lab.replaying.bot``
    :param plan: its only argument
    :param log: gets what it writes to standard error
    :param progress: called with each number
    :param decided: configuration that the environment must not win over
    :return: the last number (0 when none came) and the exit code as :mod:`subprocess` has it
    """
    reached = 0
    with (
        log.open("w") as stream,
        subprocess.Popen(
            [sys.executable, "-m", module, str(plan)],
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            env=child_environment(os.environ, decided=decided),
        ) as process,
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip().isdigit():
                    reached = int(line)
                    progress(reached)
            return reached, process.wait()
        finally:
            process.kill()
