"""Signals are written where they belong, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from regimeswitch.bot.trading.signal_columns import put_signals


REGIME = pd.Series(["bull", None, "bear", "bull"], dtype="str")
FIRST_AND_LAST = np.array([True, False, False, True])


def test_fresh_columns_are_missing_beside_the_signals() -> None:
    frame = pd.DataFrame({"regime": REGIME})
    put_signals(frame, FIRST_AND_LAST, "enter_long", "enter_tag", REGIME)
    np.testing.assert_array_equal(frame["enter_long"], [1.0, np.nan, np.nan, 1.0])
    assert frame["enter_tag"].fillna("-").tolist() == ["bull", "-", "-", "bull"]
    assert frame["regime"].equals(REGIME)


def test_what_stands_on_other_candles_is_left_alone() -> None:
    frame = pd.DataFrame({"exit_long": [1, 1, 0, 0], "exit_tag": ["mine", "mine", "", ""]})
    put_signals(frame, FIRST_AND_LAST, "exit_long", "exit_tag", REGIME)
    assert frame["exit_long"].tolist() == [1, 1, 0, 1]
    assert frame["exit_tag"].tolist() == ["bull", "mine", "", "bull"]


@pytest.mark.parametrize("index", [[5, 6, 7, 8], [0, 2, 4, 6]])
def test_rows_are_counted_by_position(index: list[int]) -> None:
    tags = REGIME.set_axis(index)
    for given in ({}, {"a": [np.nan] * 4, "b": pd.Series([None] * 4, index, dtype="str")}):
        frame = pd.DataFrame(given, index=index)
        put_signals(frame, FIRST_AND_LAST, "a", "b", tags)
        assert frame["a"].fillna(0).tolist() == [1, 0, 0, 1]
        assert frame["b"].fillna("-").tolist() == ["bull", "-", "-", "bull"]
