"""Faults on purpose, to see that a replay finds them; nothing else uses this file."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd


LATE_SECONDS = 1


def training_delay(sabotage: str) -> int:
    """Seconds by which trainings are late; their windows then let in one candle too many."""
    return LATE_SECONDS if sabotage == "late-window" else 0


def preparation(sabotage: str) -> Callable[[Any], None] | None:
    """What is done to a strategy before it runs: with ``memory`` a feature knows its first row."""
    return _remember_start if sabotage == "memory" else None


def _remember_start(strategy: Any) -> None:
    original = strategy.feature_engineering_standard

    def with_memory(
        dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
    ) -> pd.DataFrame:
        frame: pd.DataFrame = original(dataframe, metadata=metadata, **kwargs)
        # A mean over everything since the frame began, which is another moment live.
        since_start = frame["close"] / frame["close"].expanding().mean()
        return frame.assign(**{"%-since_start": since_start.to_numpy(dtype=np.float64)})

    strategy.feature_engineering_standard = with_memory
