"""When the size of an open position is changed, and by how much. Pure arithmetic, no state.

A position is left alone while its value is near its target, and is brought back to the target, not
to the edge of the band, once it has left the band: the no-trade region that is optimal under costs
(Davis and Norman, "Portfolio Selection with Transaction Costs", Mathematics of Operations Research
15, 1990), with a width that is set instead of solved for. Values are marked at the close of the
candle that was closed last, so that a backtest and a bot see the same.
"""

from regimeswitch.risk.sizing import Exposure
from regimeswitch.settings import RiskSettings


ROUNDING = 1e-9
"""Share of the target that floating-point arithmetic may add to a deviation."""


def is_due(moment: int, last: int, step: int, settings: RiskSettings) -> bool:
    """Whether the last order of a position is long enough ago.

    :param moment: close of the candle that decides, epoch seconds
    :param last: when an order of the position was filled last, epoch seconds; counted from the
        beginning of its base candle, since a bot fills some seconds after a backtest
    :param step: length of a base candle, seconds
    :param settings: the section ``risk``; its ``rebalance_hours``
    """
    return moment - last // step * step >= settings.rebalance_hours * 3600


def wanted_change(value: float, target: float, settings: RiskSettings) -> float:
    """What brings a position to its target, stake currency; below 0 = to be reduced.

    :param value: of the position at the close of the last candle, stake currency
    :param target: stake that the position is to have, see
        :func:`regimeswitch.risk.sizing.slot_stake`
    :param settings: the section ``risk``; its ``rebalance_band``, 0 = nothing is ever wanted
    :return: 0 within the band, which is ``rebalance_band`` times the target on either side, and
        where there is no target or no value (0 or NaN)

    >>> risk = RiskSettings(rebalance_band=0.25)
    >>> [wanted_change(value, 100.0, risk) for value in (90.0, 125.0, 130.0, 60.0)]
    [0.0, 0.0, -30.0, 40.0]
    """
    if not settings.rebalance_band or not target > 0 or not value > 0:
        return 0.0
    change = target - value
    return change if abs(change) > target * (settings.rebalance_band + ROUNDING) else 0.0


def allowed_change(change: float, value: float, room: float, least: float) -> float:
    """A wanted change as far as an order can be made of it; 0 where none can.

    :param change: of :func:`wanted_change`
    :param value: as there
    :param room: largest addition that caps and free money allow, stake currency
    :param least: smallest order that the exchange takes, stake currency; no smaller rest is left by
        a reduction either, since it could not be sold
    """
    if change > 0:
        addition = min(change, room)
        return addition if addition > 0 and addition >= least else 0.0
    if -change < least or value + change < least:
        return 0.0
    return change


def addition_room(
    capital: float, stake: float, exposure: Exposure, settings: RiskSettings
) -> float:
    """Largest addition that the caps per position, per pair and in total leave; never below 0.

    :param capital: whole capital of the bot, open positions included, stake currency
    :param stake: of the position, at cost, stake currency
    :param exposure: of all positions, this one included, at cost
    :param settings: the section ``risk``: ``max_position``, ``max_pair`` and ``max_exposure``
    :return: stake currency
    """
    return max(
        min(
            capital * settings.max_position - stake,
            capital * settings.max_pair - exposure.pair,
            capital * settings.max_exposure - exposure.total,
        ),
        0.0,
    )


def without(exposure: Exposure, stake: float) -> Exposure:
    """What is open besides one position of this pair, to size it as an entry is sized.

    :param exposure: of all positions, the one included, at cost
    :param stake: of the position, at cost, stake currency
    :return: nothing in it is below 0
    """
    return Exposure(
        positions=max(exposure.positions - 1, 0),
        total=max(exposure.total - stake, 0.0),
        pair=max(exposure.pair - stake, 0.0),
    )
