"""Position size and the prices at which a position ends. Pure arithmetic, no state."""

from __future__ import annotations

from regimeswitch.settings import REGIME_NAMES, RiskSettings


def stake(capital: float, regime: str, settings: RiskSettings, size: float = 1.0) -> float:
    """Stake of a new position in stake currency: a fixed fraction of capital, scaled by regime.

    :param capital: whole capital of the bot, open positions included
    :param regime: active regime at the entry; any other text gives 0
    :param size: forecast size of the next move against the usual; twice as large, half the stake
    """
    scale = float(getattr(settings.scale, regime)) if regime in REGIME_NAMES else 0.0
    return min(capital * settings.stake_fraction * scale / size, capital)


def stop_price(
    entry: float, atr: float, short: bool, settings: RiskSettings, size: float = 1.0
) -> float:
    """Stop-loss price: ``stop_atr`` ATR multiples against the position; never below zero.

    :param entry: entry price
    :param atr: ATR in price units at the candle that gave the signal
    :param size: as in :func:`stake`; the distance grows with it
    """
    distance = settings.stop_atr * atr * size
    return entry + distance if short else max(entry - distance, 0.0)


def take_profit_ratio(entry: float, atr: float, settings: RiskSettings) -> float:
    """Profit (fraction of the entry price) at which a position is closed."""
    return settings.take_atr * atr / entry
