"""Trainings of a backtest that fail: counted, named, and an error where none succeeded."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from conftest import QUICK, Run


pytestmark = pytest.mark.filterwarnings("default")

RANGE = ("--timerange", "20241221-20241230")
SMALL: dict[str, Any] = {
    "freqai": {**QUICK["freqai"], "train_period_days": 3, "backtest_period_days": 5},
    "regimeswitch": {**QUICK["regimeswitch"], "evidence": {"gate": False, "calibrate": False}},
}


def small(**sections: dict[str, Any]) -> dict[str, Any]:
    config = deepcopy(SMALL)
    for name, content in sections.items():
        config[name] |= content
    return config


def test_no_training_succeeded(freqtrade_here: Callable[..., Run], market: Path) -> None:
    models = {"parameters": {"lightgbm": {"objective": "nonsense"}}}
    config = small(regimeswitch={"models": models})
    for attempt in ("first", "again"):
        run = freqtrade_here("backtesting", *RANGE, config=config, datadir=market)
        assert run.code == 2, (attempt, run.log[-3000:])
        assert "no training succeeded (4 of 4 failed)" in run.log, attempt
        assert "The first, BTC/USDT on 2024-12-18 to 2024-12-21: " in run.log
        assert "LightGBMError: Number of classes" in run.log
        assert "Traceback" not in run.log
