"""What a user sees when something is wrong: one message that names it and how to correct it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from project import QUICK, ROOT, Run, in_signal_mode
from results import trades_of


pytestmark = pytest.mark.slow

RANGE = ("--timerange", "20241225-20250101", "--pairs", "BTC/USDT")


def refused(run: Run, *words: str) -> None:
    """Exit code 2, no traceback, and every one of the words in the message."""
    assert run.code == 2, (run.code, run.log[-3000:])
    assert "Traceback" not in run.log, run.log[-5000:]
    for word in words:
        assert word in run.words, (word, run.log[-2000:])


def test_a_mistyped_setting_is_named_with_the_nearest_key(freqtrade: Callable[..., Run]) -> None:
    config = deepcopy(QUICK)
    config["regimeswitch"]["regime"] = {"grace_candels": 12, "trend_enter": -1}
    run = freqtrade("backtesting", *RANGE, config=config)
    refused(run, 'did you mean "grace_candles"?', "regimeswitch.regime.trend_enter", "typical: 3.0")


def test_shorting_in_spot_is_refused(freqtrade: Callable[..., Run]) -> None:
    config = deepcopy(QUICK)
    config["regimeswitch"]["entries"] = {"short": True}
    run = freqtrade("backtesting", *RANGE, config=config)
    refused(run, "regimeswitch.entries.short", "trading_mode")


def test_a_missing_timeframe_is_named_with_its_download(
    freqtrade: Callable[..., Run], market: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "candles"
    shutil.copytree(market, folder)
    (folder / "BTC_USDT-1h.feather").unlink()
    run = freqtrade("backtesting", *RANGE, datadir=folder)
    refused(run, "BTC/USDT: no 1h candles", "freqtrade download-data", "--timeframes 1h")


def test_too_little_history_names_the_first_possible_day(freqtrade: Callable[..., Run]) -> None:
    run = freqtrade("backtesting", "--timerange", "20241025-20241105", "--pairs", "BTC/USDT")
    refused(run, "20 days of training", "start at 20241114 or later")


def test_a_reference_pair_without_candles_is_named(freqtrade: Callable[..., Run]) -> None:
    config = deepcopy(QUICK)
    config["regimeswitch"]["regime"] = {"anchor": "SOL/USDT"}
    run = freqtrade("backtesting", *RANGE, config=config)
    refused(run, "regimeswitch.regime.anchor SOL/USDT", "--pairs SOL/USDT")


def test_a_missing_learner_is_named_with_its_installation(
    freqtrade: Callable[..., Run], tmp_path: Path
) -> None:
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "xgboost.py").write_text("raise ImportError('not here')\n")
    config = deepcopy(QUICK)
    config["freqai"]["model_training_parameters"] = {}
    config["regimeswitch"]["models"] = {"per_regime": {"bear": "xgboost"}}
    run = freqtrade(
        "backtesting", *RANGE, config=config, environment={**os.environ, "PYTHONPATH": str(shadow)}
    )
    refused(
        run,
        'regimeswitch.models.per_regime.bear: learner "xgboost" is not installed',
        "pip install xgboost",
    )


def test_an_unknown_learner_parameter_is_named(freqtrade: Callable[..., Run]) -> None:
    config = deepcopy(QUICK)
    config["freqai"]["model_training_parameters"] = {}
    config["regimeswitch"]["models"] = {
        "learner": "random_forest",
        "parameters": {"random_forest": {"trees": 5}},
    }
    run = freqtrade("backtesting", *RANGE, config=config)
    refused(run, "regimeswitch.models.parameters.random_forest", "trees")


def test_parameters_of_another_learner_are_named(freqtrade: Callable[..., Run]) -> None:
    config = deepcopy(QUICK)
    config["freqai"]["model_training_parameters"] = {"num_leaves": 8}
    config["regimeswitch"]["models"] = {"learner": "random_forest"}
    run = freqtrade("backtesting", *RANGE, config=config)
    refused(run, "freqai.model_training_parameters", "num_leaves", "RandomForestClassifier")


def test_an_unwritable_model_folder_is_named(freqtrade: Callable[..., Run], tmp_path: Path) -> None:
    userdir = tmp_path / "user_data"
    userdir.mkdir()
    (userdir / "models").write_text("a file where the folder should be")
    run = freqtrade("backtesting", *RANGE)
    refused(run, "the model folder cannot be written", "make", "models")


def test_a_config_without_freqai_says_where_to_begin(
    freqtrade: Callable[..., Run], tmp_path: Path
) -> None:
    stripped = json.loads((ROOT / "config.json").read_text())
    del stripped["freqai"]
    base = tmp_path / "bare.json"
    base.write_text(json.dumps(stripped))
    signal = {"regimeswitch": in_signal_mode()}
    run = freqtrade("backtesting", *RANGE, config=signal, base=base)
    refused(run, 'no section "freqai"', "config.json")
    # Position mode needs none.
    held = freqtrade("backtesting", *RANGE, config={}, base=base)
    assert held.code == 0 and trades_of(held.userdir), held.log[-3000:]
