"""LightGBM in threads: what it prints is decided by its own parameter."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from lightgbm import LGBMClassifier

from regimeswitch.model.lightgbm_trees import LightGBMRows


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
