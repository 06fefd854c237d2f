"""scikit-learn's random forest, which prepares nothing and can only be grown and averaged."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from regimeswitch.model.trees import Floats, Growing, Mask, Matrix, PreparedRows, Trees


class ForestTrees(Trees):
    """Trees of one forest, averaged with those of the base.

    :param forest: fitted
    """

    def __init__(self, forest: BaseEstimator, base: Trees | None) -> None:
        self.forest = forest
        self.base = base

    @property
    def count(self) -> int:
        """Trees, those of the base included."""
        below = self.base.count if isinstance(self.base, ForestTrees) else 0
        return below + len(self.forest.estimators_)

    def scores(self, X: Matrix, below: Floats | None = None) -> Floats:
        ask = getattr(self.forest, "predict_proba", self.forest.predict)
        own = np.asarray(ask(X), dtype=np.float64).reshape(len(X), -1)
        if self.base is None:
            return own
        share = len(self.forest.estimators_) / self.count
        return share * own + (1 - share) * (self.base.scores(X) if below is None else below)

    def answers(self, scores: Floats) -> Floats:
        return scores

    def gains(self) -> Floats:
        trees = self.forest.estimators_
        return np.asarray(np.mean([tree.feature_importances_ for tree in trees], axis=0))


class ForestRows(PreparedRows):
    """The rows themselves.

    :param learner: unfitted forest; it is not changed
    :param X: features, shape (n, features), without NaN
    :param y: class numbers from 0, or numbers, shape (n,)
    :param weight: shape (n,)
    :param classes: number; 0 for a regressor
    """

    def __init__(
        self, learner: BaseEstimator, X: Matrix, y: NDArray[Any], weight: Floats, classes: int
    ) -> None:
        self._learner = learner
        self._X, self._y, self._weight, self._classes = X, y, weight, classes

    def take(self, chosen: Mask, y: NDArray[Any]) -> Self:
        parts = self._X[chosen], y, self._weight[chosen]
        return type(self)(self._learner, *parts, self._classes)

    def begin(
        self, chosen: Mask | None = None, base: Trees | None = None, below: Floats | None = None
    ) -> Growing:
        mask = slice(None) if chosen is None else chosen
        X, y, weight = self._X[mask], self._y[mask], self._weight[mask]
        # A row of weight zero teaches nothing, but tells the forest how many classes there are.
        absent = np.setdiff1d(np.arange(self._classes), y)
        rows = (
            np.concatenate([X, np.repeat(X[:1], len(absent), axis=0)]),
            np.concatenate([y, absent]).astype(y.dtype),
            np.concatenate([weight, np.zeros(len(absent))]),
        )
        return _GrowingForest(clone(self._learner), rows, base)


class _GrowingForest(Growing):
    def __init__(self, forest: BaseEstimator, rows: tuple[Any, Any, Any], base: Trees | None):
        self._forest, self._rows, self._base = forest, rows, base

    def grow(self, trees: int) -> Trees:
        known = len(getattr(self._forest, "estimators_", []))
        X, y, weight = self._rows
        self._forest.set_params(n_estimators=known + trees, warm_start=True)
        self._forest.fit(X, y, sample_weight=weight)
        return ForestTrees(self._forest, self._base)

    def finished(self) -> Trees:
        # On several threads a forest adds its trees in the order in which they answer.
        return ForestTrees(self._forest.set_params(warm_start=False, n_jobs=1), self._base)
