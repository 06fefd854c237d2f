"""Columns of what models add to position mode, from what FreqAI has predicted; logged at the start.

The bot's side of :mod:`regimeswitch.risk.model_additions`: without a prediction the rule stays as
it is.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.market.volatility import VOLATILITY_COLUMN, WEIGHT_COLUMN
from regimeswitch.risk.model_additions import (
    FORECAST_COLUMN,
    MODEL_WEIGHT_COLUMN,
    SCALE_COLUMN,
    entry_scales,
    slot_weights,
    vetoed,
    without_model,
)
from regimeswitch.settings import Settings


logger = logging.getLogger(__name__)


def with_models(positions: pd.DataFrame, frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Position columns after the models: target weight by forecast, share of an entry by veto.

    :param positions: of :func:`regimeswitch.market.volatility.position_columns`
    :param frame: the same candles with ``regime`` and whatever was predicted
    :return: ``positions``, with the column :data:`regimeswitch.risk.model_additions.SCALE_COLUMN`
        where ``entries.veto`` is on
    """
    result = positions
    if settings.risk.size_from == "forecast":
        known = positions[VOLATILITY_COLUMN].to_numpy(dtype=np.float64)
        forecast = predicted(frame, FORECAST_COLUMN)
        result = result.assign(**{WEIGHT_COLUMN: slot_weights(known, forecast, settings.risk)})
    if settings.entries.veto != "none":
        result = result.assign(**{SCALE_COLUMN: _scales(frame, settings)})
    return result


def _scales(frame: pd.DataFrame, settings: Settings) -> NDArray[np.float64]:
    buy, sell, weight = (predicted(frame, name) for name in ("buy", "sell", MODEL_WEIGHT_COLUMN))
    against = vetoed(buy, sell, weight, settings.entries)
    if settings.entries.short:
        mirrored = vetoed(buy, sell, weight, settings.entries, short=True)
        against = np.where((frame["regime"] == "bear").to_numpy(), mirrored, against)
    return entry_scales(against, settings.risk)


def predicted(frame: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """A predicted column; 0 where nothing was predicted, or nothing that may be used."""
    if name not in frame or "do_predict" not in frame:
        return np.zeros(len(frame))
    usable = (frame["do_predict"] == 1).to_numpy()
    return np.where(usable, np.nan_to_num(frame[name].to_numpy(dtype=np.float64)), 0.0)


def say_what_is_added(config: Mapping[str, Any], settings: Settings, trains: bool) -> None:
    """A line of the log for each key that has no effect."""
    for key, what in without_model(config.get("freqaimodel"), trains, settings):
        logger.warning(f"regimeswitch.{key} {what}: the rule trades as if it were off")
