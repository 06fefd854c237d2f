"""Section ``regimeswitch.risk``: sizes of positions and where they end."""

from typing import Literal

from pydantic import Field

from regimeswitch.settings.section_base import Fraction, RegimeNumbers, Section
from regimeswitch.settings.timeframes import candles_spanning


MIN_ATR_PERIOD = 5
"""Candles below which a mean range says nothing, whatever the base timeframe."""


class RegimeScale(RegimeNumbers):
    """Share of the full stake, by regime."""

    bull: Fraction = Field(1.0, description="in bull, fraction")
    bear: Fraction = Field(0.5, description="in bear, fraction")
    sideways: Fraction = Field(0.7, description="in sideways, fraction")


class RiskSettings(Section):
    """How much is put into a position and where it ends."""

    sizing: Literal["fraction", "stop", "edge"] = Field(
        "fraction",
        description="signal mode: what the full stake is: fraction = stake_fraction of capital; "
        "stop = as much as loses risk_per_trade when the stop is hit; edge = kelly of the stake "
        "that grows fastest if the proven expected move is true",
    )
    stake_fraction: Fraction = Field(
        1.0,
        description="position mode: share of a slot, which is capital / pairs (or / "
        "max_open_trades, if that is less); signal mode with sizing fraction: share of capital per "
        "position, default 0.2; a number as freqtrade's stake_amount takes its place",
    )
    volatility_target: float = Field(
        0.6,
        ge=0,
        le=10,
        description="position mode: a slot is scaled by min(1, target / volatility of the pair), "
        "per year, fraction; 0 = not scaled",
    )
    volatility_half_life_days: float = Field(
        10.0,
        ge=0.5,
        le=60,
        description="position mode: half-life of the exponential mean of squared returns that the "
        "volatility is, days",
    )
    size_from: Literal["volatility", "forecast"] = Field(
        "volatility",
        description="position mode: the volatility that scales a slot: volatility = the "
        "exponential mean; forecast = that of the next day by RegimeSwitchRegressor, and the "
        "exponential mean where there is none. What it is worth: `regimeswitch prove --utility`",
    )
    veto_scale: Fraction = Field(
        0.0,
        description="position mode with entries.veto: share of the stake of an entry that the "
        "models speak against; 0 = no entry",
    )
    stop_daily_atr: float = Field(
        4.0,
        ge=0,
        le=100,
        description="position mode: disaster stop, multiples of the 14-day ATR from the entry; the "
        "end of the regime is the real stop; 0 = none but freqtrade's stoploss",
    )
    rebalance_band: float = Field(
        0.0,
        ge=0,
        le=10,
        description="position mode: an open position whose value is further from its target than "
        "this share of the target is brought to the target (additions and reductions), fraction; "
        "0 = off, sized at the entry only",
    )
    rebalance_hours: float = Field(
        24.0,
        ge=1,
        le=8760,
        description="position mode with rebalance_band: shortest time between two changes of one "
        "position, its entry included, hours",
    )
    risk_per_trade: Fraction = Field(
        0.01,
        description="signal mode, sizing stop: capital lost, costs included, at the stop-loss, "
        "fraction",
    )
    kelly: Fraction = Field(
        0.25, description="signal mode, sizing edge: share of the Kelly stake, fraction"
    )
    scale: RegimeScale = Field(
        default_factory=RegimeScale,
        description="signal mode: share of the full stake, by regime, fraction",
    )
    pending_scale: Fraction = Field(
        0.5,
        description="signal mode: share of the stake while another regime serves its grace "
        "period, fraction",
    )
    max_position: Fraction = Field(
        1.0,
        description="largest stake of one position, fraction of capital; default in signal mode: "
        "0.4",
    )
    max_pair: Fraction = Field(
        1.0,
        description="largest sum of open stakes in one pair, fraction of capital; default in "
        "signal mode: 0.4",
    )
    max_exposure: Fraction = Field(
        1.0, description="largest sum of all open stakes, fraction of capital"
    )
    max_positions: int = Field(
        0, ge=0, description="open positions, number; 0 = freqtrade's max_open_trades alone"
    )
    atr_period: int = Field(
        288,
        ge=MIN_ATR_PERIOD,
        le=4000,
        description="signal mode: what the ATR behind the stops is measured on, 5-minute candles; "
        "it is that of a 5-minute candle with any base timeframe",
    )
    stop_atr: float = Field(
        8.0, gt=0, le=200, description="signal mode: stop-loss, ATR multiples from entry"
    )
    take_profit_atr: float = Field(
        12.0, gt=0, le=400, description="signal mode: take-profit, ATR multiples from entry"
    )
    trail_atr: float = Field(
        0.0,
        ge=0,
        le=400,
        description="signal mode: the stop follows the best close since the entry at this many "
        "ATR; 0 = off",
    )
    size_forecast: bool = Field(
        True,
        description="signal mode: the forecast size of the move widens the stop and lowers the "
        "stake by the same factor, or the other way round",
    )
    max_size_ratio: float = Field(
        2.0, ge=1, le=10, description="signal mode: largest such factor, and one over the smallest"
    )
    max_hold_candles: int = Field(
        0, ge=0, description="a position is closed after this many 5-minute candles; 0 = never"
    )
    max_daily_loss: Fraction = Field(
        0.1,
        description="loss of marked equity since 00:00 UTC that stops entries until the next day, "
        "fraction; default in signal mode: 0.05; 0 = no daily loss limit",
    )
    daily_close: bool = Field(
        True, description="open positions are closed when the daily loss limit is reached"
    )
    max_drawdown: Fraction = Field(
        0.3,
        description="loss of marked equity since its highest that stops entries for "
        "peak_pause_days and closes positions, fraction; default in signal mode: 0.2; 0 = no "
        "drawdown stop",
    )
    peak_pause_days: int = Field(
        7,
        ge=1,
        le=3650,
        description="entries stop this long after max_drawdown, days; then the peak starts anew",
    )

    def atr_period_in(self, timeframe: str) -> int:
        """``atr_period`` in candles of a base timeframe.

        :param timeframe: the base timeframe
        :return: at least :data:`MIN_ATR_PERIOD`, rounded up
        :raises ValueError: when the timeframe cannot be read
        """
        return candles_spanning(self.atr_period, timeframe, MIN_ATR_PERIOD)
