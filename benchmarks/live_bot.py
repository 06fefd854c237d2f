"""One bot of a benchmark: ``freqtrade trade`` itself on paper, led from candle to candle.

Run as ``python -m benchmarks.live_bot PLAN.json``. The bot's own worker, database, exchange client
and training thread run; only its pauses are replaced, and its clock is moved. The exchange is
another process that follows the clock, so that neither its time nor its memory is the bot's.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freqtrade.main import main as freqtrade
from freqtrade.worker import Worker

from benchmarks.live_plan import LiveFindings, LivePlan
from regimeswitch_lab.fault_matrix.kills import SharedClock
from regimeswitch_lab.replay.clock import MovedClock, ScanGate, moved_clock


CANDLE = timedelta(minutes=5)
AFTER_CLOSE = timedelta(seconds=1)
"""freqtrade's own offset between the close of a candle and its loop."""


class LedBot:
    """Stands in for ``Worker.run``: the bot's loop once a candle, then the end of the bot.

    :ivar analysed: CPU seconds of the analysis, by candle; those of all threads
    :ivar looped: CPU seconds of the whole loop, by candle
    """

    def __init__(self, plan: LivePlan, clock: MovedClock, gate: ScanGate) -> None:
        self.plan = plan
        self.clock = clock
        self.gate = gate
        self.analysed: list[float] = []
        self.looped: list[float] = []

    def __call__(self, worker: Worker) -> None:
        """Lead the bot; its findings are written at the end."""
        worker._sleep = lambda seconds: None
        strategy = worker.freqtrade.strategy
        closed = datetime.fromtimestamp(self.plan.start, UTC)
        state, round_seconds = worker._worker(old_state=None), 0.0
        if self.plan.trains:
            begin = time.process_time()
            self._train(worker.freqtrade.active_pair_whitelist, closed)
            round_seconds = time.process_time() - begin
        # The first loop also loads, and asks the exchange for all candles.
        self._watch(strategy)
        for number in range(1, self.plan.candles + 1):
            self.clock.move_to(closed + number * CANDLE + AFTER_CLOSE)
            begin = time.process_time()
            state = worker._worker(old_state=state)
            self.looped.append(time.process_time() - begin)
        pairs = worker.freqtrade.active_pair_whitelist
        predicted = sum(_is_predicted(strategy.dp, pair, strategy.timeframe) for pair in pairs)
        findings = LiveFindings(self.analysed, self.looped, round_seconds, predicted)
        findings.write(Path(self.plan.out))
        strategy.freqai.train_queue.clear()

    def _train(self, pairs: list[str], closed: datetime) -> None:
        """Every pair once; the clock stands on the close of the candle meanwhile."""
        self.clock.move_to(closed)
        for _ in pairs:
            self.gate.one_pass()
        self.clock.move_to(closed + AFTER_CLOSE)

    def _watch(self, strategy: Any) -> None:
        analyse = strategy.analyze

        def watched(pairs: list[str]) -> None:
            begin = time.process_time()
            analyse(pairs)
            self.analysed.append(time.process_time() - begin)

        strategy.analyze = watched


def _is_predicted(dataprovider: Any, pair: str, timeframe: str) -> bool:
    frame, _ = dataprovider.get_analyzed_dataframe(pair, timeframe)
    return bool(len(frame) and frame["do_predict"].iloc[-1] == 1)


def main(path: Path) -> None:
    """Run the bot; the exit code is freqtrade's."""
    plan = LivePlan.read(path)
    shared = SharedClock(Path(plan.clock))
    began = datetime.fromtimestamp(plan.start, UTC) + AFTER_CLOSE
    with moved_clock(began) as (clock, gate):
        clock.on_move = lambda: shared.set(clock.milliseconds())
        clock.on_move()
        led = LedBot(plan, clock, gate)

        def run(worker: Worker) -> None:
            try:
                led(worker)
            finally:
                gate.open()

        Worker.run = run
        freqtrade(plan.arguments)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
