"""Position mode of the tests, and what the pure functions say of a pair's candle files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from regimeswitch.market.candles import OHLCV, resample
from regimeswitch.market.cleaning import cleaned
from regimeswitch.market.regimes import regime_columns
from regimeswitch.market.volatility import position_columns
from regimeswitch.settings import Settings


# A half-life of two days, so that the volatility is known within the small market.
POSITION: dict[str, Any] = {
    "entries": {"mode": "position", "regimes": ["bull"]},
    "models": {"sub_models": "none"},
    "risk": {"stake_fraction": 1.0, "volatility_half_life_days": 2},
}


def position_frame(folder: Path, pair: str, timeframe: str, settings: Settings) -> pd.DataFrame:
    """Candles, regimes, volatility and weights of a pair."""
    name = pair.replace("/", "_")
    five = pd.read_feather(folder / f"{name}-5m.feather")
    base = five if timeframe == "5m" else resample(five, timeframe, "5m")
    base = cleaned(base[OHLCV], timeframe, settings.safety)
    rule = settings.regime.timeframe
    longer = cleaned(
        pd.read_feather(folder / f"{name}-{rule}.feather")[OHLCV], rule, settings.safety
    )
    columns = regime_columns(base, settings.regime, longer, timeframe)
    sized = position_columns(base, longer, settings, timeframe)
    return pd.concat([base, columns, sized], axis=1)
