"""A live bot that is killed at random moments and started again, beside an exchange that lives on.

Run by a case as ``python -m regimeswitch_lab.fault_matrix.kills PLAN.json``. This process has
loaded freqtrade and trades nothing; each bot is a fork of it, so that a start takes no seconds.
"""

import json
import logging
import mmap
import os
import random
import select
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.fault_matrix import scene
from regimeswitch_lab.fault_matrix.cases import CANDLE, Case
from regimeswitch_lab.fault_matrix.cases_changes import changes_of
from regimeswitch_lab.fault_matrix.surroundings import load_worker, logged, moved_pauses
from regimeswitch_lab.fault_matrix.traces import Evidence
from regimeswitch_lab.offline.child import run_counting
from regimeswitch_lab.replay.clock import moved_clock


logger = logging.getLogger(__name__)

LOOP = timedelta(seconds=CANDLE / 2)
# A bot is killed within this time of its first loop, or of its start; seconds of computing.
LONGEST_LIFE, LONGEST_START = 0.8, 0.8
LOOK_SECONDS = 0.002
STARTS = 0.25
"""Share of the kills that fall into the start."""
START_SECONDS = 300.0
SETTLING = 12
"""Loops of the last bot, which enters nothing any more."""
# More candles than bots that live so short can see.
CANDLES_PER_KILL, CANDLES_AT_LEAST = 30, 400
SCHEDULE = {"every": 2 * CANDLE, "hold": CANDLE}
CHANGE = CANDLE // 2
"""From an entry to the change of the position, where there is one, seconds."""


class SharedClock:
    """The present of several processes, in a file.

    :param path: made when it is not there
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 8)

    def __call__(self) -> int:
        """The present in epoch milliseconds."""
        return int(struct.unpack("q", self._memory[:])[0])

    def set(self, now: int) -> None:
        """Move it, never back."""
        if now > self():
            self._memory[:] = struct.pack("q", now)


@dataclass(frozen=True)
class KillPlan:
    """What to do.

    :ivar home: the bot's folder
    :ivar configs: its configuration files
    :ivar database: its database
    :ivar clock: file of the shared clock
    """

    home: str
    configs: list[str]
    database: str
    clock: str
    kills: int
    seed: int

    def write(self, path: Path) -> Path:
        """Write the plan; its path."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path

    @property
    def bot(self) -> scene.Bot:
        """The files of the bot."""
        return scene.Bot(Path(self.home), [Path(one) for one in self.configs], Path(self.database))


