"""Which features the trees split by, of the base and of what each regime has added."""

from __future__ import annotations

import numpy as np
import pytest

from regimeswitch.model.ensemble import RegimeEnsembleRegressor
from regimeswitch.model.importance import BASE, feature_shares
from regimeswitch.model.learners import make_learner


NAMES = ["first", "second", "third", "noise"]
BULL, BEAR = 1, 2
LEARNERS = ("lightgbm", "xgboost", "random_forest")


def fitted(learner: str, sub_models: str, regime_feature: bool = False) -> RegimeEnsembleRegressor:
    """Everywhere the first feature counts; in bull the second as well, in bear the third."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(1200, len(NAMES))).astype(np.float32)
    regime = np.repeat([BULL, BEAR], 600)
    y = 3 * X[:, 0] + np.where(regime == BULL, 2 * X[:, 1], 2 * X[:, 2])
    base = make_learner(learner, "regressor", {"n_estimators": 20, "random_state": 3})
    if learner == "random_forest":
        base.set_params(min_samples_leaf=10)
    model = RegimeEnsembleRegressor(
        base, sub_models=sub_models, own_trees=15, min_rows=100, regime_feature=regime_feature
    )
    return model.fit(X, y, regime)


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("sub_models", ["warm_start", "separate"])
def test_each_regime_names_what_matters_in_it(learner: str, sub_models: str) -> None:
    found = feature_shares(fitted(learner, sub_models), NAMES)
    assert set(found) == {BASE, "bull", "bear"}
    assert next(iter(found[BASE])) == "first"
    bull, bear = found["bull"], found["bear"]
    assert bull["second"] > 0.1 > bull.get("third", 0.0)
    assert bear["third"] > 0.1 > bear.get("second", 0.0)
    for shares in found.values():
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
        assert sum(shares.values()) == pytest.approx(1, abs=0.001)


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_gain_of_a_sub_model_is_that_of_its_own_trees(learner: str) -> None:
    ensemble = fitted(learner, "warm_start")
    own, base = ensemble.estimators_["bull"].gains(), ensemble.base_.gains()
    assert own.shape == base.shape == (len(NAMES),)
    # Bull is half of the rows: the base has learned the first feature, not the second's part in it.
    assert own[1] / own.sum() > base[1] / base.sum()


def test_only_the_largest_are_kept_and_the_regime_is_a_feature_too() -> None:
    ensemble = fitted("lightgbm", "none", regime_feature=True)
    (shares,) = feature_shares(ensemble, NAMES, top=2).values()
    assert next(iter(shares)) == "first" and len(shares) == 2
    (shares,) = feature_shares(ensemble, NAMES).values()
    assert set(shares) <= {*NAMES, "regime bull", "regime bear", "regime sideways"}


def test_names_that_do_not_fit_are_not_used() -> None:
    assert feature_shares(fitted("lightgbm", "none"), NAMES[1:]) == {}
