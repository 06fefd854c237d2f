"""How a command ends when it is stopped: in order at the first signal, at once at the second.

The first SIGINT, SIGTERM or SIGHUP ends the command as an error would, so that ``finally`` and
``with`` clear up, and ends the processes that it has started. A thread of its own sees to the
second, because Python looks at signals only between two steps of the main thread, which may be
waiting for a long calculation. While a child that is the user's own bot runs, signals are passed
on to it instead.
"""

import contextlib
import os
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from regimeswitch.bot.processes import Descendants


NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ORDERLY_SECONDS = 3.0
"""How long children have to end by themselves after the first signal."""
GRACE_SECONDS = 1.0
"""How long a command may clear up after the second signal."""
RELAY_SECONDS = 10.0
"""How long a bot may, which has a limit of its own below this one."""
LOOK_SECONDS = 0.1
STDERR = 2
SHOW_CURSOR = "\x1b[?25h"


class Stopped(BaseException):
    """A signal ends the command; no ``except Exception`` takes it for an error.

    :param number: of the signal
    :param kept: what is kept, where that is another thing than the command's own words say
    """

    def __init__(self, number: int, kept: str = "") -> None:
        super().__init__(number)
        self.number = number
        self.kept = kept


class Signals:
    """The signals that one command has been sent.

    :param on_end: gets the number of the signal that ends the process at once
    :ivar number: of the first signal; 0 while there was none
    """

    def __init__(self, on_end: Callable[[int], None]) -> None:
        self.number = 0
        self.on_end = on_end
        self.relay: Callable[[int], None] | None = None
        self.held = False
        self.folders: set[Path] = set()
        self.started = Descendants()
        self._over = threading.Event()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The handler, in the main thread."""
        first, self.number = not self.number, self.number or number
        if self.relay is not None:
            self.relay(number)
        elif first and not self.held:
            raise Stopped(number)

    def watch(self, pipe: int) -> None:
        """In a thread: end the children, and at the second signal the process.

        :param pipe: gets a byte for each signal
        """
        count, first, deadline = 0, 0, float("inf")
        while not self._over.is_set():
            if select.select([pipe], [], [], LOOK_SECONDS)[0]:
                for number in os.read(pipe, 64):
                    if number not in NUMBERS:
                        continue
                    count, first = count + 1, first or number
                    deadline = min(deadline, self._deadline(count))
            if count > 1 and time.monotonic() >= deadline:
                self._end(first)
            elif count and time.monotonic() >= deadline:
                self.started.kill()
            elif count:
                self.started.look()

    def _deadline(self, count: int) -> float:
        """Until when the processes of this command may run, after so many signals."""
        now = time.monotonic()
        if count == 1 and self.relay is None:
            self.started.terminate()
            return now + ORDERLY_SECONDS
        if count == 1:
            return float("inf")
        if count == 2:
            return now + (GRACE_SECONDS if self.relay is None else RELAY_SECONDS)
        return now

    def _end(self, number: int) -> None:
        try:
            self.started.kill()
            for folder in tuple(self.folders):
                shutil.rmtree(folder, ignore_errors=True)
            self.on_end(number)
        finally:
            os._exit(128 + number)

    def over(self) -> None:
        """The command has ended."""
        self._over.set()


_current: Signals | None = None


@contextlib.contextmanager
def watched(on_end: Callable[[int], None]) -> Iterator[Signals]:
    """Signals are this command's; elsewhere than in the main thread they stay what they were.

    :param on_end: as in :class:`Signals`
    """
    global _current
    signals = Signals(on_end)
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    read, write = os.pipe()
    os.set_blocking(write, False)
    thread = _in_background(signals.watch, read)
    before = {one: signal.getsignal(one) for one in NUMBERS if not _ignored(one)}
    outer, _current = _current, signals
    pipe_before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        for one in before:
            signal.signal(one, signals)
        yield signals
    finally:
        for folder in tuple(signals.folders):
            shutil.rmtree(folder, ignore_errors=True)
        for one, handler in before.items():
            signal.signal(one, signal.SIG_IGN if signals.number else handler)
        signal.set_wakeup_fd(pipe_before)
        _current = outer
        signals.over()
        # For good where the process is being ended at once.
        thread.join()
        os.close(read)
        os.close(write)
        if signals.number:
            signals.started.kill()
            _in_background(_be_gone, signals.number)


def _be_gone(number: int) -> None:
    """A process that was stopped is gone soon, whatever Python still waits for at its end."""
    threading.main_thread().join()
    time.sleep(ORDERLY_SECONDS)
    os._exit(128 + number)


def _in_background(work: Callable[[int], None], number: int) -> threading.Thread:
    thread = threading.Thread(target=work, args=(number,), name="signals", daemon=True)
    thread.start()
    return thread


def _ignored(number: signal.Signals) -> bool:
    """Under ``nohup`` the end of the terminal is no reason to stop."""
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN


@contextlib.contextmanager
def relayed(send: Callable[[int], None]) -> Iterator[None]:
    """Signals of a watched command go to ``send`` and interrupt nothing here.

    :param send: gets the number of each; called in the main thread
    """
    if _current is None:
        yield
        return
    _current.relay = send
    try:
        yield
    finally:
        _current.relay = None


@contextlib.contextmanager
def held(kept: str) -> Iterator[None]:
    """A step that is done as a whole: a first signal takes effect after it.

    :param kept: what is kept once the step is done
    """
    if _current is None:
        yield
        return
    before = _current.number
    _current.held = True
    try:
        yield
    finally:
        _current.held = False
    if _current.number != before:
        raise Stopped(_current.number, kept)


@contextlib.contextmanager
def temporary_folder(prefix: str = "regimeswitch-", beside: Path | None = None) -> Iterator[Path]:
    """A folder that is gone afterwards, also when the process is ended at once.

    :param beside: the folder that it is made in; the system's own by default
    """
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=beside))
    folders: set[Path] = _current.folders if _current is not None else set()
    folders.add(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        folders.discard(path)


def show_cursor() -> None:
    """Progress bars hide it, and put it back only when they come to their end."""
    if sys.stderr.isatty():
        os.write(STDERR, SHOW_CURSOR.encode())
