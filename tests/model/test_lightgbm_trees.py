"""LightGBM in threads: what it prints and on how many it runs is decided by its own parameters."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from lightgbm import LGBMClassifier

from regimeswitch.model.learners import Task, make_learner
from regimeswitch.model.lightgbm_trees import LightGBMRows, LightGBMTrees


@pytest.mark.parametrize(("verbosity", "prints"), [(-1, False), (1, True)])
def test_trees_without_a_split_print_in_a_thread_only_what_was_asked_for(
    capfd: pytest.CaptureFixture[str], verbosity: int, prints: bool
) -> None:
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(300, 3)).astype(np.float32), rng.integers(0, 2, 300)
    learner = LGBMClassifier(min_child_samples=200, verbosity=verbosity)
    growing = LightGBMRows(learner, X, y, np.ones(300), 2).begin()
    capfd.readouterr()
    with ThreadPoolExecutor(1) as threads:
        threads.submit(growing.grow, 2).result()
    out, err = capfd.readouterr()
    assert ("LightGBM" in out + err) == prints


TRAINED_BESIDE_OTHERS = """
import threading
import numpy as np
from regimeswitch.model.learners import Task, make_learner
from regimeswitch.model.lightgbm_trees import LightGBMRows

rng, count = np.random.default_rng(1), 3000
X, y = rng.normal(size=(count, 300)).astype(np.float32), rng.integers(0, 3, count)
learner = make_learner("lightgbm", "classifier", {"min_child_samples": 20})
rows = LightGBMRows(learner, X, y, np.ones(count), 3)
other, ended = rows.begin(np.arange(count) < 50), threading.Event()

def begin_again():
    while not ended.is_set():
        other.grow(0)

threads = [threading.Thread(target=begin_again) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(60):
    rows.begin(np.arange(count) % 2 == 0).grow(2)
ended.set()
for thread in threads:
    thread.join()
"""


def test_a_training_that_begins_on_another_thread_leaves_the_number_of_threads() -> None:
    """Else boosters write past their buffers, and the process ends with a segmentation fault."""
    run = subprocess.run([sys.executable, "-c", TRAINED_BESIDE_OTHERS], check=False)
    assert run.returncode == 0


@pytest.mark.parametrize(
    ("given", "threads"),
    [({}, 1), ({"n_jobs": 2}, 2), ({"num_threads": 2}, 2), ({"nthread": 2}, 2)],
)
def test_any_name_of_the_number_of_threads_counts(given: dict[str, int], threads: int) -> None:
    learner = make_learner("lightgbm", "classifier", given)
    X = np.arange(300.0, dtype=np.float32).reshape(100, 3)
    rows = LightGBMRows(learner, X, np.arange(100) % 2, np.ones(100), 2)
    fitted = rows.begin().grow(1)
    assert isinstance(fitted, LightGBMTrees)
    assert fitted.threads == threads == fitted.booster.params["num_threads"]


def test_classes_are_learned_from_quantised_gradients_the_same_on_any_number_of_threads() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(20_000, 8)).astype(np.float32)
    y = (X[:, 0] + rng.normal(size=len(X)) > 0).astype(int) + (X[:, 1] > 1)
    learners = [make_learner("lightgbm", "classifier", {"n_jobs": count}) for count in (1, 2)]
    assert all(one.get_params()["use_quantized_grad"] for one in learners)
    one, two = (
        LightGBMRows(learner, X, y, np.ones(len(X)), 3).begin().grow(40).scores(X)
        for learner in learners
    )
    assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("task", "given"), [("regressor", {}), ("classifier", {"linear_tree": True})]
)
def test_numbers_and_linear_leaves_are_learned_from_whole_gradients(
    task: Task, given: dict[str, bool]
) -> None:
    assert "use_quantized_grad" not in make_learner("lightgbm", task, given).get_params()
