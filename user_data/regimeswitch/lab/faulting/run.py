"""Runs one case: a real bot, led past a fault by a moved clock."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import logging
import signal
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import freqtrade.exchange.common
from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode, State
from freqtrade.exceptions import FreqtradeException
from freqtrade.worker import Worker
from sqlalchemy.exc import SQLAlchemyError

from regimeswitch.exchange.candlestore import CandleStore
from regimeswitch.exchange.injection import Injection
from regimeswitch.exchange.market import Market
from regimeswitch.exchange.server import ExchangeServer
from regimeswitch.exchange.trading import Trading
from regimeswitch.lab.faulting.cases import Case
from regimeswitch.lab.faulting.disk import full_disk
from regimeswitch.lab.faulting.judge import Evidence, read_truth
from regimeswitch.lab.faulting.scene import (
    BEGIN,
    STRATEGIES,
    TROUBLED,
    WALLET,
    Bot,
    configuration,
    moments,
    slot_begin,
    write_bot,
)
from regimeswitch.lab.replaying.clock import MovedClock, moved_clock
from regimeswitch.lab.wait import wait_for


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
WAIT_SECONDS = 600.0
"""How long ``regimeswitch wait`` waits in a case, by its clock."""
CASE_SECONDS = 120.0
"""Real time after which a case counts as hanging."""


class Pauses:
    """The module ``asyncio`` or ``time`` for code whose pauses are to go by the moved clock."""

    def __init__(self, module: ModuleType, clock: MovedClock) -> None:
        self._module, self._clock = module, clock
        self.sleep = self._wait if module is asyncio else clock.sleep

    async def _wait(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


@contextlib.contextmanager
def moved_pauses(clock: MovedClock) -> Iterator[None]:
    """Retries of freqtrade's asynchronous requests and of the guards take no real time."""
    places = [(freqtrade.exchange.common, "asyncio", asyncio)]
    for name, module in list(sys.modules.items()):
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
def collected() -> Iterator[None]:
    """What a bot that died leaves unclosed is cleared away without a word on the screen."""
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            yield
        finally:
            gc.collect()


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


class DeadError(RuntimeError):
    """The bot has ended before its time."""


class Drive:
    """Leads a bot from moment to moment, and starts it again where its owner would.

    :param case: with a full disk a bot may die, as any program; it is then started again
    """

    def __init__(self, bot: Bot, case: Case, clock: MovedClock) -> None:
        self.bot, self.case, self.clock = bot, case, clock
        self.worker: Worker | None = None
        self.state: State | None = None

    def run(self) -> None:
        """Every moment of the case.

        :raises DeadError: when the bot ends and nobody would start it again
        """
        try:
            for moment in moments():
                if moment > self.clock.now:
                    self.clock.move_to(moment)
                    with self._disk(moment):
                        self._look()
        finally:
            self._end()

    def _disk(self, moment: datetime) -> contextlib.AbstractContextManager[None]:
        seconds = (moment - slot_begin(TROUBLED)).total_seconds()
        full = self.case.scene == "disk" and self.case.begins <= seconds < self.case.ends
        return full_disk() if full else contextlib.nullcontext()

    def _look(self) -> None:
        try:
            if self.worker is None:
                self.worker = load_worker(self.bot, self.case)
                self.state = None
            self.state = self.worker._worker(old_state=self.state)
        except DEATHS as error:
            self._end()
            if self.case.scene != "disk":
                raise DeadError(f"{type(error).__name__}: {error}") from error
        if self.worker is not None and self.worker.freqtrade.state == State.STOPPED:
            raise DeadError(f"the bot stopped itself at {self.clock.now:%H:%M:%S}")

    def _end(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            with contextlib.suppress(SQLAlchemyError):
                worker.freqtrade.cleanup()


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


def market_case(case: Case, home: Path, candles: Path, guards: bool) -> Evidence:
    """A bot in this process."""
    log, died = home / "bot.log", ""
    with (
        logged(log, kept=case.scene == "disk"),
        collected(),
        moved_clock(BEGIN) as (clock, _),
        moved_pauses(clock),
    ):
        market = Market(CandleStore(candles))
        trading = Trading(market, {"USDT": WALLET}) if case.live else None
        keys = ("", "")
        if trading is not None:
            keys = (trading.credentials.key, trading.credentials.secret)
        begin = BEGIN if case.scene == "start" else slot_begin(TROUBLED)
        injection = Injection(market.clock, case.timed(int(begin.timestamp() * 1000)))
        with ExchangeServer(market, trading=trading, faults=injection, limited=False) as server:
            bot = write_bot(home, case, server.url, keys, configuration(case, guards))
            try:
                with bounded(CASE_SECONDS):
                    if guards and case.scene == "start":
                        ping = f"{server.url}/api/v3/ping"
                        wait_for(ping, WAIT_SECONDS, logger.info, clock.sleep)
                    Drive(bot, case, clock).run()
            except (DeadError, HungError) as error:
                died = f"{error}"
    text = log.read_text(encoding="utf-8")
    return Evidence(bot.database, text, trading, injection, died, read_truth(candles))
