"""The project as tests see it: its root, a small quick configuration, a finished command."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


ROOT = Path(__file__).resolve().parents[2]
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


def write_config(folder: Path, **sections: Any) -> Path:
    """A config file that goes on top of the project's config.json."""
    path = folder / "overlay.json"
    path.write_text(json.dumps(sections))
    return path
