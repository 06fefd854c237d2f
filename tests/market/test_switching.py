"""Bands and grace period, against slow references written another way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from regimeswitch.market.hysteresis import (
    BEAR,
    BULL,
    SIDEWAYS,
    UNKNOWN,
    after_grace,
    age,
    banded_state,
    pending,
    run_length,
)


quick = settings(deadline=None, max_examples=80)
BANDS = {"bull_enter": 3.0, "bull_exit": 1.0, "bear_enter": -2.0, "bear_exit": -0.5}
# Numbers on and around the bands come up often; NaN is a missing measure.
measures = st.lists(
    st.sampled_from([-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, float("nan")]) | st.floats(-5, 5),
    max_size=60,
).map(lambda values: np.array(values, dtype=np.float64))
runs = st.lists(
    st.tuples(st.sampled_from([UNKNOWN, BULL, BEAR, SIDEWAYS]), st.integers(1, 8)), max_size=15
)
columns = runs.map(
    lambda parts: np.array(
        list(itertools.chain.from_iterable([code] * count for code, count in parts)), dtype=np.int8
    )
)
graces = st.integers(1, 6)


def state_by_looking_back(measure: NDArray[np.float64], row: int) -> int:
    """The state of one row from the latest earlier row that settles it alone, then forward."""
    back = row
    while back >= 0 and not np.isnan(measure[back]):
        if measure[back] >= 3:
            return SIDEWAYS if (measure[back : row + 1] < 1).any() else BULL
        if measure[back] <= -2:
            return SIDEWAYS if (measure[back : row + 1] > -0.5).any() else BEAR
        if -0.5 < measure[back] < 1:
            return SIDEWAYS
        back -= 1
    return UNKNOWN


def active_by_looking_back(raw: NDArray[np.int8], row: int, grace: int) -> int:
    for end in range(row, grace - 2, -1):
        last = set(raw[end - grace + 1 : end + 1].tolist())
        if len(last) == 1 and UNKNOWN not in last:
            return last.pop()
    return UNKNOWN


@quick
@given(measures)
def test_bands_equal_a_reference_that_looks_back(measure: NDArray[np.float64]) -> None:
    expected = [state_by_looking_back(measure, row) for row in range(len(measure))]
    assert banded_state(measure, **BANDS).tolist() == expected


def test_bull_begins_at_enter_and_lasts_to_exit_and_bear_mirrors_it() -> None:
    rising = np.array([0, 2.99, 3, 1.5, 1, 0.99, 2, 2.99, 3])
    codes = banded_state(rising, bull_enter=3, bull_exit=1, bear_enter=-3, bear_exit=-1)
    assert codes.tolist() == [3, 3, 1, 1, 1, 3, 3, 3, 1]
    mirrored = banded_state(-rising, bull_enter=3, bull_exit=1, bear_enter=-3, bear_exit=-1)
    assert mirrored.tolist() == [3, 3, 2, 2, 2, 3, 3, 3, 2]


@quick
@given(measures, st.integers(0, 60), st.integers(0, 60))
def test_bands_are_prefix_and_window_stable(
    measure: NDArray[np.float64], end: int, begin: int
) -> None:
    whole = banded_state(measure, **BANDS)
    assert banded_state(measure[:end], **BANDS).tolist() == whole[:end].tolist()
    later = banded_state(measure[begin:], **BANDS)
    assert ((later == whole[begin:]) | (later == UNKNOWN)).all()


@quick
@given(columns, graces)
def test_active_regime_equals_a_reference_that_looks_back(
    raw: NDArray[np.int8], grace: int
) -> None:
    expected = [active_by_looking_back(raw, row, grace) for row in range(len(raw))]
    assert after_grace(raw, grace).tolist() == expected


@quick
@given(columns, graces, st.integers(0, 60), st.integers(0, 60))
def test_grace_is_prefix_stable_and_a_restart_agrees(
    raw: NDArray[np.int8], grace: int, end: int, begin: int
) -> None:
    whole = after_grace(raw, grace)
    assert after_grace(raw[:end], grace).tolist() == whole[:end].tolist()
    later = after_grace(raw[begin:], grace)
    known = later != UNKNOWN
    assert (later[known] == whole[begin:][known]).all()
    assert (np.diff(known.astype(int)) >= 0).all(), "a known regime was forgotten"
    whole_age, later_age = age(whole)[begin:], age(later)
    assert ((later_age == whole_age) | np.isnan(later_age)).all()


@quick
@given(
    st.sampled_from([BULL, BEAR, SIDEWAYS]),
    st.sampled_from([BULL, BEAR, SIDEWAYS, UNKNOWN]),
    st.integers(2, 40),
    st.integers(0, 300),
)
def test_one_opposing_candle_never_flips(held: int, other: int, grace: int, calm: int) -> None:
    raw = np.full(grace + calm + 20, held, dtype=np.int8)
    raw[grace + calm] = other
    assert set(after_grace(raw, grace)[grace - 1 :].tolist()) == {held}


@quick
@given(st.integers(1, 40), st.integers(1, 60))
def test_regime_changes_exactly_on_the_last_row_of_its_grace(grace: int, held: int) -> None:
    raw = np.array([BULL] * grace + [BEAR] * held, dtype=np.int8)
    active = after_grace(raw, grace)
    expected = [UNKNOWN] * (grace - 1) + [BULL] * grace + [BEAR] * held
    assert active.tolist() == expected[: grace + held]


@quick
@given(
    st.lists(st.tuples(st.sampled_from([BEAR, SIDEWAYS]), st.integers(1, 5)), max_size=20),
    st.integers(6, 30),
)
def test_runs_shorter_than_the_grace_never_flip(noise: list[tuple[int, int]], grace: int) -> None:
    raw = [BULL] * grace
    for code, count in noise:
        # Each burst is broken by the held regime: many agreements in all, never enough in a row.
        raw += [code] * count + [BULL]
    active = after_grace(np.array(raw, dtype=np.int8), grace)
    assert set(active[grace - 1 :].tolist()) == {BULL}


def test_alternating_noise_never_flips() -> None:
    raw = np.array([SIDEWAYS] * 5 + [BULL, BEAR] * 200, dtype=np.int8)
    for grace in range(2, 6):
        assert set(after_grace(raw, grace)[grace - 1 :].tolist()) == {SIDEWAYS}


@quick
@given(columns)
def test_run_length_age_and_pending(raw: NDArray[np.int8]) -> None:
    lengths = [len(list(group)) for _, group in itertools.groupby(raw.tolist())]
    assert run_length(raw).tolist() == [n + 1 for count in lengths for n in range(count)]
    active = after_grace(raw, 3)
    since: int | None = None
    for row, found in enumerate(age(active)):
        if row and active[row - 1] not in (UNKNOWN, active[row]):
            since = row
        assert np.isnan(found) if since is None else found == row - since
    for now, then, waiting in zip(raw, active, pending(raw, active), strict=True):
        assert waiting == (now if now != then and UNKNOWN not in (now, then) else UNKNOWN)


def test_inputs_are_not_modified() -> None:
    measure, raw = np.array([0.0, 4, np.nan, 2]), np.array([1, 1, 2, 0], dtype=np.int8)
    measure.setflags(write=False)
    raw.setflags(write=False)
    banded_state(measure, **BANDS)
    pending(raw, after_grace(raw, 2))
    run_length(raw)
    age(raw)


def test_grace_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 1 \(got 0\); typical: 36"):
        after_grace(np.array([1], dtype=np.int8), 0)
