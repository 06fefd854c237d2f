"""What is not fitted changes nothing that is served, and says why it is not there."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from numpy.testing import assert_array_equal

from ensembles import LEARNERS, Data, classifier, data
from fullvalidation import FullTraining
from regimeswitch.market.hysteresis import BULL
from regimeswitch.model.blended import BlendedModel
from regimeswitch.model.ensemble_training import NO_WEIGHT, EnsembleTraining
from regimeswitch.model.learners import LearnerError, make_learner, trees_of
from regimeswitch.model.training_set import Rows
from regimeswitch.model.validation import STOPPED
from worlds import World, blended, world


__all__ = ["data"]
THIRDS = {1: 1 / 3, 2: 1 / 3, 3: 1 / 3}
WORLDS: dict[str, dict[str, Any]] = {
    "turning": {"effects": {1: 0.5, 2: -0.5, 3: 0.5}, "shares": {1: 0.25, 2: 0.5, 3: 0.25}},
    "same": {"effects": {1: 0.5, 2: 0.5, 3: 0.5}, "shares": THIRDS},
    "lonely": {
        "effects": {1: 0.5, 2: 0.5, 3: 0.5},
        "shares": THIRDS,
        "own_effects": {"CCC/USDT": -0.5},
    },
}


def trained(name: str, gate: bool = True) -> tuple[BlendedModel, World]:
    made = world(**WORLDS[name], rows=3000)
    return blended(made.train, 20, validates=gate), made


@pytest.mark.parametrize("name", WORLDS)
def test_what_is_served_is_as_if_everything_had_been_fitted(name: str) -> None:
    model, made = trained(name)
    full = FullTraining(model, made.train)
    weights = full.weights()
    found = model.weights_
    print(name, dict(weights.sub_models), dict(weights.pairs))
    assert {key: one for key, one in weights.sub_models.items() if one} == found.sub_models
    assert {key: one for key, one in weights.pairs.items() if one} == found.pairs
    test: Rows = made.test
    served = model.answers(test.X, test.regime, test.pair)
    assert_array_equal(served, full.answers(test, weights))
    assert found.sub_models or name != "turning"
    assert found.pairs or name != "lonely"


def test_what_has_no_weight_is_not_there_and_says_why() -> None:
    model, _ = trained("same")
    assert model.ensemble_.estimators_ == {}
    assert set(model.pair_models_) == set(model.weights_.pairs)
    assert set(model.ensemble_.reasons_.values()) == {NO_WEIGHT}
    reasons = [one.reason for one in model.regime_validation_.values()]
    reasons += [one.reason for one in model.pair_validation_.values()]
    assert STOPPED in reasons
    assert all(one.weight == 0 and one.reason for one in model.regime_validation_.values())
    assert not any("placebo" in one.losses for one in model.regime_validation_.values())


def test_without_validation_there_is_neither_placebo_nor_fine_tuning() -> None:
    model, _ = trained("turning", gate=False)
    assert set(model.ensemble_.estimators_) == {"bull", "bear", "sideways"}
    assert model.pair_validation_ == {}
    for found in model.regime_validation_.values():
        assert {"frequencies", "base", "sub_model"} == set(found.losses)


@pytest.mark.parametrize("name", LEARNERS)
def test_trees_that_are_added_later_are_those_of_a_fit_at_once(name: str, data: Data) -> None:
    answers = []
    for steps in ((12,), (3, 9)):
        ensemble = classifier(name)
        training = EnsembleTraining(ensemble, data.X, data.y, data.regime)
        assert training.base_trees == 12
        for trees in steps:
            training.grow_base(trees)
            ensemble.asked(data.X, data.regime).base()
        training.finish_base()
        own, trees = training.sub_model("bull", data.regime == BULL)
        for more in (trees,) if steps == (12,) else (1, trees - 1):
            own.grow(more)
        asked = ensemble.asked(data.X, data.regime)
        answers.append((asked.base(), asked.of(own.finished(), data.regime == BULL)))
    for once, twice in zip(*answers, strict=True):
        assert_array_equal(once, twice)


@pytest.mark.parametrize("name", LEARNERS)
def test_the_base_is_stored_once(name: str, data: Data) -> None:
    model = classifier(name).fit(data.X, data.y, data.regime)
    copy = pickle.loads(pickle.dumps(model))
    assert len(copy.estimators_) == 3
    assert all(one.base is copy.base_ for one in copy.estimators_.values())
    base, sub_model = (len(pickle.dumps(part)) for part in (model.base_, model.estimators_["bull"]))
    assert len(pickle.dumps(model)) < base + 3 * (sub_model - base) + 4000


@pytest.mark.parametrize(
    ("name", "task", "objective"),
    [
        ("lightgbm", "classifier", "multiclassova"),
        ("lightgbm", "regressor", "binary"),
        ("xgboost", "regressor", "rank:ndcg"),
    ],
)
def test_an_objective_that_cannot_be_continued_is_named(
    name: str, task: Any, objective: str
) -> None:
    with pytest.raises(LearnerError, match=f"objective.*'{objective}' cannot be trained for"):
        make_learner(name, task, {"objective": objective})


@pytest.mark.parametrize(
    ("name", "parameter"),
    [("lightgbm", "early_stopping_round"), ("xgboost", "early_stopping_rounds")],
)
def test_early_stopping_is_refused(name: str, parameter: str) -> None:
    with pytest.raises(LearnerError, match=f"{parameter} needs rows of its own"):
        make_learner(name, "classifier", {parameter: 5})


def test_the_number_of_trees_has_many_names() -> None:
    assert trees_of(make_learner("lightgbm", "classifier", {"num_iterations": 7})) == 7
    assert trees_of(make_learner("random_forest", "classifier", {"n_estimators": 9})) == 9
