"""Warnings that a model is too old, its features have drifted, or its forecasts are off."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from regimeswitch.bot.freqai.columns import (
    AGE_COLUMN,
    ERROR_COLUMN,
    LIMIT_COLUMN,
    PSI_COLUMN,
    SHIFTED_COLUMN,
    TRAINED_COLUMN,
    VALIDATED_COLUMN,
)
from regimeswitch.bot.freqai.drift_limits import MISCALIBRATED, SHIFTED, TOO_OLD
from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.market.labels import CLASS_COLUMN
from regimeswitch.settings import DriftSettings


EASED = 0.8
"""Share of its limit below which a value must fall before its warning is over."""
CONSEQUENCES = {
    "warn": "it serves on (drift.action)",
    "base": "the base answers in place of the sub-models (drift.action)",
    "none": "no model answers (drift.action)",
}


def look_at_drift(
    alarms: Alarms, pair: str, frame: pd.DataFrame, settings: DriftSettings, worst: Sequence[str]
) -> None:
    """One warning for each limit that the newest candle's model has passed, and its end.

    Pairs that pass one limit are one event. A candle without a prediction changes nothing.

    :param frame: analysed candles
    :param worst: features that have shifted most, by name
    """
    if frame.empty or not {LIMIT_COLUMN, TRAINED_COLUMN} <= set(frame.columns):
        return
    row = frame.iloc[-1]
    code = int(row[LIMIT_COLUMN])
    if not row[TRAINED_COLUMN] > 0 or not (row["do_predict"] == 1 or code):
        return
    found = _values(row, settings)
    for bit, (key, value, limit, text) in found.items():
        name = f"drift {key} {pair}"
        if code & bit:
            shown = f", most {', '.join(worst)}" if bit == SHIFTED and worst else ""
            consequence = CONSEQUENCES[settings.action]
            alarms.set(
                name,
                f"{pair}: {text}{shown}; more than drift.{key} {limit:g}; {consequence}",
                cause=f"drift {key}",
                joins=True,
            )
        elif value <= EASED * limit or not limit:
            alarms.clear(name, f"{pair}: the model is within drift.{key} again")


def _values(row: pd.Series, settings: DriftSettings) -> dict[int, tuple[str, float, float, str]]:
    """By bit of the code: key of the limit, value, limit, and the value in words."""
    age, psi = float(row[AGE_COLUMN]), float(row[PSI_COLUMN])
    error, validated = float(row[ERROR_COLUMN]), float(row[VALIDATED_COLUMN])
    classifies = CLASS_COLUMN in row.index
    key = "max_calibration_error" if classifies else "max_size_error"
    limit = settings.max_calibration_error if classifies else settings.max_size_error
    what = "calibration error" if classifies else "|log(volatility that came / forecast)|"
    return {
        TOO_OLD: (
            "max_model_age_days",
            age,
            settings.max_model_age_days,
            f"its model is {age:.1f} days old",
        ),
        SHIFTED: (
            "max_psi",
            psi,
            settings.max_psi,
            f"features have drifted from the model's training, median PSI {psi:.2f} beyond the "
            f"usual, {row[SHIFTED_COLUMN]:.0%} of them shifted",
        ),
        MISCALIBRATED: (
            key,
            error - validated,
            limit,
            f"forecasts of the last days are off, {what} {error:.2f} against {validated:.2f} in "
            "validation",
        ),
    }
