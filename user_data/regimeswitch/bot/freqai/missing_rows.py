"""Why a training window holds no row that can be learned from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.exceptions import OperationalException

from regimeswitch.bot.freqai.columns import RIVALS
from regimeswitch.bot.freqai.feature_names import features_of


def no_rows(frames: Mapping[str, pd.DataFrame], window: TimeRange) -> OperationalException:
    """The error for a window without a complete row: what is missing, and what brings it.

    :param frames: populated frames by pair
    """
    days = f"{window.startdt:%Y-%m-%d} to {window.stopdt:%Y-%m-%d}"
    found = [_missing(pair, frame, window) for pair, frame in frames.items()]
    return OperationalException(
        f"no candle of {days} has all features and a label: {'; '.join(found) or 'no candles'}. "
        "Features need candles before the training: download earlier ones (freqtrade "
        "download-data --prepend), begin later, take shorter "
        "freqai.feature_parameters.indicator_periods_candles, or leave the timeframe out of "
        "freqai.feature_parameters.include_timeframes"
    )


def _missing(pair: str, frame: pd.DataFrame, window: TimeRange) -> str:
    inside = frame.loc[(frame["date"] >= window.startdt) & (frame["date"] < window.stopdt)]
    if inside.empty:
        return f"{pair} has no candles then"
    names = features_of(frame.columns)
    known = inside[names].replace([np.inf, -np.inf], np.nan).notna()
    absent = known.columns[~known.any()]
    if len(absent):
        return f"{pair} lacks {len(absent)} of {len(names)} features on every candle ({absent[0]})"
    rivals = inside[[name for name in RIVALS if name in inside]]
    if rivals.isna().all().any():
        return (
            f"{pair} lacks the volatility that forecasts are held against, on every candle: it "
            "needs five times risk.volatility_half_life_days, and 30 days, of candles before"
        )
    share = known.mean()
    return f"{pair} lacks {share.idxmin()} on {1 - share.min():.0%} of its candles"
