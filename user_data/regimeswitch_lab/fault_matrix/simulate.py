"""Runs one schedule of the simulation: a live bot, its deaths and starts, and a clock that is off.

Everything happens in this process, under a moved clock, and one request after the other; the same
schedule gives the same requests. See :mod:`regimeswitch_lab.fault_matrix.wire`.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

from freqtrade.enums import State
from freqtrade.persistence import Trade
from freqtrade.worker import Worker
from sqlalchemy.exc import SQLAlchemyError

import regimeswitch.bot.orders.journal
from regimeswitch_lab.exchange.account.decimals import UNIT, ZERO
from regimeswitch_lab.exchange.account.trading_account import Credentials, Trading
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.fault_matrix import surroundings
from regimeswitch_lab.fault_matrix.cases import CANDLE, Case, Transfer
from regimeswitch_lab.fault_matrix.exit_watch import WatchedExits
from regimeswitch_lab.fault_matrix.scene import BEGIN, WALLET, configuration, write_bot
from regimeswitch_lab.fault_matrix.schedule import (
    END,
    EVERY,
    HOLD,
    OFF,
    OFFSET,
    Kill,
    Schedule,
    Step,
)
from regimeswitch_lab.fault_matrix.traces import Evidence
from regimeswitch_lab.fault_matrix.wire import DELAYS, KilledError, Wire
from regimeswitch_lab.replay.clock import MovedClock, moved_clock


logger = logging.getLogger(__name__)

STAKE = 300
STOP = -0.05
PATIENCE = 10.0
"""How long a client waits, as ccxt's own default, seconds."""
LOOPS, QUIET_LOOPS = (1, 101, 201), (1, 151)
"""Seconds after a candle's close at which the bot looks."""
BEGIN_MS = int(BEGIN.timestamp() * 1000)


class SteppedClock(MovedClock):
    """A moved clock of a machine that may be wrong, beside the true time of the exchange.

    :param inner: moves the machine's clock
    :ivar off: how far the machine's clock is ahead, seconds
    """

    def __init__(self, inner: MovedClock) -> None:
        self._inner = inner
        self.off = 0

    @property
    def now(self) -> datetime:
        """The true time, UTC."""
        return self._inner.now - timedelta(seconds=self.off)

    def true_ms(self) -> int:
        """The exchange's clock, epoch milliseconds."""
        return time.time_ns() // 1_000_000 - self.off * 1000

    def seconds(self) -> float:
        """From the start of the simulation; no setting of the clock changes it."""
        return (self.true_ms() - BEGIN_MS) / 1000

    def move_to(self, moment: datetime) -> None:
        """Let the time go by up to a moment."""
        self._inner.move_to(moment + timedelta(seconds=self.off))

    def sleep(self, seconds: float) -> None:
        """Let time go by without waiting."""
        self._inner.sleep(seconds)

    def set_off(self, seconds: int) -> None:
        """Set the machine's clock wrong, or right."""
        step, self.off = seconds - self.off, seconds
        self._inner.sleep(step)


@dataclass(frozen=True)
class SimulationEvidence(Evidence):
    """What a run left behind.

    :ivar notices: what the guards have said
    :ivar digest: hash of all requests
    :ivar gone: what has left the account without an order: epoch milliseconds, pair, coins
    """

    notices: list[str] = field(default_factory=list)
    digest: str = ""
    gone: list[tuple[int, str, Decimal]] = field(default_factory=list)


@dataclass
class Place:
    """Where a schedule is run.

    :ivar files: of the bot
    :ivar server: the exchange
    """

    schedule: Schedule
    server: ExchangeServer
    trading: Trading
    clock: SteppedClock
    wire: Wire
    watch: WatchedExits
    bot: Any
    guards: bool


