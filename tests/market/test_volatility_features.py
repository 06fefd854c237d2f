"""Features of liveliness: causal, window-stable, scale-free."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import candle_frame, cleaned, frames
from regimeswitch.market.volatility_features import volatility_features, warm_up_candles


ROWS = 2600


@pytest.fixture(scope="module")
def candles() -> pd.DataFrame:
    return candle_frame(ROWS, seed=4)


@pytest.fixture(scope="module")
def found(candles: pd.DataFrame) -> pd.DataFrame:
    return volatility_features(candles, "5m")


def test_index_and_input_are_kept(candles: pd.DataFrame) -> None:
    moved = candles.set_index(np.arange(ROWS) + 7)
    before = moved.copy()
    assert volatility_features(moved, "5m").index.equals(moved.index)
    pd.testing.assert_frame_equal(moved, before)


def test_after_the_promised_warm_up_everything_is_known(found: pd.DataFrame) -> None:
    known = found.notna().all(axis=1)
    first = int(np.argmax(known))
    assert first == warm_up_candles("5m") - 3
    assert known.iloc[first:].all()
    assert np.isfinite(found.iloc[first:].to_numpy()).all()


@pytest.mark.parametrize("cut", [2100, 2333, ROWS - 1])
def test_a_prefix_gives_the_same_rows(candles: pd.DataFrame, found: pd.DataFrame, cut: int) -> None:
    pd.testing.assert_frame_equal(volatility_features(candles.iloc[:cut], "5m"), found.iloc[:cut])


@pytest.mark.parametrize("start", [1, 100, 400])
def test_a_later_start_gives_the_same_rows_or_none(
    candles: pd.DataFrame, found: pd.DataFrame, start: int
) -> None:
    later = volatility_features(candles.iloc[start:], "5m")
    known = later.notna()
    assert known.any(axis=None)
    pd.testing.assert_frame_equal(later[known], found.iloc[start:][known])


def test_price_level_and_coin_size_do_not_matter(
    candles: pd.DataFrame, found: pd.DataFrame
) -> None:
    scaled = candles.assign(
        **{name: candles[name] * 7 for name in ("open", "high", "low", "close")},
        volume=candles["volume"] * 3,
    )
    pd.testing.assert_frame_equal(volatility_features(scaled, "5m"), found, atol=1e-7)


def test_a_market_at_rest_has_no_liveliness(candles: pd.DataFrame) -> None:
    still = candles.copy()
    for name in ("open", "high", "low", "close"):
        still[name] = 100.0
    still["volume"] = 0.0
    got = volatility_features(still, "5m")
    assert got.filter(like="volatility").isna().all(axis=None)
    assert not np.isinf(got.to_numpy()).any()


@settings(max_examples=8, deadline=None)
@given(frames(rows=2200), st.integers(2060, 2150))
def test_damaged_candles_stay_causal_and_finite(frame: pd.DataFrame, cut: int) -> None:
    candles = cleaned(frame)
    whole = volatility_features(candles, "5m")
    assert not np.isinf(whole.to_numpy()).any()
    cut = min(cut, len(candles) - 1)
    pd.testing.assert_frame_equal(volatility_features(candles.iloc[:cut], "5m"), whole.iloc[:cut])