def loops(now: int) -> Iterator[datetime]:
    """When a bot looks, from the present on."""
    moment = datetime.fromtimestamp(now // 1000, UTC)
    begin = moment.timestamp() // LOOP.total_seconds() * LOOP.total_seconds() + 1
    at = datetime.fromtimestamp(begin, UTC)
    while True:
        if at > moment:
            yield at
        at += LOOP


def live(plan: KillPlan, ready: int, *, last: bool) -> None:
    """The life of one bot, in a process of its own.

    :param ready: descriptor to write to after the first loop
    :param last: enter nothing and end after some loops
    """
    shared = SharedClock(Path(plan.clock))
    began = datetime.fromtimestamp(shared() / 1000, UTC)
    with logged(plan.bot.home / "bot.log"), moved_clock(began) as (clock, _):
        clock.on_move = lambda: shared.set(time.time_ns() // 1_000_000)
        with moved_pauses(clock):
            worker, state = load_worker(plan.bot, Case("", live=True)), None
            if last:
                worker.freqtrade.strategy.schedule["every"] = 2**40
            for number, moment in enumerate(loops(shared())):
                if moment > clock.now:
                    clock.move_to(moment)
                state = worker._worker(old_state=state)
                if number == 0:
                    os.write(ready, b"!")
                if last and number == SETTLING:
                    break
            worker.freqtrade.cleanup()


def fork(plan: KillPlan, *, last: bool) -> tuple[int, int]:
    """Start a bot; its process and the descriptor on which it tells that it is ready."""
    started, ready = os.pipe()
    number = os.fork()
    if number:
        os.close(ready)
        return number, started
    code = 1
    try:
        live(plan, ready, last=last)
        code = 0
    except BaseException:
        logger.exception("the bot died")
        raise
    finally:
        os._exit(code)


def kill_one(plan: KillPlan, chance: random.Random) -> bool:
    """Start a bot and kill it at a random moment; False when it had died before."""
    in_start = chance.random() < STARTS
    delay = chance.uniform(0, LONGEST_START if in_start else LONGEST_LIFE)
    number, started = fork(plan, last=False)
    try:
        if not in_start:
            select.select([started], [], [], START_SECONDS)
        wait_for_work(number, delay)
        os.kill(number, signal.SIGKILL)
    finally:
        _, status = os.waitpid(number, 0)
        os.close(started)
    return os.WIFSIGNALED(status)


def wait_for_work(process: int, seconds: float) -> None:
    """Return once a process has computed that long from now on, or has ended.

    Not by the clock: on a busy machine a bot would be killed before it had traded.
    """
    until = worked(process)[1] + seconds
    while True:
        state, sum_of = worked(process)
        if state == "Z" or sum_of >= until:
            break
        time.sleep(LOOK_SECONDS)
    # The system counts in hundredths; the rest is left to chance as well.
    time.sleep(seconds % 0.01)


def worked(process: int) -> tuple[str, float]:
    """State of a process, and the seconds that it has computed so far, as Linux tells them."""
    # The name, in brackets, may hold anything.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return fields[0], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(path: Path) -> int:
    """Kill as planned, then let the last bot put everything in order; 0 when it could."""
    plan = KillPlan(**json.loads(path.read_text(encoding="utf-8")))
    chance = random.Random(plan.seed)
    done = 0
    while done < plan.kills:
        if not kill_one(plan, chance):
            return 1
        done += 1
        print(done, flush=True)
    number, started = fork(plan, last=True)
    _, status = os.waitpid(number, 0)
    os.close(started)
    return os.waitstatus_to_exitcode(status)


def killed_case(case: Case, home: Path, guards: bool, progress: Callable[[int], None]) -> Evidence:
    """Kill and start a bot as often as the case says.

    :param progress: called with the number of kills done
    """
    kills, seed = map(int, case.what.split())
    candles = scene.write_candles(
        home / "candles", scene.QUIET + CANDLES_AT_LEAST + CANDLES_PER_KILL * kills
    )
    shared = SharedClock(home / "clock")
    shared.set(int(scene.BEGIN.timestamp() * 1000))
    market = Market(CandleStore(candles), shared)
    trading = Trading(market, {"USDT": scene.WALLET})
    keys = (trading.credentials.key, trading.credentials.secret)
    injection = Injection(shared)
    config: dict[str, Any] = scene.configuration(case, guards)
    # A loop before the exit.
    changes = [(CHANGE, share) for _, share in changes_of(case.variant)]
    config["schedule"] |= {**SCHEDULE, "changes": changes}
    with ExchangeServer(market, trading=trading, limited=False) as server:
        bot = scene.write_bot(home, case, server.url, keys, config)
        plan = KillPlan(
            home=str(home),
            configs=[str(path) for path in bot.configs],
            database=str(bot.database),
            clock=str(home / "clock"),
            kills=kills,
            seed=seed,
        )
        died = _run(plan, home, progress)
    log = home / "bot.log"
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    return Evidence(bot.database, text, trading, injection, died)


def _run(plan: KillPlan, home: Path, progress: Callable[[int], None]) -> str:
    """Let the bots live and die; what went wrong, empty when nothing did."""
    written = plan.write(home / "kills.json")
    module = "regimeswitch_lab.fault_matrix.kills"
    done, code = run_counting(module, written, home / "kills.log", progress)
    return f"a bot died by itself after {done} kills (exit code {code})" if code else ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
