"""Outlier index and noise of the feature pipeline: the same, live and in a backtest."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from datasieve.pipeline import Pipeline
from datasieve.transforms import DissimilarityIndex, Noise

from regimeswitch.bot.freqai.outlier_steps import repeatable


pytestmark = pytest.mark.filterwarnings("default")


def rows(count: int, seed: int) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(0, 1, (count, 40))
    return pd.DataFrame(values, columns=[f"%-{number}" for number in range(40)])


def fitted(*steps: tuple[str, Any]) -> tuple[Pipeline, pd.DataFrame]:
    """A pipeline as it comes from a model file, and its training rows as they leave it."""
    pipeline = repeatable(Pipeline([*steps]))
    labels = pd.DataFrame({"&a": np.zeros(300)})
    X, _, _ = pipeline.fit_transform(rows(300, 1), labels, np.ones(300))
    return pickle.loads(pickle.dumps(pipeline)), X


def index_of(pipeline: Pipeline, X: pd.DataFrame) -> tuple[Any, Any]:
    _, inliers, _ = pipeline.transform(X.copy(), outlier_check=True)
    return pipeline["di"].di_values, inliers


def test_a_row_alone_has_the_index_that_it_has_among_others() -> None:
    pipeline, _ = fitted(("di", DissimilarityIndex(di_threshold=0.8, n_jobs=1)))
    many = rows(700, 2)
    together, inliers = index_of(pipeline, many)
    assert 0 < inliers.sum() < len(many)
    for place in range(0, 700, 7):
        alone, inlier = index_of(pipeline, many.iloc[[place]])
        assert (alone[0], inlier[0]) == (together[place], inliers[place])


def test_the_index_is_freqai_s() -> None:
    ours, kept = fitted(("di", DissimilarityIndex(di_threshold=0.8, n_jobs=1)))
    stock = Pipeline([("di", DissimilarityIndex(di_threshold=0.8, n_jobs=1))])
    expected, _, _ = stock.fit_transform(
        rows(300, 1), pd.DataFrame({"&a": np.zeros(300)}), np.ones(300)
    )
    pd.testing.assert_frame_equal(kept, expected)
    (index, inliers), (wanted, marks) = index_of(ours, rows(50, 3)), index_of(stock, rows(50, 3))
    np.testing.assert_allclose(index, wanted, rtol=1e-6)
    assert (inliers == marks).all()


def test_noise_is_the_same_for_the_same_rows() -> None:
    (first, one), (_, again) = (fitted(("noise", Noise(sigma=0.1))) for _ in range(2))
    pd.testing.assert_frame_equal(one, again)
    assert 0.09 < (one - rows(300, 1)).to_numpy().std() < 0.11
    asked, _, _ = first.transform(rows(5, 4))
    pd.testing.assert_frame_equal(asked, rows(5, 4))
