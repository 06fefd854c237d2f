"""What a person sees of a freqtrade command: how far it is, its tables, and why it failed.

All that freqtrade writes goes into a file as well; the log alone is some hundred lines.
"""

import contextlib
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from regimeswitch_lab.offline.child import run_child


LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ - \S+ - (?P<level>[A-Z]+) - ")
TRAINING = re.compile(
    r"Training (?P<pair>\S+), (?P<number>\d+)/(?P<pairs>\d+) pairs .*"
    r" (?P<window>\d+)/(?P<windows>\d+) trains"
)
STEPS = (("Loading data from", "loading candles"), ("Backtesting with data from", "backtest"))
"""Begin of freqtrade's log message, and what it is about to do then."""
REPEATED = ("MIXED TAG STATS", "STRATEGY SUMMARY")
"""Titles of tables that say again what others have said, when there is one strategy."""
TABLE_END = "└"
WIDE = 200
"""Columns where there is no terminal, as freqtrade has it."""
ERROR_LINES = 40


def run_shown(command: list[str], environment: Mapping[str, str], log: Path) -> int:
    """Run a freqtrade command; its log goes to a file, the terminal gets progress and tables.

    :param command: program and arguments
    :param log: written anew
    :return: as :func:`regimeswitch_lab.offline.child.run_child`
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    # freqtrade writes into a pipe: it cannot see how wide the terminal is.
    wide = str(shutil.get_terminal_size((WIDE, 24)).columns)
    with log.open("w", encoding="utf-8") as file, _progress() as progress:
        messages, tables = Messages(file, progress), Tables(file, sys.stdout)
        readers = {"stderr": messages.take, "stdout": tables.take}
        code = run_child(command, {"COLUMNS": wide, **environment}, readers)
    if code and messages.error:
        print("".join(messages.error), end="", file=sys.stderr)
    print(f"regimeswitch: freqtrade's log is in {log}", file=sys.stderr)
    return code


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A line that moves, and is gone at the end; nothing where standard error is no terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield progress


class Messages:
    """freqtrade's log: kept, read for progress, and its first error remembered.

    :ivar error: lines of the first error, with what belongs to it; empty while there was none
    """

    def __init__(self, file: TextIO, progress: Progress) -> None:
        self._file = file
        self._progress = progress
        self._task = progress.add_task("starting freqtrade", total=None)
        self._within = False
        self.error: list[str] = []

    def take(self, line: str) -> None:
        """One line, with its end."""
        self._file.write(line)
        begun = LOG_LINE.match(line)
        if begun and not self.error:
            self._within = begun["level"] in ("ERROR", "CRITICAL")
        elif begun:
            self._within = False
        # What has no time and level goes on with the message before, or is Python's own.
        if (self._within or line.startswith("Traceback")) and len(self.error) < ERROR_LINES:
            self._within = True
            self.error.append(line)
        elif begun:
            self._step(line[begun.end() :])

    def _step(self, message: str) -> None:
        training = TRAINING.match(message)
        if training is not None:
            pairs, windows = int(training["pairs"]), int(training["windows"])
            done = (int(training["number"]) - 1) * windows + int(training["window"]) - 1
            what = f"training {training['pair']}, window {training['window']} of {windows}"
            self._progress.update(
                self._task, description=what, total=pairs * windows, completed=done
            )
            return
        for begin, what in STEPS:
            if message.startswith(begin):
                # A task that once had a total keeps it.
                self._progress.remove_task(self._task)
                self._task = self._progress.add_task(what, total=None)


class Tables:
    """freqtrade's tables: kept, and shown but for those that repeat others."""

    def __init__(self, file: TextIO, shown: TextIO) -> None:
        self._file = file
        self._shown = shown
        self._left_out = False

    def take(self, line: str) -> None:
        """One line, with its end."""
        self._file.write(line)
        if line.strip() in REPEATED:
            self._left_out = True
        if not self._left_out:
            self._shown.write(line)
            self._shown.flush()
        elif line.startswith(TABLE_END):
            self._left_out = False
