"""A clock for a whole process that stands still until it is moved, and pauses that obey it.

Time itself is moved by time-machine. What would really sleep (retries of the exchange client, the
bot's main loop, FreqAI's scan for due trainings) gets a stand-in for the module ``time``.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import freqtrade.exchange.common
import freqtrade.freqai.freqai_interface
import freqtrade.worker
import time_machine
from time_machine import Traveller


PASS_SECONDS = 3600.0
"""Real seconds after which a pass of FreqAI's scan (a training) counts as hanging."""


class MovedClock:
    """The present, moved by hand.

    :param coordinates: of the time-machine in force
    :ivar on_move: called after each move, where another process has to follow
    """

    def __init__(self, coordinates: Traveller) -> None:
        self._coordinates = coordinates
        self._set_by = timedelta()
        self.on_move: Callable[[], None] = lambda: None

    @property
    def now(self) -> datetime:
        """The present, UTC."""
        return datetime.now(UTC) - self._set_by

    def milliseconds(self) -> int:
        """The present as an exchange tells it."""
        return round(self.now.timestamp() * 1000)

    def move_to(self, moment: datetime) -> None:
        """Set the present."""
        self._coordinates.move_to(moment + self._set_by)
        self.on_move()

    def set_by(self, seconds: float) -> None:
        """This machine's clock is wrong from now on; the present is what it is.

        :param seconds: how far it is ahead; negative = behind, 0 = it is right again
        """
        now, self._set_by = self.now, timedelta(seconds=seconds)
        self.move_to(now)

    def sleep(self, seconds: float) -> None:
        """Let time go by without waiting."""
        self._coordinates.shift(timedelta(seconds=seconds))
        self.on_move()


class _TimeModule:
    """The module ``time`` with another ``sleep``."""

    def __init__(self, sleep: Any) -> None:
        self.sleep = sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


class ScanGate:
    """Holds FreqAI's scan thread at its pause and lets it make one pass at a time.

    FreqAI pauses a second before each look at its training queue; here the pause ends when the
    driver says so, and the driver goes on when the next pause begins.
    """

    def __init__(self) -> None:
        self._waiting = threading.Semaphore(0)
        self._go = threading.Semaphore(0)
        self._begun = False
        self._open = threading.Event()

    def sleep(self, seconds: float) -> None:
        """Called by the scan thread."""
        if not self._open.is_set():
            self._waiting.release()
            self._go.acquire()

    def one_pass(self) -> None:
        """Let the scan look at its queue once; returns when it has, trainings included.

        :raises TimeoutError: when the pass hangs
        """
        self.begin_pass()
        self.end_pass()

    def begin_pass(self) -> None:
        """Let the scan begin a pass, and do not wait for it."""
        if not self._begun:
            self._wait()
            self._begun = True
        self._go.release()

    def end_pass(self) -> None:
        """Return when the pass that was begun is over.

        :raises TimeoutError: when it hangs
        """
        self._wait()

    def open(self) -> None:
        """Hold the thread no longer: it is to stop."""
        self._open.set()
        self._go.release()

    def _wait(self) -> None:
        if not self._waiting.acquire(timeout=PASS_SECONDS):
            raise TimeoutError(f"FreqAI's scan did not come back within {PASS_SECONDS:.0f} s")


@contextmanager
def moved_clock(start: datetime) -> Iterator[tuple[MovedClock, ScanGate]]:
    """The whole process lives at ``start`` until the clock is moved.

    :param start: UTC
    """
    gate = ScanGate()
    modules = (freqtrade.worker, freqtrade.exchange.common)
    with time_machine.travel(start, tick=False) as coordinates:
        clock = MovedClock(coordinates)
        originals = [(module, vars(module)["time"]) for module in modules]
        scan = freqtrade.freqai.freqai_interface
        originals.append((scan, vars(scan)["time"]))
        for module in modules:
            vars(module)["time"] = _TimeModule(clock.sleep)
        vars(scan)["time"] = _TimeModule(gate.sleep)
        try:
            yield clock, gate
        finally:
            gate.open()
            for module, original in originals:
                vars(module)["time"] = original
