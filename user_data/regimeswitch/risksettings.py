"""Section ``regimeswitch.risk``: sizes of positions and where they end."""

from __future__ import annotations

from pydantic import Field

from regimeswitch.sections import Fraction, RegimeNumbers, Section


class RegimeScale(RegimeNumbers):
    """Share of the full stake, by regime."""

    bull: Fraction = Field(1.0, description="in bull, fraction")
    bear: Fraction = Field(0.5, description="in bear, fraction")
    sideways: Fraction = Field(0.7, description="in sideways, fraction")


class RiskSettings(Section):
    """How much is put into a position and where it ends."""

    stake_fraction: Fraction = Field(0.2, description="capital per position, fraction")
    scale: RegimeScale = Field(
        default_factory=RegimeScale, description="share of the full stake, by regime, fraction"
    )
    atr_period: int = Field(288, ge=5, le=4000, description="ATR behind the stops, base candles")
    stop_atr: float = Field(8.0, gt=0, le=200, description="stop-loss, ATR multiples from entry")
    take_atr: float = Field(12.0, gt=0, le=400, description="take-profit, ATR multiples from entry")
    size_forecast: bool = Field(
        True,
        description="the forecast size of the move widens the stop and lowers the stake by the "
        "same factor, or the other way round",
    )
    size_most: float = Field(
        2.0, ge=1, le=10, description="largest such factor, and one over the smallest"
    )
    max_hold_candles: int = Field(
        0, ge=0, description="a position is closed after this many base candles; 0 = never"
    )
