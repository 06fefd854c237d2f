"""Regimes of every rule and timeframe are prefix-stable and window-stable."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import candle_frame, cleaned, frames, mixed_dates
from regimeswitch.market.candles import resample
from regimeswitch.market.regimes import CODES, RULES, average_distance, regime_columns
from smallrules import names, small


ROWS = 800
TIMEFRAMES = ("5m", "15m", "1h")
averages = st.sampled_from(
    [
        {"average": "sma", "unit": "atr"},
        {"average": "ema", "unit": "atr", "average_period": 8},
        {"average": "sma", "unit": "percent", "trend_enter": 0.5, "trend_exit": 0.2},
        {"average": "ema", "unit": "percent", "average_period": 8, "trend_enter": 0.5},
    ]
)


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
@settings(deadline=None, max_examples=4)
@given(data=st.data())
def test_regimes_are_prefix_and_window_stable(
    rule: str, timeframe: str, data: st.DataObject
) -> None:
    base = cleaned(data.draw(frames(ROWS)))
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
        for end in [*range(15), *range(15, len(base), 53)]:
            pd.testing.assert_frame_equal(regime_columns(base[:end], config), whole[:end])


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
@settings(deadline=None, max_examples=6)
@given(raw=frames(ROWS, kinds=("zero", "missing", "negative", "inverted")), data=st.data())
def test_candles_cleaned_after_a_later_start_give_no_other_regime(
    timeframe: str, raw: pd.DataFrame, data: st.DataObject
) -> None:
    config = small(timeframe=timeframe)
    begin = data.draw(st.integers(0, ROWS - 1))
    whole = regime_columns(cleaned(raw), config)
    assert_same_or_unknown(regime_columns(cleaned(raw[begin:]), config), whole[begin:])


def test_a_frame_that_begins_on_an_impossible_candle_shows_no_half_candle() -> None:
    raw = candle_frame(600, 5)
    raw.loc[120:125, "close"] = 0.0
    config = small(timeframe="1h", average_period=5, atr_period=5)
    whole = regime_columns(cleaned(raw), config)[120:]
    assert_same_or_unknown(regime_columns(cleaned(raw[120:]), config), whole)


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
