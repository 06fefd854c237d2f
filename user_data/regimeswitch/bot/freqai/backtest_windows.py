"""The windows of a backtest: on these candles, and on no others that FreqAI may have kept.

A window in which a pair has no candle is left out, so that a pair may begin or end inside the
range. Models and predictions of other candles are thrown away before FreqAI reuses them: it finds
them by identifier, pair and date alone, so a backtest on other candles (another data folder, a
corrected download) would silently get the old market's answers.

Which candles a window knows is written beside its model once model and predictions are on the disk,
window by window. So a backtest that was broken off goes on where it was, and nothing that it had
begun to write is ever found.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy

from regimeswitch.bot.freqai.model_files import DamagedFileError, read_json
from regimeswitch.bot.freqai.model_versions import is_of_other_version
from regimeswitch.bot.patches import Make
from regimeswitch.bot.whole_files import make_durable, replacing
from regimeswitch.market.candles import OHLCV


logger = logging.getLogger(__name__)

_RECORD = "candles.json"


@dataclass(frozen=True)
class StoredWindow:
    """Where FreqAI keeps one window of a pair, and the candles that it is about.

    :ivar stamp: end of the training, epoch seconds
    :ivar filename: FreqAI's, that the names of its files begin with
    :ivar folder: of the model
    :ivar predictions: file of the predictions
    :ivar candles: digests of the candles that the training and the predictions are made of
    """

    stamp: int
    filename: str
    folder: Path
    predictions: Path
    candles: Mapping[str, str]

    def known(self) -> dict[str, str]:
        """The candles that what is on the disk was made of; empty when it is not whole."""
        record = self.folder / _RECORD
        if not record.is_file() or is_of_other_version(self.folder):
            return {}
        try:
            return read_json(record)
        except DamagedFileError:
            return {}

    def is_done(self) -> bool:
        """Whether a backtest finds the predictions of this window, and has nothing to train."""
        return self.predictions.is_file() and self.known() == self.candles

    def remember(self) -> None:
        """Write down the candles, the last thing that is done about a window."""
        for path in (*self.folder.iterdir(), self.predictions):
            make_durable(path)
        with replacing(self.folder / _RECORD) as fresh:
            fresh.write_text(json.dumps(self.candles))


class BacktestWindows:
    """The windows of one pair, which FreqAI's data kitchen holds.

    :param candles: base candles of ``pair``, training and backtest range
    :param others: those of the other pairs that are trained with it
    :param dk: of the pair; its lists of windows are changed
    """

    def __init__(
        self,
        pair: str,
        candles: pd.DataFrame,
        others: Mapping[str, pd.DataFrame],
        dk: FreqaiDataKitchen,
    ) -> None:
        self._pair, self._candles, self._others, self._dk = pair, candles, others, dk

    def include_the_end(self, candle_seconds: int) -> None:
        """Let the last window end with the candle at the end of the range."""
        if self._dk.backtesting_timeranges:
            self._dk.backtesting_timeranges[-1].stopts += candle_seconds

    def leave_out_empty(self) -> None:
        """Take the windows out in which the pair has no candle to predict.

        Nothing is known of them, and a learner cannot be asked about no row. A line of the log
        says where the pair begins or ends.
        """
        dk, dates = self._dk, self._candles["date"]
        kept = []
        for training, test in zip(dk.training_timeranges, dk.backtesting_timeranges, strict=False):
            if ((dates >= test.startdt) & (dates < test.stopdt)).any():
                kept.append((training, test))
        out = len(dk.backtesting_timeranges) - len(kept)
        if out:
            logger.warning(
                f"{self._pair}: has candles from {dates.iloc[0]:%Y-%m-%d %H:%M} to "
                f"{dates.iloc[-1]:%Y-%m-%d %H:%M} only and is left out of {out} of "
                f"{len(dk.backtesting_timeranges)} backtest windows"
            )
        dk.training_timeranges = [training for training, _ in kept]
        dk.backtesting_timeranges = [test for _, test in kept]

    def keep_only(self, stamps: Collection[int]) -> None:
        """Take out all windows but those whose training ends at one of these moments.

        :param stamps: epoch seconds
        """
        dk = self._dk
        pairs = zip(dk.training_timeranges, dk.backtesting_timeranges, strict=False)
        kept = [(training, test) for training, test in pairs if training.stopts in stamps]
        dk.training_timeranges = [training for training, _ in kept]
        dk.backtesting_timeranges = [test for _, test in kept]

    @cached_property
    def stored(self) -> list[StoredWindow]:
        """The windows on the disk; asked for first when the lists of windows are what they will be.

        FreqAI changes the time ranges in those lists while it trains, where it cuts a buffer off.
        """
        return list(self._stored())

    def drop_stale(self) -> None:
        """Remove what another version, or this one on other candles, has trained or predicted.

        A change of the candles that are predicted costs the predictions only, not the model.
        """
        for window in self.stored:
            folder = window.folder
            if not folder.is_dir() and not window.predictions.is_file():
                continue
            then = window.known()
            if then.get("training") != window.candles["training"]:
                if then:
                    logger.info(
                        f"{self._pair}: {folder.name} was trained on other candles; training it "
                        "again"
                    )
                shutil.rmtree(folder, ignore_errors=True)
            if then != window.candles:
                window.predictions.unlink(missing_ok=True)

    def saving(self, trained: Callable[[], bool]) -> Make:
        """Let FreqAI write the predictions of a window whole, and remember the window with them.

        :param trained: whether the window has a model; without one nothing is kept
        :return: for the kitchen's ``save_backtesting_prediction``
        """
        dk, by_file = self._dk, {one.predictions: one for one in self.stored}

        def make(save: Callable[[pd.DataFrame], None]) -> Callable[[pd.DataFrame], None]:
            def whole(append_df: pd.DataFrame) -> None:
                if not trained():
                    return
                path = Path(dk.backtesting_results_path)
                path.parent.mkdir(parents=True, exist_ok=True)
                with replacing(path) as fresh:
                    dk.backtesting_results_path = fresh
                    try:
                        save(append_df)
                    finally:
                        dk.backtesting_results_path = path
                by_file[path].remember()

            return whole

        return make

    def _stored(self) -> Iterator[StoredWindow]:
        dk = self._dk
        own = CandleDigests(self._candles)
        frames = [own, *map(CandleDigests, self._others.values())]
        for training, test in zip(dk.training_timeranges, dk.backtesting_timeranges, strict=False):
            dk.set_new_model_names(self._pair, int(training.stopts))
            name = f"{dk.model_filename}_prediction.feather"
            predictions = Path(dk.full_path) / dk.backtest_predictions_folder / name
            trained = " ".join(candles.of(training) for candles in frames)
            digests = {"training": trained, "backtest": own.of(test)}
            stamp, filename = int(training.stopts), str(dk.model_filename)
            yield StoredWindow(stamp, filename, Path(dk.data_path), predictions, digests)


class CandleDigests:
    """Digests of the candles of a pair in one window after another; each is hashed once.

    :param frame: candles, in any order
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._dates = frame["date"]
        self._hashes = pd.util.hash_pandas_object(frame[OHLCV], index=False).to_numpy()

    def of(self, timerange: TimeRange) -> str:
        """Of the candles from the start of a time range up to, and without, its stop."""
        inside = (self._dates >= timerange.startdt) & (self._dates < timerange.stopdt)
        return hashlib.sha256(self._hashes[inside.to_numpy()].tobytes()).hexdigest()[:16]


def without_predictions(
    candles: pd.DataFrame, metadata: dict[str, Any], dk: FreqaiDataKitchen, strategy: IStrategy
) -> pd.DataFrame:
    """Candles with all columns that FreqAI would have filled, at zero."""
    labelled = strategy.set_freqai_targets(candles.copy(), metadata=metadata)
    dk.get_unique_classes_from_labels(labelled)
    names = dict.fromkeys([*dk.label_list, *dk.unique_class_list])
    columns = [f"{name}{ending}" for name in names for ending in ("", "_mean", "_std")]
    empty: pd.DataFrame = candles.assign(**dict.fromkeys(columns, 0.0), DI_values=0.0, do_predict=0)
    return empty
