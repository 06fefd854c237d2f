"""Digests of candles by window: what is hashed once for all windows is what each would hash."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange

from regimeswitch.bot.freqai.backtest_windows import CandleDigests
from regimeswitch.market.candles import OHLCV


BEGIN = pd.Timestamp("2025-01-01", tz="UTC")


def candles() -> pd.DataFrame:
    prices = np.random.default_rng(3).uniform(1, 2, (600, 5))
    frame = pd.DataFrame(prices, columns=OHLCV[1:])
    frame.insert(0, "date", pd.date_range(BEGIN, periods=600, freq="5min", unit="ms"))
    return frame.assign(mine=1.0)


def window(first: int, last: int) -> TimeRange:
    start = int(BEGIN.timestamp())
    return TimeRange("date", "date", start + 300 * first, start + 300 * last)


def test_a_window_has_the_digest_of_its_own_candles_alone() -> None:
    frame = candles()
    digests = CandleDigests(frame)
    for first, last in ((0, 600), (0, 1), (50, 400), (599, 700), (700, 800)):
        inside = frame.iloc[first : min(last, 600)]
        alone = pd.util.hash_pandas_object(inside[OHLCV], index=False).to_numpy()
        expected = hashlib.sha256(alone.tobytes()).hexdigest()[:16]
        assert digests.of(window(first, last)) == expected


def test_one_other_price_is_told_in_the_windows_that_have_it() -> None:
    frame = candles()
    other = frame.copy()
    other.loc[100, "low"] *= 1 + 1e-15
    assert other.loc[100, "low"] != frame.loc[100, "low"]
    before, after = CandleDigests(frame), CandleDigests(other)
    assert before.of(window(0, 101)) != after.of(window(0, 101))
    assert before.of(window(0, 100)) == after.of(window(0, 100))
    assert before.of(window(101, 600)) == after.of(window(101, 600))
