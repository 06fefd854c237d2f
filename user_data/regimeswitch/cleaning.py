"""Damaged candles by the limits of the settings: which they are, and a frame without them."""

from __future__ import annotations

import pandas as pd

from regimeswitch.candles import find_bad_candles, mend_candles
from regimeswitch.settings import SafetySettings


RECENT = 400
"""Candles that a last one is judged by; more than its volume is compared with."""


def bad_candles(candles: pd.DataFrame, timeframe: str, safety: SafetySettings) -> pd.DataFrame:
    """Candles that cannot be true, by kind; see :func:`regimeswitch.candles.find_bad_candles`."""
    limit = safety.spike_limit(timeframe)
    return find_bad_candles(candles, timeframe, limit, safety.spike_volume)


def is_far_price(candles: pd.DataFrame, timeframe: str, safety: SafetySettings) -> bool:
    """Whether the last candle's prices are so far that volume alone should not be believed.

    :param candles: frame of one pair, at least the last :data:`RECENT` candles of it
    """
    recent = candles.tail(RECENT)
    bad = find_bad_candles(recent, timeframe, safety.spike_limit(timeframe))
    return bool(bad["spike"].iloc[-1])


def mend(candles: pd.DataFrame, timeframe: str, safety: SafetySettings) -> pd.DataFrame:
    """Candles with each impossible one flat at the last good close."""
    return mend_candles(candles, bad_candles(candles, timeframe, safety))
