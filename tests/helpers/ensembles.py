"""Small data and small learners for the tests of the ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from regimeswitch.model.ensemble import RegimeEnsembleClassifier, RegimeEnsembleRegressor
from regimeswitch.model.learners import make_learner


CLASSES = ("buy", "hold", "sell")
SMALL: dict[str, dict[str, Any]] = {
    "lightgbm": {"n_estimators": 12, "num_leaves": 4, "min_child_samples": 5, "reg_lambda": 1.0},
    "xgboost": {"n_estimators": 12, "min_child_weight": 1.0, "reg_lambda": 1.0},
    "random_forest": {"n_estimators": 12, "min_samples_leaf": 5, "max_depth": 4},
}
for _name in ("lightgbm", "xgboost"):
    SMALL[_name]["learning_rate"] = 0.3
LEARNERS = tuple(SMALL)


@dataclass(frozen=True)
class Data:
    """Rows whose classes depend on the first feature, with another sign in bear."""

    X: np.ndarray[Any, Any]
    y: np.ndarray[Any, Any]
    number: np.ndarray[Any, Any]
    regime: np.ndarray[Any, Any]


def make_data(rows: int = 360) -> Data:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(rows, 5))
    regime = rng.choice([1, 2, 3], rows)
    number = np.where(regime == 2, -1, 1) * X[:, 0] + 0.3 * rng.normal(size=rows)
    y = np.select([number > 0.5, number < -0.5], ["buy", "sell"], "hold")
    for part in (X, y, number, regime):
        part.setflags(write=False)
    return Data(X, y, number, regime)


@pytest.fixture(scope="session")
def data() -> Data:
    return make_data()


def learner(name: str, task: Any, **over: Any) -> BaseEstimator:
    return make_learner(name, task, {**SMALL[name], **over})


def classifier(name: str, n_jobs: int = 1, **over: Any) -> RegimeEnsembleClassifier:
    base = learner(name, "classifier", n_jobs=n_jobs)
    given = {"own_trees": 6, "min_rows": 30, "classes": CLASSES, **over}
    return RegimeEnsembleClassifier(base, **given)


def regressor(name: str, n_jobs: int = 1, **over: Any) -> RegimeEnsembleRegressor:
    base = learner(name, "regressor", n_jobs=n_jobs)
    return RegimeEnsembleRegressor(base, **{"own_trees": 6, "min_rows": 30, **over})
