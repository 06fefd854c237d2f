"""Folds of the validation: where rows are left out, and that no later one is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimeswitch.model.shrinkage import purged_folds
from regimeswitch.model.training_set import Rows
from regimeswitch.model.validation import FOLD_ROWS, folds_of
from regimeswitch.settings import EvidenceSettings


SETTINGS = EvidenceSettings()
HORIZON = 24


def rows_of(candles: int, pairs: int, step: int, first: int = 5_000_000) -> Rows:
    time = np.tile(step * (first // step + np.arange(candles)), pairs)
    pair = np.repeat([f"P{number}" for number in range(pairs)], candles)
    zeros, count = np.zeros(len(time)), len(time)
    X = np.arange(count, dtype=np.float32)[:, None]
    return Rows(X, zeros.astype(np.int64), zeros.astype(np.int64), time, pair, zeros + 1, zeros)


@given(
    candles=st.integers(20, 6_000),
    pairs=st.integers(1, 8),
    step=st.sampled_from([1, 3, 8, 24]),
    first=st.integers(0, 10_000_000),
)
def test_a_fold_learns_from_so_many_rows_and_answers_for_all(
    candles: int, pairs: int, step: int, first: int
) -> None:
    rows = rows_of(candles, pairs, step, first)
    whole = [
        (train, later)
        for train, later in purged_folds(rows.time, SETTINGS.tail, SETTINGS.folds, HORIZON)
        if train.sum() >= 200
    ]
    folds = folds_of(rows, SETTINGS, HORIZON)
    assert len(folds) == len(whole)
    for fold, (train, later) in zip(folds, whole, strict=True):
        assert np.array_equal(fold.later.X, rows.X[later])
        assert np.array_equal(fold.train.X, rows.X[fold.chosen])
        assert not (fold.chosen & ~train).any()
        if train.sum() <= FOLD_ROWS:
            assert np.array_equal(fold.chosen, train)
            continue
        kept = np.unique(fold.train.time)
        distances = np.unique(np.diff(kept))
        assert len(distances) == 1 and distances[0] <= HORIZON
        # Every n-th candle of all pairs; beyond the horizon nothing is left out.
        assert len(fold.train) <= FOLD_ROWS + pairs or 2 * distances[0] > HORIZON


@pytest.mark.parametrize("moved", [0, 1, 7])
def test_the_rows_of_a_fold_do_not_depend_on_where_the_window_begins(moved: int) -> None:
    rows = rows_of(15_000, 4, 3)
    later = rows.take(rows.time >= rows.time.min() + 3 * moved)
    (_, last), (_, same) = (folds_of(one, SETTINGS, HORIZON) for one in (rows, later))
    shared = last.train.time >= later.time.min()
    assert np.array_equal(np.unique(last.train.time[shared]), np.unique(same.train.time))
