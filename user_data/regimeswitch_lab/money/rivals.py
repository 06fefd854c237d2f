"""What else could have been done with the money: holding, constant exposure, target volatility.

Slots are those of position mode; orders are filled at the first open of a day, with the same costs.
"""

from dataclasses import dataclass

import numpy as np

from regimeswitch_lab.money.book import Curve, Days, SimulatedTrade
from regimeswitch_lab.money.position_signals import Floats, PositionMarket


SMALLEST = 1e-9
"""Share of equity below which nothing is ordered."""


def held(market: PositionMarket, money: float, cost: float) -> list[SimulatedTrade]:
    """Equal money in every pair, from its first candle to its last.

    :param money: of all pairs together, stake currency
    :param cost: fee and slippage of one side, fraction; the purchase is paid out of the money
    """
    found = []
    for pair in range(len(market.pairs)):
        rows = np.flatnonzero(~np.isnan(market.open[:, pair]))
        if not len(rows):
            continue
        first, last = int(rows[0]), int(rows[-1])
        bought, sold = float(market.open[first, pair]), float(market.open[last, pair])
        amount = money / len(market.pairs) / (1 + cost) / bought
        found.append(SimulatedTrade(pair, first, last, bought, sold, amount))
    return found


@dataclass(frozen=True)
class Rebalanced:
    """An account that is set to given shares from time to time.

    :ivar orders: number of orders
    """

    curve: Curve
    orders: int


def constant_shares(market: PositionMarket, days: Days, exposure: float) -> Floats:
    """The same part of the equity on the first of every month, equally over the pairs.

    :param exposure: share of equity in all pairs together
    :return: share of each pair, shape (days, pairs); NaN on days without orders
    """
    result = np.full(days.close.shape, np.nan)
    months = days.dates.month.to_numpy()
    at = np.flatnonzero(np.diff(months, prepend=-1))
    there = ~np.isnan(market.open[days.first[at]])
    counts = np.maximum(there.sum(axis=1, keepdims=True), 1)
    result[at] = np.where(there, exposure / counts, 0.0)
    return result


def volatility_shares(market: PositionMarket, days: Days) -> Floats:
    """Every pair at target volatility, whatever its regime, set anew each day.

    :return: as :func:`constant_shares`
    """
    weights = np.nan_to_num(market.weight[days.first])
    return np.asarray(weights / len(market.pairs))


def rebalanced(
    market: PositionMarket, days: Days, shares: Floats, money: float, cost: float
) -> Rebalanced:
    """Daily course of an account that follows shares; all is sold in the last candle.

    :param shares: of :func:`constant_shares`
    :param cost: fee and slippage of one side, fraction
    """
    count, pairs = shares.shape
    cash, units = money, np.zeros(pairs)
    equity, exposure = np.empty(count), np.empty(count)
    traded = np.zeros(count)
    orders = 0
    before = np.vstack([np.zeros(pairs), days.close[:-1]])
    for day in range(count):
        opened = market.open[days.first[day]]
        tradable = ~np.isnan(opened)
        price = np.where(tradable, opened, before[day])
        if not np.isnan(shares[day]).all():
            value = units * price
            total = cash + float(value.sum())
            wanted = np.where(tradable, shares[day] * total, value)
            change = wanted - value
            change[np.abs(change) < SMALLEST * total] = 0.0
            # The costs come out of what is bought, or the money would not do.
            change = np.where(change > 0, change / (1 + cost), change)
            with np.errstate(divide="ignore", invalid="ignore"):
                units = units + np.where(change != 0, change / price, 0.0)
            turned = float(np.abs(change).sum())
            cash -= float(change.sum()) + turned * cost
            traded[day] += turned
            orders += int(np.count_nonzero(change))
        worth = float((units * days.close[day]).sum())
        equity[day], exposure[day] = cash + worth, worth / (cash + worth)
    last = np.nan_to_num(market.open[-1], nan=0.0)
    last = np.where(last > 0, last, days.close[-1])
    sold = float((units * last).sum())
    traded[-1] += sold
    equity[-1], exposure[-1] = cash + sold * (1 - cost), 0.0
    curve = Curve(np.r_[money, equity], np.r_[0.0, exposure], traded, traded * cost)
    return Rebalanced(curve, orders + int(np.count_nonzero(units)))
