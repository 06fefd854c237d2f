"""One process of a replay: ``freqtrade trade`` itself, led through history by a moved clock.

Run by the command as ``python -m regimeswitch_lab.replay.bot_process PLAN.json``. freqtrade's own
Worker and FreqtradeBot run, with SQLite, FreqAI's training thread and an exchange over HTTP; only
the pauses between two loops are replaced. Per candle: one loop a second after it has closed, then
the trainings that are due, exactly on the boundary as in a backtest, and as long as a position is
open a loop every few seconds.
"""

import logging
import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from freqtrade.exchange import timeframe_to_seconds
from freqtrade.main import main as freqtrade
from freqtrade.persistence import Trade
from freqtrade.worker import Worker

from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.replay.clock import MovedClock, ScanGate, moved_clock
from regimeswitch_lab.replay.plan import ReplayPlan
from regimeswitch_lab.replay.records import Recorder
from regimeswitch_lab.replay.sabotage import preparation, training_delay
from regimeswitch_lab.replay.watch import watch


logger = logging.getLogger(__name__)

AFTER_CLOSE = timedelta(seconds=1)
"""freqtrade's own offset: a loop comes this long after a candle has closed."""


class ReplayDrive:
    """Leads one bot from candle to candle.

    :param clock: the process's clock
    :param gate: of FreqAI's scan
    """

    def __init__(self, plan: ReplayPlan, clock: MovedClock, gate: ScanGate) -> None:
        self.plan = plan
        self.clock = clock
        self.gate = gate
        self.late = timedelta(seconds=training_delay(plan.sabotage))

    def __call__(self, worker: Worker) -> None:
        """Stands in for :meth:`Worker.run`."""
        worker._sleep = lambda seconds: None
        candle = timedelta(seconds=timeframe_to_seconds(worker._config["timeframe"]))
        closed = _floor(self.clock.now, candle)
        state = None
        while closed.timestamp() <= self.plan.stop:
            on_time = self.clock.now == closed + AFTER_CLOSE
            state = worker._worker(old_state=state)
            last = closed.timestamp() == self.plan.stop
            # A model that begins where the range ends answers nothing in it.
            if on_time and not (last and self.plan.final):
                self._train_what_is_due(worker, closed)
            until = closed + (timedelta(seconds=self.plan.pause) if last else candle)
            state = self._watch_positions(worker, state, closed, until)
            print(int(closed.timestamp()), flush=True)
            closed += candle
            self.clock.move_to(until if last else closed + AFTER_CLOSE)
        os.kill(os.getpid(), signal.Signals[self.plan.signal])
        signal.pause()

    def _train_what_is_due(self, worker: Worker, closed: datetime) -> None:
        """FreqAI's thread trains; the clock stands on the candle's close meanwhile."""
        freqai = worker.freqtrade.strategy.freqai
        if not getattr(freqai, "scanning", False):
            return
        self.clock.move_to(closed + self.late)
        while True:
            before = _trained(freqai)
            self.gate.one_pass()
            if _trained(freqai) == before:
                break
        self.clock.move_to(closed + AFTER_CLOSE)

    def _watch_positions(
        self, worker: Worker, state: Any, closed: datetime, until: datetime
    ) -> Any:
        """Loops inside a candle for as long as there is a position that could end."""
        step = timedelta(seconds=self.plan.loop_seconds)
        moment = closed + step
        while moment < until and Trade.get_open_trade_count():
            if moment > self.clock.now:
                self.clock.move_to(moment)
                state = worker._worker(old_state=state)
            moment += step
        return state


def _floor(moment: datetime, step: timedelta) -> datetime:
    seconds = int(moment.timestamp()) // int(step.total_seconds()) * int(step.total_seconds())
    return datetime.fromtimestamp(seconds, moment.tzinfo)


def _trained(freqai: Any) -> dict[str, int]:
    return {pair: int(info["trained_timestamp"]) for pair, info in freqai.dd.pair_dict.items()}


def _train_no_more(worker: Worker) -> None:
    """FreqAI's thread looks at its queue once more before it ends: it finds nothing there."""
    queue = getattr(worker.freqtrade.strategy.freqai, "train_queue", None)
    if queue is not None:
        queue.clear()


def main(path: Path) -> None:
    """Run one stretch and end as the plan says."""
    plan = ReplayPlan.read(path)
    recorder = Recorder(Path(plan.records), last_row=True)
    watch(recorder, preparation(plan.sabotage))
    with (
        moved_clock(plan.began) as (clock, gate),
        ExchangeServer(plan.market(), limited=False) as server,
    ):
        drive = ReplayDrive(plan, clock, gate)

        def run(worker: Worker) -> None:
            try:
                drive(worker)
            finally:
                _train_no_more(worker)
                gate.open()

        Worker.run = run
        freqtrade([*plan.arguments, "--config", str(plan.exchange_overlay(server.url))])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
