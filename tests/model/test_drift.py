"""Population stability index: zero for the same, growing with shift, blind to monotone maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from regimeswitch.model.drift import (
    ALL,
    BINS,
    MIN_ROWS,
    PRIOR_ROWS,
    DriftMeasure,
    DriftReference,
    bin_counts,
    bin_edges,
    chance,
    psi,
    served_measure,
)
from regimeswitch.model.training_set import Rows


HOUR = 12
seeds = st.integers(0, 2**32 - 1)


def rows_of(
    X: NDArray[np.float32], regime: NDArray[np.int64], pairs: int = 1, step: int = HOUR
) -> Rows:
    """Rows of one or more pairs, one for each ``step`` of candles."""
    count = len(X)
    place = np.arange(count)
    return Rows(
        X=X,
        y=np.zeros(count),
        regime=regime,
        time=(place // pairs) * step,
        pair=np.array([f"P{one}/USDT" for one in range(pairs)])[place % pairs],
        weight=np.ones(count),
        move=np.zeros(count),
    )


def shares_of(X: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    edges = bin_edges(X)
    counts = bin_counts(X, edges)
    return edges, counts / counts.sum(axis=0)


@given(seeds, st.integers(30, 400), st.integers(2, 30))
@settings(max_examples=40, deadline=None)
def test_the_same_rows_have_no_drift_however_often_and_however_few_values(
    seed: int, count: int, values: int
) -> None:
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.normal(size=count), rng.integers(0, values, count)])
    X = X.astype(np.float32)
    edges, shares = shares_of(X)
    for sample in (X, np.repeat(X, 3, axis=0)):
        np.testing.assert_allclose(psi(bin_counts(sample, edges), shares), 0, atol=1e-12)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_it_grows_with_the_shift(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3000, 1)).astype(np.float32)
    edges, shares = shares_of(X)
    found = [
        float(psi(bin_counts(X[:1000] + np.float32(shift), edges), shares)[0])
        for shift in (0.0, 0.3, 0.7, 1.5, 3.0)
    ]
    assert found == sorted(found)
    assert found[0] < 0.1 < 1 < found[-1]


@given(seeds, st.sampled_from([np.exp, np.cbrt, np.arctan, lambda x: 3 * x + 1]))
@settings(max_examples=40, deadline=None)
def test_a_strictly_increasing_map_changes_nothing(seed: int, mapped: np.ufunc) -> None:
    rng = np.random.default_rng(seed)
    reference, sample = rng.normal(size=(500, 3)), rng.normal(0.5, 1.3, size=(100, 3))
    edges, shares = shares_of(reference)
    plain = psi(bin_counts(sample, edges), shares)
    edges, shares = shares_of(mapped(reference))
    np.testing.assert_array_equal(psi(bin_counts(mapped(sample), edges), shares), plain)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_order_and_missing_values_do_not_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 2)).astype(np.float32)
    sample = rng.normal(0.3, 1, size=(80, 2)).astype(np.float32)
    edges, shares = shares_of(X)
    plain = psi(bin_counts(sample, edges), shares)
    holes = np.full((20, 2), np.nan, dtype=np.float32)
    for one in (rng.permutation(sample), np.concatenate([holes, sample])):
        np.testing.assert_array_equal(psi(bin_counts(one, edges), shares), plain)
    np.testing.assert_array_equal(bin_edges(np.concatenate([X, holes])), edges)
    assert np.isnan(psi(bin_counts(holes, edges), shares)).all()
    none = np.full((300, 1), np.nan, dtype=np.float32)
    with np.errstate(invalid="ignore"):
        edges, shares = shares_of(none)
    assert np.isnan(psi(bin_counts(sample[:, :1], edges), np.nan_to_num(shares))).all()


def test_the_figure_is_the_formula() -> None:
    counts = np.array([[10.0], [0.0], [30.0]])
    shares = np.array([[0.5], [0.25], [0.25]])
    given_shares = (counts + PRIOR_ROWS * shares) / (40 + PRIOR_ROWS)
    wanted = ((given_shares - shares) * np.log(given_shares / shares)).sum()
    assert psi(counts, shares)[0] == pytest.approx(wanted)


def test_chance_is_what_independent_samples_stay_below_in_95_percent() -> None:
    rng = np.random.default_rng(3)
    sizes, tries = (200, 4000), 400
    found = []
    for _ in range(tries):
        edges, shares = shares_of(rng.normal(size=(sizes[1], 1)).astype(np.float32))
        sample = rng.normal(size=(sizes[0], 1)).astype(np.float32)
        found.append(float(psi(bin_counts(sample, edges), shares)[0]))
    # A few rows that are like the reference make the PSI somewhat smaller.
    assert 0.93 <= np.mean(np.array(found) < chance(*sizes)) <= 0.99


def test_a_small_sample_of_the_same_market_is_no_alarm_and_a_shifted_one_is() -> None:
    rng = np.random.default_rng(5)
    # Slow features, as a week of candles has them: independent samples are another matter.
    steps = rng.normal(size=(24 * 140, 12)).astype(np.float32)
    X = np.zeros_like(steps)
    for row in range(1, len(X)):
        X[row] = 0.97 * X[row - 1] + steps[row]
    regime = np.repeat(rng.integers(1, 4, len(X) // 48), 48)
    reference = DriftReference.of(rows_of(X[: -24 * 14], regime[: -24 * 14]), HOUR)
    week, codes = X[-24 * 7 :], regime[-24 * 7 :]
    same = reference.measure(week, codes)
    shifted = reference.measure(week + 3 * X.std(), codes)
    assert same[ALL].rows == 24 * 7
    assert same[ALL].typical < 0.25
    assert np.median(same[ALL].psi) > chance(24 * 7, reference.rows[ALL])
    assert shifted[ALL].typical > 1
    assert shifted[ALL].share == 1.0
    few = reference.measure(week[: MIN_ROWS - 1], codes[: MIN_ROWS - 1])
    assert few == {}


def test_regimes_have_a_reference_of_their_own() -> None:
    rng = np.random.default_rng(8)
    regime = np.tile(np.repeat([1, 2], 100), 20)
    X = (rng.normal(size=(4000, 2)) + 5 * (regime == 2)[:, None]).astype(np.float32)
    reference = DriftReference.of(rows_of(X, regime, pairs=2), HOUR)
    assert reference.rows == {ALL: 4000, "bull": 2000, "bear": 2000, "sideways": 0}
    found = reference.measure(X[:100], regime[:100])
    assert set(found) == {ALL, "bull"}
    assert found["bull"].typical == 0 < found[ALL].psi.min()
    assert served_measure(found, 1, own=True) is found["bull"]
    assert served_measure(found, 1, own=False) is found[ALL]
    assert served_measure(found, 3, own=True) is found[ALL]
    assert served_measure(found, 0, own=True) is found[ALL]
    assert served_measure({}, 1, own=True) is None


def test_only_whole_hours_count_and_all_rows_where_there_are_none() -> None:
    X = np.arange(1200, dtype=np.float32)[:, None]
    regime = np.ones(1200, dtype=np.int64)
    assert DriftReference.of(rows_of(X, regime, step=1), HOUR).rows[ALL] == 100
    odd = rows_of(X, regime)
    odd.time[:] += 1
    assert DriftReference.of(odd, HOUR).rows[ALL] == 1200
    assert DriftReference.of(odd, HOUR).edges.shape == (BINS - 1, 1)


def test_the_worst_features_are_named_and_unknown_ones_left_out() -> None:
    nan = float("nan")
    one = DriftMeasure(ALL, 50, np.array([0.5, 2.0, nan, 1.0]), np.array([-0.1, 1.5, nan, 0.2]))
    assert one.worst(["a", "b", "c", "d"]) == [("b", 2.0), ("d", 1.0)]
    assert (one.typical, one.share) == (pytest.approx(0.2), pytest.approx(2 / 3))
    unknown = DriftMeasure(ALL, 50, np.array([nan]), np.array([nan]))
    assert np.isnan([unknown.typical, unknown.share]).all()
    assert unknown.worst(["a"]) == []
