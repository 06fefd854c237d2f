"""The examples in the core's docstrings: they print what they say, and the first ones are there."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import regimeswitch


HOME = Path(regimeswitch.__file__).parent
WITH_EXAMPLES = sorted(path.stem for path in HOME.glob("*.py") if ">>> " in path.read_text())
MET_FIRST = (
    *("candles.timeframe_seconds", "candles.resample", "candles.merge_causally"),
    *("candles.find_bad_candles", "ticks.sound_ticks", "rows.thinned"),
    *("regimes.window_mean", "regimes.trend_rule", "regimes.regime_columns"),
    *("switching.banded_state", "switching.after_grace", "switching.age"),
    *("calibration.Calibrator.fit", "calibration.calibration_error"),
    *("edge.class_moves", "floors.floor_after"),
)
"""Functions that a reader meets first."""


def examples(module: str) -> list[doctest.DocTest]:
    return doctest.DocTestFinder().find(importlib.import_module(f"regimeswitch.{module}"))


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_print_what_they_say(module: str) -> None:
    printed: list[str] = []
    runner = doctest.DocTestRunner()
    for one in examples(module):
        runner.run(one, out=printed.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(printed)


@pytest.mark.parametrize("name", MET_FIRST)
def test_a_function_that_is_met_first_has_an_example(name: str) -> None:
    found = [one for one in examples(name.split(".")[0]) if one.name == f"regimeswitch.{name}"]
    assert len(found) == 1
    assert found[0].examples
