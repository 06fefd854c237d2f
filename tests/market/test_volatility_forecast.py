"""Rival forecasts and the label of the next day's volatility: causal, and right by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import candle_frame, damaged
from regimeswitch.market.candles import find_bad_candles, resample
from regimeswitch.market.labels import next_day_volatility
from regimeswitch.market.volatility_forecast import (
    RIVAL_COLUMNS,
    Har,
    day_candles,
    ewma_variance,
    month_days,
    realised_volatility,
    rival_columns,
)
from regimeswitch.model.shrinkage import MIN_VARIANCE, qlike
from regimeswitch.settings import load_settings


quick = settings(deadline=None, max_examples=15)
HOURS = 24 * 40
POSITION = load_settings(
    {"entries": {"mode": "position"}, "risk": {"volatility_half_life_days": 2}}
)


def steady(rows: int, timeframe: str, move: float = 0.001) -> pd.DataFrame:
    """Candles that go up and down by the same log return."""
    frame = candle_frame(rows, timeframe=timeframe)
    price = 100 * np.exp(move * (np.arange(rows) % 2))
    return frame.assign(open=price, close=price, high=price, low=price)


@pytest.mark.parametrize(("timeframe", "per_day"), [("5m", 288), ("15m", 96), ("1h", 24)])
def test_label_and_past_volatility_are_of_24_hours_whatever_the_candles(
    timeframe: str, per_day: int
) -> None:
    frame = steady(3 * per_day, timeframe)
    expected = 0.001 * math.sqrt(per_day * 365)
    past = realised_volatility(frame, timeframe, 1)
    assert np.isnan(past[:per_day]).all()
    assert past[per_day:] == pytest.approx(expected)
    assert day_candles(timeframe) == per_day
    ahead = next_day_volatility(frame, timeframe)
    assert np.exp(ahead.to_numpy()[:-per_day]) == pytest.approx(expected)
    assert ahead[-per_day:].isna().all()


def test_the_label_is_the_past_volatility_of_a_day_later() -> None:
    frame = candle_frame(288 * 4, 3)
    past = realised_volatility(frame, "5m", 1)
    ahead = next_day_volatility(frame, "5m").to_numpy()
    np.testing.assert_allclose(np.exp(ahead[:-288][288:]), past[288:][288:], rtol=1e-8)


@quick
@given(seed=st.integers(0, 30), cut=st.integers(1, 700))
def test_later_candles_change_the_label_of_the_next_day_alone(seed: int, cut: int) -> None:
    frame = candle_frame(1000, seed)
    whole = next_day_volatility(frame, "5m")
    known = next_day_volatility(frame.iloc[: len(frame) - cut], "5m")
    complete = max(len(known) - 288, 0)
    pd.testing.assert_series_equal(known.iloc[:complete], whole.iloc[:complete])
    assert known.iloc[complete:].isna().all()


@pytest.mark.parametrize("kind", ["gap", "zero", "spike"])
def test_a_day_with_a_bad_candle_is_no_label(kind: str) -> None:
    frame = damaged(candle_frame(288 * 3, 1), kind, 500)
    bad = find_bad_candles(frame, "5m", 0.5)
    row = int(np.flatnonzero(bad.drop(columns="flat").any(axis=1))[0])
    ahead = next_day_volatility(frame, "5m", bad)
    assert ahead.iloc[row - 288 : row + 1].isna().all()
    assert ahead.iloc[: row - 288].notna().all() and pd.notna(ahead.iloc[row + 1])
    if kind == "gap":
        # Also where nobody says so: 288 candles are then more than a day.
        assert next_day_volatility(frame, "5m").iloc[row - 288 : row].isna().all()


def test_a_market_that_does_not_move_has_no_volatility() -> None:
    frame = steady(1000, "5m", move=0.0)
    assert next_day_volatility(frame, "5m").isna().all()
    assert np.isnan(realised_volatility(frame, "5m", 1)).all()


def test_less_than_a_day_is_unknown() -> None:
    assert next_day_volatility(candle_frame(200), "5m").isna().all()
    assert np.isnan(realised_volatility(candle_frame(200), "5m", 1)).all()
    assert len(next_day_volatility(candle_frame(200).iloc[:0], "5m")) == 0


@pytest.mark.parametrize(("timeframe", "days"), [("1h", 30), ("4h", 30), ("1d", 30), ("5m", 17)])
def test_a_month_is_no_longer_than_binance_serves(timeframe: str, days: int) -> None:
    assert month_days(timeframe) == days


@quick
@given(seed=st.integers(0, 20), cut=st.integers(1, 288), start=st.integers(0, 60))
def test_rivals_know_no_later_candle_and_forget_where_the_frame_begins(
    seed: int, cut: int, start: int
) -> None:
    base = candle_frame(12 * HOURS, seed)
    hours = resample(base, "1h", "5m")
    whole = rival_columns(base, hours, POSITION, "5m")
    assert list(whole) == list(RIVAL_COLUMNS)
    assert whole.iloc[-1].notna().all()
    shorter = base.iloc[12 * start : len(base) - cut]
    found = rival_columns(shorter, resample(shorter, "1h", "5m"), POSITION, "5m")
    known = found.notna().all(axis=1)
    assert known.any()
    pd.testing.assert_frame_equal(found[known], whole.loc[found.index][known], rtol=0, atol=0)


def test_har_finds_what_it_is_made_of() -> None:
    rng = np.random.default_rng(0)
    known = rng.normal(-0.5, 0.4, (4000, 4))
    noise = rng.normal(0, 0.3, 4000)
    target = 0.1 + known[:, 1:] @ [0.4, 0.3, 0.2] + noise
    found = Har.fit(known, target)
    assert found.coefficients == pytest.approx((0.1, 0.4, 0.3, 0.2), abs=0.05)
    # The mean of a log-normal variance, not its median.
    assert found.smearing == pytest.approx(math.exp(2 * 0.3**2), rel=0.05)
    ratio = np.exp(2 * target) / found.variance(known)
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert np.isnan(found.variance(np.array([[0.0, np.nan, 0.0, 0.0]]))).all()


def test_the_exponential_mean_is_a_forecast_as_it_is() -> None:
    assert ewma_variance(np.log(np.array([[0.6, 9.0, 9.0, 9.0]]))) == pytest.approx([0.36])


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=20), st.floats(0.01, 100))
def test_qlike_is_least_where_the_forecast_is_true(ratios: list[float], answer: float) -> None:
    truth = np.array(ratios)
    loss = qlike(truth)
    assert loss(truth[:, None]) == pytest.approx(np.zeros(len(truth)), abs=1e-9)
    assert (loss(np.full((len(truth), 1), answer)) >= -1e-12).all()
    mean = loss(np.full((len(truth), 1), truth.mean())).mean()
    assert loss(np.full((len(truth), 1), answer)).mean() >= mean - 1e-9


def test_a_forecast_of_nothing_has_a_loss_all_the_same() -> None:
    found = qlike(np.array([1.0]))(np.array([[0.0]]))
    assert np.isfinite(found).all() and found[0] > 1 / MIN_VARIANCE / 2
