"""The trainings of a running bot: which pair is next, on which window, and how they end."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from freqtrade.configuration import TimeRange
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.misc import parse_db_uri_for_logging
from freqtrade.strategy.interface import IStrategy

from regimeswitch.bot.freqai.model_guard import ModelGuard
from regimeswitch.bot.freqai.pair_histories import PairHistories
from regimeswitch.bot.freqai.shared_training import SharedTraining
from regimeswitch.bot.shutdown import ENDING, TRAINING_SECONDS
from regimeswitch.market.candles import utc_dates


logger = logging.getLogger(__name__)


class LiveTraining:
    """Trainings of one bot, which run one after another in FreqAI's thread.

    :param config: freqtrade's, with the section ``freqai``
    :param drawer: FreqAI's data drawer
    :param shared: the pairs that learn, and the rounds in which they learn together
    :param shares: whether they do
    :ivar pair: that is being trained; empty while none is
    :ivar window: of the training that is, or was last, under way; empty before the first
    :ivar load_range: of the histories that it looks at; None before the first
    """

    def __init__(
        self,
        config: dict[str, Any],
        drawer: Any,
        guard: ModelGuard | None,
        histories: PairHistories,
        shared: SharedTraining,
        shares: bool,
    ) -> None:
        self._config, self._drawer = config, drawer
        self._guard, self._histories = guard, histories
        self._shared, self._shares = shared, shares
        self.pair, self.window = "", TimeRange()
        self.load_range: TimeRange | None = None

    def queue(self, pair: str, queue: deque[str]) -> None:
        """Let a pair wait for its training; FreqAI makes its queue once, of the pairs it knows.

        It looks at the first of the queue alone, so a pair that was never trained goes there.
        """
        if pair in queue:
            return
        if self._drawer.pair_dict[pair]["trained_timestamp"]:
            queue.append(pair)
        else:
            queue.appendleft(pair)

    @contextmanager
    def of(self, pair: str, queue: deque[str]) -> Iterator[None]:
        """Around the training of a pair."""
        guarded = (
            nullcontext()
            if self._guard is None
            else self._guard.training(pair, self._drawer, queue, now)
        )
        self.pair = pair
        try:
            with guarded:
                yield
        finally:
            self.pair = ""

    def prepare(
        self,
        wanted: TimeRange,
        pair: str,
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
        load_range: TimeRange,
    ) -> TimeRange:
        """Whole histories of one date type, and the window; pairs of one round share it.

        Stored and fresh candles carry different UTC objects; joined they become dtype object, and
        every later merge on dates fails.

        :param wanted: the window that FreqAI wants
        :param dk: of ``pair``; learns where the model of the window goes
        """
        self._histories.complete(self._shared.learning_pairs(strategy, pair), strategy.dp)
        with self._drawer.history_lock:
            for frames in self._drawer.historic_data.values():
                for timeframe, frame in frames.items():
                    frames[timeframe] = frame.assign(date=utc_dates(frame["date"]))
        window = wanted
        if self._shares:
            hours = float(self._config["freqai"].get("live_retrain_hours", 0))
            trained = int(self._drawer.pair_dict[pair]["trained_timestamp"])
            window = self._shared.round_window(wanted, trained, hours)
            dk.set_paths(pair, window.stopts)
        self.load_range, self.window = load_range, window
        return window

    def wait(self, threads: list[threading.Thread], models: Path) -> None:
        """At the end of a bot: wait for a training, after a signal not for long.

        :param threads: FreqAI's, which are taken out
        :param models: the folder of its models
        """
        patient = self._config["freqai"].get("wait_for_training_iteration_on_reload", True)
        ended, pair = True, self.pair
        if patient or ENDING.signalled:
            if pair:
                logger.info(f"{pair}: waiting for its training; a second signal ends at once")
            ended = ENDING.wait_for(threads, TRAINING_SECONDS if patient else 0)
            # FreqAI would wait for those that are left.
            threads.clear()
        if not ENDING.signalled:
            return
        broken_off = f"; the training of {pair} was broken off" if pair and not ended else ""
        trades = parse_db_uri_for_logging(self._config["db_url"])
        logger.info(f"stopped: trades are in {trades}, models in {models}{broken_off}")


def now() -> float:
    """Epoch seconds."""
    return datetime.now(UTC).timestamp()
