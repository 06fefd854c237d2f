"""Position size and the prices at which a position ends. Pure arithmetic, no state."""

from __future__ import annotations

import math
from dataclasses import dataclass

from regimeswitch.settings import REGIME_NAMES, RiskSettings


MEAN_SIZE_OF_DEVIATION = math.sqrt(2 / math.pi)
"""Mean absolute value of a normal variable, in its standard deviations."""


@dataclass(frozen=True)
class Outlook:
    """What is known of a position at the close of the candle that opens it.

    :param regime: active regime; any text that is no regime gives no stake
    :param size: forecast size of the next move against the usual; 1 = as always
    :param pending: another regime is serving its grace period
    :param stop: distance of the stop-loss from the price, fraction; NaN where unknown
    :param edge: expected move in the direction of the position, costs taken off, fraction
    :param move: expected absolute move, fraction; NaN where unknown
    :param costs: of a round trip, fraction
    """

    regime: str
    size: float = 1.0
    pending: bool = False
    stop: float = math.nan
    edge: float = 0.0
    move: float = math.nan
    costs: float = 0.0


@dataclass(frozen=True)
class Exposure:
    """What is open already, in stake currency.

    :param positions: open positions, number
    """

    positions: int = 0
    total: float = 0.0
    pair: float = 0.0


def stake(
    capital: float,
    regime: str,
    settings: RiskSettings,
    size: float = 1.0,
    full: float | None = None,
) -> float:
    """Stake of a new position in stake currency: a fixed fraction of capital, scaled by regime.

    :param capital: whole capital of the bot, open positions included
    :param regime: active regime at the entry; any other text gives 0
    :param size: forecast size of the next move against the usual; twice as large, half the stake
    :param full: the full stake in stake currency; None = ``stake_fraction`` of capital
    """
    scale = float(getattr(settings.scale, regime)) if regime in REGIME_NAMES else 0.0
    whole = capital * settings.stake_fraction if full is None else full
    return min(whole * scale / size, capital)


def slot_stake(
    capital: float, slots: int, weight: float, settings: RiskSettings, full: float | None = None
) -> float:
    """Stake of a position that is held by its regime: one slot, scaled by the volatility.

    :param capital: whole capital of the bot, open positions included
    :param slots: positions that the capital is split into, number, at least 1
    :param weight: of :func:`regimeswitch.market.volatility.target_weights`, 0 to 1; NaN gives 0
    :param full: the whole slot in stake currency; None = ``stake_fraction`` of capital / slots
    """
    if math.isnan(weight):
        return 0.0
    slot = capital / slots * settings.stake_fraction if full is None else full
    return min(slot * weight, capital)


def stop_stake(capital: float, outlook: Outlook, settings: RiskSettings) -> float:
    """Stake that loses ``risk_per_trade`` of capital, costs included, when the stop is hit.

    0 where the distance of the stop is not known.
    """
    loss = outlook.stop + outlook.costs
    return capital * settings.risk_per_trade / loss if loss > 0 else 0.0


def edge_stake(capital: float, outlook: Outlook, settings: RiskSettings) -> float:
    """A share of the stake that makes capital grow fastest, if the expected move is true.

    For small moves that stake is capital times expectation over variance: Kelly, "A New
    Interpretation of Information Rate" (1956); Thorp, "The Kelly Criterion in Blackjack, Sports
    Betting, and the Stock Market" (2006), section 7. The whole of it is too much when
    expectations are estimated, hence ``kelly`` and the caps. 0 without a positive edge.
    """
    deviation = outlook.move / MEAN_SIZE_OF_DEVIATION
    if not outlook.edge > 0 or not deviation > 0:
        return 0.0
    # An expectation is part of the move: no move is smaller than what is expected of it.
    variance = max(deviation, outlook.edge) ** 2
    return capital * settings.kelly * outlook.edge / variance


def wanted_stake(
    capital: float, outlook: Outlook, settings: RiskSettings, full: float | None = None
) -> float:
    """Stake by ``sizing``, scaled by regime and smaller while a switch is pending; no caps yet.

    :param full: a fixed full stake in stake currency: it takes the place of ``stake_fraction``, and
        is the most that any sizing gives; None = there is none
    """
    if settings.sizing == "fraction":
        wanted = stake(capital, outlook.regime, settings, outlook.size, full)
    else:
        sized = stop_stake if settings.sizing == "stop" else edge_stake
        known = outlook.regime in REGIME_NAMES
        scale = float(getattr(settings.scale, outlook.regime)) if known else 0.0
        wanted = scale * sized(capital, outlook, settings)
    wanted *= settings.pending_scale if outlook.pending else 1.0
    return wanted if full is None else min(wanted, full)


