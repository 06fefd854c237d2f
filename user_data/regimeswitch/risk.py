"""Position size and the prices at which a position ends. Pure arithmetic, no state."""

from __future__ import annotations

from regimeswitch.settings import REGIME_NAMES, RiskSettings


def stake(capital: float, regime: str, settings: RiskSettings) -> float:
    """Stake of a new position in stake currency: a fixed fraction of capital, scaled by regime.

    :param capital: whole capital of the bot, open positions included
    :param regime: active regime at the entry; any other text gives 0
    """
    scale = float(getattr(settings.scale, regime)) if regime in REGIME_NAMES else 0.0
    return capital * settings.stake_fraction * scale


def stop_price(entry: float, atr: float, short: bool, settings: RiskSettings) -> float:
    """Stop-loss price: ``stop_atr`` ATR multiples against the position; never below zero.

    :param entry: entry price
    :param atr: ATR in price units at the candle that gave the signal
    """
    distance = settings.stop_atr * atr
    return entry + distance if short else max(entry - distance, 0.0)


def take_profit_ratio(entry: float, atr: float, settings: RiskSettings) -> float:
    """Profit (fraction of the entry price) at which a position is closed."""
    return settings.take_atr * atr / entry
