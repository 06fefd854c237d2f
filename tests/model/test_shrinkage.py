"""Model validation: purged folds, the placebo, and the weight that a gain earns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimeswitch.model.shrinkage import (
    MIN_BLOCKS,
    MIN_Z,
    blend,
    block_mean,
    log_loss,
    purged_folds,
    shuffled_regimes,
    squared_error,
    validated_weight,
)
from regimeswitch.model.training_set import Rows, thinned, thinning_step


HORIZON = 12


@given(
    start=st.integers(0, 10_000),
    rows=st.integers(50, 2000),
    step=st.integers(1, 5),
    tail=st.floats(0.05, 0.8),
    folds=st.integers(1, 5),
    horizon=st.integers(1, 50),
)
def test_no_training_label_reaches_a_validation_row(
    start: int, rows: int, step: int, tail: float, folds: int, horizon: int
) -> None:
    time = start + step * np.arange(rows)
    seen = np.zeros(rows, dtype=int)
    for train, later in purged_folds(time, tail, folds, horizon):
        seen += later
        if train.any() and later.any():
            assert time[train].max() + horizon < time[later].min()
    assert seen.max() <= 1
    # Judged rows are the tail, without holes.
    later = np.flatnonzero(seen)
    if len(later):
        assert later[-1] == rows - 1
        assert len(later) == later[-1] - later[0] + 1


def test_no_rows_have_no_folds() -> None:
    assert list(purged_folds(np.array([], dtype=np.int64), 0.3, 2, 12)) == []


def two_pairs(days: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    regime = np.repeat(rng.integers(1, 4, days), 288)
    time = 10_000 + np.arange(days * 288)
    names = np.repeat(["A", "B"], days * 288)
    return np.r_[regime, regime], np.r_[time, time], names


def test_the_placebo_keeps_shares_and_stretches_and_loses_the_connection() -> None:
    regime, time, names = two_pairs(40, 1)
    shuffled = shuffled_regimes(regime, time, names, 288, seed=3)
    assert np.bincount(shuffled).tolist() == np.bincount(regime).tolist()
    assert (shuffled == regime).mean() < 0.6
    assert (np.diff(shuffled[names == "A"]) != 0).sum() <= 40
    # All pairs get the same day's regime.
    np.testing.assert_array_equal(shuffled[names == "A"], shuffled[names == "B"])
    np.testing.assert_array_equal(shuffled, shuffled_regimes(regime, time, names, 288, seed=3))
    assert (shuffled != shuffled_regimes(regime, time, names, 288, seed=4)).any()


def test_a_row_without_a_source_is_unknown_to_the_placebo() -> None:
    regime, time, names = two_pairs(10, 1)
    late = (names == "A") | (time >= 10_000 + 5 * 288)
    shuffled = shuffled_regimes(regime[late], time[late], names[late], 288, seed=1)
    assert set(shuffled[names[late] == "A"]) <= {1, 2, 3}
    assert (shuffled[names[late] == "B"] == 0).any()
    empty = np.array([], dtype=np.int64)
    assert len(shuffled_regimes(empty, empty, empty, 288, 1)) == 0


def test_block_errors_know_that_neighbours_repeat_each_other() -> None:
    rng = np.random.default_rng(0)
    values, time = rng.normal(size=6000), np.arange(6000)
    mean, error, count = block_mean(values, time, 12)
    assert (mean, count) == (pytest.approx(values.mean()), 500)
    assert error == pytest.approx(1 / np.sqrt(6000), rel=0.1)
    repeated = np.repeat(rng.normal(size=500), 12)
    assert block_mean(repeated, time, 12)[1] == pytest.approx(1 / np.sqrt(500), rel=0.1)


def answered(rows: int, strength: float, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Labels; a base that knows their frequency; a rival that knows more by ``strength``."""
    rng = np.random.default_rng(seed)
    known = rng.choice([-1, 1], rows) * strength
    labels = (rng.random(rows) < 0.5 + known).astype(np.int64)
    base = np.full((rows, 2), 0.5)
    own = np.column_stack([0.5 - known, 0.5 + known])
    return labels, base, own, np.arange(rows, dtype=np.int64)