class Lives:
    """The lives of one bot, from its first start to the end of the schedule."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.worker: Worker | None = None
        self.state: State | None = None
        self._not_before = 0
        self.gone: list[tuple[int, str, Decimal]] = []
        found = [one for one in place.schedule.troubles if isinstance(one, Transfer)]
        self._transfers = sorted(found, key=lambda one: one.at)

    def run(self) -> None:
        """Everything up to the end.

        :raises DeadError: when the bot ends by itself
        """
        try:
            for at in moments():
                if at > self.place.clock.seconds():
                    self.place.clock.move_to(BEGIN + timedelta(seconds=at))
                    self._surround(at)
                    if at >= self._not_before:
                        self._look(at)
        finally:
            self._drop()

    def _surround(self, at: int) -> None:
        """Whatever goes on beside the bot."""
        place, troubles = self.place, self.place.schedule.troubles
        steps = [one for one in troubles if isinstance(one, Step) and one.at <= at < one.until]
        place.clock.set_off(sum(one.seconds for one in steps))
        while self._transfers and self._transfers[0].at <= at:
            due = self._transfers.pop(0)
            account = place.trading.account
            share = account.free.get(due.asset, ZERO) * Decimal(str(due.share))
            amount = share.quantize(UNIT, ROUND_DOWN)
            account.deposit(due.asset, amount)
            self.gone.append((place.clock.true_ms(), f"{due.asset}USDT", -amount))

    def _look(self, at: int) -> None:
        starts = self.state is None
        try:
            if self.worker is None:
                self._start()
            assert self.worker is not None
            self.state = self.worker._worker(old_state=self.state)
        except KilledError:
            kill = self.place.wire.killed
            self._drop()
            # Like all trouble, the time without a bot is over when the settling begins.
            down = 0 if kill is None else kill.down * CANDLE
            self._not_before = min(at + 1 + down, max(OFF, at + 1))
            return
        except surroundings.DEATHS as error:
            self._drop()
            # A start that fails is tried again by whoever runs the bot, as Docker does.
            if not starts or at >= OFF + CANDLE:
                raise surroundings.DeadError(f"{type(error).__name__}: {error}") from error
            return
        if self.worker.freqtrade.state == State.STOPPED:
            raise surroundings.DeadError(f"the bot stopped itself at {at} s")
        place = self.place
        place.watch.look(place.bot.database, place.trading.market, place.trading)

    def _start(self) -> None:
        place = self.place
        place.wire.reconnect()
        if place.guards:
            surroundings.wait_first(place.bot, place.clock)
        self.state = None
        self.worker = surroundings.load_worker(place.bot, Case("", live=True))

    def _drop(self) -> None:
        """The process is gone: nothing is written, cancelled or said any more."""
        worker, self.worker, self.state = self.worker, None, None
        with contextlib.suppress(SQLAlchemyError):
            if hasattr(Trade, "session"):
                Trade.rollback()
                Trade.session.remove()
        if worker is not None:
            worker.freqtrade.rpc.cleanup()
            exchange = worker.freqtrade.exchange
            while tasks := asyncio.all_tasks(exchange.loop):
                for task in tasks:
                    task.cancel()
                # What a task of a killed bot was waiting for ends the loop once more.
                with contextlib.suppress(KilledError):
                    exchange.loop.run_until_complete(asyncio.wait(tasks))
            exchange.close()


def moments() -> Iterator[int]:
    """When the bot looks, seconds from its start."""
    for candle in range(0, END, CANDLE):
        yield from (candle + later for later in (LOOPS if candle < OFF else QUIET_LOOPS))


def settings(schedule: Schedule, guards: bool) -> dict[str, Any]:
    """What the bot of a schedule is configured to."""
    found = configuration(Case("", variant="stop" if schedule.stop else ""), guards)
    found |= {"stake_amount": STAKE, "stoploss": STOP if schedule.stop else -0.5}
    # A pair that was gone is there again soon after it is back.
    found["exchange"] |= {"markets_refresh_interval": 5}
    begin = int(BEGIN.timestamp())
    found["schedule"] = {
        "every": EVERY,
        "hold": HOLD,
        "offset": begin + OFFSET,
        "resting": [begin, begin + OFF if schedule.discount else begin],
        "discount": schedule.discount,
        "changes": schedule.changes,
    }
    return found


class SeededTokens:
    """The module ``secrets`` whose tokens are those of a seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def token_hex(self, count: int) -> str:
        """A token of so many bytes."""
        return self._chance.randbytes(count).hex()


@contextlib.contextmanager
def seeded_tokens(seed: int) -> Iterator[None]:
    """Order ids are those of a seed."""
    names = vars(regimeswitch.bot.orders.journal)
    before = names["secrets"]
    names["secrets"] = SeededTokens(seed)
    try:
        yield
    finally:
        names["secrets"] = before


def run_schedule(schedule: Schedule, home: Path, candles: Path, guards: bool) -> SimulationEvidence:
    """Run a schedule.

    :param home: an empty folder of its own
    :param candles: of :func:`regimeswitch_lab.fault_matrix.simulation_market.write_markets`
    """
    log, died, watch = home / "bot.log", "", WatchedExits(HOLD)
    with (
        surroundings.logged(log, kept=True),
        surroundings.collected(generation=1),
        watch.listening(),
        moved_clock(BEGIN) as (inner, _),
        seeded_tokens(schedule.seed),
    ):
        clock = SteppedClock(inner)
        market = Market(CandleStore(candles), clock.true_ms)
        trading = Trading(market, {"USDT": WALLET}, credentials=Credentials("simulated", "secret"))
        faults = schedule.faults(BEGIN_MS)
        injection = Injection(clock.true_ms, [one for one in faults if one.kind not in DELAYS], 0.0)
        delays = [one for one in faults if one.kind in DELAYS]
        kills = [one for one in schedule.troubles if isinstance(one, Kill)]
        wire = Wire(clock.sleep, injection, delays, kills, BEGIN_MS + OFF * 1000)
        keys = (trading.credentials.key, trading.credentials.secret)
        with (
            surroundings.moved_pauses(clock),
            ExchangeServer(market, trading=trading, faults=injection, limited=False) as server,
            wire.installed(),
        ):
            case = Case("", live=True)
            bot = write_bot(home, case, server.url, keys, settings(schedule, guards), PATIENCE)
            lives = Lives(Place(schedule, server, trading, clock, wire, watch, bot, guards))
            try:
                with surroundings.bounded(surroundings.CASE_SECONDS):
                    lives.run()
            except (surroundings.DeadError, surroundings.HungError) as error:
                died = f"{error}"
    text = log.read_text(encoding="utf-8")
    return SimulationEvidence(
        bot.database,
        text,
        trading,
        injection,
        died,
        unnotified=watch.found,
        notices=watch.notices,
        digest=wire.digest,
        gone=lives.gone,
    )
