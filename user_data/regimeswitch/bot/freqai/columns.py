"""Private and published columns of the models, and what is computed from candles beside them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from freqtrade.exceptions import OperationalException
from numpy.typing import NDArray

from regimeswitch.bot.searched_candles import bad_candles_once, cleaned_once
from regimeswitch.market.labels import VOLATILITY_TARGET, forward_return, move_threshold
from regimeswitch.market.volatility_forecast import RIVAL_COLUMNS
from regimeswitch.risk.model_additions import FORECAST_COLUMN, MODEL_WEIGHT_COLUMN
from regimeswitch.settings import Settings


CODE_COLUMN = "_regimeswitch_code"
ROW_COLUMN = "_regimeswitch_row"
THRESHOLD_COLUMN = "_regimeswitch_threshold"
RIVAL_PREFIX = "_regimeswitch_log_"
RIVALS = tuple(f"{RIVAL_PREFIX}{name}" for name in RIVAL_COLUMNS)
"""What forecasts of volatility are made of, in position mode with a regressor."""
PRIVATE = (CODE_COLUMN, THRESHOLD_COLUMN, *RIVALS)

SUB_MODEL_WEIGHT_COLUMN = "sub_model_weight"
EXPECTED_COLUMN = "expected_return"
SIZE_COLUMN = "expected_size"
RATIO_COLUMN = "size_ratio"
TRAINED_COLUMN = "trained_at"
"""End of the training of the model that made a prediction, epoch seconds."""
SENT_COLUMN = "model_row"
"""Of a model bot: what it sends of a candle, a text."""
REFUSAL_COLUMN = "model_bot_reason"
"""Of a trading bot: why a candle is without its prediction; empty where it has one."""
OUTPUTS = (SUB_MODEL_WEIGHT_COLUMN, EXPECTED_COLUMN, SIZE_COLUMN, RATIO_COLUMN)
POSITION_OUTPUTS = (*OUTPUTS, FORECAST_COLUMN, MODEL_WEIGHT_COLUMN)
"""In position mode, of both models; 0 where a model does not answer with one."""
PSI_COLUMN, SHIFTED_COLUMN = "feature_psi", "shifted_features"
"""Of the last whole days against the training of the serving model, see
:mod:`regimeswitch.model.drift`."""
VALIDATED_COLUMN = "validated_error"
"""Calibration error of the serving model on its validation rows."""
DRIFT_OUTPUTS = (PSI_COLUMN, SHIFTED_COLUMN, VALIDATED_COLUMN)
AGE_COLUMN, ERROR_COLUMN, LIMIT_COLUMN = "model_age", "calibration_error", "model_limit"
"""Put beside a prediction once the limits are known, see
:mod:`regimeswitch.bot.freqai.drift_limits`."""
LIMIT_OUTPUTS = (AGE_COLUMN, ERROR_COLUMN, LIMIT_COLUMN)


BASE_ANSWER = "base_answer"
"""A regressor's target by the base alone."""


def base_of(name: str) -> str:
    """Column of what the base alone answers, beside the one that is served.

    :param name: of the served column; a target is a number

    >>> base_of("volatility_forecast"), base_of("&-return")
    ('base_volatility_forecast', 'base_answer')
    """
    return BASE_ANSWER if "&" in name else f"base_{name}"


def label_of(columns: Iterable[str]) -> str:
    """The one target column.

    :raises OperationalException: when the strategy sets none or several
    """
    labels = [name for name in columns if "&" in name]
    if len(labels) != 1:
        raise OperationalException(
            f"RegimeSwitch's models learn one target, the strategy sets {labels}; keep one column "
            "that begins with &"
        )
    return labels[0]


def thresholds_of(candles: pd.DataFrame, timeframe: str, settings: Settings) -> NDArray[np.float64]:
    """The label threshold of each candle (fraction), known at its close; NaN in warm-up."""
    return move_threshold(
        cleaned_once(candles, timeframe, settings.safety), settings.labels, timeframe
    )


def moves_of(candles: pd.DataFrame, timeframe: str, settings: Settings) -> NDArray[np.float64]:
    """Forward return of each candle in its label threshold; NaN where not known within the frame.

    :param candles: up to the end of training and no further
    """
    bad = bad_candles_once(candles, timeframe, settings.safety)
    ahead = forward_return(candles, settings.labels, timeframe, bad).to_numpy()
    return np.asarray(ahead / thresholds_of(candles, timeframe, settings))


def with_rivals(X: NDArray[np.float32], frame: pd.DataFrame, label: str) -> NDArray[np.float32]:
    """Features with the rival forecasts of volatility as last columns, where that is the label.

    :param X: shape (n, features)
    :param frame: rows of a populated frame, in the order of ``X``
    :param label: the target column
    """
    if label != VOLATILITY_TARGET:
        return X
    return np.column_stack([X, frame[list(RIVALS)].to_numpy(dtype=np.float32)])


def with_rival_names(names: Iterable[str], labels: Iterable[str]) -> list[str]:
    """Names of the columns of :func:`with_rivals`, for people.

    :param names: of the features
    :param labels: of the targets, of which there is one
    """
    volatility = label_of(labels) == VOLATILITY_TARGET
    return [*names, *(f"volatility_{name}" for name in RIVAL_COLUMNS if volatility)]
