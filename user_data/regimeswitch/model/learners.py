"""The learners behind a sub-model: LightGBM, XGBoost and scikit-learn's random forest.

Every learner runs on one thread and with a fixed seed. Defaults are strongly regularised: labels
overlap by their horizon, so that a thousand rows hold far fewer than a thousand facts.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from typing import Any, Literal

from sklearn.base import BaseEstimator


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
        # Rows that the bins are found from; more make them no better.
        "subsample_for_bin": 20_000,
        "n_jobs": 1,
        "deterministic": True,
        # The same trees as row by row, in less time on one thread.
        "force_col_wise": True,
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
CLASSIFIER_DEFAULTS: dict[str, dict[str, Any]] = {
    "lightgbm": {
        "use_quantized_grad": True,
        "num_grad_quant_bins": 64,
        # Rounding at random would depend on the number of threads.
        "stochastic_rounding": False,
    },
}
"""Besides, where the answers are classes: gradients of probabilities are bounded, and 64 levels of
them find the same splits in less time (Shi et al., "Quantized Training of Gradient Boosting
Decision Trees", 2022). Those of returns are not: one large move would make zeros of all others."""
RATIO_OBJECTIVES: dict[str, dict[str, Any]] = {
    "lightgbm": {"objective": "gamma"},
    "xgboost": {"objective": "reg:gamma"},
    "random_forest": {},
}
"""Parameters for a target that is a ratio of variances: half the gamma deviance is QLIKE. A forest
answers with means of ratios, which is what QLIKE asks for."""
OBJECTIVES: dict[str, dict[str, str]] = {
    "lightgbm": {
        **dict.fromkeys(("regression", "regression_l2", "l2", "mse"), "identity"),
        **dict.fromkeys(("regression_l1", "l1", "mae", "huber", "fair", "quantile"), "identity"),
        **dict.fromkeys(("gamma", "poisson", "tweedie"), "exp"),
        "binary": "sigmoid",
        **dict.fromkeys(("multiclass", "softmax"), "softmax"),
    },
    "xgboost": {
        **dict.fromkeys(("reg:squarederror", "reg:pseudohubererror"), "identity"),
        **dict.fromkeys(("reg:absoluteerror", "reg:quantileerror"), "identity"),
        **dict.fromkeys(("reg:gamma", "count:poisson", "reg:tweedie"), "exp"),
        "binary:logistic": "sigmoid",
        **dict.fromkeys(("multi:softprob", "multi:softmax"), "softmax"),
    },
}
"""Objectives whose scores can be continued, and the link from scores to answers. The first of each
link is the usual one."""
_OBJECTIVE_KEYS = ("objective", "objective_type", "app", "application", "loss")
_TREES_KEYS = (
    *("num_iterations", "num_iteration", "n_iter", "num_tree", "num_trees", "num_round"),
    *("num_rounds", "nrounds", "num_boost_round", "max_iter", "n_estimators"),
)
_LINEAR_KEYS = ("linear_tree", "linear_trees")
_EARLY_STOPPING = (
    *("early_stopping_round", "early_stopping_rounds", "early_stopping", "n_iter_no_change"),
)
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
    :param parameters: over :data:`DEFAULTS` and :data:`CLASSIFIER_DEFAULTS`, by the learner's own
        names; a ``random_state`` takes the place of ``seed``
    :param seed: the learner's ``random_state``
    :raises LearnerMissingError: when the package is missing; no other learner's is imported
    :raises LearnerError: naming a parameter that the learner does not have (the classes of LightGBM
        and XGBoost themselves take any name and ignore it), or one that no training here can use

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
    given = parameters or {}
    # Leaves that are linear models need whole gradients.
    of_classes = task == "classifier" and not any(given.get(key) for key in _LINEAR_KEYS)
    usual = DEFAULTS[name] | (CLASSIFIER_DEFAULTS.get(name, {}) if of_classes else {})
    # LightGBM takes one of the two ways, not both.
    if given.get("force_row_wise"):
        usual = {key: value for key, value in usual.items() if key != "force_col_wise"}
    settings = {**usual, "random_state": seed, **given}
    known = {*kind().get_params(), *_native_parameters(name)}
    unknown = [parameter for parameter in settings if parameter not in known]
    stopped = [parameter for parameter in _EARLY_STOPPING if settings.get(parameter)]
    if stopped:
        raise LearnerError(
            f"regimeswitch.models.parameters.{name} or freqai.model_training_parameters: "
            f"{stopped[0]} needs rows of its own, which no training has; leave it out, and set "
            "n_estimators"
        )
    if unknown:
        raise LearnerError(
            f"regimeswitch.models.parameters.{name} or freqai.model_training_parameters: "
            f"{kind.__name__} has no parameter {', '.join(map(_with_meant(known), unknown))}; use "
            f"the parameter names of {kind.__name__}"
        )
    if name in OBJECTIVES:
        links = ("softmax", "sigmoid") if task == "classifier" else ("identity", "exp")
        _objective(name, settings, links, "classes" if task == "classifier" else "numbers")
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


def objective_of(name: str, given: Mapping[str, Any], classes: int) -> tuple[str, str]:
    """The objective of a boosted model, and the link from its scores to its answers.

    :param name: ``lightgbm`` or ``xgboost``
    :param given: parameters, by any name that the library knows
    :param classes: number; 0 for a regressor
    :return: a key of :data:`OBJECTIVES`, and one of :data:`regimeswitch.model.trees.LINKS`
    :raises LearnerError: for an objective whose link is not known, or that does not fit the task

    >>> objective_of("lightgbm", {}, classes=3), objective_of("xgboost", {}, classes=0)
    (('multiclass', 'softmax'), ('reg:squarederror', 'identity'))
    """
    if not classes:
        return _objective(name, given, ("identity", "exp"), "numbers")
    # XGBClassifier's own default, which it replaces itself where there are more than two classes.
    default = given.get("objective") == "binary:logistic"
    links, task = (("softmax",), "classes") if classes > 2 else (("sigmoid",), "two classes")
    return _objective(name, {} if default else given, links, task)


def _objective(
    name: str, given: Mapping[str, Any], links: tuple[str, ...], task: str
) -> tuple[str, str]:
    allowed = [key for link in links for key, one in OBJECTIVES[name].items() if one == link]
    chosen = next((given[key] for key in _OBJECTIVE_KEYS if given.get(key) is not None), allowed[0])
    if chosen not in allowed:
        raise LearnerError(
            f"regimeswitch.models.parameters.{name} or freqai.model_training_parameters: objective "
            f"{chosen!r} cannot be trained for {task}; leave it out, or use one of "
            f"{', '.join(allowed)}"
        )
    return chosen, OBJECTIVES[name][chosen]


def trees_of(learner: BaseEstimator) -> int:
    """Trees that a learner is to have.

    :param learner: unfitted
    """
    given = learner.get_params()
    return int(next(given[key] for key in _TREES_KEYS if given.get(key) is not None))


def without_aliases(given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters without those that say how many trees, and what they are for.

    :param given: by any name that the library knows
    """
    left_out = {*_OBJECTIVE_KEYS, *_TREES_KEYS, "num_class", "num_classes"}
    return {key: value for key, value in given.items() if key not in left_out and value is not None}
