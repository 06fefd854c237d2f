"""Backtest models and predictions of other candles are thrown away before FreqAI reuses them.

FreqAI finds them by identifier, pair and date alone, so a backtest on other candles (another data
folder, a corrected download) would silently get the old market's answers.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from regimeswitch.market.candles import OHLCV


logger = logging.getLogger(__name__)

_RECORD = "candles.json"


def drop_stale(
    frame: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, others: Mapping[str, pd.DataFrame]
) -> None:
    """Remove what was trained on, or predicted for, other candles than these.

    A change of the candles that are predicted costs the predictions only, not the model.

    :param frame: base candles of ``pair``, training and backtest range
    :param others: candles of the other pairs that are trained with it
    """
    for folder, predictions, now in _windows(frame, pair, dk, others):
        if not folder.is_dir() and not predictions.is_file():
            continue
        record = folder / _RECORD
        then = json.loads(record.read_text()) if record.is_file() else {}
        if then.get("training") != now["training"]:
            logger.info(f"{pair}: {folder.name} was trained on other candles; training it again")
            shutil.rmtree(folder, ignore_errors=True)
        if then != now:
            predictions.unlink(missing_ok=True)


def remember_candles(
    frame: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, others: Mapping[str, pd.DataFrame]
) -> None:
    """Write beside each model which candles it knows; arguments of :func:`drop_stale`."""
    for folder, _, now in _windows(frame, pair, dk, others):
        if folder.is_dir():
            (folder / _RECORD).write_text(json.dumps(now))


def _windows(
    frame: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, others: Mapping[str, pd.DataFrame]
) -> Iterator[tuple[Path, Path, dict[str, str]]]:
    for training, backtest in zip(dk.training_timeranges, dk.backtesting_timeranges, strict=False):
        dk.set_new_model_names(pair, int(training.stopts))
        name = f"{dk.model_filename}_prediction.feather"
        predictions = Path(dk.full_path) / dk.backtest_predictions_folder / name
        known = [_digest(candles, training) for candles in (frame, *others.values())]
        digests = {"training": " ".join(known), "backtest": _digest(frame, backtest)}
        yield Path(dk.data_path), predictions, digests


def _digest(frame: pd.DataFrame, timerange: TimeRange) -> str:
    inside = (frame["date"] >= timerange.startdt) & (frame["date"] < timerange.stopdt)
    hashes = pd.util.hash_pandas_object(frame.loc[inside, OHLCV], index=False)
    return hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest()[:16]
