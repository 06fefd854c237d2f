"""Blocks joined by position are what FreqAI's own merge gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import candle_frame, mixed_dates
from regimeswitch.bot.freqai.fast_merge import join_quickly, joined_features
from regimeswitch.market.candles import resample


def stock(main: pd.DataFrame, block: pd.DataFrame, suffix: str, other: str = "5m") -> pd.DataFrame:
    merged: pd.DataFrame = FreqaiDataKitchen.merge_features(
        object(), main, block, "5m", other, suffix
    )
    return merged


def with_columns(frame: pd.DataFrame, seed: int, names: list[str]) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=len(frame)) for name in names}
    for column in values.values():
        column[rng.random(len(frame)) < 0.2] = np.nan
    return frame.assign(**values)


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(2, 40), st.sampled_from(["12", "gen", "BTC/USDT_5m"]))
def test_one_timeframe_is_joined_as_freqai_merges_it(seed: int, rows: int, suffix: str) -> None:
    candles = candle_frame(rows, seed)
    main = with_columns(candles, seed, ["%-a", "own"]).set_axis(np.arange(rows) + 7)
    block = with_columns(candles, seed + 1, ["%-a", "%-b", "text"])
    block["text"] = "word"
    before = main.copy(), block.copy()
    joined = joined_features(main, block, "5m", "5m", suffix)
    assert joined is not None
    pd.testing.assert_frame_equal(joined, stock(main, block, suffix))
    pd.testing.assert_frame_equal(main, before[0])
    pd.testing.assert_frame_equal(block, before[1])


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["15m", "1h", "4h"]),
    st.integers(0, 200),
    st.integers(1, 300),
    st.integers(0, 12),
)
def test_longer_candles_are_joined_as_freqai_merges_them(
    seed: int, longer: str, begin: int, rows: int, missing: int
) -> None:
    rng = np.random.default_rng(seed)
    candles = candle_frame(600, seed)
    block = with_columns(resample(candles, longer), seed + 1, ["%-a", "%-b"])
    block = block.iloc[int(rng.integers(0, len(block) + 1)) :]
    block = block.drop(index=rng.choice(block.index, min(missing, len(block)) // 3, replace=False))
    main = candles.iloc[begin : begin + rows]
    main = main.drop(index=rng.choice(main.index, min(missing, rows - 1), replace=False))
    main = with_columns(main, seed, ["%-a"])
    joined = joined_features(main, block, "5m", longer, "BTC/USDT_x")
    assert joined is not None
    pd.testing.assert_frame_equal(joined, stock(main, block, "BTC/USDT_x", longer))


@pytest.mark.parametrize(
    "change", ["shorter", "gap", "shifted", "doubled", "objects", "taken", "flow"]
)
def test_whatever_is_not_plain_goes_freqai_s_way(change: str) -> None:
    main, block = candle_frame(20), with_columns(candle_frame(20), 1, ["%-a"])
    if change == "shorter":
        block = block.iloc[:-3]
    elif change == "gap":
        block = block.drop(index=5)
    elif change == "shifted":
        block = block.assign(date=block["date"] + pd.Timedelta(minutes=5))
    elif change == "doubled":
        main = block = pd.concat([block, block.tail(1)])
    elif change == "objects":
        block = mixed_dates(block)
    elif change == "taken":
        main = main.assign(**{"%-a_12": 1.0})
    else:
        block = block.assign(delta=1.0)
    assert joined_features(main, block, "5m", "5m", "12") is None


def test_longer_candles_with_text_or_of_months_go_freqai_s_way() -> None:
    main = candle_frame(60)
    hourly = resample(main, "1h").assign(word="text")
    assert joined_features(main, hourly, "5m", "1h", "x") is None
    assert joined_features(main, hourly.drop(columns="word"), "5m", "1M", "x") is None


def test_a_kitchen_joins_or_asks_freqai() -> None:
    class Kitchen:
        merge_features: Any = FreqaiDataKitchen.merge_features

    kitchen = join_quickly(Kitchen())
    main = candle_frame(60)
    hourly = with_columns(resample(main, "1h"), 3, ["%-a"])
    for block in (hourly, hourly.assign(word="text")):
        expected = stock(main, block, "x", "1h")
        found = kitchen.merge_features(main, block, "5m", "1h", "x")
        pd.testing.assert_frame_equal(found, expected)
