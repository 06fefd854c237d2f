"""The markets of the simulation: the matrix's candles, with thin books and a price that falls."""

from pathlib import Path

import pandas as pd

from regimeswitch_lab.fault_matrix.cases import CANDLE
from regimeswitch_lab.fault_matrix.scene import BASES, QUIET, write_candles
from regimeswitch_lab.fault_matrix.schedule import END, OFFSET, Schedule


THIN_VOLUME = 20.0
"""Of a candle, in coins: a level of the book is a tenth of it."""
FALL = 0.92
# The candle of the first entry.
FALLS = QUIET + OFFSET // CANDLE
COUNT = QUIET + END // CANDLE + 3
PRICES = ["open", "high", "low", "close"]


def name_of(schedule: Schedule) -> str:
    """The folder of a schedule's candles."""
    return f"{'thin' if schedule.thin else 'deep'} {schedule.falls}".strip()


def write_markets(folder: Path) -> Path:
    """Write the candles of all schedules, a folder for each market."""
    for falls in ("", "slide", "gap"):
        for thin in (True, False):
            written = folder / name_of(Schedule(0, thin=thin, falls=falls))
            write_candles(written, COUNT)
            for base in BASES:
                path = written / f"{base}_USDT-5m.feather"
                frame = pd.read_feather(path)
                if thin:
                    frame["volume"] = THIN_VOLUME
                if falls and base == BASES[0]:
                    frame = fallen(frame, falls)
                frame.to_feather(path)
    return folder


def fallen(frame: pd.DataFrame, how: str) -> pd.DataFrame:
    """The price falls within a candle, or from one to the next, and stays there."""
    frame = frame.copy()
    frame.loc[FALLS + 1 :, PRICES] = (frame.loc[FALLS + 1 :, PRICES] * FALL).round(2)
    if how == "slide":
        close = float(frame["open"].iloc[FALLS + 1])
        frame.loc[FALLS, ["low", "close"]] = [round(close - 0.2, 2), close]
    return frame
