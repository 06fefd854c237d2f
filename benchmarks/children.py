"""Child processes and what they cost: CPU seconds and the peak of memory, by the kernel."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from regimeswitch_lab.offline.overlay import child_environment


ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable


class ChildError(RuntimeError):
    """A child that failed, or did not do what is to be measured; the text names its log."""


@dataclass(frozen=True)
class Spent:
    """What a child has cost, those included that it started and waited for.

    :ivar seconds: of CPU, in the program and in the kernel
    :ivar peak_mb: of resident memory, of the largest of the processes
    """

    seconds: float
    peak_mb: float


def run(command: Sequence[str], log: Path) -> Spent:
    """Run a command to its end, its output in a file.

    :raises ChildError: when it fails
    """
    process = started(command, log)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ChildError(f"{command[0]} ended with exit code {process.returncode}; read {log}")
    if used.ru_maxrss <= getrusage(RUSAGE_SELF).ru_maxrss:
        # A child begins as a copy, and the kernel counts the copy's memory as its own.
        raise ChildError(f"{log}: the child's peak of memory is no larger than the driver's")
    return Spent(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def answer(command: Sequence[str], log: Path) -> str:
    """What a command prints; the rest goes to the log.

    :raises ChildError: when it fails
    """
    with log.open("w") as stream:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            check=False,
        )
    if done.returncode:
        raise ChildError(f"{command[0]} ended with exit code {done.returncode}; read {log}")
    return done.stdout


def module(name: str, *arguments: object) -> list[str]:
    """The command of a module of this folder."""
    return [PYTHON, "-m", f"benchmarks.{name}", *map(str, arguments)]


def started(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """A child whose output goes to a file."""
    with log.open("w") as stream:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=stream, stderr=subprocess.STDOUT
        )


@contextmanager
def serving(server: str, *arguments: object) -> Iterator[tuple[str, int]]:
    """A server of this folder as long as the block lasts.

    :param server: name of its module, which prints its address first
    :return: its address and its process
    """
    command = module(server, *arguments)
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        address = process.stdout.readline().strip() if process.stdout else ""
        if not address:
            raise ChildError(f"{server} did not start")
        yield address, process.pid
    finally:
        process.terminate()
        process.communicate()


def environment() -> dict[str, str]:
    """Of every child: without proxies and without freqtrade's settings of the environment.

    Compiled modules are kept, or every child would compile its packages anew for seconds.
    """
    names = [name for name in os.environ if name.startswith("FREQTRADE__")]
    names += ["PYTHONDONTWRITEBYTECODE"]
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return child_environment(kept)
