"""Features: causal, independent of where a frame begins, and free of price and volume scale."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import PRICES, candle_frame, cleaned, damaged, frames, mixed_dates
from regimeswitch.market.features import (
    basic_features,
    calendar_features,
    forget_candles,
    period_features,
    unit_atr,
    warm_up_candles,
)
from regimeswitch.market.volatility_features import warm_up_candles as activity_candles


PERIODS = [10, 20]
WARM_UP = activity_candles("5m")
"""What a bot loads at least: the base timeframe needs most."""
ROWS = WARM_UP + 400
quick = settings(deadline=None, max_examples=8)


def all_features(candles: pd.DataFrame) -> pd.DataFrame:
    parts = [period_features(candles, period).add_suffix(f"_{period}") for period in PERIODS]
    return pd.concat([*parts, basic_features(candles), calendar_features(candles)], axis=1)


def assert_near(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal to 1e-6, and missing in the same places."""
    gone = found.isna() != expected.isna()
    assert not gone.any(axis=None), f"missing in one only: {gone.sum()[gone.any()].to_dict()}"
    off = (found - expected).abs().max()
    assert (off.fillna(0) <= 1e-6).all(), off[off > 1e-6].to_dict()


@quick
@given(frames(ROWS), st.integers(0, ROWS))
def test_features_are_prefix_stable_exactly(raw: pd.DataFrame, end: int) -> None:
    candles = cleaned(raw)
    before = candles.copy()
    whole = all_features(candles)
    pd.testing.assert_frame_equal(candles, before)
    assert whole.index.equals(candles.index)
    pd.testing.assert_frame_equal(all_features(candles[:end]), whole[:end])
    assert not np.isinf(whole.to_numpy()).any()


@quick
@given(frames(ROWS + 100, longest=70), st.integers(0, 400))
def test_features_do_not_depend_on_where_the_frame_begins(raw: pd.DataFrame, begin: int) -> None:
    candles = cleaned(raw)
    found = all_features(candles[begin:])[WARM_UP:]
    assert_near(found, all_features(candles)[begin + WARM_UP :])


@quick
@given(
    frames(ROWS, kinds=("flat", "gap"), longest=70),
    st.floats(-7, 7),
    st.floats(-7, 7),
)
def test_scale_of_prices_and_volumes_changes_nothing(
    candles: pd.DataFrame, prices: float, volumes: float
) -> None:
    scaled = candles.copy()
    scaled[PRICES] *= 10**prices
    scaled["volume"] *= 10**volumes
    assert_near(all_features(scaled), all_features(candles))


def test_every_feature_is_known_after_the_warm_up() -> None:
    found = all_features(candle_frame(ROWS))
    assert found.iloc[:9].isna().any(axis=1).all()
    # One candle less for each of the two that a longer timeframe adds.
    promised = warm_up_candles(PERIODS) - 2
    known = found[promised:].notna().all()
    assert known.all(), known[~known].index.tolist()
    assert not found.iloc[promised - 1].notna().all()
    assert (found[WARM_UP:].std() > 1e-3).all()
    assert found.columns.is_unique
    assert found.columns.str.startswith("%-").all()


@pytest.mark.parametrize("make", [basic_features, lambda candles: period_features(candles, 14)])
@pytest.mark.parametrize("kind", ["flat", "zero", "missing", "negative", "spike", "jump"])
def test_damaged_candles_give_no_warning_and_no_infinity(
    make: Callable[[pd.DataFrame], pd.DataFrame], kind: str
) -> None:
    candles = damaged(candle_frame(600), kind, 400, 100 if kind == "flat" else 3)
    for frame in (candles, cleaned(candles)):
        assert not np.isinf(make(frame).to_numpy()).any()
    resting = candles.assign(open=5.0, high=5.0, low=5.0, close=5.0, volume=0.0)
    assert not np.isinf(make(resting).to_numpy()).any()


def test_a_market_at_rest_has_no_unit() -> None:
    candles = damaged(candle_frame(300), "flat", 100, 100)
    rest = np.flatnonzero(np.isnan(unit_atr(candles)[48:])) + 48
    # Candle 100 still opens the stretch at the last close: 48 true ranges of zero end at 147.
    assert rest.tolist() == list(range(147, 200))
    assert all_features(candles).loc[147:199, "%-mean_distance-period_10"].isna().all()


def test_many_periods_at_once_give_no_performance_warning() -> None:
    candles = candle_frame(400)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        joined = candles
        for period in range(5, 25):
            features = period_features(candles, period).add_suffix(str(period))
            joined = pd.concat([joined, features], axis=1)
    assert len(joined.columns) == 6 + 20 * 9


def test_indicators_are_the_textbook_ones() -> None:
    candles = candle_frame(900, 4)
    high, low, close, volume = (
        candles[name].to_numpy() for name in ("high", "low", "close", "volume")
    )
    found = period_features(candles, 14)
    unit = talib.SMA(talib.TRANGE(high, low, close), 48)
    upper, _, lower = talib.BBANDS(close, 14, 2.0, 2.0)
    expected = {
        "%-rsi-period": talib.RSI(close, 14) / 100,
        "%-mfi-period": talib.MFI(high, low, close, volume, 14) / 100,
        "%-mean_distance-period": (close - talib.SMA(close, 14)) / unit,
        "%-band_width-period": (upper - lower) / unit,
        "%-band_place-period": (close - lower) / (upper - lower),
        "%-natr-period": talib.ATR(high, low, close, 14) / unit,
        "%-relative_volume-period": volume / talib.SMA(volume, 14),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name][WARM_UP:], values[WARM_UP:], atol=1e-8, err_msg=name)
    steps = candles["close"].diff()
    path = steps.abs().rolling(14).sum()
    efficiency = (candles["close"].diff(14).abs() / path)[WARM_UP:]
    np.testing.assert_allclose(found["%-efficiency-period"][WARM_UP:], efficiency, atol=1e-8)
    basic = basic_features(candles)
    np.testing.assert_allclose(
        basic["%-adx"][WARM_UP:], talib.ADX(high, low, close)[WARM_UP:] / 100
    )
    np.testing.assert_allclose(
        basic["%-macd"][WARM_UP:], (talib.MACD(close)[0] / unit)[WARM_UP:], atol=1e-8
    )


def test_smoothing_has_forgotten_its_start() -> None:
    for period in (5, 14, 50):
        impulse = np.zeros(forget_candles(period) + 1)
        impulse[0] = 1.0
        weight = (1 - 1 / period) ** (len(impulse) - 1)
        assert weight < 1e-7


def test_calendar_says_minute_and_day_and_takes_mixed_utc_objects() -> None:
    candles = candle_frame(7 * 288, start="2024-03-04")
    found = calendar_features(candles)
    assert found["%-minute"].head(13).tolist() == [*range(0, 60, 5), 0]
    assert found["%-minute_of_day"].iloc[[0, 287, 288]].tolist() == [0, 1435, 0]
    assert found["%-weekday"].iloc[[0, -1]].tolist() == [0, 6]
    pd.testing.assert_frame_equal(calendar_features(mixed_dates(candles)), found)
    mixed = all_features(mixed_dates(candles))
    pd.testing.assert_frame_equal(mixed, all_features(candles))
