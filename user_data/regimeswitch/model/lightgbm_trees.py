"""LightGBM: rows are binned once, and subsets of them are trained on without binning again.

Bins are quantiles of the features of ALL prepared rows, so that models of a fold, a regime or a
pair see those of the whole training window. They look at no label and at no row after the window:
what is served never knows a later candle. In a fold of the validation the bins know how the
features of its later rows are spread, and nothing of what came of them.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from typing import Any, Self

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.class_weight import compute_sample_weight

from regimeswitch.model.learners import (
    CLASSIFIER_DEFAULTS,
    DEFAULTS,
    objective_of,
    without_aliases,
)
from regimeswitch.model.trees import (
    INVERSES,
    BoostedTrees,
    Floats,
    Growing,
    Mask,
    Matrix,
    PreparedRows,
    Trees,
)


LOUD = 1
"""LightGBM's own default of ``verbosity``."""
THREADS = ("num_threads", "num_thread", "nthread", "nthreads", "n_jobs")
"""Names of the number of threads; ``n_jobs``, which has a default, counts last."""
PLAIN = {"objective", "num_class", "num_threads", "force_row_wise"}
"""Beside the parameters that have defaults, those that mean the same whatever columns there are and
do not change what LightGBM calls a prediction."""


class LightGBMTrees(BoostedTrees):
    """Trees of one LightGBM booster.

    :param threads: that it is asked on; they do not change the answers
    """

    def __init__(self, booster: Any, link: str, base: Trees | None, threads: int) -> None:
        super().__init__(booster, link, base)
        self.threads = threads

    def _own_scores(self, X: Matrix) -> Floats:
        found = self.booster.predict(X, raw_score=True, num_threads=self.threads)
        return np.asarray(found, dtype=np.float64)

    def gains(self) -> Floats:
        return np.asarray(self.booster.feature_importance("gain"), dtype=np.float64)


class LightGBMRows(PreparedRows):
    """A binned dataset.

    :param learner: unfitted ``LGBMClassifier`` or ``LGBMRegressor``, whose parameters count
    :param X: features, shape (n, features), without NaN
    :param y: class numbers from 0, or numbers, shape (n,)
    :param weight: shape (n,)
    :param classes: number; 0 for a regressor
    """

    def __init__(
        self, learner: BaseEstimator, X: Matrix, y: NDArray[Any], weight: Floats, classes: int
    ) -> None:
        given = learner.get_params()
        self._class_weight = given.pop("class_weight", None)
        given.pop("importance_type", None)
        threads = [given.pop(name) for name in THREADS if name in given]
        self._threads = next((number for number in threads if number is not None), 1)
        objective, self._link = objective_of("lightgbm", given, classes)
        self._parameters = {**without_aliases(given), "objective": objective}
        self._parameters["num_threads"] = self._threads
        if self._link == "softmax":
            self._parameters["num_class"] = classes
        usual = {*type(learner)().get_params(), *DEFAULTS["lightgbm"]}
        usual |= {*CLASSIFIER_DEFAULTS["lightgbm"], *PLAIN}
        boosted = self._parameters.get("boosting_type", "gbdt") == "gbdt"
        self._plain = boosted and usual.issuperset(self._parameters)
        self._y, self._weight = y, weight
        self._data = lightgbm.Dataset(
            X, label=y, weight=self._weights(slice(None)), params=self._parameters
        ).construct()

    def _weights(self, chosen: Mask | slice) -> Floats:
        if self._class_weight is None:
            return self._weight[chosen]
        own = compute_sample_weight(self._class_weight, self._y[chosen])
        return np.asarray(self._weight[chosen] * own)

    def with_columns(self, columns: Matrix) -> Self | None:
        if not self._plain:
            return None
        wider = copy.copy(self)
        wider._data = self._data.subset([*range(len(self._y))]).construct()
        known = self._data.num_feature()
        names = [f"Column_{known + place}" for place in range(columns.shape[1])]
        others = lightgbm.Dataset(columns, feature_name=names, params=self._parameters).construct()
        with warnings.catch_warnings():
            # That the features themselves are not kept, which nobody asks for.
            warnings.simplefilter("ignore")
            wider._data.add_features_from(others)
        return wider

    def take(self, chosen: Mask, y: NDArray[Any]) -> Self:
        taken = copy.copy(self)
        taken._y, taken._weight = y, self._weight[chosen]
        taken._data = self._data.subset(np.flatnonzero(chosen).tolist()).construct()
        taken._data.set_label(y).set_weight(taken._weights(slice(None)))
        return taken

    def begin(
        self, chosen: Mask | None = None, base: Trees | None = None, below: Floats | None = None
    ) -> Growing:
        mask = np.ones(len(self._y), dtype=bool) if chosen is None else chosen
        data = self._data
        if chosen is not None or base is not None:
            data = data.subset(np.flatnonzero(mask).tolist()).construct()
            data.set_weight(self._weights(mask))
        if below is not None:
            data.set_init_score(below[mask] if below.shape[1] > 1 else below[mask, 0])
        booster = lightgbm.Booster(params=self._parameters, train_set=data)
        trees = LightGBMTrees(booster, self._link, base, self._threads)
        return _GrowingLightGBM(trees, self._parameters, self._plain and base is None)


class _GrowingLightGBM(Growing):
    def __init__(
        self, trees: LightGBMTrees, parameters: Mapping[str, Any], tells_scores: bool
    ) -> None:
        self._trees, self._tells_scores = trees, tells_scores
        self._verbosity = parameters.get("verbosity", LOUD)
        self._threads = parameters["num_threads"]

    def grow(self, trees: int) -> Trees:
        _set_verbosity(self._verbosity, self._threads)
        for _ in range(trees):
            self._trees.booster.update()
        return self._trees

    def own_scores(self) -> Floats | None:
        found: list[Floats] = []

        def keep(answers: Floats, data: Any) -> tuple[str, float, bool]:
            found.append(INVERSES[self._trees.link](answers.reshape(len(answers), -1)))
            return "kept", 0.0, True

        if self._tells_scores:
            with np.errstate(divide="ignore"):
                self._trees.booster.eval_train(keep)
        # A probability of 0 or 1 tells no score.
        return found[0] if found and np.isfinite(found[0]).all() else None

    def finished(self) -> Trees:
        booster = self._trees.booster
        # As lightgbm.train ends: what is kept is what a file would hold.
        booster.model_from_string(booster.model_to_string()).free_dataset()
        return self._trees


def _set_verbosity(verbosity: int, threads: int) -> None:
    """LightGBM keeps it by thread, and sets it where a dataset or booster is made.

    A booster that is trained on another thread would print its warnings on standard output. Each
    such call sets the number of threads, too, and for the whole process: left out, it would be that
    of all cores, and boosters in training would write past buffers that were made for fewer.
    """
    parameters = {"verbosity": verbosity, "num_threads": threads}
    parameters |= {"min_data_in_bin": 1, "feature_pre_filter": False}
    lightgbm.Dataset(np.arange(4.0).reshape(-1, 1), params=parameters).construct()
