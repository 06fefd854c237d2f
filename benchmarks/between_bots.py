"""What a model bot and a trading bot add to an analysis: the text of a frame, written and read.

``python benchmarks/between_bots.py`` prints CPU seconds and bytes of one pair, medians of nine, for
a frame as wide as that of a model bot of config.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.misc import dataframe_to_json, json_to_dataframe

from regimeswitch.bot.freqai.columns import SENT_COLUMN
from regimeswitch.bot.model_bots.model_rows import (
    SENT_CANDLES,
    Maker,
    model_columns,
    read,
    written,
)
from regimeswitch.bot.output_columns import OUTPUT_COLUMNS
from regimeswitch.settings import load_settings


def model_frame(candles: int) -> pd.DataFrame:
    """A frame with every column of a candle, of random numbers."""
    random = np.random.default_rng(1)
    names = ["open", "high", "low", "close", "volume", *(one.name for one in OUTPUT_COLUMNS)]
    values = random.normal(size=(candles, len(names)))
    frame = pd.DataFrame(values, columns=names).drop(columns=SENT_COLUMN)
    dates = pd.date_range("2025-01-01", periods=candles, freq="5min", tz="UTC")
    return frame.assign(date=dates.as_unit("ms"), regime="bull")


def seconds(work: Callable[[], Any]) -> float:
    """CPU seconds of a piece of work, median of nine."""
    found = []
    for _ in range(9):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return median(found)


def figures() -> dict[str, float]:
    """By name: seconds and bytes of one pair."""
    config = json.loads((Path(__file__).resolve().parents[1] / "config.json").read_text())
    names = model_columns(config, load_settings(config["regimeswitch"]))
    frame, maker = model_frame(2 * SENT_CANDLES), Maker("0.0", "00000000")
    frame[SENT_COLUMN] = written(frame, names, maker)
    whole = dataframe_to_json(frame.tail(SENT_CANDLES).copy())
    texts = frame[SENT_COLUMN].tail(SENT_CANDLES).tolist()
    return {
        "bytes_candle": len(dataframe_to_json(frame.tail(1).copy())),
        "bytes_connection": len(whole),
        "seconds_write": seconds(lambda: written(frame, names, maker)),
        "seconds_read": seconds(lambda: [read(text, len(names)) for text in texts]),
        "seconds_json": seconds(lambda: json_to_dataframe(whole))
        + seconds(lambda: dataframe_to_json(frame.tail(SENT_CANDLES).copy())),
    }


def main() -> None:
    """Print the figures; ``--export`` writes them as JSON too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--export", type=Path)
    path = parser.parse_args().export
    found = figures()
    for name, value in found.items():
        print(f"{name:18} {value:.4g}")
    if path is not None:
        path.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
