"""freqtrade's own example strategies, made ready for spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import freqtrade.templates


TEMPLATES = Path(freqtrade.templates.__path__[0])


EXAMPLE: dict[str, Any] = {
    "freqai": {
        "train_period_days": 20,
        "backtest_period_days": 7,
        "feature_parameters": {
            "include_timeframes": ["5m", "15m"],
            "include_corr_pairlist": ["ETH/USDT"],
            "label_period_candles": 24,
            "include_shifted_candles": 1,
            "indicator_periods_candles": [10, 20],
            "DI_threshold": 0.9,
        },
        "data_split_parameters": {"test_size": 0.25, "shuffle": False},
        "model_training_parameters": {"n_estimators": 10},
    },
    "regimeswitch": {
        # Made from 20 days of base candles, a shorter average knows more of them.
        "regime": {"average_period": 72, "atr_period": 72},
        "models": {"own_trees": 5, "min_rows": 200},
        "evidence": {"gate": False},
    },
}


def spot_example(folder: Path, strategy: str) -> Path:
    """An example strategy in a folder of its own; made for futures, in spot it may not short."""
    example = (TEMPLATES / f"{strategy}.py").read_text()
    assert "can_short = True" in example
    spot = folder / "strategies"
    spot.mkdir()
    (spot / f"{strategy}.py").write_text(example.replace("can_short = True", "can_short = False"))
    return spot
