"""The learners behind a sub-model: LightGBM, XGBoost and scikit-learn's random forest.

Every learner runs on one thread and with a fixed seed. Defaults are strongly regularised: labels
overlap by their horizon, so that a thousand rows hold far fewer than a thousand facts.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone


Task = Literal["classifier", "regressor"]

DEFAULTS: dict[str, dict[str, Any]] = {
    "lightgbm": {
        "n_estimators": 120,
        "learning_rate": 0.03,
        "num_leaves": 8,
        "min_child_samples": 200,
        "reg_lambda": 50.0,
        "colsample_bytree": 0.5,
        "max_bin": 63,
        "n_jobs": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    },
    "xgboost": {
        "n_estimators": 120,
        "learning_rate": 0.05,
        "max_depth": 3,
        "min_child_weight": 20.0,
        "reg_lambda": 50.0,
        "colsample_bytree": 0.5,
        "max_bin": 64,
        "tree_method": "hist",
        # Else a continued booster draws columns from whatever state its thread was left in.
        "seed_per_iteration": True,
        "n_jobs": 1,
        "verbosity": 0,
    },
    "random_forest": {
        "n_estimators": 120,
        "max_depth": 8,
        "min_samples_leaf": 100,
        "max_features": 0.3,
        "n_jobs": 1,
    },
}
RATIO_OBJECTIVES: dict[str, dict[str, Any]] = {
    "lightgbm": {"objective": "gamma"},
    "xgboost": {"objective": "reg:gamma"},
    "random_forest": {},
}
"""Parameters for a target that is a ratio of variances: half the gamma deviance is QLIKE. A forest
answers with means of ratios, which is what QLIKE asks for."""
_PLACES = {
    "lightgbm": ("lightgbm", {"classifier": "LGBMClassifier", "regressor": "LGBMRegressor"}),
    "xgboost": ("xgboost", {"classifier": "XGBClassifier", "regressor": "XGBRegressor"}),
    "random_forest": (
        "sklearn.ensemble",
        {"classifier": "RandomForestClassifier", "regressor": "RandomForestRegressor"},
    ),
}
XGBOOST_PARAMETERS = {
    *("eta", "alpha", "lambda", "min_split_loss", "seed", "seed_per_iteration", "nthread"),
    *("updater", "refresh_leaf", "process_type", "max_cached_hist_node", "num_class"),
    *("sample_type", "normalize_type", "rate_drop", "one_drop", "skip_drop"),
    *("feature_selector", "top_k", "disable_default_eval_metric"),
    *("tweedie_variance_power", "quantile_alpha", "huber_slope"),
}
"""Of XGBoost's own parameters (its page "XGBoost Parameters") those that its scikit-learn classes
take by keyword alone."""
PACKAGES = {"lightgbm": "lightgbm", "xgboost": "xgboost", "random_forest": "scikit-learn"}
"""What pip calls the package of each learner."""


class LearnerError(ValueError):
    """A learner that cannot be made; the text says what to change."""


class LearnerMissingError(LearnerError):
    """A learner whose package is not installed, or cannot be loaded on this machine."""


def make_learner(
    name: str, task: Task, parameters: Mapping[str, Any] | None = None, seed: int = 42
) -> BaseEstimator:
    """An unfitted learner with scikit-learn's API.

    :param name: ``lightgbm``, ``xgboost`` or ``random_forest``
    :param task: ``classifier`` or ``regressor``
    :param parameters: over :data:`DEFAULTS`, by the learner's own names; a ``random_state`` takes
        the place of ``seed``
    :param seed: the learner's ``random_state``
    :raises LearnerMissingError: when the package is missing; no other learner's is imported
    :raises LearnerError: naming a parameter that the learner does not have. The classes of LightGBM
        and XGBoost themselves take any name and ignore it.

    >>> make_learner("lightgbm", "classifier", {"num_leaves": 4}).get_params()["num_leaves"]
    4
    """
    module, classes = _PLACES[name]
    try:
        kind = getattr(importlib.import_module(module), classes[task])
    # OSError: a library of the system that the package needs, e.g. libgomp, is not there.
    except (ImportError, OSError) as error:
        raise LearnerMissingError(
            f'learner "{name}" is not installed ({error}); run `pip install {PACKAGES[name]}`, or '
            f"choose one of {', '.join(_PLACES)}"
        ) from error
    settings = {**DEFAULTS[name], "random_state": seed, **(parameters or {})}
    known = {*kind().get_params(), *_native_parameters(name)}
    unknown = [parameter for parameter in settings if parameter not in known]
    if unknown:
        raise LearnerError(
            f"regimeswitch.models.parameters.{name} or freqai.model_training_parameters: "
            f"{kind.__name__} has no parameter {', '.join(map(_with_meant(known), unknown))}; use "
            f"the parameter names of {kind.__name__}"
        )
    return kind(**settings)


def _native_parameters(name: str) -> set[str]:
    """Names that a library takes beside those of its scikit-learn class."""
    if name == "xgboost":
        return XGBOOST_PARAMETERS
    if name == "lightgbm":
        aliases = importlib.import_module("lightgbm.basic")._ConfigAliases
        return {one for names in aliases._get_all_param_aliases().values() for one in names}
    return set()


def _with_meant(known: set[str]) -> Callable[[str], str]:
    """A wrong name with the one that was probably meant."""

    def named(wrong: str) -> str:
        meant = difflib.get_close_matches(wrong, sorted(known), 1)
        return f"{wrong!r}" + (f" (did you mean {meant[0]!r}?)" if meant else "")

    return named


def fit_on_top(
    base: BaseEstimator,
    learner: BaseEstimator,
    trees: int,
    X: NDArray[np.float32],
    y: NDArray[Any],
    sample_weight: NDArray[np.float64],
) -> BaseEstimator:
    """Keep the trees of ``base`` and add ``trees`` that learn from these rows alone.

    Boosting continues where ``base`` ended. A forest has no order: its own trees are averaged
    with those of the base, each tree with the same weight.

    :param base: fitted; the same kind of learner as ``learner``; it is not changed
    :param learner: unfitted; it is not changed
    :param trees: to add, number, at least 1
    :param X: features, shape (n, features), the columns that ``base`` learned from
    :param y: shape (n,); must hold every class of ``base``
    :param sample_weight: shape (n,)
    :return: a new fitted learner
    """
    grown = clone(learner).set_params(n_estimators=trees)
    name = type(learner).__module__.split(".")[0]
    if name == "lightgbm":
        return grown.fit(X, y, sample_weight=sample_weight, init_model=base.booster_)
    if name == "xgboost":
        return grown.fit(X, y, sample_weight=sample_weight, xgb_model=base.get_booster())
    grown.fit(X, y, sample_weight=sample_weight)
    grown.estimators_ = [*base.estimators_, *grown.estimators_]
    return grown.set_params(n_estimators=len(grown.estimators_))
