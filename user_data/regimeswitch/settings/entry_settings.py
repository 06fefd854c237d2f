"""Section ``regimeswitch.entries``: when a position is opened and closed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from regimeswitch.settings.section_base import Fraction, RegimeName, RegimeNumbers, Section


class BuyProbabilities(RegimeNumbers):
    """Probability of buy that opens, by regime."""

    bull: Fraction = Field(0.35, description="in bull, 0 to 1")
    bear: Fraction = Field(0.50, description="in bear, 0 to 1")
    sideways: Fraction = Field(0.40, description="in sideways, 0 to 1")


class SellProbabilities(RegimeNumbers):
    """Probability of sell that closes, by regime."""

    bull: Fraction = Field(0.45, description="in bull, 0 to 1")
    bear: Fraction = Field(0.40, description="in bear, 0 to 1")
    sideways: Fraction = Field(0.45, description="in sideways, 0 to 1")


class EdgeMargins(RegimeNumbers):
    """What must be left of an expected move after all costs, by regime."""

    bull: float = Field(0.0, ge=-1, le=1, description="in bull, fraction")
    bear: float = Field(0.0, ge=-1, le=1, description="in bear, fraction")
    sideways: float = Field(0.0, ge=-1, le=1, description="in sideways, fraction")


class EntrySettings(Section):
    """When a position is opened and closed."""

    mode: Literal["position", "signal"] = Field(
        "position",
        description="position = hold a pair while its active regime is one of regimes, cash "
        "otherwise; signal = open and close on the forecasts of the models",
    )
    regimes: tuple[RegimeName, ...] = Field(
        ("bull",),
        description="regimes in which long positions are held (position) or opened (signal, where "
        "the default is bull and sideways)",
    )
    buy: BuyProbabilities = Field(
        default_factory=BuyProbabilities,
        description="signal mode: probability of buy that opens, by regime",
    )
    sell: SellProbabilities = Field(
        default_factory=SellProbabilities,
        description="signal mode: probability of sell that closes, by regime",
    )
    require_edge: bool = Field(
        True,
        description="signal mode: open only where the expected move, as far as it is proven on "
        "later rows than the models learned from, pays fees and slippage; false = thresholds alone",
    )
    margin: EdgeMargins = Field(
        default_factory=EdgeMargins,
        description="signal mode: what must be left of the expected move after all costs, by "
        "regime, fraction",
    )
    slippage: float = Field(
        0.0005, ge=0, le=0.05, description="price lost to slippage per side, fraction"
    )
    expected_return: float = Field(
        0.004,
        ge=0,
        le=1,
        description="signal mode with a regressor: forecast return that opens, fraction",
    )
    exit_return: float = Field(
        -0.002,
        ge=-1,
        le=0,
        description="signal mode with a regressor: forecast return that closes, fraction",
    )
    veto: Literal["none", "forecast"] = Field(
        "none",
        description="position mode with RegimeSwitchClassifier: forecast = an entry that the "
        "models speak against is made with risk.veto_scale of its stake, or not at all; none = the "
        "regime alone decides. What it is worth: `regimeswitch prove --utility`",
    )
    veto_margin: Fraction = Field(
        0.05,
        description="position mode: the models speak against an entry when the probability of sell "
        "is above that of buy by more than this (shorts the other way round), fraction",
    )
    exit_regimes: tuple[RegimeName, ...] = Field(
        ("bear",),
        description="signal mode: regimes whose beginning closes long positions; in position mode "
        "every regime that is not one of regimes does",
    )
    short: bool = Field(
        False,
        description="futures only: hold the mirror image in bear (position), or open shorts in "
        "bear from the probability of sell (signal)",
    )

    @model_validator(mode="after")
    def _no_entry_that_leaves_at_once(self) -> EntrySettings:
        both = sorted(set(self.regimes) & set(self.exit_regimes))
        if both and self.mode == "signal":
            raise ValueError(
                f"regimes and exit_regimes both name {', '.join(both)}: positions would be closed "
                "on the candle that opens them; take it out of one of the two"
            )
        if self.short and "bear" in self.regimes:
            raise ValueError(
                "regimes names bear and short is true: a pair cannot be held both ways; take bear "
                "out of regimes or set short to false"
            )
        return self
