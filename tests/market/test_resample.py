"""Resampling and causal merging: no candle is shown before it is complete."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import candle_frame, frames
from regimeswitch.market.candles import (
    OHLCV,
    merge_causally,
    resample,
    timeframe_seconds,
    utc_dates,
)


quick = settings(deadline=None, max_examples=8)
FIVE = pd.Timedelta("5min")
LONGER = ("5m", "15m", "1h", "4h")


def slow_resample(candles: pd.DataFrame, timeframe: str) -> list[tuple[Any, ...]]:
    seconds = timeframe_seconds(timeframe)
    groups: dict[int, list[Any]] = {}
    for row in candles.itertuples():
        groups.setdefault(int(row.date.timestamp()) // seconds, []).append(row)
    begin = candles["date"].iloc[0].timestamp()
    end = candles["date"].iloc[-1].timestamp() + 300
    return [
        (
            pd.Timestamp(number * seconds, unit="s", tz="UTC"),
            rows[0].open,
            max(row.high for row in rows),
            min(row.low for row in rows),
            rows[-1].close,
            sum(row.volume for row in rows),
        )
        for number, rows in groups.items()
        if number * seconds >= begin and (number + 1) * seconds <= end
    ]


@pytest.mark.parametrize("timeframe", LONGER)
@quick
@given(frames(200, kinds=("gap",)), st.integers(0, 100))
def test_resample_equals_a_slow_grouping(timeframe: str, whole: pd.DataFrame, begin: int) -> None:
    candles = whole[begin:]
    before = candles.copy()
    found = resample(candles, timeframe, "5m")
    expected = pd.DataFrame(slow_resample(candles, timeframe), columns=OHLCV)
    if len(expected):
        pd.testing.assert_frame_equal(found, expected.assign(date=utc_dates(expected["date"])))
    else:
        assert found.empty
    pd.testing.assert_frame_equal(candles, before)


@pytest.mark.parametrize("timeframe", LONGER)
def test_a_longer_candle_is_shown_only_when_complete(timeframe: str) -> None:
    candles = candle_frame(150)
    for end in (*range(1, 27), 47, 48, 49, 50, 95, 96, 97):
        close = candles["date"].iloc[end - 1] + FIVE
        longer = resample(candles[:end], timeframe, "5m")
        step = pd.Timedelta(seconds=timeframe_seconds(timeframe))
        assert (longer["date"] + step <= close).all()
        assert len(longer) == end * 300 // timeframe_seconds(timeframe)
        if end > 1:
            assert resample(candles[:end], timeframe).equals(longer)
    assert resample(candles[:0], timeframe).columns.tolist() == OHLCV


@pytest.mark.parametrize("timeframe", LONGER)
@quick
@given(frames(200, kinds=("gap",)), st.integers(0, 200))
def test_resampled_columns_merge_prefix_stable(
    timeframe: str, candles: pd.DataFrame, end: int
) -> None:
    def merged(base: pd.DataFrame) -> pd.DataFrame:
        longer = resample(base, timeframe, "5m")[["date", "close", "high"]]
        return merge_causally(base["date"], "5m", longer, timeframe, 10**6)

    whole = merged(candles)
    assert len(whole) == len(candles)
    pd.testing.assert_frame_equal(merged(candles[:end]), whole[:end], check_dtype=False)


def test_an_hour_is_first_seen_by_the_candle_that_closes_with_it() -> None:
    base = candle_frame(48)
    hours = base["date"].dt.floor("1h").drop_duplicates()
    longer = pd.DataFrame({"date": hours, "hour": hours.dt.hour.astype(float)})
    found = merge_causally(base["date"], "5m", longer, "1h", 10**6)["hour"]
    for row, opened in enumerate(base["date"]):
        closed_hours = (opened + FIVE).hour - 1
        assert np.isnan(found[row]) if closed_hours < 0 else found[row] == closed_hours
    ten_to_eleven = base["date"].dt.strftime("%H:%M").eq("00:55").idxmax()
    assert np.isnan(found[ten_to_eleven - 1])
    assert found[ten_to_eleven] == 0


def test_stale_longer_candles_become_missing() -> None:
    base = candle_frame(48)
    longer = pd.DataFrame({"date": base["date"][:1], "value": [1.0]})
    found = merge_causally(base["date"], "5m", longer, "1h", 3600)["value"]
    # Closed at 01:00; the base candle that closes at 02:00 is the last one that may use it.
    assert np.flatnonzero(found.notna()).tolist() == list(range(11, 24))


def test_a_gap_at_the_start_completes_no_candle_early() -> None:
    candles = candle_frame(24).drop(index=range(1, 7)).reset_index(drop=True)
    # 00:00 and 00:35: their distance reaches past 01:00, but the hour goes on until 00:55.
    assert resample(candles[:2], "1h", "5m").empty
    assert resample(candles, "1h", "5m")["close"].iloc[0] == candles["close"].iloc[5]
