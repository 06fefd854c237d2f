"""The settings mean the same time with every base timeframe: labels, features, warm-up, stops."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from frames import candle_frame, cleaned, frames
from regimeswitch.bot.bot_settings import mark_identifier
from regimeswitch.bot.connection.health import is_late
from regimeswitch.market.candles import candles_spanning, resample, timeframe_seconds
from regimeswitch.market.features import basic_features, period_features
from regimeswitch.market.labels import class_labels, forward_return, move_threshold
from regimeswitch.market.regimes import five_minute_range
from regimeswitch.market.volatility_features import volatility_features, warm_up_candles
from regimeswitch.market.warmup import BASE_TIMEFRAMES, feature_candles, startup_candles
from regimeswitch.model.factory import unfitted_ensemble, unfitted_model
from regimeswitch.settings import LabelSettings, Settings, SettingsError, load_settings
from smalllabels import KINDS


LONGER = [name for name in BASE_TIMEFRAMES if name != "5m"]
FEE = 0.002
WEEKLY = tuple(
    f"%-{name}"
    for name in ("volatility_", "range_", "volume_", "hour_", "now_", "return_2", "roughness_")
)
quick = settings(deadline=None, max_examples=8)


def by_close(values: Any, candles: pd.DataFrame, timeframe: str) -> Any:
    """Rows by the time at which they are known."""
    length = pd.Timedelta(seconds=timeframe_seconds(timeframe))
    return values.set_axis(pd.DatetimeIndex(candles["date"] + length))


def parameters(base: str, *more: str) -> dict[str, Any]:
    return {"include_timeframes": [base, *more], "indicator_periods_candles": [12, 24]}


def all_features(candles: pd.DataFrame, base: str) -> pd.DataFrame:
    """The block of the base timeframe, and what is made for it alone."""
    blocks = [
        period_features(candles, period, base).add_suffix(f"_{period}") for period in (12, 24)
    ]
    return pd.concat(
        [*blocks, basic_features(candles, base), volatility_features(candles, base)], axis=1
    )


def both_touched(candles: pd.DataFrame, horizon: int) -> NDArray[np.bool_]:
    """Rows of which one later candle within the horizon touches both barriers."""
    close = candles["close"].to_numpy()[: len(candles) - horizon, None]
    highs, lows = (
        sliding_window_view(candles[name].to_numpy()[1:], horizon) for name in ("high", "low")
    )
    both = (highs >= close * (1 + 2 * FEE)) & (lows <= close * (1 - 2 * FEE))
    return np.r_[both.any(axis=1), np.ones(horizon, dtype=bool)]


def wandering(minutes: int, seed: int) -> dict[str, pd.DataFrame]:
    """Candles of each base timeframe of one price that moves every ten seconds."""
    rng = np.random.default_rng(seed)
    path = 100 * np.exp(np.cumsum(rng.normal(0, 0.0003, 6 * minutes)))
    found = {}
    for timeframe in BASE_TIMEFRAMES:
        seconds = timeframe_seconds(timeframe)
        rows = path.reshape(-1, seconds // 10)
        dates = pd.date_range("2024-03-01", periods=len(rows), freq=f"{seconds}s", tz="UTC")
        opens = np.r_[100.0, rows[:-1, -1]]
        high, low = np.maximum(rows.max(axis=1), opens), np.minimum(rows.min(axis=1), opens)
        prices = {"open": opens, "high": high, "low": low, "close": rows[:, -1]}
        found[timeframe] = pd.DataFrame({"date": dates, **prices, "volume": 1.0})
    return found


@given(
    st.integers(1, 5000), st.sampled_from([*BASE_TIMEFRAMES, "4h", "1d"]), st.sampled_from([1, 10])
)
def test_a_count_is_the_shortest_span_of_whole_candles(
    count: int, timeframe: str, least: int
) -> None:
    length, wanted = timeframe_seconds(timeframe), 300 * count
    found = candles_spanning(count, timeframe, least)
    assert found >= least and found * length >= wanted
    assert found == least or (found - 1) * length < wanted
    assert candles_spanning(count, "5m") == count


@quick
@given(st.integers(0, 2**32), st.sampled_from(LONGER), st.sampled_from(KINDS))
def test_a_label_is_that_of_the_same_time(seed: int, timeframe: str, kind: str) -> None:
    five = candle_frame(2880, seed)
    base = resample(five, timeframe, "5m")
    # The floor of two fees is a threshold that depends on no window.
    config = LabelSettings(kind=kind, horizon=24, multiple=1e-9, fee=FEE)
    known = by_close(class_labels(five, config, "5m"), five, "5m")
    found = by_close(class_labels(base, config, timeframe), base, timeframe)
    same = known.reindex(found.index)
    chosen = found.notna() & same.notna()
    assert chosen.iloc[config.window_in(timeframe) : -config.horizon_in(timeframe)].all()
    if kind == "triple_barrier":
        # Which of two prices came first is not known of a candle that touches both.
        chosen &= ~both_touched(base, config.horizon_in(timeframe))
    assert chosen.mean() > 0.5
    assert (found[chosen] == same[chosen]).all()
    ahead = by_close(forward_return(base, config, timeframe), base, timeframe).dropna()
    expected = by_close(forward_return(five, config, "5m"), five, "5m").reindex(ahead.index)
    np.testing.assert_allclose(ahead, expected)


@pytest.mark.parametrize("unit", ["volatility", "atr"])
def test_a_threshold_and_the_range_behind_stops_are_as_large(unit: str) -> None:
    config = LabelSettings(unit=unit, cover_fees=False)
    risk = Settings().risk
    thresholds, ranges = {}, {}
    for timeframe, candles in wandering(60 * 24 * 60, 3).items():
        thresholds[timeframe] = np.nanmean(move_threshold(candles, config, timeframe))
        found = five_minute_range(candles, risk.atr_period_in(timeframe), timeframe)
        # A day, whatever the candles.
        day = 86_400 // timeframe_seconds(timeframe)
        assert np.isnan(found[:day]).all() and np.isfinite(found[day:]).all()
        ranges[timeframe] = np.nanmean(found)
    for timeframe in LONGER:
        assert thresholds[timeframe] == pytest.approx(thresholds["5m"], rel=0.12), timeframe
        assert ranges[timeframe] == pytest.approx(ranges["5m"], rel=0.12), timeframe


@pytest.mark.parametrize("timeframe", LONGER)
def test_features_look_back_over_the_same_hours(timeframe: str) -> None:
    five = candle_frame(12 * 24 * 20, 7)
    base = resample(five, timeframe, "5m")
    found = by_close(volatility_features(base, timeframe), base, timeframe).dropna()
    known = by_close(volatility_features(five, "5m"), five, "5m").reindex(found.index)
    assert known.notna().all(axis=None)
    shorter = timeframe_seconds(timeframe) // 300
    spans = [name for name in known if name.startswith(("%-volatility", "%-range", "%-volume"))]
    assert set(known) - set(found) == {
        name for name in spans if int(name.rpartition("_")[2]) < shorter
    }
    # What adds up over time, and the highest and lowest price of it, are the very same numbers.
    volumes = [name for name in found if "volume" in name]
    places = [name for name in found if "place" in name]
    assert len(volumes) >= 6 and len(places) == 3
    for name in [*volumes, *places]:
        np.testing.assert_allclose(found[name], known[name], atol=1e-9, err_msg=name)
    for name in ("%-range_48", "%-range_288", "%-return_288"):
        assert found[name].corr(known[name]) > 0.8, name


@pytest.mark.parametrize("timeframe", LONGER)
def test_a_jump_is_remembered_for_the_same_time(timeframe: str) -> None:
    five = candle_frame(12 * 24 * 20, 7)
    begins = five["date"].iloc[12 * 24 * 10]
    jumped = five.copy()
    later = jumped["date"] >= begins
    # In an hour's first candle price and volume jump; later moves are the same.
    jumped.loc[later, ["open", "high", "low", "close"]] *= 1.05
    jump = jumped["date"] == begins
    jumped.loc[jump, ["open", "low"]] = five.loc[jump, ["open", "low"]]
    jumped.loc[jump, "volume"] *= 100
    ends = {}
    for name in ("5m", timeframe):
        plain, other = (resample(frame, name, "5m") for frame in (five, jumped))
        moved = [
            pd.concat([volatility_features(one, name), basic_features(one, name)], axis=1)
            for one in (plain, other)
        ]
        off = by_close((moved[0] - moved[1]).abs() > 1e-6, plain, name)
        ends[name] = {column: off.index[off[column]].max() - begins for column in off}
    # Where the extremes lie is asked above; one candle alone has no share of rising moves.
    weekly = [name for name in ends[timeframe] if name.startswith(WEEKLY)]
    assert len(weekly) >= 20
    for column in [*weekly, "%-day_volatility", "%-short_volatility"]:
        assert ends[timeframe][column] == ends["5m"][column], column
    assert ends["5m"]["%-roughness_48"] == pd.Timedelta(hours=4)
    assert ends["5m"]["%-day_volatility"] == pd.Timedelta(days=1)


@quick
@given(st.data(), st.sampled_from(LONGER))
def test_features_and_labels_are_prefix_stable_exactly(data: st.DataObject, timeframe: str) -> None:
    rows = warm_up_candles(timeframe) + 500
    candles = cleaned(data.draw(frames(rows, timeframe)), timeframe)
    end = data.draw(st.integers(0, len(candles)))
    whole = all_features(candles, timeframe)
    pd.testing.assert_frame_equal(all_features(candles[:end], timeframe), whole[:end])
    assert not np.isinf(whole.to_numpy()).any()
    config = LabelSettings()
    labels = class_labels(candles, config, timeframe)
    known = max(end - config.horizon_in(timeframe), 0)
    found = class_labels(candles[:end], config, timeframe)
    pd.testing.assert_series_equal(found[:known], labels[:known])
    assert found[known:].isna().all()


@pytest.mark.parametrize("timeframe", BASE_TIMEFRAMES)
def test_after_the_promised_warm_up_everything_is_known(timeframe: str) -> None:
    promised = feature_candles(parameters(timeframe), timeframe)[timeframe]
    found = all_features(candle_frame(promised + 50, 1, timeframe), timeframe)
    assert found.iloc[promised - 2 :].notna().all(axis=None)
    later = startup_candles(Settings(), parameters(timeframe, "4h"), timeframe)
    assert later >= promised
    week = warm_up_candles(timeframe) * timeframe_seconds(timeframe)
    # A week and the hour, and the candles in which they begin and end.
    assert 0 <= week - (7 * 24 + 1) * 3600 <= 3 * timeframe_seconds(timeframe)


@pytest.mark.parametrize(
    ("timeframe", "rule", "expected"),
    [("5m", "1h", 2031), ("15m", "1h", 679), ("30m", "1h", 601), ("1h", "1h", 601)],
)
def test_the_start_up_candles_of_the_defaults(timeframe: str, rule: str, expected: int) -> None:
    found = load_settings({"regime": {"timeframe": rule}, "entries": {"mode": "signal"}})
    assert startup_candles(found, parameters(timeframe, "1h"), timeframe) == expected


@pytest.mark.parametrize(
    ("timeframe", "rule", "allowed"),
    [
        ("3m", "1h", '"5m", "15m", "30m", "1h"'),
        ("10m", "1h", '"5m", "15m", "30m", "1h"'),
        ("4h", "4h", '"5m", "15m", "30m", "1h"'),
        ("30m", "15m", '"5m", "15m"'),
    ],
)
def test_other_base_timeframes_are_refused(timeframe: str, rule: str, allowed: str) -> None:
    section = load_settings({"regime": {"timeframe": rule}})
    with pytest.raises(SettingsError) as caught:
        startup_candles(section, parameters(timeframe), timeframe)
    assert f'timeframe: "{timeframe}" cannot be used; allowed: {allowed}, for' in str(caught.value)


def test_models_of_another_base_timeframe_are_other_models() -> None:
    def identifier(**also: str) -> str:
        return mark_identifier(
            {"freqai": {"enabled": True, "identifier": "mine"}, **also}, Settings()
        )

    names = {identifier(timeframe=timeframe) for timeframe in BASE_TIMEFRAMES}
    assert len(names) == len(BASE_TIMEFRAMES)
    assert identifier() == identifier(timeframe="5m")


@pytest.mark.parametrize("timeframe", BASE_TIMEFRAMES)
def test_a_candle_is_late_after_the_same_time(timeframe: str) -> None:
    opened = pd.Timestamp("2024-03-01 12:00", tz="UTC")
    due = (opened + 2 * pd.Timedelta(seconds=timeframe_seconds(timeframe))).to_pydatetime()
    allowed = Settings().safety.late_candles
    assert not is_late(opened, due + timedelta(seconds=150), timeframe, allowed)
    assert is_late(opened, due + timedelta(seconds=151), timeframe, allowed)


@pytest.mark.parametrize("timeframe", BASE_TIMEFRAMES)
def test_models_are_judged_in_the_same_times(timeframe: str) -> None:
    section = Settings()
    ensemble = unfitted_ensemble(section.models, "classifier", {}, ["buy", "hold", "sell"])
    model = unfitted_model(ensemble, section, True, timeframe)
    length = timeframe_seconds(timeframe)
    assert (model.horizon * length, model.day * length) == (3600, 86_400)
    assert section.models.row_step_in(timeframe) * length == max(900, length)
    # FreqAI's own label period counts base candles; the longer of the two counts.
    assert unfitted_model(ensemble, section, True, timeframe, 99).horizon == 99