def test_the_weight_grows_with_the_data_and_stays_below_one() -> None:
    weights = []
    for rows in (1200, 6000, 60_000):
        labels, base, own, time = answered(rows, 0.1)
        found = validated_weight(base, own, log_loss(labels), time, HORIZON)
        assert found.blocks == rows // HORIZON
        assert found.reason == f"gain over base, z {found.z:.1f}"
        weights.append(found.weight)
    assert weights == sorted(weights)
    assert 0 < weights[0] < weights[-1] <= 1


def test_there_is_no_weight_without_blocks_or_gain_or_against_its_placebo() -> None:
    labels, base, own, time = answered(6000, 0.1)
    few = MIN_BLOCKS * HORIZON - HORIZON
    got = validated_weight(base[:few], own[:few], log_loss(labels[:few]), time[:few], HORIZON)
    assert got.weight == 0
    assert f"{MIN_BLOCKS - 1} validation blocks" in got.reason
    harmful = own[:, ::-1]
    assert validated_weight(base, harmful, log_loss(labels), time, HORIZON).weight == 0
    found = validated_weight(base, own, log_loss(labels), time, HORIZON, placebo=own)
    assert found.weight == 0
    assert found.reason == f"no significant gain over placebo, z {found.z:.1f}"


def test_luck_seldom_gets_a_weight() -> None:
    weights = []
    for seed in range(100):
        labels, base, _, time = answered(2400, 0.0, seed)
        _, _, noise, _ = answered(2400, 0.05, seed + 1000)
        weights.append(validated_weight(base, noise, log_loss(labels), time, HORIZON).weight)
    assert np.mean(np.array(weights) > 0) < 0.15
    assert np.mean(weights) < 0.02
    assert MIN_Z > 1.6


def test_losses_and_blends() -> None:
    answers = np.array([[0.2, 0.8], [1.0, 0.0]])
    np.testing.assert_allclose(log_loss(np.array([1, 1]))(answers), [-np.log(0.8), -np.log(1e-9)])
    np.testing.assert_allclose(squared_error(np.array([1.0]))(np.array([[3.0]])), [4.0])
    np.testing.assert_allclose(blend(np.zeros((1, 2)), np.ones((1, 2)), 0.25), [[0.25, 0.25]])


def rows_of(count: int, pair: str) -> Rows:
    number = np.arange(count)
    return Rows(
        np.zeros((count, 2), np.float32),
        np.full(count, "hold"),
        number * 0,
        number,
        np.full(count, pair),
        np.ones(count),
        number * 1.0,
    )


def test_rows_are_taken_and_joined_together() -> None:
    joined = Rows.joined([rows_of(5, "A"), rows_of(3, "B")])
    assert len(joined) == 8
    some = joined.take(joined.pair == "B")
    assert some.time.tolist() == [0, 1, 2]
    assert some.X.shape == (3, 2)


@settings(max_examples=200)
@given(st.integers(0, 10**7), st.integers(1000, 10**6), st.integers(1, 50), st.integers(1, 300))
def test_thinning_keeps_the_budget_and_the_horizon(
    rows: int, budget: int, least: int, horizon: int
) -> None:
    step = thinning_step(rows, budget, least, horizon)
    assert 1 <= step <= horizon
    assert step >= min(least, horizon)
    assert rows / step <= budget or step == horizon


@given(st.integers(0, 1000), st.integers(1, 20))
def test_thinning_keeps_the_same_candles_whatever_the_window(start: int, step: int) -> None:
    whole = np.arange(2000)
    kept = set(whole[thinned(whole, step)])
    part = whole[start:]
    assert set(part[thinned(part, step)]) == {time for time in kept if time >= start}
