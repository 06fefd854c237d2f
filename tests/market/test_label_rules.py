"""Labels equal a slow reading of their words; bad candles remove the rows that see them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import SPIKE, candle_frame, frames
from regimeswitch.market.candles import clean_candles, find_bad_candles
from regimeswitch.market.labels import (
    class_labels,
    forward_return,
    move_threshold,
)
from regimeswitch.settings import LabelSettings
from smalllabels import KINDS, ROWS, configs, listed, quick, small


def slow_triple_barrier(candles: pd.DataFrame, threshold: list[float], horizon: int) -> list[str]:
    found = []
    for row in range(len(candles) - horizon):
        close = candles["close"].iloc[row]
        label = "hold"
        for ahead in candles.iloc[row + 1 : row + horizon + 1].itertuples():
            up = ahead.high >= close * (1 + threshold[row])
            down = ahead.low <= close * (1 - threshold[row])
            if up or down:
                label = "hold" if up and down else ("buy" if up else "sell")
                break
        found.append(label)
    return found


@settings(deadline=None, max_examples=10)
@given(frames(120, kinds=("flat", "gap")), st.sampled_from([0.1, 0.5, 1.0]), st.integers(1, 12))
def test_triple_barrier_equals_a_slow_loop(
    candles: pd.DataFrame, multiple: float, horizon: int
) -> None:
    config = small(kind="triple_barrier", multiple=multiple, horizon=horizon, cover_fees=False)
    threshold = move_threshold(candles, config, "5m")
    expected = slow_triple_barrier(candles, threshold.tolist(), horizon)
    found = listed(class_labels(candles, config, "5m"))
    assert found[config.window : -horizon] == expected[config.window :]


def test_both_barriers_in_one_candle_are_hold() -> None:
    candles = candle_frame(60)
    close = candles.loc[40, "close"]
    candles.loc[41, ["low", "high"]] = [close * 0.8, close * 1.2]
    assert listed(class_labels(candles, small(kind="triple_barrier"), "5m"))[40] == "hold"


@quick
@given(st.integers(0, 1000), st.sampled_from(["volatility", "atr"]))
def test_threshold_labels_equal_their_words(seed: int, unit: str) -> None:
    candles = candle_frame(ROWS, seed)
    config = small(unit=unit)
    close = candles["close"]
    if unit == "volatility":
        measure = np.log(close).diff().rolling(20).std(ddof=0) * np.sqrt(6)
    else:
        before = close.shift()
        highs = pd.concat([candles["high"], before], axis=1).max(axis=1, skipna=False)
        lows = pd.concat([candles["low"], before], axis=1).min(axis=1, skipna=False)
        measure = (highs - lows).rolling(20).mean() / close
    expected = (0.8 * measure).clip(lower=0.002)
    np.testing.assert_allclose(move_threshold(candles, config, "5m"), expected)
    for row, label in enumerate(listed(class_labels(candles, config, "5m"))):
        if label is not None:
            move = close[row + 6] / close[row] - 1
            limit = expected[row]
            assert label == ("buy" if move > limit else "sell" if move < -limit else "hold")


@quick
@given(configs, st.floats(0, 0.05), st.integers(0, 1000))
def test_threshold_covers_two_fees(config: LabelSettings, fee: float, seed: int) -> None:
    candles = candle_frame(100, seed)
    covered = move_threshold(
        candles, config.model_copy(update={"fee": fee, "cover_fees": True}), "5m"
    )
    free = move_threshold(
        candles, config.model_copy(update={"fee": fee, "cover_fees": False}), "5m"
    )
    assert (covered[config.window :] >= 2 * fee).all()
    np.testing.assert_array_equal(covered, np.maximum(free, 2 * fee))


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(frames(ROWS), st.sampled_from(["volatility", "atr"]))
def test_bad_candles_remove_exactly_the_rows_that_look_at_them(
    kind: str, candles: pd.DataFrame, unit: str
) -> None:
    config = small(kind=kind, unit=unit)
    bad = find_bad_candles(candles, "5m", SPIKE)
    labels = class_labels(candles, config, "5m", bad)
    moves = forward_return(candles, config, "5m", bad)
    broken = set(np.flatnonzero(bad.drop(columns="flat").any(axis=1)).tolist())
    flat = set(np.flatnonzero(bad["flat"]).tolist())
    usable = [
        row
        for row in range(len(candles) - 6)
        if row not in flat and not broken & set(range(row, row + 7))
    ]
    assert np.flatnonzero(moves.notna()).tolist() == usable
    assert np.flatnonzero(labels.notna()).tolist() == [row for row in usable if row >= 20]
    clean = class_labels(clean_candles(candles, bad), config, "5m")
    kept = labels.notna()
    assert listed(labels[kept]) == listed(clean[kept])
