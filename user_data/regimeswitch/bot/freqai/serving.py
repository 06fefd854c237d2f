"""The class behind RegimeSwitchClassifier and RegimeSwitchRegressor: live serving and training."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.enums import RunMode
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.misc import parse_db_uri_for_logging
from freqtrade.strategy.interface import IStrategy

from regimeswitch.bot.freqai.backtested import BacktestedModel
from regimeswitch.bot.freqai.fast_merge import join_quickly
from regimeswitch.bot.freqai.rounds import adopt
from regimeswitch.bot.messages.messenger import Messenger
from regimeswitch.bot.shutdown import ENDING, TRAINING_SECONDS
from regimeswitch.market.candles import utc_dates


logger = logging.getLogger(__name__)


class RegimeFreqaiModel(BacktestedModel):
    """What both models share; the parts of backtests and training are inherited."""

    _threads: list[threading.Thread]
    in_training = ""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        ENDING.install()

    def build_strategy_return_arrays(
        self, dataframe: pd.DataFrame, dk: FreqaiDataKitchen, pair: str, trained_timestamp: int
    ) -> None:
        """Live predictions; the first candle after a start is served like every other.

        Stock FreqAI only fills its history with it, and leaves its ``do_predict`` at 0.
        """
        first = pair not in self.dd.model_return_values
        adopted = self.rounds.adopted.get(pair)
        if adopted is None and not trained_timestamp:
            # Its own first training has ended, in FreqAI's thread, since the candle was begun.
            trained_timestamp = int(self.dd.pair_dict[pair]["trained_timestamp"])
        trained_timestamp = adopted or trained_timestamp
        super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)
        if first:
            super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)

    def start_live(
        self,
        dataframe: pd.DataFrame,
        metadata: dict[str, Any],
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
    ) -> FreqaiDataKitchen:
        """Live serving; a pair without a model of its own is served by the other pairs'."""
        pair = metadata["pair"]
        join_quickly(dk)
        self.total_pairs = len(strategy.dp.current_whitelist())
        _, trained = self.dd.get_pair_dict_info(pair)
        if self.guard is not None:
            self.guard.listen(Messenger.of(strategy).alarms("model"))
            expires = float(self.freqai_info.get("expiration_hours", 0))
            self.guard.look(pair, self.rounds.adopted.get(pair, trained), expires, _now())
        if self.guard is None or self.guard.may_train(pair, _now()):
            self._queue(pair)
        self.histories.prepare(pair, dk, strategy.dp)
        if self.shares:
            adopt(pair, self.dd, self.config, self.rounds)
        return super().start_live(dataframe, metadata, strategy, dk)

    def _queue(self, pair: str) -> None:
        """Let a pair wait for its training; FreqAI makes its queue once, of the pairs it knows.

        It looks at the first of the queue alone, so a pair that was never trained goes there.
        """
        if pair in self.train_queue:
            return
        if self.dd.pair_dict[pair]["trained_timestamp"]:
            self.train_queue.append(pair)
        else:
            self.train_queue.appendleft(pair)

    def extract_data_and_train_model(
        self,
        new_trained_timerange: TimeRange,
        pair: str,
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
        data_load_timerange: TimeRange,
    ) -> None:
        """Live training; one that fails costs nothing but a pause before the next.

        FreqAI would try it again every second; a pair that pauses is not in its queue.
        """
        arguments = (new_trained_timerange, pair, strategy, dk, data_load_timerange)
        self.in_training = pair
        try:
            if self.guard is None:
                self._train_live(*arguments)
                return
            with self.guard.training(pair, self.dd, self.train_queue, _now):
                self._train_live(*arguments)
        finally:
            self.in_training = ""

    def _train_live(
        self,
        wanted: TimeRange,
        pair: str,
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
        data_load_timerange: TimeRange,
    ) -> None:
        """Pairs of one round share its window; all candles get one date type.

        Stored and fresh candles carry different UTC objects; joined they become dtype object, and
        every later merge on dates fails.
        """
        self.histories.complete(self.learning_pairs(strategy, pair), strategy.dp)
        with self.dd.history_lock:
            for frames in self.dd.historic_data.values():
                for timeframe, frame in frames.items():
                    frames[timeframe] = frame.assign(date=utc_dates(frame["date"]))
        window = wanted
        if self.shares:
            hours = float(self.freqai_info.get("live_retrain_hours", 0))
            trained = int(self.dd.pair_dict[pair]["trained_timestamp"])
            window = self.rounds.joined(wanted, trained, hours)
            dk.set_paths(pair, window.stopts)
        self.load_range, self.live_window = data_load_timerange, window
        join_quickly(dk)
        super().extract_data_and_train_model(window, pair, strategy, dk, data_load_timerange)
        self.rounds.adopted.pop(pair, None)

    def _on_stop(self) -> None:
        """Predictions first; then a training is waited for, after a signal not for long.

        FreqAI would wait for it in any case, and Python once more at the end of the process.
        """
        super()._on_stop()
        if self.config["runmode"] not in (RunMode.DRY_RUN, RunMode.LIVE):
            return
        patient = self.freqai_info.get("wait_for_training_iteration_on_reload", True)
        ended, pair = True, self.in_training
        if patient or ENDING.signalled:
            if pair:
                logger.info(f"{pair}: waiting for its training; a second signal ends at once")
            ended = ENDING.wait_for(self._threads, TRAINING_SECONDS if patient else 0)
            # FreqAI would wait for those that are left.
            self._threads.clear()
        if not ENDING.signalled:
            return
        broken_off = f"; the training of {pair} was broken off" if pair and not ended else ""
        trades = parse_db_uri_for_logging(self.config["db_url"])
        logger.info(f"stopped: trades are in {trades}, models in {self.full_path}{broken_off}")


def _now() -> float:
    return datetime.now(UTC).timestamp()
