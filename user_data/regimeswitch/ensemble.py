"""One model per regime, as one estimator in scikit-learn's grammar.

The base learns from all rows; each regime's sub-model from that regime's rows. Which sub-model
answers for a row is decided by the row's regime alone, given beside ``X`` as ``regime`` (codes of
:mod:`regimeswitch.switching`). The base answers where the regime is UNKNOWN, was never seen in
training, had too few rows or only one class; ``reasons_`` says so for each regime.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.utils.validation import check_is_fitted

from regimeswitch.learners import fit_on_top
from regimeswitch.regimes import NAMES


class RegimeEnsemble(BaseEstimator):
    """What the classifier and the regressor share; use one of those.

    :param base: unfitted learner, trained on all rows
    :param sub_models: ``separate`` (each from its regime's rows alone) or ``warm_start`` (the
        base's trees first, then ``own_trees`` from the regime's rows)
    :param learners: unfitted learners of single regimes, by name, where they differ from ``base``.
        A regime with another kind of learner than the base cannot continue its trees: its own
        shared part is trained on all rows first.
    :param own_trees: trees a sub-model adds in ``warm_start``
    :param min_rows: rows with a weight above zero that a regime needs for a sub-model
    :param jobs: sub-models trained side by side; it does not change the result

    Fitted: ``base_``, ``estimators_`` (by regime name, only those trained), ``rows_`` (rows by
    regime name), ``reasons_`` (why a regime has a sub-model or not), ``n_features_in_``.
    """

    def __init__(
        self,
        base: BaseEstimator,
        sub_models: str = "warm_start",
        learners: Mapping[str, BaseEstimator] | None = None,
        own_trees: int = 40,
        min_rows: int = 500,
        jobs: int = 1,
    ) -> None:
        self.base = base
        self.sub_models = sub_models
        self.learners = learners
        self.own_trees = own_trees
        self.min_rows = min_rows
        self.jobs = jobs

    def _fit(
        self, X: ArrayLike, y: NDArray[Any], regime: ArrayLike, sample_weight: ArrayLike | None
    ) -> Self:
        matrix, codes = _matrix(X), np.asarray(regime, dtype=np.int64)
        weight = np.ones(len(matrix)) if sample_weight is None else np.asarray(sample_weight)
        if not len(matrix) == len(y) == len(codes) == len(weight):
            raise ValueError(
                f"X, y, regime and sample_weight must be of one length (got {len(matrix)}, "
                f"{len(y)}, {len(codes)}, {len(weight)})"
            )
        if self.sub_models not in ("separate", "warm_start"):
            raise ValueError(
                f'sub_models must be "separate" or "warm_start" (got {self.sub_models!r})'
            )
        self.n_features_in_ = matrix.shape[1]
        self.base_ = clone(self.base).fit(matrix, y, sample_weight=weight)
        self.rows_ = {
            name: int(((codes == code) & (weight > 0)).sum()) for code, name in NAMES.items()
        }
        self.reasons_ = {
            name: self._refusal(self.rows_[name], y[(codes == code) & (weight > 0)])
            for code, name in NAMES.items()
        }
        wanted = [(code, name) for code, name in NAMES.items() if not self.reasons_[name]]
        fitted = Parallel(n_jobs=self.jobs, prefer="threads")(
            delayed(self._fit_sub_model)(name, codes == code, matrix, y, weight)
            for code, name in wanted
        )
        self.estimators_ = {name: model for (_, name), model in zip(wanted, fitted, strict=True)}
        for model in (self.base_, *self.estimators_.values()):
            if isinstance(model, RandomForestClassifier | RandomForestRegressor):
                # On several threads a forest adds its trees in the order in which they answer.
                model.set_params(n_jobs=1)
        for _, name in wanted:
            self.reasons_[name] = f"{self.sub_models} sub-model"
        return self

    def _refusal(self, rows: int, y: NDArray[Any]) -> str:
        """Why a regime gets no sub-model; empty when it gets one."""
        if rows == 0:
            return "never seen in training: base"
        if rows < self.min_rows:
            return f"{rows} rows, fewer than {self.min_rows}: base"
        if len(np.unique(y)) < 2:
            return f"only one value in {rows} rows: base"
        return ""

    def _fit_sub_model(
        self,
        name: str,
        mask: NDArray[np.bool_],
        X: NDArray[np.float64],
        y: NDArray[Any],
        weight: NDArray[np.float64],
    ) -> BaseEstimator:
        own = (self.learners or {}).get(name)
        learner = self.base if own is None else own
        rows, labels, weights = self._with_every_class(X[mask], y[mask], weight[mask])
        if self.sub_models == "separate":
            return clone(learner).fit(rows, labels, sample_weight=weights)
        shared = self.base_ if own is None else clone(own).fit(X, y, sample_weight=weight)
        return fit_on_top(shared, learner, self.own_trees, rows, labels, weights)

    def _with_every_class(
        self, X: NDArray[np.float64], y: NDArray[Any], weight: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64]]:
        return X, y, weight

    def _serve(self, X: ArrayLike, regime: ArrayLike, method: str, columns: int) -> Any:
        check_is_fitted(self, "base_")
        matrix, codes = _matrix(X), np.asarray(regime, dtype=np.int64)
        if len(matrix) != len(codes):
            raise ValueError(f"X has {len(matrix)} rows, regime {len(codes)}; they must agree")
        result = np.zeros((len(matrix), columns))
        served_by_base = np.ones(len(matrix), dtype=bool)
        for code, name in NAMES.items():
            mask = codes == code
            if name in self.estimators_ and mask.any():
                answer = getattr(self.estimators_[name], method)(matrix[mask])
                result[mask] = answer.reshape(-1, columns)
                served_by_base &= ~mask
        if served_by_base.any():
            answer = getattr(self.base_, method)(matrix[served_by_base])
            result[served_by_base] = answer.reshape(-1, columns)
        return result

    def trust(self, regime: ArrayLike) -> NDArray[np.float64]:
        """Weight of the sub-model in each row's answer: 1 where it has one, 0 where the base does.

        :param regime: codes, shape (n,)
        :return: shape (n,)
        """
        check_is_fitted(self, "base_")
        trusted = [code for code, name in NAMES.items() if name in self.estimators_]
        return np.isin(np.asarray(regime), trusted).astype(np.float64)


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
        classes: Sequence[Any] | None = None,
    ) -> None:
        super().__init__(base, sub_models, learners, own_trees, min_rows, jobs)
        self.classes = classes

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        regime: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train the base and one sub-model per regime.

        :param X: shape (n, features), without NaN
        :param y: shape (n,), class names
        :param regime: shape (n,), codes 1 bull, 2 bear, 3 sideways, 0 UNKNOWN
        :param sample_weight: shape (n,)
        """
        labels = np.asarray(y)
        self.classes_ = np.asarray(np.unique(labels) if self.classes is None else self.classes)
        unknown = set(np.unique(labels)) - set(self.classes_)
        if unknown:
            raise ValueError(f"labels {sorted(unknown)} are not among {list(self.classes_)}")
        order = {name: number for number, name in enumerate(self.classes_)}
        numbers = np.array([order[label] for label in labels], dtype=np.int64)
        matrix = _matrix(X)
        weight = np.ones(len(matrix)) if sample_weight is None else np.asarray(sample_weight)
        rows = len(matrix)
        matrix, numbers, weight = self._with_every_class(matrix, numbers, weight)
        codes = np.r_[np.asarray(regime), np.zeros(len(matrix) - rows)]
        return self._fit(matrix, numbers, codes, weight)

    def predict_proba(self, X: ArrayLike, regime: ArrayLike) -> NDArray[np.float64]:
        """Probabilities, shape (n, classes), columns in the order of ``classes_``."""
        check_is_fitted(self, "base_")
        result: NDArray[np.float64] = self._serve(X, regime, "predict_proba", len(self.classes_))
        return result

    def predict(self, X: ArrayLike, regime: ArrayLike) -> NDArray[Any]:
        """The most probable class, shape (n,)."""
        columns = self.predict_proba(X, regime).argmax(axis=1)
        return np.asarray(self.classes_[columns])

    def _with_every_class(
        self, X: NDArray[np.float64], y: NDArray[Any], weight: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64]]:
        # A row of weight zero teaches nothing, but tells each library how many classes there are.
        absent = np.setdiff1d(np.arange(len(self.classes_)), y)
        return (
            np.concatenate([X, np.repeat(X[:1], len(absent), axis=0)]),
            np.concatenate([y, absent]),
            np.concatenate([weight, np.zeros(len(absent))]),
        )


class RegimeEnsembleRegressor(RegressorMixin, RegimeEnsemble):
    """A number per row, from the sub-model of the row's regime."""

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        regime: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train the base and one sub-model per regime; shapes as in the classifier, y numeric."""
        return self._fit(X, np.asarray(y, dtype=np.float64), regime, sample_weight)

    def predict(self, X: ArrayLike, regime: ArrayLike) -> NDArray[np.float64]:
        """Forecasts, shape (n,)."""
        result: NDArray[np.float64] = self._serve(X, regime, "predict", 1)
        return result[:, 0]


def _matrix(X: ArrayLike) -> NDArray[np.float64]:
    matrix = np.asarray(X, dtype=np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"X must have two dimensions (got shape {matrix.shape})")
    return matrix
