"""Damaged candles by the limits of the settings: which they are, and a frame without them."""

from __future__ import annotations

import pandas as pd

from regimeswitch.candles import find_bad_candles, mend_candles
from regimeswitch.settings import SafetySettings


def bad_candles(candles: pd.DataFrame, timeframe: str, safety: SafetySettings) -> pd.DataFrame:
    """Candles that cannot be true, by kind; see :func:`regimeswitch.candles.find_bad_candles`."""
    return find_bad_candles(candles, timeframe, safety.spike_limit(timeframe))


def mend(candles: pd.DataFrame, timeframe: str, safety: SafetySettings) -> pd.DataFrame:
    """Candles with each impossible one flat at the last good close."""
    return mend_candles(candles, bad_candles(candles, timeframe, safety))
