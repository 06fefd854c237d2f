"""Every regime rule: prefix-stable, window-stable, and equal to a slow reading of its words."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import candle_frame, frames, mended, mixed_dates
from hypothesis import given, settings
from hypothesis import strategies as st
from regimeswitch.candles import resample
from regimeswitch.regimes import CODES, RULES, average_distance, regime_columns
from regimeswitch.settings import RegimeSettings


ROWS = 800
SMALL: dict[str, Any] = {
    "average_period": 20,
    "atr_period": 10,
    "trend_enter": 1.5,
    "trend_exit": 0.5,
    "change_days": 1,
    "change_bull": 0.02,
    "change_bear": -0.02,
    "change_exit": 0.01,
    "volatility_window": 20,
    "bollinger_period": 10,
    "volatility_enter": 0.1,
    "grace_candles": 6,
}
TIMEFRAMES = ("5m", "15m", "1h")
averages = st.sampled_from(
    [
        {"average": "sma", "unit": "atr"},
        {"average": "ema", "unit": "atr", "average_period": 8},
        {"average": "sma", "unit": "percent", "trend_enter": 0.5, "trend_exit": 0.2},
        {"average": "ema", "unit": "percent", "average_period": 8, "trend_enter": 0.5},
    ]
)


def small(**over: Any) -> RegimeSettings:
    return RegimeSettings(**{**SMALL, "timeframe": "5m", **over})


def names(column: pd.Series) -> list[str | None]:
    return [None if pd.isna(value) else value for value in column]


def assert_same_or_unknown(later: pd.DataFrame, whole: pd.DataFrame) -> None:
    for column in ("regime_raw", "regime", "regime_pending"):
        known = later[column].notna()
        assert names(later[column][known]) == names(whole[column][known]), column
    for column in ("regime_age", "regime_distance"):
        known = later[column].notna()
        assert later[column][known].equals(whole[column][known]), column
    known = later["regime_code"] != 0
    assert later["regime_code"][known].equals(whole["regime_code"][known])


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
@pytest.mark.parametrize("rule", RULES)
@settings(deadline=None, max_examples=8)
@given(data=st.data())
def test_regimes_are_prefix_and_window_stable(rule: str, timeframe: str, data: st.DataObject) -> None:
    base = mended(data.draw(frames(ROWS)))
    config = small(rule=rule, timeframe=timeframe, **data.draw(averages))
    separate = data.draw(st.booleans())
    longer = candle_frame(ROWS, 7, timeframe, "2024-02-20") if separate else None
    before = base.copy()
    whole = regime_columns(base, config, longer)
    pd.testing.assert_frame_equal(base, before)
    assert whole.index.equals(base.index)
    for end in data.draw(st.lists(st.integers(0, len(base)), min_size=2, max_size=2)):
        # Known at the end of the prefix: the rule candles that had closed by then.
        past = None if longer is None else closed_by(longer, base.iloc[:end], timeframe)
        pd.testing.assert_frame_equal(regime_columns(base[:end], config, past), whole[:end])
    begin = data.draw(st.integers(0, len(base) - 1))
    fresher = None if longer is None else longer[data.draw(st.integers(0, ROWS - 1)) :]
    assert_same_or_unknown(regime_columns(base[begin:], config, fresher), whole[begin:])


def closed_by(longer: pd.DataFrame, base: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    if base.empty:
        return longer
    close = base["date"].iloc[-1] + pd.Timedelta("5min")
    found = longer[longer["date"] + pd.Timedelta(timeframe.replace("m", "min")) <= close]
    # An empty frame would mean: make them from the base.
    return found if len(found) else longer[:1]


@pytest.mark.parametrize("rule", RULES)
def test_regimes_are_prefix_stable_at_many_lengths(rule: str) -> None:
    base = candle_frame(400, 3).drop(index=[1, 2, 3, 100, 101]).reset_index(drop=True)
    for timeframe in ("5m", "15m"):
        config = small(rule=rule, timeframe=timeframe)
        whole = regime_columns(base, config)
        for end in [*range(15), *range(15, len(base), 29)]:
            pd.testing.assert_frame_equal(regime_columns(base[:end], config), whole[:end])


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
@settings(deadline=None, max_examples=15)
@given(raw=frames(ROWS, kinds=("zero", "missing", "negative", "inverted")), data=st.data())
def test_candles_mended_after_a_later_start_give_no_other_regime(
    timeframe: str, raw: pd.DataFrame, data: st.DataObject
) -> None:
    config = small(timeframe=timeframe)
    begin = data.draw(st.integers(0, ROWS - 1))
    whole = regime_columns(mended(raw), config)
    assert_same_or_unknown(regime_columns(mended(raw[begin:]), config), whole[begin:])


def test_a_frame_that_begins_on_an_impossible_candle_shows_no_half_candle() -> None:
    raw = candle_frame(600, 5)
    raw.loc[120:125, "close"] = 0.0
    config = small(timeframe="1h", average_period=5, atr_period=5)
    whole = regime_columns(mended(raw), config)[120:]
    assert_same_or_unknown(regime_columns(mended(raw[120:]), config), whole)


@cache
def many_frames() -> list[pd.DataFrame]:
    return [candle_frame(700, seed) for seed in range(5)]


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_finds_each_regime(rule: str) -> None:
    found = pd.concat([regime_columns(frame, small(rule=rule)) for frame in many_frames()])
    shares = found["regime_raw"].value_counts(normalize=True)
    assert set(shares.index) == set(CODES)
    assert shares.min() > 0.05


def trend_reference(frame: pd.DataFrame, row: int, config: RegimeSettings) -> float:
    """Distance of one row from its average in ATR multiples, from lists."""
    close, high, low = (frame[name].tolist() for name in ("close", "high", "low"))
    period, atr_period = config.average_period, config.atr_period
    average = sum(close[row - period + 1 : row + 1]) / period
    ranges = [
        max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1]))
        for i in range(row - atr_period + 1, row + 1)
    ]
    return (close[row] - average) / (sum(ranges) / atr_period)


def trend_states(frame: pd.DataFrame, config: RegimeSettings) -> list[str | None]:
    states: list[str | None] = [None] * (config.average_period - 1)
    state = None
    for row in range(config.average_period - 1, len(frame)):
        distance = trend_reference(frame, row, config)
        if abs(distance) >= config.trend_enter:
            state = "bull" if distance > 0 else "bear"
        elif abs(distance) < config.trend_exit or state == ("bear" if distance > 0 else "bull"):
            state = "sideways"
        states.append(state)
    return states


def change_states(frame: pd.DataFrame, config: RegimeSettings) -> list[str | None]:
    close = frame["close"].tolist()
    span = config.change_days * 288
    states: list[str | None] = [None] * span
    state = None
    for row in range(span, len(close)):
        change = close[row] / close[row - span] - 1
        if change >= config.change_bull:
            state = "bull"
        elif change <= config.change_bear:
            state = "bear"
        elif abs(change) < config.change_exit or state == ("bear" if change > 0 else "bull"):
            state = "sideways"
        states.append(state)
    return states


def volatility_states(frame: pd.DataFrame, config: RegimeSettings) -> list[str | None]:
    """Pandas' rolling windows: trending begins at enter, choppy below exit, side by the average."""
    close, previous = frame["close"], frame["close"].shift()
    ranges = pd.concat(
        [frame["high"] - frame["low"], frame["high"] - previous, previous - frame["low"]], axis=1
    ).max(axis=1, skipna=False)
    bollinger, past = config.bollinger_period, config.volatility_window
    atr = ranges.rolling(bollinger).mean() / close
    width = 4 * close.rolling(bollinger).std(ddof=0) / close.rolling(bollinger).mean()
    excess = (atr / atr.rolling(past).mean() + width / width.rolling(past).mean()) / 2 - 1
    above = close - close.rolling(config.average_period).mean()
    states: list[str | None] = []
    state = None
    for wild, side in zip(excess, above, strict=True):
        if np.isnan(wild) or np.isnan(side):
            state = None
        elif wild >= config.volatility_enter:
            state = "bull" if side > 0 else "bear"
        elif wild < config.volatility_exit or state == ("bear" if side > 0 else "bull"):
            state = "sideways"
        states.append(state)
    return states


