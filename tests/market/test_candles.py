"""Candles that cannot be true, their cleaning, and which candle was the last at a moment."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import PRICES, SPIKE, candle_frame, cleaned, damaged, frames, mixed_dates
from regimeswitch.market.candles import (
    BAD_KINDS,
    clean_candles,
    closed_row,
    find_bad_candles,
    merge_causally,
    resample,
    timeframe_seconds,
    utc_dates,
)


quick = settings(deadline=None, max_examples=12)


def bad_rows(candles: pd.DataFrame) -> dict[str, list[int]]:
    bad = find_bad_candles(candles, "5m", SPIKE)
    assert list(bad.columns) == list(BAD_KINDS)
    assert bad.index.equals(candles.index)
    return {kind: np.flatnonzero(bad[kind]).tolist() for kind in BAD_KINDS if bad[kind].any()}


@quick
@given(frames(200, kinds=()))
def test_nothing_is_found_on_good_candles(candles: pd.DataFrame) -> None:
    assert bad_rows(candles) == {}
    assert cleaned(candles).equals(candles)


@quick
@given(st.integers(0, 99), st.integers(1, 198), st.sampled_from(BAD_KINDS))
def test_each_kind_is_found_on_the_candle_that_has_it(seed: int, row: int, kind: str) -> None:
    candles = damaged(candle_frame(200, seed), kind, row)
    assert bad_rows(candles) == {kind: [row]}


def test_missing_prices_count_as_zero_and_volume_makes_a_flat_candle_good() -> None:
    candles = candle_frame(50)
    assert bad_rows(damaged(candles, "missing", 7)) == {"zero": [7]}
    flat = damaged(candles, "flat", 7)
    flat.loc[7, "volume"] = 0.1
    assert bad_rows(flat) == {}


@pytest.mark.parametrize("factor", [3.0, 1 / 3])
def test_after_a_true_jump_only_the_jump_is_held_back(factor: float) -> None:
    candles = candle_frame(60)
    candles.loc[20:, PRICES] *= factor
    assert bad_rows(candles) == {"spike": [20]}


def test_a_spike_between_bad_candles_is_still_found() -> None:
    candles = damaged(damaged(candle_frame(60), "spike", 20), "zero", 19)
    assert bad_rows(candles) == {"zero": [19], "spike": [20]}
    # A wick alone is a spike, too.
    candles = candle_frame(60)
    candles.loc[30, "low"] = candles.loc[29, "close"] * 0.6
    assert bad_rows(candles) == {"spike": [30]}


def crash(rows: int, row: int, factor: float, volume: float) -> pd.DataFrame:
    """Candles that fall or rise at one of them, with so many times the usual volume."""
    candles = candle_frame(rows)
    candles.loc[row:, PRICES] *= factor
    opened = candles.loc[row - 1, "close"]
    candles.loc[row, "open"] = opened
    candles.loc[row, "high"] = max(opened, candles.loc[row, "high"])
    candles.loc[row, "low"] = min(opened, candles.loc[row, "low"])
    candles.loc[row, "volume"] = volume * candles["volume"].iloc[max(row - 288, 0) : row].median()
    return candles


@pytest.mark.parametrize("factor", [0.2, 0.45, 2.5])
@pytest.mark.parametrize("rows", [60, 400])
def test_a_crash_is_true_where_its_volume_bears_it_out(factor: float, rows: int) -> None:
    row = rows - 10
    true = crash(rows, row, factor, 3.01)
    assert not find_bad_candles(true, "5m", SPIKE, 3.0)["spike"].any()
    # What was known before, and whatever its volume.
    assert np.flatnonzero(find_bad_candles(true, "5m", SPIKE)["spike"]).tolist() == [row]
    thin = crash(rows, row, factor, 2.99)
    assert np.flatnonzero(find_bad_candles(thin, "5m", SPIKE, 3.0)["spike"]).tolist() == [row]
    # A price that no pair can have is none, however much was traded.
    true.loc[row, "high"] = 1e16
    assert find_bad_candles(true, "5m", SPIKE, 3.0)["spike"][row]


def test_volume_proves_nothing_before_there_is_enough_of_it() -> None:
    young = crash(60, 12, 0.3, 50.0)
    assert not find_bad_candles(young, "5m", SPIKE, 3.0)["spike"].any()
    young.loc[3, "volume"] = 0.0
    assert np.flatnonzero(find_bad_candles(young, "5m", SPIKE, 3.0)["spike"]).tolist() == [12]


@quick
@given(frames(150), st.integers(0, 150))
def test_finding_and_repairing_use_earlier_candles_only(candles: pd.DataFrame, end: int) -> None:
    before = candles.copy()
    bad = find_bad_candles(candles, "5m", SPIKE, 3.0)
    past = find_bad_candles(candles[:end], "5m", SPIKE, 3.0)
    pd.testing.assert_frame_equal(past, bad[:end])
    pd.testing.assert_frame_equal(
        clean_candles(candles[:end], past), clean_candles(candles, bad)[:end]
    )
    pd.testing.assert_frame_equal(candles, before)


@quick
@given(frames(150))
def test_cleaned_candles_are_flat_at_the_last_good_close(candles: pd.DataFrame) -> None:
    bad = find_bad_candles(candles, "5m", SPIKE)
    unusable = bad[["zero", "negative", "inverted", "volume", "spike"]].any(axis=1)
    found = clean_candles(candles, bad)
    assert found.index.equals(candles.index)
    last = np.nan
    for row in range(len(candles)):
        if unusable[row]:
            np.testing.assert_array_equal(found.loc[row, PRICES].astype(float), last)
            assert found.loc[row, "volume"] == 0
        else:
            assert found.loc[row].equals(candles.loc[row])
            last = candles.loc[row, "close"]


def test_rows_before_the_first_good_candle_become_missing() -> None:
    candles = candle_frame(20)
    candles.loc[:2, "close"] = 0.0
    found = cleaned(candles)
    assert found[PRICES].isna().all(axis=1).tolist() == [True] * 3 + [False] * 17


def test_mixed_utc_objects_are_accepted() -> None:
    candles = damaged(candle_frame(100), "gap", 30, 3)
    mixed = mixed_dates(candles)
    assert mixed["date"].dtype == object
    pd.testing.assert_series_equal(utc_dates(mixed["date"]), candles["date"])
    pd.testing.assert_frame_equal(resample(mixed, "1h"), resample(candles, "1h"))
    assert bad_rows(mixed) == bad_rows(candles) == {"gap": [30]}
    longer = resample(candles, "15m")
    found = merge_causally(mixed["date"], "5m", mixed_dates(longer), "15m", 900)
    pd.testing.assert_frame_equal(found, merge_causally(candles["date"], "5m", longer, "15m", 900))


@pytest.mark.parametrize(("text", "seconds"), [("5m", 300), ("2h", 7200), ("1d", 86400)])
def test_timeframe_seconds(text: str, seconds: int) -> None:
    assert timeframe_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "0m", "5x", "-5m", "1.5h"])
def test_unknown_timeframe_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 5m, 1h or 1d"):
        timeframe_seconds(text)


@quick
@given(
    st.integers(-3600, 20_000),
    st.integers(0, 999_999),
    st.sets(st.integers(0, 49)),
    st.sampled_from(["s", "ms", "us", "ns"]),
)
def test_the_last_candle_that_had_closed(
    seconds: int, microseconds: int, lost: set[int], unit: Literal["s", "ms", "us", "ns"]
) -> None:
    dates = pd.date_range("2024-01-01", periods=50, freq="5min", tz="UTC").as_unit(unit)
    frame = pd.DataFrame({"date": dates}).drop(index=sorted(lost)).reset_index(drop=True)
    now = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(seconds, "s")
    now += pd.Timedelta(microseconds, "us")
    closed = [row for row, date in enumerate(frame["date"]) if date + pd.Timedelta("5min") <= now]
    assert closed_row(frame, now.to_pydatetime(), "5m") == (closed[-1] if closed else -1)
