"""The examples in the core's docstrings: they print what they say, and the first ones are there."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import regimeswitch


HOME = Path(regimeswitch.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(HOME).with_suffix("").parts)
    for path in HOME.rglob("*.py")
    if ">>> " in path.read_text()
)
MET_FIRST = (
    *("settings.timeframes.timeframe_seconds", "market.candles.resample"),
    *("market.candles.merge_causally", "market.candles.find_bad_candles"),
    *("market.raw_candles.sound_ticks", "market.windows.window_mean"),
    *("market.regimes.trend_rule", "market.regimes.regime_columns"),
    *("market.hysteresis.banded_state", "market.hysteresis.after_grace"),
    *("market.hysteresis.age", "model.training_set.thinned"),
    *("model.calibration.Calibrator.fit", "model.calibration.calibration_error"),
    *("model.expected_return.class_moves", "risk.loss_limits.limits_after"),
    *("market.features.period_features", "market.labels.forward_return"),
    *("market.labels.class_labels", "market.volatility.target_weights"),
    *("risk.sizing.stake", "risk.sizing.slot_stake", "risk.sizing.stop_stake"),
    *("risk.sizing.allowed_stake", "risk.sizing.stop_price", "risk.sizing.trailing_price"),
    "risk.rebalance.wanted_change",
)
"""Functions that a reader meets first."""


def module_of(name: str) -> str:
    """The module of a dotted name below the package: folder and file."""
    return ".".join(name.split(".")[:2])


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
    found = [one for one in examples(module_of(name)) if one.name == f"regimeswitch.{name}"]
    assert len(found) == 1
    assert found[0].examples
