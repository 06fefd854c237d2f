"""What a run decided: written line by line, so that a killed run leaves it too."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.market.candles import utc_dates


Floats32 = NDArray[np.float32]
Key = tuple[str, int]
"""Pair, and opening time of a candle or end of a training window in epoch milliseconds."""
CANDLE, FEATURES, NAMES, TRAINING = "candle", "features", "names", "training"
NOT_DECISIONS = ("_mean", "_std")
PRICES = ("high_price", "low_price", "close_price", "date_pred", "date")
"""Columns in which FreqAI keeps the candle beside its live predictions."""


@dataclass
class Records:
    """What one run decided.

    :param candles: columns of the analysed frame by candle; a list, for a candle can be analysed
        again after a restart
    :param features: what the model was asked, in single precision, as it sees it
    :param names: of the features, by pair
    :param trainings: digest of each trained model, and its rows
    """

    candles: dict[Key, list[dict[str, Any]]] = field(default_factory=dict)
    features: dict[Key, list[Floats32]] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    trainings: dict[Key, str] = field(default_factory=dict)


class Recorder:
    """Writes what is watched to a file, one line per fact.

    :param path: appended to
    :param last_row: only the last row of a frame is news, as in a live bot
    """

    def __init__(self, path: Path, *, last_row: bool) -> None:
        self._stream: TextIO = path.open("a", encoding="utf-8", buffering=1)
        self._last_row = last_row
        self._names: set[str] = set()

    def analysed(self, frame: pd.DataFrame, pair: str) -> None:
        """Columns of a frame whose signals are complete."""
        kept = [name for name in frame.columns if not name.endswith(NOT_DECISIONS)]
        kept = [name for name in kept if name not in PRICES]
        rows = frame.iloc[-1:] if self._last_row else frame
        columns = [rows[name].tolist() for name in kept]
        for at, *values in zip(_milliseconds(rows["date"]), *columns, strict=True):
            self._write(CANDLE, pair, at, dict(zip(kept, map(_plain, values), strict=True)))

    def asked(self, frame: pd.DataFrame, pair: str, names: list[str]) -> None:
        """Features of the rows that a model is asked about."""
        rows = frame.iloc[-1:] if self._last_row else frame
        if pair not in self._names:
            self._names.add(pair)
            self._write(NAMES, pair, 0, names)
        matrix = rows[names].to_numpy(dtype=np.float32)
        for at, row in zip(_milliseconds(rows["date"]), matrix, strict=True):
            self._write(FEATURES, pair, at, base64.b64encode(row.tobytes()).decode())

    def trained(self, model: Any, pair: str, stop: int) -> None:
        """A model, by a digest of all that it consists of.

        :param stop: end of its training window, epoch seconds
        """
        self._write(TRAINING, pair, stop * 1000, model_digest(model))

    def close(self) -> None:
        """Close the file; a process that ends need not."""
        self._stream.close()

    def _write(self, kind: str, pair: str, at: int, content: Any) -> None:
        line = json.dumps([kind, pair, at, content], separators=(",", ":"))
        self._stream.write(line + "\n")


def model_digest(model: Any) -> str:
    """Digest of a fitted model; equal models, trained in different processes, give equal ones."""
    return hashlib.sha256(joblib.hash(model).encode()).hexdigest()[:16]


def _milliseconds(dates: pd.Series) -> list[int]:
    times: list[int] = utc_dates(dates).astype("int64").tolist()
    return times


def _plain(value: Any) -> Any:
    """As JSON has it; whatever counts as missing is null."""
    return None if value is None or value is pd.NA or value != value else value


def read_records(paths: list[Path]) -> Records:
    """Records of one run, written by one or more processes one after the other.

    A last line that was cut off by a kill is passed over.
    """
    found = Records()
    put: Mapping[str, Callable[[Key, Any], None]] = {
        CANDLE: lambda key, content: found.candles.setdefault(key, []).append(content),
        FEATURES: lambda key, content: found.features.setdefault(key, []).append(_row(content)),
        NAMES: lambda key, content: found.names.update({key[0]: content}),
        TRAINING: lambda key, content: found.trainings.update({key: content}),
    }
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                kind, pair, at, content = json.loads(line)
                put[kind]((pair, at), content)
    return found


def _row(text: str) -> Floats32:
    return np.frombuffer(base64.b64decode(text), dtype=np.float32)
