"""What surrounds a bot of a case: its start, its log, its pauses, the longest time."""

import asyncio
import contextlib
import gc
import importlib
import io
import json
import logging
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import freqtrade.exchange.common
from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode
from freqtrade.exceptions import FreqtradeException
from freqtrade.worker import Worker
from sqlalchemy.exc import SQLAlchemyError

from regimeswitch.bot.connection.ban_file import BanFile
from regimeswitch_lab.fault_matrix.cases import Case
from regimeswitch_lab.fault_matrix.scene import STRATEGIES, Bot
from regimeswitch_lab.offline.wait_command import ping_address, wait_for
from regimeswitch_lab.replay.clock import MovedClock


logger = logging.getLogger(__name__)

# What ends ``freqtrade trade``: nothing in it catches these.
DEATHS = (
    FreqtradeException,
    SQLAlchemyError,
    OSError,
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
)
CASE_SECONDS = 500.0
"""Real time after which a case counts as hanging."""


WAIT_SECONDS = 600.0
"""How long ``regimeswitch wait`` waits in a case, by its clock."""


class DeadError(RuntimeError):
    """The bot has ended before its time."""


class Pauses:
    """The module ``asyncio`` or ``time`` for code whose pauses are to go by the moved clock."""

    def __init__(self, module: ModuleType, clock: MovedClock) -> None:
        self._module, self._clock = module, clock
        self.sleep = self._wait if module is asyncio else clock.sleep

    def monotonic(self) -> float:
        """What the guards wait by, which nobody sets."""
        return self._clock.now.timestamp()

    async def _wait(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


@contextlib.contextmanager
def moved_pauses(clock: MovedClock) -> Iterator[None]:
    """Retries of freqtrade's asynchronous requests and of the guards take no real time."""
    places = [(freqtrade.exchange.common, "asyncio", asyncio)]
    # All of the guards' modules are there before their clock is replaced.
    importlib.import_module("regimeswitch.bot.guards")
    for name, module in sys.modules.copy().items():
        if name.startswith("regimeswitch.bot.") and vars(module).get("time") is time:
            places.append((module, "time", time))
    for module, name, original in places:
        setattr(module, name, Pauses(original, clock))
    try:
        yield
    finally:
        for module, name, original in places:
            setattr(module, name, original)


@contextlib.contextmanager
def logged(path: Path, *, kept: bool = False) -> Iterator[None]:
    """Everything that is logged meanwhile goes to a file, and only there.

    :param kept: written at the end, since the disk may be full until then
    """
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    lines = io.StringIO()
    # A full disk takes no log either; what is still to be judged is kept in memory meanwhile.
    handler = logging.StreamHandler(lines) if kept else logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        handler.close()
        if kept:
            path.write_text(lines.getvalue(), encoding="utf-8")


@contextlib.contextmanager
def collected(generation: int = 2) -> Iterator[None]:
    """What a bot that died leaves unclosed is cleared away without a word on the screen.

    :param generation: how far back is looked; a whole look takes half a second
    """
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            yield
        finally:
            gc.collect(generation)


def worker_of(given: dict[str, Any], mode: RunMode) -> Worker:
    """freqtrade's own worker, as ``freqtrade trade`` makes it, but it does not pause.

    :param given: options of the command line
    """
    root = logging.getLogger()
    handlers = root.handlers[:]
    # freqtrade puts handlers of its own in their place, which write to the screen.
    with contextlib.redirect_stderr(io.StringIO()):
        config = Configuration(given, mode).get_config()
    root.handlers[:] = handlers
    worker = Worker(given, config)
    vars(worker)["_sleep"] = lambda seconds: None
    return worker


def load_worker(bot: Bot, case: Case) -> Worker:
    """The worker of a bot with the strategy of the cases."""
    given = {
        "config": [str(path) for path in bot.configs],
        "user_data_dir": str(bot.home / "user_data"),
        "strategy": "ScheduledStrategy",
        "strategy_path": str(STRATEGIES),
    }
    return worker_of(given, RunMode.LIVE if case.live else RunMode.DRY_RUN)


def wait_first(bot: Bot, clock: MovedClock) -> None:
    """What ``regimeswitch wait`` does before a start."""
    address = ping_address(json.loads(bot.configs[-1].read_text(encoding="utf-8")))
    bans = BanFile(bot.home / "user_data")
    wait_for(address, WAIT_SECONDS, logger.info, clock.sleep, bans)


class HungError(RuntimeError):
    """A case that does not end."""


@contextlib.contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """End what takes longer; in the main thread of a process.

    :raises HungError: then
    """

    def hung(number: int, frame: FrameType | None) -> None:
        raise HungError(f"not over after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, hung)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
