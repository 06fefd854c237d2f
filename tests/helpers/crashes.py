"""Markets that crash, and their candle files, for position mode."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from frames import candle_frame
from regimeswitch.market.candles import resample


PAIRS = ("BTC/USDT", "ETH/USDT")


def with_files_of(market: Path, timeframe: str, folder: Path) -> Path:
    """The market with candle files of another base timeframe."""
    shutil.copytree(market, folder)
    for path in [] if timeframe == "5m" else folder.glob("*-5m.feather"):
        longer = path.with_name(path.name.replace("-5m", f"-{timeframe}"))
        resample(pd.read_feather(path), timeframe, "5m").to_feather(longer)
    return folder


def crashing(folder: Path, noise: float = 0.0) -> Path:
    """Pairs that rise steadily; one falls by half within a candle and goes on rising.

    :param noise: of each close until some days before the fall, fraction
    """
    folder.mkdir()
    rows = 288 * 60
    for number, name in enumerate(("BTC_USDT", "ETH_USDT")):
        frame = candle_frame(rows, number, start="2024-11-01")
        rise = np.exp(np.linspace(0, 1.2, rows))
        flat = frame["close"].iloc[0] / frame["close"]
        loud = np.arange(rows) < 288 * 54
        flat *= 1 + noise * loud * np.random.default_rng(number).normal(size=rows)
        for column in ("open", "high", "low", "close"):
            frame[column] = frame[column] * flat * rise
        frame["open"] = frame["close"].shift(fill_value=frame["close"].iloc[0])
        if number == 0:
            row = 288 * 57 + 100
            frame.loc[row:, ["open", "high", "low", "close"]] *= 0.5
            frame.loc[row, ["open", "high"]] = frame.loc[row - 1, "close"]
            frame.loc[row, "volume"] *= 50
        frame["high"] = frame[["open", "high", "close"]].max(axis=1)
        frame["low"] = frame[["open", "low", "close"]].min(axis=1)
        frame.to_feather(folder / f"{name}-5m.feather")
        resample(frame, "1h", "5m").to_feather(folder / f"{name}-1h.feather")
    return folder
