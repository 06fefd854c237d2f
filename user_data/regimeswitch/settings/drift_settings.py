"""Section ``regimeswitch.drift``: how old and how far off a model may be, and what then happens."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from regimeswitch.settings.section_base import Fraction, Section


class DriftSettings(Section):
    """Limits of age and drift of the models, looked at on every candle."""

    max_model_age_days: float = Field(
        10.0,
        ge=0,
        le=3650,
        description="age of the model that serves a candle, since the end of its training, days; "
        "0 = no limit",
    )
    max_psi: float = Field(
        0.25,
        ge=0,
        le=100,
        description="median over the features of the population stability index of the last 7 "
        "whole days (UTC), beyond what weeks of the training itself reach; 0 = no limit",
    )
    max_calibration_error: Fraction = Field(
        0.15,
        description="classifier: expected calibration error of the forecasts that have settled in "
        "the last 5 days, less that of the validation, fraction; 0 = no limit",
    )
    max_size_error: float = Field(
        0.5,
        ge=0,
        le=10,
        description="forecasts of volatility: logarithm of the volatility that came against the "
        "forecast one, either way, of the forecasts that have settled in the last 5 days, less "
        "that of the validation; 0 = no limit",
    )
    action: Literal["warn", "base", "none"] = Field(
        "warn",
        description="beyond a limit: warn = a message alone; base = the base answers in place of "
        "the sub-models; none = no model answers: the rule trades alone (position mode), nothing "
        "is opened (signal mode)",
    )
