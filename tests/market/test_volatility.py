"""Volatility and daily ATR: causal, from any start the same, and what they are by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import candle_frame
from regimeswitch.market.candles import resample
from regimeswitch.market.volatility import (
    DAILY_ATR_DAYS,
    POSITION_COLUMNS,
    annual_volatility,
    daily_atr,
    position_columns,
    target_weights,
    volatility_candles,
)
from regimeswitch.settings import load_settings


quick = settings(deadline=None, max_examples=15)


def test_steady_moves_have_the_volatility_that_they_are_made_with() -> None:
    move = 0.005
    closes = 100 * np.exp(move * (np.arange(3000) % 2))
    found = annual_volatility(pd.DataFrame({"close": closes}), "1h", 10)
    assert np.isnan(found[:1200]).all()
    assert found[1200:] == pytest.approx(move * math.sqrt(24 * 365))


def test_a_return_counts_half_after_the_half_life() -> None:
    closes = np.full(4000, 100.0)
    closes[2000:] = 110.0
    squares = annual_volatility(pd.DataFrame({"close": closes}), "1h", 10) ** 2
    assert squares[2000 + 240] == pytest.approx(squares[2000] / 2, rel=1e-6)
    assert squares[1999] == 0 and squares[2000 + 1200] == 0


@pytest.mark.parametrize(("timeframe", "days", "count"), [("1h", 10, 1200), ("4h", 10, 300)])
def test_candles_that_a_value_is_made_of(timeframe: str, days: float, count: int) -> None:
    assert volatility_candles(timeframe, days) == count


def test_no_more_candles_than_binance_serves() -> None:
    assert volatility_candles("5m", 10) == 4998
    closes = candle_frame(5005)
    assert np.isfinite(annual_volatility(closes, "5m", 10)).sum() == 5005 - 4998


def test_weights() -> None:
    volatility = np.array([0.3, 0.6, 1.2, 0.0, np.nan])
    found = target_weights(volatility, 0.6)
    np.testing.assert_array_equal(found, [1, 1, 0.5, 1, np.nan])
    np.testing.assert_array_equal(target_weights(volatility, 0.0), np.ones(5))


def test_daily_atr_is_of_whole_days() -> None:
    hours = candle_frame(24 * 20, 3, "1h", "2024-03-01 05:00")
    found = daily_atr(hours, "1h")
    days = resample(hours, "1d", "1h")
    assert found["date"].tolist() == days["date"].tolist()
    assert days["date"].iloc[0] == pd.Timestamp("2024-03-02", tz="UTC")
    ranges = [
        max(day.high, before.close) - min(day.low, before.close)
        for before, day in zip(days[:-1].itertuples(), days[1:].itertuples(), strict=True)
    ]
    row = DAILY_ATR_DAYS
    assert found["daily_atr"].iloc[row] == pytest.approx(np.mean(ranges[:row]))
    assert found["daily_atr"].iloc[:row].isna().all()


SMALL = load_settings({"entries": {"mode": "position"}, "risk": {"volatility_half_life_days": 0.5}})


def columns(base: pd.DataFrame) -> pd.DataFrame:
    return position_columns(base, resample(base, "1h", "5m"), SMALL, "5m")


@quick
@given(st.integers(0, 99), st.integers(1, 12 * 24 * 18))
def test_nothing_depends_on_later_candles(seed: int, end: int) -> None:
    base = candle_frame(12 * 24 * 18, seed)
    found = columns(base)
    assert list(found) == list(POSITION_COLUMNS)
    pd.testing.assert_frame_equal(columns(base[:end]), found[:end])


@quick
@given(st.integers(0, 99), st.integers(0, 12 * 24 * 3))
def test_a_later_start_gives_the_same_or_nothing_yet(seed: int, start: int) -> None:
    base = candle_frame(12 * 24 * 18, seed)
    found = columns(base)
    later = columns(base[start:].reset_index(drop=True))
    for name in POSITION_COLUMNS:
        ours, theirs = later[name].to_numpy(), found[name].to_numpy()[start:]
        assert ((ours == theirs) | np.isnan(ours)).all(), name
    assert np.isfinite(later.iloc[-1]).all() or start


def test_a_day_is_known_when_it_is_over() -> None:
    base = candle_frame(12 * 24 * 17, 1)
    found = columns(base)["daily_atr"]
    changes = base["date"][found.ne(found.shift()) & found.notna()]
    assert set(changes.dt.strftime("%H:%M")) == {"23:55"}
    assert len(changes) == 17 - DAILY_ATR_DAYS
