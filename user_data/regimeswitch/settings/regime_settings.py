"""Section ``regimeswitch.regime``: the rule that gives each candle its regime."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from regimeswitch.settings.section_base import Section
from regimeswitch.settings.timeframes import candles_spanning, timeframe_seconds


MAX_STARTUP_CANDLES = 4999


class RegimeSettings(Section):
    """How the regime of a candle is found."""

    rule: Literal["trend", "change", "volatility", "vote"] = Field(
        "trend", description="which rule gives the regime; vote = majority of the three others"
    )
    timeframe: Literal["5m", "15m", "1h", "4h", "1d"] = Field(
        "1h", description="timeframe of the rule's candles, merged causally into the base timeframe"
    )
    anchor: str = Field(
        "self",
        pattern=r"^(self|[A-Za-z0-9]+/[A-Za-z0-9]+(:[A-Za-z0-9]+)?)$",
        description='whose candles decide: "self" or a reference pair such as "BTC/USDT"',
    )
    average: Literal["sma", "ema"] = Field("sma", description="kind of moving average")
    average_period: int = Field(200, ge=5, le=1000, description="average length, rule candles")
    unit: Literal["atr", "percent"] = Field(
        "atr", description="unit of trend_enter and trend_exit: ATR multiples or percent of price"
    )
    atr_period: int = Field(200, ge=5, le=1000, description="length of the ATR, rule candles")
    trend_enter: float = Field(
        3.0,
        gt=0,
        le=100,
        description="distance from the average that starts bull (or, below, bear)",
    )
    trend_exit: float = Field(
        1.0, ge=0, le=100, description="distance from the average below which bull or bear ends"
    )
    change_days: int = Field(30, ge=1, le=365, description="span of the price change, days")
    change_bull: float = Field(0.10, gt=0, le=10, description="change that starts bull, fraction")
    change_bear: float = Field(-0.10, ge=-1, lt=0, description="change that starts bear, fraction")
    change_exit: float = Field(
        0.03, ge=0, le=10, description="absolute change below which bull or bear ends, fraction"
    )
    volatility_window: int = Field(
        200, ge=20, le=2000, description="past that ATR and band width are compared with, candles"
    )
    bollinger_period: int = Field(20, ge=5, le=500, description="Bollinger band length, candles")
    volatility_enter: float = Field(
        0.20, ge=0, le=10, description="excess over their past mean that starts trending, fraction"
    )
    volatility_exit: float = Field(
        0.0, ge=0, le=10, description="excess below which the market is choppy again, fraction"
    )
    grace_candles: int = Field(
        36,
        ge=1,
        le=2000,
        description="grace period: for how many 5-minute candles a new regime must hold without a "
        "break; 1 = none",
    )

    @model_validator(mode="after")
    def _bands_and_history(self) -> RegimeSettings:
        for enter, leave in (
            ("trend_enter", "trend_exit"),
            ("change_bull", "change_exit"),
            ("volatility_enter", "volatility_exit"),
        ):
            if getattr(self, leave) > getattr(self, enter):
                raise ValueError(
                    f"{leave} ({getattr(self, leave)}) must not exceed {enter} "
                    f"({getattr(self, enter)}); typical: {leave} a third of {enter}"
                )
        if self.change_exit > -self.change_bear:
            raise ValueError(
                f"change_exit ({self.change_exit}) must not exceed -change_bear "
                f"({-self.change_bear}); typical: a third of it"
            )
        if self.candles_needed > MAX_STARTUP_CANDLES:
            raise ValueError(
                f"rule {self.rule!r} needs {self.candles_needed} candles of {self.timeframe}, but "
                f"Binance serves at most {MAX_STARTUP_CANDLES} at the start of a bot; use a longer "
                'timeframe (typical: "1h") or a shorter period'
            )
        return self

    def grace_in(self, timeframe: str) -> int:
        """The grace period in candles of a base timeframe: as many as span the same time.

        :param timeframe: the base timeframe
        :return: at least 1, rounded up
        :raises ValueError: when the timeframe cannot be read
        """
        return candles_spanning(self.grace_candles, timeframe)

    def anchor_of(self, pair: str) -> str:
        """The pair whose candles decide the regime of ``pair``.

        :param pair: the traded pair, e.g. ``ETH/USDT``
        """
        return pair if self.anchor == "self" else self.anchor

    @property
    def change_candles(self) -> int:
        """``change_days`` in rule candles."""
        return self.change_days * 86400 // timeframe_seconds(self.timeframe)

    @property
    def candles_needed(self) -> int:
        """Rule candles before the first verdict of the chosen rule."""
        average = self.average_period * (EMA_LENGTHS if self.average == "ema" else 1)
        trend = max(average, self.atr_period + 1)
        change = self.change_candles + 1
        swing = max(self.atr_period + 1, self.bollinger_period) + self.volatility_window
        volatility = max(average, swing)
        needs = {"trend": trend, "change": change, "volatility": volatility}
        return max(needs.values()) if self.rule == "vote" else needs[self.rule]


EMA_LENGTHS = 4
"""An EMA is cut off after this many periods, where 0.03 % of its weight is left."""
