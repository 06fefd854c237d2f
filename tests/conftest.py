"""Shared fixtures: a small demo market, and freqtrade run offline as a user would."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market


pytest_plugins = ["exchanges", "inprocess", "offlines", "reported", "traders"]

ROOT = Path(__file__).resolve().parents[1]
MARKET_END = datetime(2025, 1, 1, tzinfo=UTC)

# Small and quick, but with everything switched on: two windows, few trees, low thresholds.
QUICK: dict[str, Any] = {
    "freqaimodel": "RegimeSwitchClassifier",
    "freqai": {
        "train_period_days": 20,
        "backtest_period_days": 7,
        "model_training_parameters": {"n_estimators": 15, "learning_rate": 0.2},
    },
    "regimeswitch": {
        "models": {"own_trees": 5, "min_rows": 200},
        "entries": {
            "mode": "signal",
            "require_edge": False,
            "buy": {"bull": 0.25, "sideways": 0.25},
            "sell": {"bull": 0.35, "sideways": 0.35},
        },
        "risk": {"max_hold_candles": 48},
    },
}


def in_signal_mode(section: dict[str, Any] | None = None) -> dict[str, Any]:
    """A section ``regimeswitch`` with ``entries.mode`` "signal"; other modes are kept."""
    given = section or {}
    return given | {"entries": {"mode": "signal"} | given.get("entries", {})}


@dataclass(frozen=True)
class Run:
    """What a finished command left behind."""

    code: int
    log: str
    userdir: Path

    @property
    def words(self) -> str:
        """The log with its line breaks folded: freqtrade wraps long lines."""
        return " ".join(self.log.split())


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Candle files of two synthetic pairs, 75 days."""
    folder = tmp_path_factory.mktemp("market")
    write_market(synthetic_market(["BTC/USDT", "ETH/USDT"], 75, MARKET_END, seed=5), folder)
    return folder


def write_config(folder: Path, **sections: Any) -> Path:
    """A config file that goes on top of the project's config.json."""
    path = folder / "overlay.json"
    path.write_text(json.dumps(sections))
    return path


@pytest.fixture
def freqtrade(market: Path, tmp_path: Path) -> Callable[..., Run]:
    """Run a freqtrade command through ``regimeswitch offline`` with the project's config."""

    def run(
        command: str,
        *arguments: str,
        config: dict[str, Any] | None = None,
        datadir: Path = market,
        timeout: int = 300,
        environment: dict[str, str] | None = None,
        own_code: bool = True,
        base: Path = ROOT / "config.json",
    ) -> Run:
        userdir = tmp_path / "user_data"
        userdir.mkdir(exist_ok=True)
        overlay = write_config(tmp_path, **(QUICK if config is None else config))
        paths = ["--strategy-path", str(ROOT / "user_data/strategies")] if own_code else []
        line = [
            *(sys.executable, "-m", "regimeswitch_lab", "offline", "--candles", str(market)),
            *("--", "freqtrade", command, "--config", str(base)),
            *("--config", str(overlay), "--userdir", str(userdir), "--datadir", str(datadir)),
            *paths,
            *("--freqaimodel-path", str(ROOT / "user_data/freqaimodels")),
            *arguments,
        ]
        done = subprocess.run(
            line,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=tmp_path,
            env=environment,
        )
        return Run(done.returncode, done.stdout + done.stderr, userdir)

    return run
