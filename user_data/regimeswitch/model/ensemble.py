"""One model per regime, as one estimator with scikit-learn's API.

The base learns from all rows; each regime's sub-model from that regime's rows. Which sub-model
answers for a row is decided by the row's regime alone, given beside ``X`` as ``regime`` (codes of
:mod:`regimeswitch.market.hysteresis`). The base answers where the regime is UNKNOWN, was never seen
in training, had too few rows or only one class; ``reasons_`` says so for each regime.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.utils.validation import check_is_fitted

from regimeswitch.market.regimes import NAMES
from regimeswitch.model.learners import fit_on_top


Matrix = NDArray[np.float32]
Codes = NDArray[np.int64]
SUB_MODELS = ("separate", "warm_start", "none")
REGIMES = tuple(NAMES.values())
NOT_SERVED = "no weight in validation, not fitted: base"


class RegimeEnsemble(BaseEstimator):
    """What the classifier and the regressor share; use one of those.

    :param base: unfitted learner, trained on all rows
    :param sub_models: ``separate`` (each from its regime's rows alone), ``warm_start`` (the
        base's trees first, then ``own_trees`` from the regime's rows) or ``none`` (the base alone)
    :param learners: unfitted learners of single regimes, by name, where they differ from ``base``.
        A regime with another kind of learner than the base cannot continue its trees: its own
        shared part is trained on all rows first.
    :param own_trees: trees a sub-model adds in ``warm_start``
    :param min_rows: rows with a weight above zero that a regime needs for a sub-model
    :param jobs: sub-models trained side by side; it does not change the result
    :param regime_feature: give the models the regime as features as well, one column per regime

    Fitted: ``base_``, ``estimators_`` (by regime name, only those trained), ``weights_``
    (of each of those against the base, 0 to 1; 1 until validation says otherwise), ``rows_`` (rows
    by regime name), ``reasons_`` (why a regime has a sub-model or not), ``n_features_in_``.
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
    ) -> None:
        self.base = base
        self.sub_models = sub_models
        self.learners = learners
        self.own_trees = own_trees
        self.min_rows = min_rows
        self.jobs = jobs
        self.regime_feature = regime_feature

    def _fit(
        self, X: ArrayLike, y: NDArray[Any], regime: ArrayLike, sample_weight: ArrayLike | None
    ) -> Self:
        matrix, codes, weight = self._checked(X, y, regime, sample_weight)
        if self.sub_models not in SUB_MODELS:
            raise ValueError(
                f'sub_models must be "separate", "warm_start" or "none" (got {self.sub_models!r})'
            )
        self.n_features_in_ = np.asarray(X).shape[1]
        self.base_ = _one_thread(clone(self.base).fit(matrix, y, sample_weight=weight))
        return self._fit_sub_models(matrix, y, codes, weight)

    def _fit_sub_models(
        self,
        matrix: Matrix,
        y: NDArray[Any],
        codes: Codes,
        weight: NDArray[np.float64],
        names: Collection[str] = REGIMES,
    ) -> Self:
        counted = {name: (codes == code) & (weight > 0) for code, name in NAMES.items()}
        self.rows_ = {name: int(mask.sum()) for name, mask in counted.items()}
        self.reasons_ = {
            name: self._refusal(y[mask]) or ("" if name in names else NOT_SERVED)
            for name, mask in counted.items()
        }
        wanted = [(code, name) for code, name in NAMES.items() if not self.reasons_[name]]
        fitted = Parallel(n_jobs=self.jobs, prefer="threads")(
            delayed(self._fit_sub_model)(name, codes == code, matrix, y, weight)
            for code, name in wanted
        )
        self.estimators_ = {name: model for (_, name), model in zip(wanted, fitted, strict=True)}
        self.weights_ = dict.fromkeys(self.estimators_, 1.0)
        for _, name in wanted:
            self.reasons_[name] = f"{self.sub_models} sub-model"
        return self

    def _checked(
        self, X: ArrayLike, y: NDArray[Any], regime: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[Matrix, Codes, NDArray[np.float64]]:
        lengths = [len(np.asarray(part)) for part in (X, y, regime)]
        weight = np.ones(lengths[0]) if sample_weight is None else np.asarray(sample_weight)
        if len({*lengths, len(weight)}) > 1:
            raise ValueError(
                "X, y, regime and sample_weight must be of one length (got "
                f"{', '.join(map(str, [*lengths, len(weight)]))})"
            )
        return *self._matrix(X, regime), weight

    def _refusal(self, y: NDArray[Any]) -> str:
        """Why a regime with the labels ``y`` gets no sub-model; empty when it gets one."""
        if self.sub_models == "none":
            return "no sub-models: base"
        if not len(y):
            return "never seen in training: base"
        if len(y) < self.min_rows:
            return f"{len(y)} rows, fewer than {self.min_rows}: base"
        if len(np.unique(y)) < 2:
            return f"only one value in {len(y)} rows: base"
        return ""

    def _fit_sub_model(
        self,
        name: str,
        mask: NDArray[np.bool_],
        X: Matrix,
        y: NDArray[Any],
        weight: NDArray[np.float64],
    ) -> BaseEstimator:
        own = (self.learners or {}).get(name)
        learner = self.base if own is None else own
        rows, labels, weights = self._with_every_class(X[mask], y[mask], weight[mask])
        if self.sub_models == "separate":
            return _one_thread(clone(learner).fit(rows, labels, sample_weight=weights))
        shared = self.base_
        if own is not None:
            everything, numbers, weights_of_all = self._with_every_class(X, y, weight)
            shared = clone(own).fit(everything, numbers, sample_weight=weights_of_all)
        return _one_thread(fit_on_top(shared, learner, self.own_trees, rows, labels, weights))

    def _with_every_class(
        self, X: Matrix, y: NDArray[Any], weight: NDArray[np.float64]
    ) -> tuple[Matrix, NDArray[Any], NDArray[np.float64]]:
        return X, y, weight

    def with_regimes(
        self,
        X: ArrayLike,
        y: ArrayLike,
        regime: ArrayLike,
        sample_weight: ArrayLike | None = None,
        names: Collection[str] = REGIMES,
    ) -> Self:
        """A copy with the same fitted base and new sub-models.

        :param X: features, shape (n, features), without NaN
        :param y: labels, shape (n,)
        :param regime: codes the sub-models are trained by, shape (n,); with ``regime_feature`` the
            base keeps the regimes it was trained with
        :param sample_weight: shape (n,); None = 1
        :param names: of the regimes that get one; the base serves the others
        :raises NotFittedError: before :meth:`fit`
        :raises ValueError: when lengths differ, or a label is no class
        """
        check_is_fitted(self, "base_")
        numbers = self.numbers(y)
        matrix, codes, weight = self._checked(X, numbers, regime, sample_weight)
        return copy.copy(self)._fit_sub_models(matrix, numbers, codes, weight, names)

    def fine_tuned(
        self, X: ArrayLike, y: ArrayLike, regime: ArrayLike, trees: int, weight: ArrayLike
    ) -> BaseEstimator:
        """The base continued on these rows alone, e.g. those of one pair.

        :param X: features, shape (n, features), without NaN
        :param y: labels, shape (n,)
        :param regime: codes, shape (n,), for ``regime_feature``
        :param trees: to add, number
        :param weight: of each row, shape (n,)
        :return: a learner that :meth:`answers_of` asks; this ensemble is not changed
        :raises NotFittedError: before :meth:`fit`
        :raises ValueError: when lengths differ, or a label is no class
        """
        check_is_fitted(self, "base_")
        numbers = self.numbers(y)
        matrix, _, weights = self._checked(X, numbers, regime, weight)
        rows = self._with_every_class(matrix, numbers, weights)
        return _one_thread(fit_on_top(self.base_, self.base, trees, *rows))

    def numbers(self, y: ArrayLike) -> NDArray[Any]:
        """Labels as the learners see them.

        :param y: shape (n,)
        :return: shape (n,): numbers as they are, classes by their place in ``classes_``
        :raises ValueError: when a label is no class
        """
        return np.asarray(y, dtype=np.float64)

    def _answer_of(self, model: BaseEstimator, matrix: Matrix) -> NDArray[np.float64]:
        answer = np.asarray(model.predict(matrix), dtype=np.float64)
        return answer.reshape(len(matrix), -1)

    def answers_of(
        self, model: BaseEstimator, X: ArrayLike, regime: ArrayLike
    ) -> NDArray[np.float64]:
        """Answers of one fitted learner of this ensemble.

        :param model: e.g. of :meth:`fine_tuned`
        :param X: features, shape (n, features), without NaN
        :param regime: codes, shape (n,)
        :return: probabilities, shape (n, classes), or forecasts, shape (n, 1)
        :raises ValueError: when lengths differ
        """
        return self._asked(model, self._matrix(X, regime)[0])

    def _asked(self, model: BaseEstimator, matrix: Matrix) -> NDArray[np.float64]:
        """Answers of one model; none for no row, which learners refuse to be asked about."""
        if len(matrix):
            return self._answer_of(model, matrix)
        return self._answer_of(model, np.zeros((1, matrix.shape[1]), dtype=np.float32))[:0]

    def base_answers(self, X: ArrayLike, regime: ArrayLike) -> NDArray[np.float64]:
        """Answers of the base alone.

        :param X: features, shape (n, features), without NaN
        :param regime: codes, shape (n,), for ``regime_feature``
        :return: probabilities, shape (n, classes), or forecasts, shape (n, 1)
        :raises NotFittedError: before :meth:`fit`
        :raises ValueError: when lengths differ
        """
        check_is_fitted(self, "base_")
        return self.answers_of(self.base_, X, regime)

    def sub_model_answers(
        self,
        X: ArrayLike,
        regime: ArrayLike,
        base: NDArray[np.float64],
        names: Collection[str] | None = None,
    ) -> NDArray[np.float64]:
        """Answers of each row's sub-model, and those of the base where there is none.

        :param X: features, shape (n, features), without NaN
        :param regime: codes, shape (n,)
        :param base: of :meth:`base_answers` for the same rows
        :param names: regimes whose sub-models are asked; None = all
        :return: a new array of the shape of ``base``
        :raises ValueError: when lengths differ
        """
        matrix, codes = self._matrix(X, regime)
        result = base.copy()
        for code, name in NAMES.items():
            mask = codes == code
            if name in self.estimators_ and mask.any() and (names is None or name in names):
                result[mask] = self._answer_of(self.estimators_[name], matrix[mask])
        return result

    def answers(self, X: ArrayLike, regime: ArrayLike) -> NDArray[np.float64]:
        """Each row's answer: its regime's sub-model blended with the base by ``weights_``.

        :param X: features, shape (n, features), without NaN
        :param regime: codes, shape (n,)
        :return: probabilities, shape (n, classes), or forecasts, shape (n, 1)
        :raises NotFittedError: before :meth:`fit`
        :raises ValueError: when lengths differ
        """
        base = self.base_answers(X, regime)
        asked = [name for name, weight in self.weights_.items() if weight > 0]
        own = self.sub_model_answers(X, regime, base, asked)
        weight = self.sub_model_weight(regime)[:, None]
        # Exactly the sub-model's own where its weight is 1.
        return np.where(weight == 1, own, base * (1 - weight) + own * weight)

    def sub_model_weight(self, regime: ArrayLike) -> NDArray[np.float64]:
        """Weight of the sub-model in each row's answer, 0 to 1; 0 where the base alone answers.

        :param regime: codes, shape (n,)
        :return: shape (n,)
        :raises NotFittedError: before :meth:`fit`
        """
        check_is_fitted(self, "base_")
        codes = np.asarray(regime)
        result = np.zeros(len(codes))
        for code, name in NAMES.items():
            result[codes == code] = self.weights_.get(name, 0.0)
        return result

    def _matrix(self, X: ArrayLike, regime: ArrayLike) -> tuple[Matrix, Codes]:
        """Features in single precision, so that stored and live rows are the same numbers."""
        matrix, codes = np.asarray(X, dtype=np.float32), np.asarray(regime, dtype=np.int64)
        if matrix.ndim != 2:
            raise ValueError(f"X must have two dimensions (got shape {matrix.shape})")
        if len(matrix) != len(codes):
            raise ValueError(f"X has {len(matrix)} rows, regime {len(codes)}; they must agree")
        if self.regime_feature:
            flags = [(codes == code).astype(np.float32) for code in NAMES]
            matrix = np.column_stack([matrix, *flags])
        return matrix, codes


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
        labels = np.asarray(y)
        self.classes_ = np.asarray(np.unique(labels) if self.classes is None else self.classes)
        numbers = self.numbers(labels)
        codes, weight = np.asarray(regime), sample_weight
        absent = np.setdiff1d(np.arange(len(self.classes_)), numbers)
        if len(absent):
            count = len(labels)
            weight = np.ones(count) if weight is None else np.asarray(weight)
            X, numbers, weight = self._with_every_class(np.asarray(X), numbers, weight)
            codes = np.r_[codes, np.zeros(len(numbers) - count)]
        return self._fit(X, numbers, codes, weight)

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

    def _answer_of(self, model: BaseEstimator, matrix: Matrix) -> NDArray[np.float64]:
        return np.asarray(model.predict_proba(matrix), dtype=np.float64)

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

    def _with_every_class(
        self, X: Matrix, y: NDArray[Any], weight: NDArray[np.float64]
    ) -> tuple[Matrix, NDArray[Any], NDArray[np.float64]]:
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
        """Train the base and one sub-model per regime.

        :param X: features, shape (n, features), without NaN
        :param y: numbers, shape (n,), without NaN
        :param regime: codes, shape (n,): 1 bull, 2 bear, 3 sideways, 0 UNKNOWN
        :param sample_weight: shape (n,); None = 1
        :return: itself
        :raises ValueError: when lengths differ
        """
        return self._fit(X, np.asarray(y, dtype=np.float64), regime, sample_weight)

    def predict(self, X: ArrayLike, regime: ArrayLike) -> NDArray[np.float64]:
        """Forecasts of each row's blend.

        :param X: features, shape (n, features), without NaN
        :param regime: codes, shape (n,)
        :return: shape (n,)
        """
        return self.answers(X, regime)[:, 0]


def _one_thread(model: BaseEstimator) -> BaseEstimator:
    """On several threads a forest adds its trees in the order in which they answer."""
    if isinstance(model, RandomForestClassifier | RandomForestRegressor):
        model.set_params(n_jobs=1)
    return model
