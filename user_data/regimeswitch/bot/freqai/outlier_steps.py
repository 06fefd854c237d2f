"""Steps of FreqAI's feature pipeline that give the same result whenever they are asked."""

from __future__ import annotations

from typing import Any

import numpy as np
from datasieve.pipeline import Pipeline
from datasieve.transforms import DissimilarityIndex, Noise
from datasieve.utils import remove_outliers
from numpy.typing import NDArray
from scipy.spatial.distance import cdist


Matrix = NDArray[np.float64]
BLOCK = 500
"""Rows whose distances to all training rows are held at once."""
SEED = 7


class ExactDissimilarityIndex(DissimilarityIndex):
    """FreqAI's dissimilarity index, the same for a row alone and among others.

    The distances of the original are rounded in another way for each number of rows, so that live
    and backtest would differ, and disagree on a row that lies on the threshold.
    """

    def transform(
        self,
        X: Matrix,
        y: Any = None,
        sample_weight: Any = None,
        feature_list: Any = None,
        outlier_check: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, Any, Any, Any]:
        """Index of each row; rows above the threshold are dropped, or marked in ``y``.

        :param X: shape (n, features)
        :param y: with ``outlier_check`` shape (n,), from which 1 is taken for each row marked
        """
        self.di_values = self._nearest(X) / self.avg_mean_dist
        near = (self.di_values < self.di_threshold).astype(int)
        if outlier_check:
            y += near - 1
        else:
            X, y, sample_weight = remove_outliers(X, y, sample_weight, near)
        return X, y, sample_weight, feature_list

    def _nearest(self, X: Matrix) -> Matrix:
        """Distance of each row to the nearest training row."""
        if X is self.trained_data:
            return np.zeros(len(X))
        parts = [
            cdist(X[place : place + BLOCK], self.trained_data).min(axis=1)
            for place in range(0, len(X), BLOCK)
        ]
        return np.concatenate(parts)


class RepeatableNoise(Noise):
    """Noise on the training rows, the same for the same rows."""

    def fit(
        self,
        X: Matrix,
        y: Any = None,
        sample_weight: Any = None,
        feature_list: Any = None,
        **kwargs: Any,
    ) -> tuple[Any, Any, Any, Any]:
        """Draw the noise; nothing is changed yet."""
        self.noise = np.random.default_rng(SEED).normal(self.mu, self.sigma, X.shape)
        return X, y, sample_weight, feature_list

    def fit_transform(
        self,
        X: Matrix,
        y: Any = None,
        sample_weight: Any = None,
        feature_list: Any = None,
        **kwargs: Any,
    ) -> tuple[Any, Any, Any, Any]:
        """Training rows with noise; the given ones stay as they are."""
        self.fit(X)
        return X + self.noise, y, sample_weight, feature_list


def repeatable(pipeline: Pipeline) -> Pipeline:
    """FreqAI's pipeline, with the two steps above in the place of the originals."""

    def replaced(step: Any) -> Any:
        if type(step) is DissimilarityIndex:
            return ExactDissimilarityIndex(step.di_threshold, step.n_jobs, step.backend)
        if type(step) is Noise:
            return RepeatableNoise(step.mu, step.sigma)
        return step

    pipeline.steps = [(name, replaced(step)) for name, step in pipeline.steps]
    return pipeline
