"""Regime settings with short periods, so that the frames of tests stay small."""

from __future__ import annotations

from typing import Any

import pandas as pd

from regimeswitch.settings import RegimeSettings


SMALL: dict[str, Any] = {
    "average_period": 20,
    "atr_period": 10,
    "trend_enter": 1.5,
    "trend_exit": 0.5,
    "change_days": 1,
    "change_bull": 0.02,
    "change_bear": -0.02,
    "change_exit": 0.01,
    "volatility_window": 20,
    "bollinger_period": 10,
    "volatility_enter": 0.1,
    "grace_candles": 6,
}


def small(**over: Any) -> RegimeSettings:
    return RegimeSettings(**{**SMALL, "timeframe": "5m", **over})


def names(column: pd.Series) -> list[str | None]:
    return [None if pd.isna(value) else value for value in column]
