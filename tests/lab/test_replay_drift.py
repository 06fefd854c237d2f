"""A bot measures drift, and falls back on the base, on the same candles as its backtest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regimeswitch.bot.freqai.recent_drift import FILE
from regimeswitch.bot.freqai.served_predictions import FOLDER
from replays import replay_with


pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EVENING = 1735342200
"""2024-12-27 23:30 UTC: the day ends within the range, and before the bot is started again."""


def drift_files(work: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(work.rglob(FILE))]


def test_drift_is_that_of_the_backtest_over_midnight_and_a_restart(
    market: Path, tmp_path: Path
) -> None:
    config = {
        "freqaimodel": "RegimeSwitchRegressor",
        "freqai": {"train_period_days": 20, "model_training_parameters": {"n_estimators": 10}},
        "regimeswitch": {
            "models": {"own_trees": 5, "min_rows": 50},
            # No model sizes a position before there is one.
            "entries": {"mode": "position", "regimes": ["bear"]},
            "risk": {"size_from": "forecast"},
            "drift": {"max_psi": 0.001, "max_model_age_days": 0.02, "action": "base"},
        },
    }
    work = tmp_path / "work"
    code, figures, output = replay_with(
        config,
        tmp_path,
        *("--datadir", market, "--timerange", f"{EVENING}-", "--count", 16, "--restarts", 1),
        *("--pairs", "BTC/USDT", "--loop-seconds", 150, "--work", work),
    )
    assert code == 0, output
    assert (figures["decision_diffs"], figures["models"], figures["restarts"]) == (0, 1, 1)
    compared = {"feature_psi", "shifted_features", "model_age", "calibration_error", "model_limit"}
    assert compared | {"base_volatility_forecast", "validated_error"} <= set(figures["columns"])
    (live,), (backtest,) = drift_files(work / "live"), drift_files(work / "backtest")
    assert live == backtest
    assert set(live) == {"2024-12-27", "2024-12-28"}
    # The whole day is kept for reports.
    assert len(list(work.rglob(f"{FOLDER}/BTC_USDT-*.feather"))) == 1
    log = " ".join(path.read_text() for path in sorted((work / "live").glob("bot-*.log")))
    assert " ".join(log.split()).count(r"Warning:\n- BTC/USDT: its model is") == 1
