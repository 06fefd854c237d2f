"""Labels look exactly as far ahead as they say, and nothing else of the core looks ahead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frames import PRICES, candle_frame, mixed_dates
from regimeswitch.market.labels import (
    CLASS_COLUMN,
    CLASSES,
    RETURN_COLUMN,
    class_labels,
    forward_return,
)
from regimeswitch.settings import LabelSettings
from smalllabels import KINDS, ROWS, configs, listed, quick, small


@quick
@given(configs, st.integers(0, 1000), st.data())
def test_a_label_depends_on_its_window_and_horizon_alone(
    config: LabelSettings, seed: int, data: st.DataObject
) -> None:
    candles = candle_frame(ROWS, seed)
    row = data.draw(st.integers(0, ROWS - 1))
    first, last = row - config.window, row + config.horizon
    outside = candles.copy()
    far = (outside.index < first) | (outside.index > last)
    outside.loc[far, PRICES] *= np.random.default_rng(seed).uniform(0.5, 2, (int(far.sum()), 1))
    if first < 0:
        # In warm-up nothing but the beginning of the frame decides.
        assert listed(class_labels(candles, config, "5m"))[row] is None
    before = outside.copy()
    labels = class_labels(outside, config, "5m")
    moves = forward_return(outside, config, "5m")
    pd.testing.assert_frame_equal(outside, before)
    assert listed(labels)[row] == listed(class_labels(candles, config, "5m"))[row]
    np.testing.assert_equal(moves[row], forward_return(candles, config, "5m")[row])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ahead", [1, 3, 6])
def test_candles_inside_the_horizon_do_change_labels(kind: str, ahead: int) -> None:
    candles = candle_frame(ROWS, 2)
    # So wide a threshold that nothing else of these candles reaches it.
    config = small(kind=kind, multiple=20)
    row = 80
    changed = candles.copy()
    changed.loc[row + ahead :, PRICES] *= 1.5
    assert listed(class_labels(changed, config, "5m"))[row] == "buy"
    changed.loc[row + ahead :, PRICES] *= 0.3
    assert listed(class_labels(changed, config, "5m"))[row] == "sell"
    later = candles.copy()
    later.loc[row + 7 :, PRICES] *= 1.5
    assert (
        listed(class_labels(later, config, "5m"))[row]
        == listed(class_labels(candles, config, "5m"))[row]
    )


@quick
@given(configs, st.integers(0, 1000), st.integers(0, ROWS))
def test_the_last_horizon_rows_are_missing(config: LabelSettings, seed: int, rows: int) -> None:
    candles = candle_frame(ROWS, seed)[:rows]
    labels = class_labels(candles, config, "5m")
    assert labels.name == CLASS_COLUMN
    assert labels.index.equals(candles.index)
    assert set(labels.dropna()) <= set(CLASSES)
    known = range(config.window, rows - config.horizon)
    # An ATR needs the close before its window, returns do as well: row `window` is the first.
    assert np.flatnonzero(labels.notna()).tolist() == list(known)
    moves = forward_return(candles, config, "5m")
    assert moves.name == RETURN_COLUMN
    assert np.flatnonzero(moves.notna()).tolist() == list(range(rows - config.horizon))


@quick
@given(configs, st.integers(0, 1000))
def test_a_later_future_never_changes_a_label(config: LabelSettings, seed: int) -> None:
    candles = candle_frame(ROWS, seed)
    whole = listed(class_labels(candles, config, "5m"))
    for end in (60, 61, 99, 140):
        known = max(end - config.horizon, 0)
        assert listed(class_labels(candles[:end], config, "5m"))[:known] == whole[:known]


@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_every_short_length(kind: str) -> None:
    config = small(kind=kind, horizon=4, window=10)
    candles = candle_frame(20)
    for rows in range(20):
        found = class_labels(candles[:rows], config, "5m")
        assert int(found.notna().sum()) == max(rows - 14, 0)


def test_forward_return_is_that_of_the_horizon() -> None:
    candles = candle_frame(50)
    moves = forward_return(candles, small(), "5m")
    close = candles["close"].tolist()
    for row in range(44):
        assert moves[row] == pytest.approx(close[row + 6] / close[row] - 1)


def test_mixed_utc_objects_change_nothing() -> None:
    candles = candle_frame(80)
    found = class_labels(mixed_dates(candles), small(), "5m")
    pd.testing.assert_series_equal(found, class_labels(candles, small(), "5m"))
