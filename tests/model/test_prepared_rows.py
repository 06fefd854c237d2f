"""What is prepared or asked once instead of twice gives the models that twice would give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ensembles import Data, classifier, data, regressor
from regimeswitch.model import lightgbm_trees
from regimeswitch.model.ensemble_training import PreparedRound, training_of
from regimeswitch.model.learners import Task, make_learner
from regimeswitch.model.lightgbm_trees import LightGBMRows
from regimeswitch.model.training_set import Rows
from regimeswitch.model.trees import Matrix
from regimeswitch.model.validation_folds import Fold, FoldTraining
from regimeswitch.model.xgboost_trees import XGBoostRows


__all__ = ["data"]
COUNT = 2000


def drawn(columns: int = 6) -> tuple[Matrix, Matrix, np.ndarray]:
    """Features, flags beside them, and classes that depend on both."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(COUNT, columns)).astype(np.float32)
    codes = rng.integers(0, 4, COUNT)
    flags = np.column_stack([codes == code for code in (1, 2, 3)]).astype(np.float32)
    y = (X[:, 0] + flags[:, 0] + rng.normal(size=COUNT) > 0).astype(int) + (X[:, 1] > 1)
    return X, flags, y


def rows_of(X: Matrix, y: np.ndarray, task: Task = "classifier", **given: Any) -> LightGBMRows:
    own = make_learner("lightgbm", task, {"min_child_samples": 20, "reg_lambda": 1.0, **given})
    classes = len(np.unique(y)) if task == "classifier" else 0
    return LightGBMRows(own, X, y, np.linspace(0.5, 1.5, len(y)), classes)


def trees(rows: LightGBMRows, *chosen: np.ndarray) -> str:
    text: str = rows.begin(*chosen).grow(20).booster.model_to_string()
    return text


@pytest.mark.parametrize(
    ("task", "given"),
    [
        ("classifier", {}),
        ("classifier", {"class_weight": "balanced"}),
        ("regressor", {}),
        ("regressor", {"objective": "gamma"}),
    ],
)
def test_columns_that_are_added_make_the_trees_of_all_columns(
    task: Task, given: dict[str, Any]
) -> None:
    X, flags, y = drawn()
    target = y if task == "classifier" else np.abs(X[:, 0] + flags[:, 1]) + 0.1
    plain = rows_of(X, target, task, **given)
    before = trees(plain)
    wider = plain.with_columns(flags)
    assert wider is not None
    together = rows_of(np.column_stack([X, flags]), target, task, **given)
    part = np.arange(COUNT) % 3 == 0
    assert "Column_8" in trees(wider)
    assert trees(wider) == trees(together)
    assert trees(wider, part) == trees(together, part)
    labels = target[part]
    assert trees(wider.take(part, labels)) == trees(together.take(part, labels))
    assert trees(plain) == before


@pytest.mark.parametrize(
    "given",
    [
        {"monotone_constraints": [1, 0, 0, 0, 0, 0]},
        {"linear_tree": True},
        {"boosting_type": "dart"},
        {"max_bin_by_feature": [9] * 6},
    ],
    ids=lambda given: next(iter(given)),
)
def test_parameters_of_single_columns_have_all_prepared_anew(given: dict[str, Any]) -> None:
    X, flags, y = drawn()
    assert rows_of(X, y, **given).with_columns(flags) is None


def test_learners_that_cannot_add_columns_say_so() -> None:
    X, flags, y = drawn()
    rows = XGBoostRows(make_learner("xgboost", "classifier"), X, y, np.ones(COUNT), 3)
    assert rows.with_columns(flags) is None
    assert rows.begin().own_scores() is None


