"""Position size and the prices at which a position ends. Pure arithmetic, no state."""

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
    """What is open already, in stake currency; orders that have not filled yet count.

    :param positions: open positions, number
    :param total: their stakes, at cost
    :param pair: those of the pair that is to be bought
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
    :param settings: the section ``risk``: ``stake_fraction`` and ``scale``
    :param size: forecast size of the next move against the usual, above 0; twice as large, half the
        stake
    :param full: the full stake in stake currency; None = ``stake_fraction`` of capital
    :return: 0 to ``capital``; no caps yet

    >>> risk = RiskSettings(stake_fraction=0.2)
    >>> stake(1000, "bull", risk), stake(1000, "bear", risk), stake(1000, "bull", risk, size=2)
    (200.0, 100.0, 100.0)
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
    :param settings: the section ``risk``; its ``stake_fraction``
    :param full: the whole slot in stake currency; None = ``stake_fraction`` of capital / slots
    :return: 0 to ``capital``; no caps yet

    Two pairs share 1000; the volatility of one is twice the target, so that its weight is a half:

    >>> [slot_stake(1000, 2, weight, RiskSettings()) for weight in (1.0, 0.5, math.nan)]
    [500.0, 250.0, 0.0]
    """
    if math.isnan(weight):
        return 0.0
    slot = capital / slots * settings.stake_fraction if full is None else full
    return min(slot * weight, capital)


def stop_stake(capital: float, outlook: Outlook, settings: RiskSettings) -> float:
    """Stake that loses ``risk_per_trade`` of capital, costs included, when the stop is hit.

    0 where the distance of the stop is not known.

    :param capital: whole capital of the bot, open positions included, stake currency
    :param outlook: of the position; its ``stop`` and ``costs``
    :param settings: the section ``risk``; its ``risk_per_trade``
    :return: stake currency, not limited by the capital; no caps yet

    >>> outlook = Outlook("bull", stop=0.048, costs=0.002)
    >>> round(stop_stake(1000, outlook, RiskSettings(risk_per_trade=0.01)), 6)
    200.0
    """
    loss = outlook.stop + outlook.costs
    return capital * settings.risk_per_trade / loss if loss > 0 else 0.0


def edge_stake(capital: float, outlook: Outlook, settings: RiskSettings) -> float:
    """A share of the stake that makes capital grow fastest, if the expected move is true.

    For small moves that stake is capital times expectation over variance: Kelly, "A New
    Interpretation of Information Rate" (1956); Thorp, "The Kelly Criterion in Blackjack, Sports
    Betting, and the Stock Market" (2006), section 7. The whole of it is too much when
    expectations are estimated, hence ``kelly`` and the caps. 0 without a positive edge.

    :param capital: whole capital of the bot, open positions included, stake currency
    :param outlook: of the position; its ``edge`` and ``move``. The standard deviation is taken from
        the mean absolute move as that of a normal variable; NaN gives 0
    :param settings: the section ``risk``; its ``kelly``
    :return: stake currency, not limited by the capital; no caps yet
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

    :param capital: whole capital of the bot, open positions included, stake currency
    :param outlook: what is known at the close of the candle that opens the position
    :param settings: the section ``risk``: ``sizing`` and what it reads, ``scale``,
        ``pending_scale``
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
    """Why :func:`wanted_stake` is 0 although there is capital, with the key where one says so.

    :param outlook: as there
    :param settings: as there
    :return: the first reason that holds, for a log line; never empty
    """
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
    """Why :func:`slot_stake` is 0 although there is capital, with the key where one says so.

    :param weight: as there
    :param settings: as there
    :return: for a log line; never empty
    """
    if math.isnan(weight):
        return "the volatility of the pair is not known yet"
    return "risk.stake_fraction or the capital is 0"


def why_no_room(capital: float, exposure: Exposure, settings: RiskSettings) -> str:
    """The cap that leaves nothing of any stake, by its key; empty where all leave something.

    :param capital: whole capital of the bot, open positions included, stake currency
    :param exposure: what is open already
    :param settings: the section ``risk``: ``max_positions``, ``max_position``, ``max_pair``,
        ``max_exposure``
    """
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
    """``wanted``, cut to what the caps per position, per pair and in total leave; never below 0.

    :param wanted: of :func:`wanted_stake` or :func:`slot_stake`, stake currency
    :param capital: whole capital of the bot, open positions included, stake currency
    :param exposure: what is open already, orders that have not filled included
    :param settings: as in :func:`why_no_room`
    :return: stake currency

    >>> risk = RiskSettings(max_pair=0.4, max_exposure=0.9)
    >>> allowed_stake(500, 1000, Exposure(), risk)
    400.0
    >>> allowed_stake(500, 1000, Exposure(positions=2, total=700, pair=0), risk)
    200.0
    """
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
    :param short: of a short position, whose stop lies above the entry
    :param multiple: ATR multiples, above 0
    :param size: as in :func:`stake`; the distance grows with it
    :return: in price units

    >>> stop_price(100, atr=2, short=False, multiple=4), stop_price(100, 2, True, 4, size=1.5)
    (92.0, 112.0)
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
    :param atr: as in :func:`stop_price`
    :param short: as there
    :param settings: the section ``risk``; its ``trail_atr``, 0 = off
    :param size: as in :func:`stop_price`
    :return: in price units; it may lie behind an earlier one, see :func:`tighter`

    >>> risk = RiskSettings(trail_atr=3)
    >>> trailing_price(110, 2, False, risk), trailing_price(110, 2, False, RiskSettings())
    (104.0, nan)
    """
    if not settings.trail_atr:
        return math.nan
    distance = settings.trail_atr * atr * size
    return best + distance if short else best - distance


def tighter(stop: float, other: float, short: bool) -> float:
    """The one of two stops that is nearer to the price; ``other`` may be NaN for none.

    :param stop: price
    :param other: price
    :param short: of a short position: the lower one is nearer

    >>> tighter(92.0, 104.0, short=False), tighter(92.0, math.nan, short=False)
    (104.0, 92.0)
    """
    if math.isnan(other):
        return stop
    return min(stop, other) if short else max(stop, other)


def take_profit_ratio(entry: float, atr: float, settings: RiskSettings) -> float:
    """Profit (fraction of the entry price) at which a position is closed.

    :param entry: entry price, above 0
    :param atr: as in :func:`stop_price`
    :param settings: the section ``risk``; its take-profit in ATR multiples
    """
    return settings.take_profit_atr * atr / entry
