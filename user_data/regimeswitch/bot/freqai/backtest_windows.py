"""The windows of a backtest: on these candles, and on no others that FreqAI may have kept.

A window in which a pair has no candle is left out, so that a pair may begin or end inside the
range. Models and predictions of other candles are thrown away before FreqAI reuses them: it finds
them by identifier, pair and date alone, so a backtest on other candles (another data folder, a
corrected download) would silently get the old market's answers.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy

from regimeswitch.bot.freqai.model_versions import is_of_other_version
from regimeswitch.market.candles import OHLCV


logger = logging.getLogger(__name__)

_RECORD = "candles.json"


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

    def drop_stale(self) -> None:
        """Remove what another version, or this one on other candles, has trained or predicted.

        A change of the candles that are predicted costs the predictions only, not the model.
        """
        for folder, predictions, now in self._each():
            if not folder.is_dir() and not predictions.is_file():
                continue
            record = folder / _RECORD
            then = json.loads(record.read_text()) if record.is_file() else {}
            if is_of_other_version(folder):
                then = {}
            elif then.get("training") != now["training"]:
                logger.info(
                    f"{self._pair}: {folder.name} was trained on other candles; training it again"
                )
            if then.get("training") != now["training"]:
                shutil.rmtree(folder, ignore_errors=True)
            if then != now:
                predictions.unlink(missing_ok=True)

    def remember(self) -> None:
        """Write beside each model which candles it knows."""
        for folder, _, now in self._each():
            if folder.is_dir():
                (folder / _RECORD).write_text(json.dumps(now))

    def _each(self) -> Iterator[tuple[Path, Path, dict[str, str]]]:
        """Model folder, file of predictions and digests of the candles of each window."""
        dk = self._dk
        for training, test in zip(dk.training_timeranges, dk.backtesting_timeranges, strict=False):
            dk.set_new_model_names(self._pair, int(training.stopts))
            name = f"{dk.model_filename}_prediction.feather"
            predictions = Path(dk.full_path) / dk.backtest_predictions_folder / name
            frames = (self._candles, *self._others.values())
            trained = " ".join(_digest(candles, training) for candles in frames)
            digests = {"training": trained, "backtest": _digest(self._candles, test)}
            yield Path(dk.data_path), predictions, digests


def _digest(frame: pd.DataFrame, timerange: TimeRange) -> str:
    inside = (frame["date"] >= timerange.startdt) & (frame["date"] < timerange.stopdt)
    hashes = pd.util.hash_pandas_object(frame.loc[inside, OHLCV], index=False)
    return hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest()[:16]


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
