"""What answers for a row: the base, the sub-model of the row's regime, or a blend of both.

Which sub-model answers is decided by the row's regime alone, given beside ``X`` as ``regime``
(codes of :mod:`regimeswitch.market.hysteresis`). The base answers where the regime is UNKNOWN, was
never seen in training, had too few rows or only one class, and where the sub-model has no weight;
``reasons_`` says so for each regime.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from regimeswitch.market.regimes import NAMES
from regimeswitch.model.trees import Floats, Matrix, Trees


Codes = NDArray[np.int64]
SUB_MODELS = ("separate", "warm_start", "none")


class AskedRows:
    """Rows that the models of one ensemble are asked about; the base's scores are made once.

    :param ensemble: fitted
    :param matrix: features as the models see them, shape (n, columns)
    :param codes: regimes, shape (n,)
    :param below: scores of the base, where they are known already
    """

    def __init__(
        self,
        ensemble: RegimeEnsemble,
        matrix: Matrix,
        codes: Codes,
        below: Floats | None = None,
    ) -> None:
        self._ensemble, self._matrix, self._codes = ensemble, matrix, codes
        self._base = ensemble.base_
        self._below = self._scores(self._base, matrix) if below is None else below

    def of_ensemble(self, ensemble: RegimeEnsemble) -> AskedRows:
        """The same rows for an ensemble with the same base.

        :param ensemble: with other sub-models
        """
        return AskedRows(ensemble, self._matrix, self._codes, self._below)

    @staticmethod
    def _scores(model: Trees, matrix: Matrix, below: Floats | None = None) -> Floats:
        """Scores of one model; none for no row, which learners refuse to be asked about."""
        if len(matrix):
            return model.scores(matrix, below)
        return model.scores(np.zeros((1, matrix.shape[1]), dtype=np.float32))[:0]

    def base(self) -> Floats:
        """Answers of the base: probabilities, shape (n, classes), or forecasts, shape (n, 1)."""
        return self._base.answers(self._below)

    def of(self, model: Trees, chosen: NDArray[np.bool_]) -> Floats:
        """Answers of one model for some of the rows.

        :param model: of this ensemble, or on top of its base
        :param chosen: shape (n,)
        """
        below = self._below[chosen] if model.base is self._base else None
        return model.answers(self._scores(model, self._matrix[chosen], below))

    def sub_models(self, names: Collection[str] | None = None) -> Floats:
        """Answers of each row's sub-model, and those of the base where there is none.

        :param names: regimes whose sub-models are asked; None = all
        """
        result = self.base().copy()
        for code, name in NAMES.items():
            mask = self._codes == code
            model = self._ensemble.estimators_.get(name)
            if model is not None and mask.any() and (names is None or name in names):
                result[mask] = self.of(model, mask)
        return result


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
    :param jobs: models trained side by side; it does not change the result
    :param regime_feature: give the models the regime as features as well, one column per regime

    Fitted: ``base_``, ``estimators_`` (by regime name, only those trained), ``weights_``
    (of each of those against the base, 0 to 1; 1 until validation says otherwise), ``rows_`` (rows
    by regime name), ``reasons_`` (why a regime has a sub-model or not), ``n_features_in_``.
    """

    base_: Trees
    estimators_: dict[str, Trees]
    weights_: dict[str, float]
    rows_: dict[str, int]
    reasons_: dict[str, str]
    n_features_in_: int

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

    @abstractmethod
    def learn_labels(self, y: ArrayLike) -> NDArray[Any]:
        """Labels of training rows as the learners see them; a classifier takes its classes there.

        :param y: shape (n,)
        :return: as :meth:`numbers`
        :raises ValueError: when a label is no class
        """

    @property
    def class_count(self) -> int:
        """Classes, number; 0 for a regressor."""
        return 0

    def refusal(self, y: NDArray[Any]) -> str:
        """Why a regime with the labels ``y`` gets no sub-model; empty when it may get one.

        :param y: of the regime's rows with a weight above zero
        """
        if self.sub_models == "none":
            return "no sub-models: base"
        if not len(y):
            return "never seen in training: base"
        if len(y) < self.min_rows:
            return f"{len(y)} rows, fewer than {self.min_rows}: base"
        if len(np.unique(y)) < 2:
            return f"only one value in {len(y)} rows: base"
        return ""

    def numbers(self, y: ArrayLike) -> NDArray[Any]:
        """Labels as the learners see them.

        :param y: shape (n,)
        :return: shape (n,): numbers as they are, classes by their place in ``classes_``
        :raises ValueError: when a label is no class
        """
        return np.asarray(y, dtype=np.float64)

    def asked(self, X: ArrayLike, regime: ArrayLike) -> AskedRows:
        """Rows that the fitted models are to answer for.

        :param X: features, shape (n, features), without NaN
        :param regime: codes, shape (n,)
        :raises NotFittedError: before ``fit``
        :raises ValueError: when lengths differ
        """
        check_is_fitted(self, "base_")
        return AskedRows(self, *self.matrix(X, regime))

    def answers(self, X: ArrayLike, regime: ArrayLike) -> Floats:
        """Each row's answer: its regime's sub-model blended with the base by ``weights_``.

        :param X: features, shape (n, features), without NaN
        :param regime: codes, shape (n,)
        :return: probabilities, shape (n, classes), or forecasts, shape (n, 1)
        :raises NotFittedError: before ``fit``
        :raises ValueError: when lengths differ
        """
        return self.answers_and_base(X, regime)[0]

    def answers_and_base(self, X: ArrayLike, regime: ArrayLike) -> tuple[Floats, Floats]:
        """Each row's answer, as :meth:`answers`, and that of the base alone, asked once.

        :param X: and ``regime`` as in :meth:`answers`
        :return: both of the same shape
        :raises NotFittedError: before ``fit``
        :raises ValueError: when lengths differ
        """
        rows = self.asked(X, regime)
        base = rows.base()
        asked = [name for name, weight in self.weights_.items() if weight > 0]
        if not asked:
            return base, base
        own = rows.sub_models(asked)
        weight = self.sub_model_weight(regime)[:, None]
        # Exactly the sub-model's own where its weight is 1.
        return np.where(weight == 1, own, base * (1 - weight) + own * weight), base

    def sub_model_weight(self, regime: ArrayLike) -> NDArray[np.float64]:
        """Weight of the sub-model in each row's answer, 0 to 1; 0 where the base alone answers.

        :param regime: codes, shape (n,)
        :return: shape (n,)
        :raises NotFittedError: before ``fit``
        """
        check_is_fitted(self, "base_")
        codes = np.asarray(regime)
        result = np.zeros(len(codes))
        for code, name in NAMES.items():
            result[codes == code] = self.weights_.get(name, 0.0)
        return result

    def matrix(self, X: ArrayLike, regime: ArrayLike) -> tuple[Matrix, Codes]:
        """Features in single precision, so that stored and live rows are the same numbers.

        :param X: shape (n, features)
        :param regime: codes, shape (n,)
        :return: with ``regime_feature`` one column per regime more; and the codes
        :raises ValueError: when lengths differ
        """
        matrix, codes = np.asarray(X, dtype=np.float32), np.asarray(regime, dtype=np.int64)
        if matrix.ndim != 2:
            raise ValueError(f"X must have two dimensions (got shape {matrix.shape})")
        if len(matrix) != len(codes):
            raise ValueError(f"X has {len(matrix)} rows, regime {len(codes)}; they must agree")
        if self.regime_feature:
            matrix = np.column_stack([matrix, regime_flags(codes)])
        return matrix, codes


def regime_flags(codes: Codes) -> Matrix:
    """The regime as features: a column for each, 1 where it is active.

    :param codes: of :mod:`regimeswitch.market.hysteresis`, shape (n,)
    :return: shape (n, regimes)
    """
    return np.column_stack([(codes == code).astype(np.float32) for code in NAMES])