@pytest.mark.parametrize(
    ("task", "classes", "given"),
    [
        ("classifier", 3, {}),
        ("classifier", 2, {}),
        ("classifier", 3, {"subsample": 0.5, "subsample_freq": 1}),
        ("regressor", 0, {}),
        ("regressor", 0, {"objective": "gamma"}),
        ("regressor", 0, {"objective": "huber"}),
    ],
)
def test_scores_that_training_kept_give_the_answers_of_the_trees(
    task: Task, classes: int, given: dict[str, Any]
) -> None:
    X, _, y = drawn()
    target = np.minimum(y, classes - 1) if classes else np.abs(X[:, 0]) + 0.1
    growing = rows_of(X, target, task, **given).begin()
    grown = growing.grow(30)
    kept = growing.own_scores()
    assert kept is not None
    asked = grown.scores(X)
    assert kept.shape == asked.shape
    assert_allclose(grown.answers(kept), grown.answers(asked), rtol=1e-12)
    assert_array_equal(growing.finished().scores(X), asked)


def test_scores_are_asked_for_where_training_does_not_tell_them() -> None:
    X, _, y = drawn()
    rows = rows_of(X, y)
    base = rows.begin().grow(5)
    assert rows.begin(y > 0, base, base.scores(X)).own_scores() is None
    squared = rows_of(X, np.abs(X[:, 0]), "regressor", reg_sqrt=True).begin()
    squared.grow(5)
    assert squared.own_scores() is None
    # One class after the other, without a limit: probabilities of 1.
    sure = rows_of(X, (X[:, 0] > 0).astype(int), learning_rate=50.0, reg_lambda=0.0).begin()
    sure.grow(60)
    assert sure.own_scores() is None


def test_row_by_row_is_taken_where_it_is_wanted() -> None:
    X, _, y = drawn()
    usual = make_learner("lightgbm", "classifier").get_params()
    assert usual["force_col_wise"] and "force_row_wise" not in usual
    by_row = make_learner("lightgbm", "classifier", {"force_row_wise": True}).get_params()
    assert by_row["force_row_wise"] and "force_col_wise" not in by_row

    def blocks(**given: Any) -> str:
        return trees(rows_of(X, y, **given)).split("parameters:")[0]

    assert blocks() == blocks(force_row_wise=True)


def as_rows(data: Data) -> Rows:
    count = len(data.y)
    named = np.array(["A/B", "C/D"])[np.arange(count) % 2]
    move = np.zeros(count)
    return Rows(data.X, data.y, data.regime, np.arange(count), named, np.ones(count), move)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_a_round_bins_once_and_ends_with_the_same_models(
    make: Any, data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = as_rows(data)
    if make is regressor:
        rows = Rows(**{**vars(rows), "y": data.number})
    ensemble = make("lightgbm", sub_models="warm_start")
    made: list[int] = []
    prepare = LightGBMRows.__init__

    def counted(self: LightGBMRows, *given: Any) -> None:
        made.append(1)
        prepare(self, *given)

    monkeypatch.setattr(LightGBMRows, "__init__", counted)
    whole = PreparedRound(ensemble, rows)
    whole.whole(False)
    informed = whole.whole(True)
    assert len(made) == 1
    informed.fit_base()
    found = informed.with_sub_models().answers(data.X, data.regime)
    alone = training_of(ensemble, rows, True)
    alone.fit_base()
    expected = alone.with_sub_models().answers(data.X, data.regime)
    assert_allclose(found, expected, rtol=1e-12)


def test_a_fold_asks_its_base_about_the_later_rows_no_more_than_it_grows(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = as_rows(data)
    early = rows.time < 0.7 * len(rows)
    fold = Fold(rows.take(early), rows.take(~early), early)
    asked: list[int] = []
    ask = lightgbm_trees.LightGBMTrees._own_scores

    def counted(self: Any, X: Matrix) -> Any:
        asked.append(len(X))
        return ask(self, X)

    monkeypatch.setattr(lightgbm_trees.LightGBMTrees, "_own_scores", counted)
    training = FoldTraining(PreparedRound(classifier("lightgbm"), rows), fold, False)
    training.grow_base(3)
    grown = training.grow_base(3)
    training.finish_base()
    assert_array_equal(training.rows().base(), grown)
    contenders = training.regimes()
    shuffled = training.training.with_sub_models(fold.train.regime[::-1], ["bull"])
    assert contenders
    assert asked == [len(fold.later)] * 2
    again = shuffled.asked(fold.later.X, fold.later.regime)
    given = training.rows().of_ensemble(shuffled)
    assert_array_equal(given.sub_models(), again.sub_models())
