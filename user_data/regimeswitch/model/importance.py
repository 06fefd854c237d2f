"""Which features the models split by: the share of each in the gain of a model's trees.

Gain is what LightGBM and XGBoost call the fall of the loss by the splits of a feature; a forest's
is the mean decrease in impurity (Breiman, Random forests, 2001). Both favour features with many
values and say nothing about how well a model forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from regimeswitch.market.regimes import NAMES
from regimeswitch.model.ensemble import RegimeEnsemble


BASE = "base"
TOP = 25
"""Features of a model that are kept."""
DIGITS = 4


def feature_shares(
    ensemble: RegimeEnsemble, names: Sequence[str], top: int = TOP
) -> dict[str, dict[str, float]]:
    """Gain shares of the most used features, by model: :data:`BASE` and each regime's sub-model.

    Of a sub-model that continues the base's trees only its own trees count, which have learned
    from its regime's rows alone.

    :param ensemble: fitted
    :param names: of the features that it was fitted on, in their order
    :param top: features that are kept of each model
    :return: shares of the whole gain of a model, 0 to 1, largest first; features without gain are
        left out. Empty where ``names`` are not as many as the features
    """
    if len(names) != ensemble.n_features_in_:
        return {}
    flags = [f"regime {name}" for name in NAMES.values()] if ensemble.regime_feature else []
    own = ensemble.own_trees if ensemble.sub_models == "warm_start" else 0
    gains = {BASE: tree_gains(ensemble.base_)} | {
        name: tree_gains(model, own) for name, model in ensemble.estimators_.items()
    }
    return {name: _largest(one, [*names, *flags], top) for name, one in gains.items()}


def tree_gains(model: BaseEstimator, last: int = 0) -> NDArray[np.float64]:
    """Gain of each feature in the trees of a fitted learner.

    :param model: of :mod:`regimeswitch.model.learners`
    :param last: rounds (of a forest: trees) at the end that count; 0 = all
    :return: shape (features,)
    """
    if hasattr(model, "booster_"):
        return _lightgbm_gains(model.booster_, last)
    if hasattr(model, "get_booster"):
        return _xgboost_gains(model.get_booster(), model.n_features_in_, last)
    trees = model.estimators_[-last:] if last else model.estimators_
    return np.asarray(np.mean([tree.feature_importances_ for tree in trees], axis=0))


def _lightgbm_gains(booster: Any, last: int) -> NDArray[np.float64]:
    whole = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
    before = booster.current_iteration() - last if last else 0
    if before <= 0:
        return whole
    first = np.asarray(booster.feature_importance("gain", iteration=before), dtype=np.float64)
    return np.maximum(whole - first, 0.0)


def _xgboost_gains(booster: Any, features: int, last: int) -> NDArray[np.float64]:
    rounds = booster.num_boosted_rounds()
    own = booster[rounds - last :] if 0 < last < rounds else booster
    gains = np.zeros(features)
    for name, gain in own.get_score(importance_type="total_gain").items():
        gains[int(name.removeprefix("f"))] = gain
    return gains


def _largest(gains: NDArray[np.float64], names: Sequence[str], top: int) -> dict[str, float]:
    total = gains.sum()
    order = np.argsort(-gains, kind="stable")[:top]
    return {names[row]: round(float(gains[row] / total), DIGITS) for row in order if gains[row] > 0}
