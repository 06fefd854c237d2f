"""Candle frames for the tests: random, seeded, and damaged in known ways."""

from __future__ import annotations

import datetime
import zoneinfo

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from regimeswitch.market.candles import clean_candles, find_bad_candles, timeframe_seconds


START = "2024-03-01"
PRICES = ["open", "high", "low", "close"]
UNUSABLE = ("zero", "negative", "inverted", "volume", "spike")
SPIKE = 0.5


def candle_frame(
    rows: int = 400, seed: int = 0, timeframe: str = "5m", start: str = START
) -> pd.DataFrame:
    """Candles that wander with stretches of drift, so that every regime comes up."""
    rng = np.random.default_rng(seed)
    drift = np.repeat(rng.choice([-1, 0, 1], rows // 60 + 1), 60)[:rows]
    moves = rng.normal(0, 0.002, rows) * np.repeat(rng.uniform(0.3, 2, rows // 40 + 1), 40)[:rows]
    close = 100 * np.exp(np.cumsum(moves + 0.0006 * drift))
    opened = np.r_[100.0, close[:-1]]
    reach = np.abs(rng.normal(0, 0.001, (2, rows)))
    step = pd.Timedelta(seconds=timeframe_seconds(timeframe))
    dates = pd.date_range(start, periods=rows, freq=step, tz="UTC").as_unit("ms")
    return pd.DataFrame(
        {
            "date": dates,
            "open": opened,
            "high": np.maximum(opened, close) * (1 + reach[0]),
            "low": np.minimum(opened, close) * (1 - reach[1]),
            "close": close,
            "volume": rng.lognormal(3, 0.5, rows),
        }
    )


def damaged(candles: pd.DataFrame, kind: str, row: int, length: int = 1) -> pd.DataFrame:
    """A copy with ``length`` candles from ``row`` on damaged; ``row`` must not be the first."""
    frame = candles.copy()
    rows = frame.index[row : row + length]
    before = frame["close"].iloc[row - 1]
    if kind == "gap":
        return frame.drop(index=rows).reset_index(drop=True)
    if kind == "flat":
        frame.loc[rows, PRICES] = before
        frame.loc[rows, "volume"] = 0.0
    elif kind == "zero":
        frame.loc[rows, "close"] = 0.0
    elif kind == "missing":
        frame.loc[rows, "high"] = np.nan
    elif kind == "negative":
        frame.loc[rows, "low"] = -1.0
    elif kind == "inverted":
        frame.loc[rows, ["high", "low"]] = frame.loc[rows, ["low", "high"]].to_numpy()
    elif kind == "volume":
        frame.loc[rows, "volume"] = np.inf
    elif kind == "spike":
        frame.loc[rows, ["high", "close"]] = 3 * before
        # A garbled price comes with the volume of any other candle.
        frame.loc[rows, "volume"] = frame["volume"].iloc[:row].median()
    elif kind == "jump":
        frame.loc[frame.index[row:], PRICES] *= 3
    else:
        raise ValueError(f"damage {kind!r} is not known")
    return frame


def cleaned(candles: pd.DataFrame, timeframe: str = "5m") -> pd.DataFrame:
    return clean_candles(candles, find_bad_candles(candles, timeframe, SPIKE))


def mixed_dates(candles: pd.DataFrame) -> pd.DataFrame:
    """The same candles, half their dates with another UTC object: dtype object, as live."""
    half = len(candles) // 2
    dates = candles["date"]
    parts = [
        dates.iloc[:half].dt.tz_convert(zoneinfo.ZoneInfo("UTC")).astype(object),
        dates.iloc[half:].dt.tz_convert(datetime.UTC).astype(object),
    ]
    return candles.assign(date=pd.concat(parts))


@st.composite
def frames(
    draw: st.DrawFn,
    rows: int = 400,
    timeframe: str = "5m",
    kinds: tuple[str, ...] = ("gap", "flat", *UNUSABLE, "missing", "jump"),
    longest: int = 30,
) -> pd.DataFrame:
    """Random candles with up to three damages; shorter than ``rows`` where there are gaps."""
    frame = candle_frame(rows, draw(st.integers(0, 2**32)), timeframe)
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=3)) if kinds else []:
        row = draw(st.integers(1, len(frame) - longest - 1))
        long_kinds = ("gap", "flat", "zero", "missing")
        length = draw(st.integers(1, longest)) if kind in long_kinds else 1
        frame = damaged(frame, kind, row, length)
    return frame
