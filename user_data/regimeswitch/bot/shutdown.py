"""How ``freqtrade trade`` ends: in order at the first signal, at once at the second.

freqtrade turns each SIGINT and SIGTERM into a KeyboardInterrupt. The second one tears the
clean-up of the first apart; the process then waits for FreqAI's training, and for ever for a
thread that nobody stops. Here only the first one interrupts, and the clean-up waits some
seconds for a training, which ``docker stop`` would not outwait either. The second ends the waiting
and, when the clean-up does not come to its end (database, predictions, orders on their way), the
process. Orders are in the journal before they are sent, SQLite and model files are whole or
unchanged at any moment: what is broken off is a training, which the next start makes again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from regimeswitch.bot.processes import Descendants


TRAINING_SECONDS = 5.0
"""How long a training is waited for after the first signal."""
GRACE_SECONDS = 5.0
"""How long the clean-up may go on after the second signal."""
LOOK_SECONDS = 0.1
ENDED = 130
"""Exit code of ``freqtrade trade`` after a signal, whichever it was."""
STDERR = 2
_TRADING = "freqtrade.commands.trade_commands"


class Ending:
    """Signals that this process got about its end."""

    def __init__(self) -> None:
        self._count = 0
        self._left: list[threading.Thread] = []

    def install(self) -> None:
        """Take the signals over from ``freqtrade trade``; elsewhere this does nothing.

        Another program that runs a bot, a test for instance, has signals of its own.
        """
        current = signal.getsignal(signal.SIGTERM)
        if (
            getattr(current, "__module__", "") != _TRADING
            or threading.current_thread() is not threading.main_thread()
        ):
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The handler: logs nothing, since it may have interrupted the logging itself."""
        self._count += 1
        if self._count == 1:
            _in_background(self._end_when_over)
            raise KeyboardInterrupt
        if self._count == 2:
            _in_background(_end_soon)
            return
        end_now()

    @property
    def signalled(self) -> bool:
        """Whether a signal has come."""
        return self._count > 0

    def wait_for(self, threads: list[threading.Thread], seconds: float) -> bool:
        """Wait for threads, as long as the signals leave time for it; whether all have ended.

        :param seconds: how long at most, once a signal has come
        """
        end = time.monotonic() + seconds
        left = [thread for thread in threads if thread.is_alive()]
        while left and self._count < 2 and not (self.signalled and time.monotonic() >= end):
            left[0].join(LOOK_SECONDS)
            left = [thread for thread in left if thread.is_alive()]
        self._left = left
        return not left

    def _end_when_over(self) -> None:
        """Threads that outlive the clean-up, or a start that was broken off, end with it."""
        threading.main_thread().join()
        if not self._left:
            time.sleep(GRACE_SECONDS)
        end_now()


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="ending", daemon=True).start()


def _end_soon() -> None:
    # The main thread counts as ended once only other threads are left to be waited for.
    threading.main_thread().join(GRACE_SECONDS)
    if threading.main_thread().is_alive():
        text = f"regimeswitch: the clean-up took longer than {GRACE_SECONDS:g} s; ended now\n"
        with contextlib.suppress(OSError):
            os.write(STDERR, text.encode())
    end_now()


def end_now() -> None:
    """End this process and all that it has started."""
    Descendants().kill()
    os._exit(ENDED)


ENDING = Ending()
"""Of this process: signals belong to a process as a whole."""
