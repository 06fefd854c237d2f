"""One sub-model per regime: who learns from which rows, who answers, and in which columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from ensembles import CLASSES, LEARNERS, SMALL, Data, classifier, data, learner, regressor
from regimeswitch.market.hysteresis import BEAR, BULL, SIDEWAYS, UNKNOWN
from regimeswitch.model.learners import LearnerError, Task, make_learner


__all__ = ["data"]
MODES = ("separate", "warm_start")
both_modes = pytest.mark.parametrize("mode", MODES)
all_learners = pytest.mark.parametrize("name", LEARNERS)


@both_modes
@pytest.mark.parametrize("make", [classifier, regressor])
def test_grammar_of_scikit_learn(make: Any, mode: str, data: Data) -> None:
    model = make("lightgbm", sub_models=mode)
    parameters = model.get_params()
    assert parameters["min_rows"] == 30
    assert parameters["base__num_leaves"] == SMALL["lightgbm"]["num_leaves"]
    target = data.y if make is classifier else data.number
    with pytest.raises(NotFittedError):
        model.predict(data.X, data.regime)
    before = repr(model.get_params())
    assert model.fit(data.X, target, data.regime) is model
    assert repr(model.get_params()) == before
    with pytest.raises(NotFittedError):
        check_is_fitted(model.base)
    parameter_names = set(model.get_params(deep=False))
    assert all(name.endswith("_") for name in set(vars(model)) - parameter_names)
    copy = clone(model)
    assert not hasattr(copy, "base_")
    assert repr(copy.get_params()) == before
    copy.set_params(min_rows=40, base__num_leaves=5)
    assert (copy.min_rows, copy.base.num_leaves, model.min_rows) == (40, 5, 30)


@all_learners
def test_separate_sub_model_is_the_learner_fitted_alone_on_its_rows(name: str, data: Data) -> None:
    # Few values, each of which every regime has: bins of all rows are then those of its own rows.
    data = replace(data, X=np.round(np.clip(data.X, -1, 1) * 2) / 2)
    found = classifier(name, sub_models="separate").fit(data.X, data.y, data.regime)
    numbers = regressor(name, sub_models="separate").fit(data.X, data.number, data.regime)
    classes = np.searchsorted(CLASSES, data.y)
    for code in (BULL, BEAR, SIDEWAYS):
        own = data.regime == code
        weight = np.ones(int(own.sum()))
        alone = learner(name, "classifier").fit(data.X[own], classes[own], sample_weight=weight)
        assert_allclose(
            found.predict_proba(data.X[own], data.regime[own]),
            alone.predict_proba(data.X[own]),
            rtol=2e-6,
        )
        alone = learner(name, "regressor")
        alone.fit(data.X[own], data.number[own], sample_weight=weight)
        assert_allclose(
            numbers.predict(data.X[own], data.regime[own]),
            alone.predict(data.X[own]).astype(np.float64),
            rtol=2e-6,
        )


@all_learners
def test_warm_start_keeps_the_base_and_differs_from_separate(name: str, data: Data) -> None:
    models = {
        mode: classifier(name, sub_models=mode).fit(data.X, data.y, data.regime) for mode in MODES
    }
    own = data.regime == BULL
    answers = [models[mode].predict_proba(data.X[own], data.regime[own]) for mode in MODES]
    base, same = (models[mode].asked(data.X[own], data.regime[own]).base() for mode in MODES)
    assert_array_equal(base, same)
    assert np.abs(answers[0] - answers[1]).max() > 1e-3
    assert np.abs(answers[1] - base).max() > 1e-3


@both_modes
@all_learners
def test_other_rows_do_not_reach_a_separate_sub_model(name: str, mode: str, data: Data) -> None:
    changed = data.y.copy()
    others = data.regime != BULL
    changed[others] = np.roll(changed[others], 7)
    own = data.regime == BULL
    answers = [
        classifier(name, sub_models=mode)
        .fit(data.X, y, data.regime)
        .predict_proba(data.X[own], data.regime[own])
        for y in (data.y, changed)
    ]
    assert np.array_equal(*answers) is (mode == "separate")


@both_modes
@pytest.mark.parametrize("make", [classifier, regressor])
def test_base_answers_where_there_is_no_sub_model(make: Any, mode: str, data: Data) -> None:
    regime = data.regime.copy()
    bear = np.flatnonzero(regime == BEAR)
    regime[bear] = UNKNOWN
    regime[bear[:20]] = BEAR
    regime[regime == SIDEWAYS] = UNKNOWN
    target = data.y if make is classifier else data.number
    model = make("lightgbm", sub_models=mode).fit(data.X, target, regime)
    assert model.reasons_ == {
        "bull": f"{mode} sub-model",
        "bear": "20 rows, fewer than 30: base",
        "sideways": "never seen in training: base",
    }
    assert model.rows_ == {"bull": int((regime == BULL).sum()), "bear": 20, "sideways": 0}
    assert set(model.estimators_) == {"bull"}
    method = "predict_proba" if make is classifier else "predict"
    base = model.asked(data.X, regime).base()
    base = base if make is classifier else base[:, 0]
    for code in (UNKNOWN, BEAR, SIDEWAYS):
        assert_array_equal(getattr(model, method)(data.X, np.full(len(data.X), code)), base)
    bull = getattr(model, method)(data.X, np.full(len(data.X), BULL))
    assert not np.array_equal(bull, base)
    codes = [UNKNOWN, BULL, BEAR, SIDEWAYS]
    assert model.sub_model_weight(codes).tolist() == [0, 1, 0, 0]


@both_modes
@all_learners
def test_one_class_only_is_served_by_the_base(name: str, mode: str, data: Data) -> None:
    y = np.where(data.regime == SIDEWAYS, "hold", data.y)
    model = classifier(name, sub_models=mode).fit(data.X, y, data.regime)
    rows = int((data.regime == SIDEWAYS).sum())
    assert model.reasons_["sideways"] == f"only one value in {rows} rows: base"
    assert_array_equal(
        model.predict_proba(data.X, np.full(len(data.X), SIDEWAYS)),
        model.asked(data.X, data.regime).base(),
    )


@both_modes
def test_mixed_learners(mode: str, data: Data) -> None:
    learners = {
        "bear": learner("xgboost", "classifier"),
        "sideways": learner("random_forest", "classifier"),
    }
    model = classifier("lightgbm", sub_models=mode, learners=learners)
    model.fit(data.X, data.y, data.regime)
    kinds = {name: type(fitted).__name__ for name, fitted in model.estimators_.items()}
    expected = {"bull": "LightGBM", "bear": "XGBoost", "sideways": "Forest"}
    assert kinds == {name: f"{kind}Trees" for name, kind in expected.items()}
    assert clone(model).learners.keys() == learners.keys()
    if mode == "separate":
        own = data.regime == BEAR
        alone = learner("xgboost", "classifier")
        alone.fit(data.X[own], np.searchsorted(CLASSES, data.y[own]))
        found = model.predict_proba(data.X[own], data.regime[own])
        assert np.abs(found - alone.predict_proba(data.X[own])).max() < 0.2


@both_modes
def test_rows_of_weight_zero_do_not_count(mode: str, data: Data) -> None:
    weight = np.where(data.regime == BEAR, 0.0, 1.0)
    model = classifier("lightgbm", sub_models=mode).fit(data.X, data.y, data.regime, weight)
    assert model.rows_["bear"] == 0
    assert "bear" not in model.estimators_


def test_classes_are_those_of_the_rows_unless_given(data: Data) -> None:
    model = classifier("lightgbm", classes=None).fit(data.X, data.y, data.regime)
    assert model.classes_.tolist() == sorted(set(data.y))
    with pytest.raises(ValueError, match="are not among"):
        classifier("lightgbm", classes=("buy", "sell")).fit(data.X, data.y, data.regime)


def test_errors_name_the_mistake(data: Data) -> None:
    X, y, regime = data.X, data.y, data.regime
    for wrong in ((X[:-1], y, regime), (X, y[:-1], regime), (X, y, regime[:-1])):
        with pytest.raises(ValueError, match="must be of one length"):
            classifier("lightgbm").fit(*wrong)
    with pytest.raises(ValueError, match="must be of one length"):
        classifier("lightgbm").fit(X, y, regime, np.ones(3))
    with pytest.raises(ValueError, match=r"\"warm_start\" or \"none\" \(got 'both'\)"):
        classifier("lightgbm", sub_models="both").fit(X, y, regime)
    with pytest.raises(ValueError, match="two dimensions"):
        classifier("lightgbm").fit(X[:, 0], y, regime)
    model = classifier("lightgbm").fit(X, y, regime)
    with pytest.raises(ValueError, match=r"X has 5 rows, regime 4"):
        model.predict(X[:5], regime[:4])
    with pytest.raises(
        LearnerError,
        match=r"parameters\.random_forest or freqai\.model_training_parameters: .*'trees'",
    ):
        make_learner("random_forest", "classifier", {"trees": 5})


@pytest.mark.parametrize(
    ("name", "wrong", "meant"),
    [
        ("lightgbm", "num_leavs", "num_leaves"),
        ("lightgbm", "min_data_in_leafs", "min_data_in_leaf"),
        ("xgboost", "max_depht", "max_depth"),
        ("random_forest", "min_sample_leaf", "min_samples_leaf"),
    ],
)
@pytest.mark.parametrize("task", ["classifier", "regressor"])
def test_a_parameter_that_a_learner_would_ignore_is_named(
    name: str, wrong: str, meant: str, task: Task
) -> None:
    with pytest.raises(LearnerError, match=f"no parameter '{wrong}' .did you mean '{meant}'"):
        make_learner(name, task, {wrong: 5})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("lightgbm", {"min_data_in_leaf": 50, "lambda_l2": 3.0, "boosting": "gbdt", "seed": 3}),
        ("xgboost", {"eta": 0.1, "lambda": 3.0, "seed_per_iteration": True, "max_leaves": 4}),
        ("random_forest", {"min_samples_leaf": 5, "bootstrap": True}),
    ],
)
def test_every_name_that_a_library_knows_is_taken(name: str, given: dict[str, Any]) -> None:
    assert given.items() <= make_learner(name, "classifier", given).get_params().items()


@all_learners
@pytest.mark.parametrize("make", [classifier, regressor])
def test_no_row_has_no_answer(make: Any, name: str, data: Data) -> None:
    model = make(name)
    model.fit(data.X, data.y if make is classifier else data.number, data.regime)
    answers = model.answers(data.X[:0], data.regime[:0])
    assert answers.shape == (0, len(CLASSES) if make is classifier else 1)
    none = model.asked(data.X[:0], data.regime[:0])
    assert none.of(model.estimators_["bull"], data.regime[:0] == BULL).shape == answers.shape