def vote_states(frame: pd.DataFrame, config: RegimeSettings) -> list[str | None]:
    states = []
    for votes in zip(
        trend_states(frame, config),
        change_states(frame, config),
        volatility_states(frame, config),
        strict=True,
    ):
        winner = next((name for name in ("bull", "bear") if votes.count(name) >= 2), "sideways")
        states.append(None if None in votes else winner)
    return states


REFERENCES = {
    "trend": trend_states,
    "change": change_states,
    "volatility": volatility_states,
    "vote": vote_states,
}


@pytest.mark.parametrize("volatility_exit", [0.0, 0.05])
@pytest.mark.parametrize("rule", RULES)
def test_each_rule_equals_a_slow_reading_of_its_words(rule: str, volatility_exit: float) -> None:
    config = small(rule=rule, volatility_exit=volatility_exit)
    for frame in many_frames():
        found = names(regime_columns(frame, config)["regime_raw"])
        assert found == REFERENCES[rule](frame, config)


def test_percent_unit_is_percent_of_the_average() -> None:
    frame = candle_frame(100)
    found = average_distance(frame, small(unit="percent"))
    average = frame["close"].rolling(20).mean()
    expected = (frame["close"] - average) / average * 100
    np.testing.assert_allclose(found, expected)


def test_columns_agree_with_each_other_and_the_index_is_kept() -> None:
    frame = candle_frame(700, 2).set_index(pd.RangeIndex(1000, 1700))
    found = regime_columns(frame, small(timeframe="15m"))
    assert found.index.equals(frame.index)
    assert [CODES.get(name, 0) for name in names(found["regime"])] == found["regime_code"].tolist()
    waiting = found["regime_pending"].notna()
    assert waiting.any()
    assert (found["regime_pending"] == found["regime_raw"])[waiting].all()
    assert (found["regime_pending"] != found["regime"])[waiting].all()
    switched = found["regime"].ne(found["regime"].shift()) & found["regime"].shift().notna()
    assert found["regime_age"].eq(0).equals(switched)


