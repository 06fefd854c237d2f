"""Fewer points draw the same line."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from regimeswitch_lab.report.drawing import thinned
from regimeswitch_lab.report.equity import monthly_returns
from regimeswitch_lab.report.regime_table import stretches


NUMBERS = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=300)


@settings(deadline=None)
@given(NUMBERS, st.integers(2, 60))
def test_ends_and_extremes_are_kept(values: list[float], points: int) -> None:
    line = np.array(values)
    rows = thinned(line, points)
    assert len(rows) <= max(points, 2) + 2 or len(rows) == len(line) <= points
    assert rows[0] == 0 and rows[-1] == len(line) - 1
    assert (np.diff(rows) > 0).all()
    known = line[~np.isnan(line)]
    if len(known):
        assert np.nanmin(line[rows]) == known.min() and np.nanmax(line[rows]) == known.max()


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=50))
def test_stretches_put_together_are_the_series(names: list[str]) -> None:
    runs = stretches(pd.Series(names, dtype=object))
    joined = [
        name
        for name, length in zip(runs["name"], runs["length"], strict=True)
        for _ in range(length)
    ]
    assert joined == names
    assert all(one != two for one, two in zip(runs["name"][:-1], runs["name"][1:], strict=True))
    assert runs["first"].tolist() == [0, *runs["length"].cumsum()[:-1]]


def test_months_without_a_record_have_no_return() -> None:
    dates = pd.to_datetime(["2023-11-30", "2024-02-10", "2024-02-28"], utc=True)
    balance = pd.DataFrame({"date": dates, "total_quote": [110.0, 120.0, 99.0]})
    first, second = monthly_returns(balance, 100.0)
    assert (first.year, second.year) == (2023, 2024)
    assert np.isclose(first.total, 0.1) and first.months[11] == 0 and first.months[9] is None
    assert second.months[0] == 0 and np.isclose(second.total, -0.1)
    assert second.months[2:] == (None,) * 10
