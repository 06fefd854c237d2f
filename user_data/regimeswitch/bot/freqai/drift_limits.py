"""Age and calibration of the model behind each prediction, and what a limit does about it.

Computed on the frame that FreqAI gives back, so that stored predictions serve whatever the limits
are. All is known at the close of the candle: a forecast counts once its label is known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from regimeswitch.bot.freqai.columns import (
    AGE_COLUMN,
    DRIFT_OUTPUTS,
    ERROR_COLUMN,
    LIMIT_COLUMN,
    POSITION_OUTPUTS,
    PSI_COLUMN,
    SUB_MODEL_WEIGHT_COLUMN,
    TRAINED_COLUMN,
    VALIDATED_COLUMN,
    base_of,
)
from regimeswitch.bot.searched_candles import bad_candles_once
from regimeswitch.market.candles import OHLCV, time_numbers, timeframe_seconds
from regimeswitch.market.labels import (
    CLASS_COLUMN,
    CLASSES,
    VOLATILITY_TARGET,
    class_numbers,
    next_day_volatility,
)
from regimeswitch.market.volatility_forecast import day_candles
from regimeswitch.model.recent_calibration import (
    WINDOW_DAYS,
    recent_class_error,
    recent_size_error,
    settled,
)
from regimeswitch.risk.model_additions import FORECAST_COLUMN
from regimeswitch.settings import DriftSettings, Settings


Floats = NDArray[np.float64]

KEPT = (TRAINED_COLUMN, *DRIFT_OUTPUTS)
"""Numbers of a prediction that say something of its model and are no answer."""
TOO_OLD, SHIFTED, MISCALIBRATED = 1, 2, 4
"""What :data:`LIMIT_COLUMN` is the sum of; 0 = within all limits."""
DAY = 86_400
DIGITS = 6


def with_limits(
    frame: pd.DataFrame, timeframe: str, settings: Settings, numbers: Sequence[str]
) -> pd.DataFrame:
    """A frame with predictions, held against the limits of ``regimeswitch.drift``.

    :param frame: candles with what was predicted of them; rows without a prediction have 0
    :param timeframe: of its candles
    :param numbers: columns of the prediction beside its target; classes are those that have a
        column of the base, :func:`regimeswitch.bot.freqai.columns.base_of`, as well
    :return: the same with :data:`regimeswitch.bot.freqai.columns.LIMIT_OUTPUTS`; beyond a limit the
        answers are those of ``drift.action``: as served, the base's, or none (``do_predict`` 0)
    """
    drift = settings.drift
    served = (frame["do_predict"] == 1).to_numpy()
    trained = frame[TRAINED_COLUMN].to_numpy(dtype=np.float64)
    seconds = time_numbers(frame["date"], timeframe) * timeframe_seconds(timeframe)
    # FreqAI also predicts what a model has learned from, to fill a chart.
    later = served & (trained > 0) & (seconds >= trained)
    age = np.where(later, np.round((seconds - trained) / DAY, DIGITS), 0.0)
    error, most = _calibration(frame, later, timeframe, settings)
    error = np.where(served, np.nan_to_num(error), 0.0)
    excess = error - frame[VALIDATED_COLUMN].to_numpy(dtype=np.float64)
    psi = frame[PSI_COLUMN].to_numpy(dtype=np.float64)
    code = (
        TOO_OLD * _beyond(age, drift.max_model_age_days)
        + SHIFTED * _beyond(psi, drift.max_psi)
        + MISCALIBRATED * _beyond(np.where(error > 0, excess, 0.0), most)
    )
    code = np.where(served, code, 0)
    known = {AGE_COLUMN: age, ERROR_COLUMN: error, LIMIT_COLUMN: code.astype(np.float64)}
    return _fallen_back(frame.assign(**known), code > 0, drift, numbers)


def _beyond(values: Floats, limit: float) -> NDArray[np.int64]:
    return np.asarray((limit > 0) & (values > limit), dtype=np.int64)


def _calibration(
    frame: pd.DataFrame, later: NDArray[np.bool_], timeframe: str, settings: Settings
) -> tuple[Floats, float]:
    """Calibration error of what has settled lately, NaN where it is not known, and its limit."""
    day = day_candles(timeframe)
    window = WINDOW_DAYS * day
    classified = CLASS_COLUMN in frame and set(CLASSES) <= set(frame.columns)
    sized = VOLATILITY_TARGET in frame and FORECAST_COLUMN in frame
    if not (classified or sized) or not later.any():
        return np.full(len(frame), np.nan), 0.0
    candles = frame[OHLCV]
    bad = bad_candles_once(candles, timeframe, settings.safety)
    if classified:
        given = frame[list(CLASSES)].to_numpy(dtype=np.float64)
        given = np.where(later[:, None], given, np.nan)
        came = class_numbers(candles, settings.labels, timeframe, bad).astype(np.float64)
        horizon = settings.labels.horizon_in(timeframe)
        known = np.nan_to_num(settled(came, horizon), nan=-1.0).astype(np.int64)
        error = recent_class_error(settled(given, horizon), known, window)
        return error, settings.drift.max_calibration_error
    forecast = np.where(later, frame[FORECAST_COLUMN].to_numpy(dtype=np.float64), np.nan)
    came = np.exp(next_day_volatility(candles, timeframe, bad).to_numpy(dtype=np.float64))
    error = recent_size_error(settled(forecast, day), settled(came, day), window)
    return error, settings.drift.max_size_error


def _fallen_back(
    frame: pd.DataFrame, beyond: NDArray[np.bool_], drift: DriftSettings, numbers: Sequence[str]
) -> pd.DataFrame:
    """Answers of ``drift.action`` on the rows that are beyond a limit."""
    if drift.action == "warn" or not beyond.any():
        return frame
    columns = [name for name in map(str, frame.columns) if not _is_statistic(name)]
    targets = [name for name in columns if "&" in name]
    # Stored predictions may be all that is there: what the classes are is told by the columns.
    alone = [name for name in columns if "&" not in name and base_of(name) in frame]
    served = dict.fromkeys([*targets, *alone, *(name for name in numbers if name in frame)])
    known = [name for name in served if is_numeric_dtype(frame[name]) and not _is_kept(name)]
    if drift.action == "none":
        zeros = {name: frame[name].mask(beyond, 0.0) for name in known}
        return frame.assign(**zeros, do_predict=frame["do_predict"].mask(beyond, 0))
    changed = {
        name: frame[name].mask(beyond, frame[base_of(name)])
        for name in known
        if base_of(name) in frame
    }
    changed[SUB_MODEL_WEIGHT_COLUMN] = frame[SUB_MODEL_WEIGHT_COLUMN].mask(beyond, 0.0)
    classes = [name for name in alone if name not in POSITION_OUTPUTS]
    if classes:
        given = frame[[base_of(name) for name in classes]].to_numpy(dtype=np.float64)
        names = pd.Series(np.asarray(classes, dtype=object)[given.argmax(axis=1)], frame.index)
        texts = [name for name in targets if not is_numeric_dtype(frame[name])]
        changed |= {name: frame[name].mask(beyond, names) for name in texts}
    return frame.assign(**changed)


def _is_kept(name: str) -> bool:
    return name in KEPT or name.startswith("base_")


def _is_statistic(name: str) -> bool:
    return name.endswith(("_mean", "_std"))


def limit_reasons(code: int) -> list[str]:
    """What a code of :data:`LIMIT_COLUMN` means, by the key of its limit.

    >>> limit_reasons(3)
    ['max_model_age_days', 'max_psi']
    """
    return [key for bit, key in LIMIT_KEYS.items() if int(code) & bit]


LIMIT_KEYS = {
    TOO_OLD: "max_model_age_days",
    SHIFTED: "max_psi",
    MISCALIBRATED: "max_calibration_error",
}
"""By bit, the setting of :class:`regimeswitch.settings.DriftSettings`; that of forecasts of
volatility is ``max_size_error``."""
