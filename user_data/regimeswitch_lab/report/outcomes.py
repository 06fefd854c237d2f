"""What came after each candle, as the models of a run learned it: the truth of their forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from regimeswitch.market.labels import class_labels, next_day_volatility
from regimeswitch.settings import Settings
from regimeswitch.settings.modes import POSITION


def outcomes(
    candles: pd.DataFrame,
    bad: pd.DataFrame,
    timeframe: str,
    settings: Settings,
    config: Mapping[str, Any],
) -> pd.Series | None:
    """The label of each candle, named after the target of the models.

    :param candles: warm-up and range of one pair; the last candles' labels are missing, since what
        follows them lies beyond the range
    :param bad: of :func:`regimeswitch.market.cleaning.bad_candles`
    :param config: freqtrade's; ``freqaimodel`` says what is learned
    :return: class, or logarithm of the next day's volatility; None for a regressor of signal mode,
        whose forecasts have no calibration by class
    """
    if not str(config.get("freqaimodel", "")).endswith("Regressor"):
        return class_labels(candles, settings.labels, timeframe, bad)
    if settings.entries.mode == POSITION:
        return next_day_volatility(candles, timeframe, bad)
    return None
