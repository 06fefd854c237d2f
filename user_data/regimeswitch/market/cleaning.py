"""Bad candles by the limits of the settings: which they are, and a frame without them."""

import pandas as pd

from regimeswitch.market.candles import clean_candles, find_bad_candles
from regimeswitch.settings import SafetySettings


RECENT = 400
"""Candles before the last that decide whether it is bad; more than its volume is compared with."""


def bad_candles(candles: pd.DataFrame, timeframe: str, safety: SafetySettings) -> pd.DataFrame:
    """Candles that cannot be true, by kind; see
    :func:`regimeswitch.market.candles.find_bad_candles`.

    :param candles: frame of one pair, sorted by date
    :param timeframe: of ``candles``; the limit of a spike grows with its square root
    :param safety: the section ``safety``
    :return: frame of booleans on the same index, one column for each kind
    """
    limit = safety.spike_limit(timeframe)
    return find_bad_candles(candles, timeframe, limit, safety.spike_volume)


def is_far_price(candles: pd.DataFrame, timeframe: str, safety: SafetySettings) -> bool:
    """Whether the last candle is a spike when its volume is left out of account.

    For a caller that can ask a second source, such as the order book.

    :param candles: frame of one pair, sorted by date, not empty; the last :data:`RECENT` are read
    :param timeframe: of ``candles``
    :param safety: the section ``safety``; ``spike_volume`` is not used
    """
    recent = candles.tail(RECENT)
    bad = find_bad_candles(recent, timeframe, safety.spike_limit(timeframe))
    return bool(bad["spike"].iloc[-1])


def cleaned(candles: pd.DataFrame, timeframe: str, safety: SafetySettings) -> pd.DataFrame:
    """Candles with each impossible one flat at the last good close.

    :param candles: frame of one pair, sorted by date
    :param timeframe: of ``candles``
    :param safety: the section ``safety``
    :return: see :func:`regimeswitch.market.candles.clean_candles`
    """
    return clean_candles(candles, bad_candles(candles, timeframe, safety))
