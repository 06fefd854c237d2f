"""The same model from any number of threads, and after a pickle in a fresh process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import regimeswitch
from ensembles import LEARNERS, Data, classifier, data, regressor


all_learners = pytest.mark.parametrize("name", LEARNERS)
both_modes = pytest.mark.parametrize("mode", ["separate", "warm_start"])
__all__ = ["data"]


def answers(name: str, mode: str, data: Data, **over: Any) -> list[Any]:
    deep = {key: over.pop(key) for key in list(over) if "__" in key}
    classes = classifier(name, sub_models=mode, **over).set_params(**deep)
    numbers = regressor(name, sub_models=mode, **over).set_params(**deep)
    classes.fit(data.X, data.y, data.regime)
    numbers.fit(data.X, data.number, data.regime)
    return [classes.predict_proba(data.X, data.regime), numbers.predict(data.X, data.regime)]


@both_modes
@all_learners
def test_number_of_threads_changes_nothing(name: str, mode: str, data: Data) -> None:
    # Few trees: on a busy machine two threads wait for each other at every one.
    few: dict[str, Any] = {"base__n_estimators": 4, "own_trees": 3}
    expected = answers(name, mode, data, **few)
    for over in ({"jobs": 2}, {"n_jobs": 2}):
        for found, wanted in zip(answers(name, mode, data, **few, **over), expected, strict=True):
            assert_array_equal(found, wanted)


@both_modes
@all_learners
def test_input_is_not_modified(name: str, mode: str, data: Data) -> None:
    # The arrays of `data` are read-only; lists and frames of other kinds give the same.
    expected = answers(name, mode, data)[0]
    model = classifier(name, sub_models=mode)
    X, y, regime = data.X.copy(), data.y.copy(), data.regime.copy()
    model.fit(X, y, regime, np.ones(len(X)))
    assert_array_equal(model.predict_proba(X, regime), expected)
    for found, wanted in ((X, data.X), (y, data.y), (regime, data.regime)):
        assert_array_equal(found, wanted)
    lists = classifier(name, sub_models=mode).fit(X.tolist(), y.tolist(), regime.tolist())
    assert_array_equal(lists.predict_proba(X.tolist(), regime.tolist()), expected)


def test_pickle_in_a_fresh_process_gives_equal_predictions(tmp_path: Path, data: Data) -> None:
    models = []
    for name in LEARNERS:
        for mode in ("separate", "warm_start"):
            model = classifier(name, sub_models=mode).fit(data.X, data.y, data.regime)
            models.append((model, model.predict_proba(data.X, data.regime)))
            other = regressor(name, sub_models=mode).fit(data.X, data.number, data.regime)
            models.append((other, other.predict(data.X, data.regime)))
    path = tmp_path / "models.pickle"
    path.write_bytes(pickle.dumps([models, data.X, data.regime]))
    code = """
import pickle, sys
import numpy as np
models, X, regime = pickle.load(open(sys.argv[1], "rb"))
for model, expected in models:
    found = getattr(model, "predict_proba", model.predict)(X, regime)
    np.testing.assert_array_equal(found, expected)
print(len(models))
"""
    found = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(Path(regimeswitch.__file__).parents[1])},
    )
    assert (found.returncode, found.stdout) == (0, "12\n"), found.stderr