def test_own_candles_and_the_same_candles_given_agree() -> None:
    frame = candle_frame(700, 4)
    for timeframe in TIMEFRAMES:
        config = small(timeframe=timeframe)
        given_candles = regime_columns(frame, config, resample(frame, timeframe))
        pd.testing.assert_frame_equal(regime_columns(frame, config), given_candles)


def test_a_market_at_rest_is_unknown_and_gives_no_warning() -> None:
    frame = candle_frame(500).assign(open=5.0, high=5.0, low=5.0, close=5.0, volume=0.0)
    for rule in ("trend", "volatility", "vote"):
        assert regime_columns(frame, small(rule=rule))["regime_raw"].isna().all()
    for unit in ("percent", "atr"):
        nothing = frame.assign(open=0.0, high=0.0, low=0.0, close=0.0)
        assert regime_columns(nothing, small(unit=unit))["regime_distance"].isna().all()


def test_mixed_utc_objects_change_nothing() -> None:
    frame = candle_frame(500)
    config = small(timeframe="15m")
    longer = resample(frame, "15m")
    expected = regime_columns(frame, config)
    pd.testing.assert_frame_equal(regime_columns(mixed_dates(frame), config), expected)
    found = regime_columns(mixed_dates(frame), config, mixed_dates(longer))
    pd.testing.assert_frame_equal(found, expected)


def test_rule_shorter_than_the_base_timeframe_is_refused() -> None:
    with pytest.raises(ValueError, match="'5m' is shorter than the base timeframe '1h'"):
        regime_columns(candle_frame(50, timeframe="1h"), small(), timeframe="1h")
