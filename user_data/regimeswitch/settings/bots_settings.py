"""Section ``regimeswitch.bots``: which part a bot has where several share the work."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from regimeswitch.settings.section_base import Section


Role = Literal["alone", "model", "trading"]
ALONE: Role = "alone"
MODEL: Role = "model"
TRADING: Role = "trading"


class BotsSettings(Section):
    """Model bots train and predict for a trading bot; a bot that works alone does both."""

    role: Role = Field(
        ALONE,
        description="alone = trains, predicts and trades; model = trains and predicts its pairs "
        "for a trading bot, opens nothing; trading = trains nothing, decides by the predictions "
        "of model bots. Backtests and hyperopt always work alone",
    )
    max_age_seconds: float = Field(
        150.0,
        ge=1,
        le=3600,
        description="trading: how long after the close of a candle the model bot's row of it may "
        "arrive and still open a position; later it opens nothing, and exits go on, seconds",
    )
