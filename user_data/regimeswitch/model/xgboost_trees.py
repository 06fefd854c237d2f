"""XGBoost: quantiles of the features are found once, and models of subsets are binned by them.

As with LightGBM the bins are those of all prepared rows, see
:mod:`regimeswitch.model.lightgbm_trees`. A base's scores are the margin that a model on top of it
begins with.
"""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from regimeswitch.model.learners import objective_of, without_aliases
from regimeswitch.model.trees import (
    BoostedTrees,
    Floats,
    Growing,
    Mask,
    Matrix,
    PreparedRows,
    Trees,
)


class XGBoostTrees(BoostedTrees):
    """Trees of one XGBoost booster.

    :param columns: of the scores
    """

    def __init__(self, booster: Any, link: str, base: Trees | None, columns: int) -> None:
        super().__init__(booster, link, base)
        self.columns = columns

    def _own_scores(self, X: Matrix) -> Floats:
        data = xgboost.DMatrix(X, nthread=1)
        if self.base is not None:
            # Else the booster's own first guess would be added, which the base has made already.
            data.set_base_margin(np.zeros((len(X), self.columns), dtype=np.float32))
        return np.asarray(self.booster.predict(data, output_margin=True), dtype=np.float64)

    def gains(self) -> Floats:
        gains = np.zeros(self.booster.num_features())
        for name, gain in self.booster.get_score(importance_type="total_gain").items():
            gains[int(name.removeprefix("f"))] = gain
        return gains


class XGBoostRows(PreparedRows):
    """Quantiles of the features, and the rows themselves.

    :param learner: unfitted ``XGBClassifier`` or ``XGBRegressor``, whose parameters count
    :param X: features, shape (n, features), without NaN
    :param y: class numbers from 0, or numbers, shape (n,)
    :param weight: shape (n,)
    :param classes: number; 0 for a regressor
    """

    def __init__(
        self, learner: BaseEstimator, X: Matrix, y: NDArray[Any], weight: Floats, classes: int
    ) -> None:
        given = learner.get_xgb_params()
        objective, self._link = objective_of("xgboost", given, classes)
        self._parameters = {**without_aliases(given), "objective": objective}
        self._columns = 1
        if self._link == "softmax":
            self._parameters["num_class"] = self._columns = classes
        self._X, self._y, self._weight = X, y, weight
        binned = given.get("tree_method") in (None, "auto", "hist")
        self._binned = binned and given.get("booster") in (None, "gbtree", "dart")
        self._bins: Any = None
        self._bins = self._whole = self._data(np.ones(len(y), dtype=bool), None)

    def _data(self, mask: Mask, below: Floats | None) -> Any:
        parts = {
            "data": self._X[mask],
            "label": self._y[mask],
            "weight": self._weight[mask],
            "base_margin": None if below is None else below[mask].astype(np.float32),
            "nthread": 1,
        }
        if not self._binned:
            return xgboost.DMatrix(**parts)
        bins = self._parameters.get("max_bin") or 256
        return xgboost.QuantileDMatrix(**parts, max_bin=bins, ref=self._bins)

    def take(self, chosen: Mask, y: NDArray[Any]) -> Self:
        taken = copy.copy(self)
        taken._X, taken._y, taken._weight = self._X[chosen], y, self._weight[chosen]
        taken._whole = taken._data(np.ones(len(y), dtype=bool), None)
        return taken

    def begin(
        self, chosen: Mask | None = None, base: Trees | None = None, below: Floats | None = None
    ) -> Growing:
        data = self._whole
        if chosen is not None or base is not None:
            data = self._data(np.ones(len(self._y), bool) if chosen is None else chosen, below)
        booster = xgboost.Booster(self._parameters, [data])
        return _GrowingXGBoost(XGBoostTrees(booster, self._link, base, self._columns), data)


class _GrowingXGBoost(Growing):
    def __init__(self, trees: XGBoostTrees, data: Any) -> None:
        self._trees, self._data = trees, data

    def grow(self, trees: int) -> Trees:
        booster = self._trees.booster
        grown = booster.num_boosted_rounds()
        for number in range(grown, grown + trees):
            booster.update(self._data, number)
        return self._trees

    def finished(self) -> Trees:
        # The booster keeps what it needs to go on; a copy does not.
        self._trees.booster = self._trees.booster.copy()
        return self._trees
