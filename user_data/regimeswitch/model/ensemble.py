"""One model per regime, as estimators with scikit-learn's API.

The base learns from all rows; each regime's sub-model from that regime's rows. Who answers for a
row: :mod:`regimeswitch.model.ensemble_base`; how they are trained:
:mod:`regimeswitch.model.ensemble_training`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from regimeswitch.model.ensemble_base import RegimeEnsemble
from regimeswitch.model.ensemble_training import EnsembleTraining


class RegimeEnsembleClassifier(ClassifierMixin, RegimeEnsemble):
    """Probabilities of a fixed list of classes, from the sub-model of each row's regime.

    Every model, base and sub-models alike, knows every class in the same order; a class that its
    rows lack has probability (near) zero.

    :param classes: the fixed class map; None = the sorted classes of the training rows
    """

    def __init__(
        self,
        base: BaseEstimator,
        sub_models: str = "warm_start",
        learners: Mapping[str, BaseEstimator] | None = None,
        own_trees: int = 40,
        min_rows: int = 500,
        jobs: int = 1,
        regime_feature: bool = False,
        classes: Sequence[Any] | None = None,
    ) -> None:
        super().__init__(base, sub_models, learners, own_trees, min_rows, jobs, regime_feature)
        self.classes = classes

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        regime: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train the base and one sub-model per regime.

        :param X: features, shape (n, features), without NaN
        :param y: class names, shape (n,)
        :param regime: codes, shape (n,): 1 bull, 2 bear, 3 sideways, 0 UNKNOWN
        :param sample_weight: shape (n,); None = 1
        :return: itself
        :raises ValueError: when lengths differ, or a label is not among ``classes``
        """
        _train(self, X, y, regime, sample_weight)
        return self

    def learn_labels(self, y: ArrayLike) -> NDArray[Any]:
        labels = np.asarray(y)
        self.classes_ = np.asarray(np.unique(labels) if self.classes is None else self.classes)
        return self.numbers(labels)

    @property
    def class_count(self) -> int:
        return len(self.classes_)

    def numbers(self, y: ArrayLike) -> NDArray[Any]:
        """The place of each label in ``classes_``.

        :param y: class names, shape (n,)
        :return: class numbers, shape (n,)
        :raises ValueError: when a label is no class
        """
        labels = np.asarray(y)
        unknown = set(np.unique(labels)) - set(self.classes_)
        if unknown:
            raise ValueError(f"labels {sorted(unknown)} are not among {list(self.classes_)}")
        order = {name: number for number, name in enumerate(self.classes_)}
        return np.array([order[label] for label in labels], dtype=np.int64)

    def predict_proba(self, X: ArrayLike, regime: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of each row's blend; columns in the order of ``classes_``.

        :param X: features, shape (n, features), without NaN
        :param regime: codes, shape (n,)
        :return: shape (n, classes)
        """
        return self.answers(X, regime)

    def predict(self, X: ArrayLike, regime: ArrayLike) -> NDArray[Any]:
        """The most probable class.

        :param X: features, shape (n, features), without NaN
        :param regime: codes, shape (n,)
        :return: class names, shape (n,)
        """
        columns = self.predict_proba(X, regime).argmax(axis=1)
        return np.asarray(self.classes_[columns])


class RegimeEnsembleRegressor(RegressorMixin, RegimeEnsemble):
    """A number per row, from the sub-model of the row's regime."""

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        regime: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train the base and one sub-model per regime.

        :param X: features, shape (n, features), without NaN
        :param y: numbers, shape (n,), without NaN
        :param regime: codes, shape (n,): 1 bull, 2 bear, 3 sideways, 0 UNKNOWN
        :param sample_weight: shape (n,); None = 1
        :return: itself
        :raises ValueError: when lengths differ
        """
        _train(self, X, y, regime, sample_weight)
        return self

    def learn_labels(self, y: ArrayLike) -> NDArray[Any]:
        return self.numbers(y)

    def predict(self, X: ArrayLike, regime: ArrayLike) -> NDArray[np.float64]:
        """Forecasts of each row's blend.

        :param X: features, shape (n, features), without NaN
        :param regime: codes, shape (n,)
        :return: shape (n,)
        """
        return self.answers(X, regime)[:, 0]


def _train(
    ensemble: RegimeEnsemble,
    X: ArrayLike,
    y: ArrayLike,
    regime: ArrayLike,
    sample_weight: ArrayLike | None,
) -> None:
    training = EnsembleTraining(ensemble, X, y, regime, sample_weight)
    training.fit_base()
    training.add_sub_models(ensemble)
