"""Placebo: the positions of RegimeSwitch at other times, so that only their timing differs.

As many positions, as long, of the same pairs at the same moment, with the same weights and costs;
sized at the entry alone, also where the positions are changed while they are open.
What does as well by chance says how much the timing is worth.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from regimeswitch.market.candles import timeframe_seconds
from regimeswitch_lab.money.book import Curve, Days, SimulatedTrade, booked
from regimeswitch_lab.money.position_signals import Floats, PositionMarket
from regimeswitch_lab.money.simulated_account import Terms


Ints = NDArray[np.int64]

SHIFTS = 400
LEAST_DAYS = 30
SEED = 7


def shifts_of(market: PositionMarket, count: int = SHIFTS) -> Ints:
    """By how many candles the positions are shifted: drawn once each, with a fixed seed.

    At least :data:`LEAST_DAYS` either way around the range, or a third of a shorter range.
    """
    rows = len(market.dates)
    per_day = 86_400 // timeframe_seconds(market.timeframe)
    least = max(min(LEAST_DAYS * per_day, rows // 3), 1)
    allowed = np.arange(least, max(rows - least, least + 1))
    rng = np.random.default_rng(SEED)
    return np.sort(rng.choice(allowed, min(count, len(allowed)), replace=False))


def placebos(
    trades: Sequence[SimulatedTrade], market: PositionMarket, days: Days, terms: Terms, shifts: Ints
) -> list[Curve]:
    """Daily course of the account for each shift.

    Shift 0 gives back the positions themselves, but for stops and changes: all are sold at opens.
    """
    rows = [(trade.pair, trade.opened, trade.closed) for trade in trades]
    held = np.array(rows, dtype=np.int64).reshape(-1, 3)
    weight = np.array([trade.weight for trade in trades], dtype=np.float64)
    bounds = _bounds(market)
    return [_shifted(held, weight, bounds, market, days, terms, int(shift)) for shift in shifts]


def _shifted(
    held: Ints,
    weight: Floats,
    bounds: tuple[Ints, Ints],
    market: PositionMarket,
    days: Days,
    terms: Terms,
    shift: int,
) -> Curve:
    count = len(market.dates)
    pair, opened, closed = held.T
    begins, length = (opened + shift) % count, closed - opened
    over = np.flatnonzero(begins + length >= count)
    # What reaches past the end goes on at the beginning.
    pair, weight = np.r_[pair, pair[over]], np.r_[weight, weight[over]]
    ends = np.r_[np.minimum(begins + length, count - 1), (begins + length)[over] - count]
    begins = np.r_[begins, np.zeros(len(over), dtype=np.int64)]
    first, last = bounds
    begins, ends = np.maximum(begins, first[pair]), np.minimum(ends, last[pair])
    there = ends > begins
    there &= ~np.isnan(market.open[begins, pair]) & ~np.isnan(market.open[ends, pair])
    pair, weight, begins, ends = pair[there], weight[there], begins[there], ends[there]
    prices = np.stack([market.open[begins, pair], market.open[ends, pair]], axis=1)
    amount = _stakes(begins, ends, prices, weight, terms) / prices[:, 0]
    return booked(
        np.r_[pair, pair],
        days.row[np.r_[begins, ends]],
        prices.T.ravel(),
        np.r_[amount, -amount],
        days.close,
        terms.wallet,
        terms.cost,
    )


def _stakes(begins: Ints, ends: Ints, prices: Floats, weight: Floats, terms: Terms) -> Floats:
    """Stakes as the account gives them: a slot of the capital at the entry, open ones at cost."""
    gains = (prices[:, 1] / prices[:, 0] * (1 - terms.cost) - 1 - terms.cost).tolist()
    number = np.arange(len(begins))
    times = np.r_[ends, begins]
    # Within a candle, what ends makes room for what begins.
    order = np.lexsort((np.r_[number, number], np.repeat([0, 1], len(begins)), times))
    stakes = [0.0] * len(begins)
    money, tied = terms.wallet, 0.0
    shares = (weight / terms.slots).tolist()
    for event in order.tolist():
        if event >= len(gains):
            which = event - len(gains)
            capital = money * terms.ratio
            stake = min(capital * shares[which], max(capital - tied, 0.0))
            stakes[which] = stake
            tied += stake
        else:
            money += stakes[event] * gains[event]
            tied -= stakes[event]
    return np.array(stakes)


def _bounds(market: PositionMarket) -> tuple[Ints, Ints]:
    there = ~np.isnan(market.open)
    return np.argmax(there, axis=0), len(there) - 1 - np.argmax(there[::-1], axis=0)