def why_nothing(outlook: Outlook, settings: RiskSettings) -> str:
    """Why :func:`wanted_stake` is 0 although there is capital, with the key where one says so."""
    scale = getattr(settings.scale, outlook.regime, 0.0)
    deviation = outlook.move if settings.sizing == "edge" else math.inf
    checks = [
        (outlook.regime not in REGIME_NAMES, "the regime of the last candle is unknown"),
        (scale == 0, f"risk.scale.{outlook.regime} is 0"),
        (
            outlook.pending and settings.pending_scale == 0,
            "another regime serves its grace period and risk.pending_scale is 0",
        ),
        (settings.sizing == "stop" and not outlook.stop > 0, "the distance of the stop is unknown"),
        (settings.sizing == "edge" and not outlook.edge > 0, "no proven edge after costs"),
        (not deviation > 0, "the size of the next move is unknown"),
    ]
    shares = {"fraction": "stake_fraction", "stop": "risk_per_trade", "edge": "kelly"}
    found = (reason for holds, reason in checks if holds)
    return next(found, f"risk.{shares[settings.sizing]} or the capital is 0")


def why_no_slot(weight: float, settings: RiskSettings) -> str:
    """Why :func:`slot_stake` is 0 although there is capital, with the key where one says so."""
    if math.isnan(weight):
        return "the volatility of the pair is not known yet"
    return "risk.stake_fraction or the capital is 0"


def why_no_room(capital: float, exposure: Exposure, settings: RiskSettings) -> str:
    """The cap that leaves nothing of any stake, by its key; empty where all leave something."""
    if settings.max_positions and exposure.positions >= settings.max_positions:
        return f"risk.max_positions: {exposure.positions} positions are open"
    used = {"max_position": 0.0, "max_pair": exposure.pair, "max_exposure": exposure.total}
    for key, taken in used.items():
        cap = capital * float(getattr(settings, key))
        if taken >= cap:
            return f"risk.{key}: {taken:.8g} of {cap:.8g} is taken"
    return ""


def allowed_stake(
    wanted: float, capital: float, exposure: Exposure, settings: RiskSettings
) -> float:
    """``wanted``, cut to what the caps per position, per pair and in total leave; never below 0."""
    if settings.max_positions and exposure.positions >= settings.max_positions:
        return 0.0
    room = (
        capital * settings.max_position,
        capital * settings.max_pair - exposure.pair,
        capital * settings.max_exposure - exposure.total,
    )
    return max(min(wanted, *room), 0.0)


def stop_price(entry: float, atr: float, short: bool, multiple: float, size: float = 1.0) -> float:
    """Stop-loss price: so many ATR against the position; never below zero.

    :param entry: entry price
    :param atr: ATR in price units at the candle that gave the signal
    :param multiple: ATR multiples, above 0
    :param size: as in :func:`stake`; the distance grows with it
    """
    distance = multiple * atr * size
    return entry + distance if short else max(entry - distance, 0.0)


def trailing_price(
    best: float, atr: float, short: bool, settings: RiskSettings, size: float = 1.0
) -> float:
    """Price of the trailing stop, ``trail_atr`` ATR behind the best close; NaN when it is off.

    The chandelier exit of Charles Le Beau (in Elder, "Come Into My Trading Room", 2002), from
    closes instead of extremes, so that no order of prices within a candle has to be assumed.

    :param best: highest close since the entry, lowest of a short; NaN = none yet
    """
    if not settings.trail_atr:
        return math.nan
    distance = settings.trail_atr * atr * size
    return best + distance if short else best - distance


def tighter(stop: float, other: float, short: bool) -> float:
    """The one of two stops that is nearer to the price; ``other`` may be NaN for none."""
    if math.isnan(other):
        return stop
    return min(stop, other) if short else max(stop, other)


def take_profit_ratio(entry: float, atr: float, settings: RiskSettings) -> float:
    """Profit (fraction of the entry price) at which a position is closed."""
    return settings.take_profit_atr * atr / entry
