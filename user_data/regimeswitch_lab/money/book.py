"""From trades to money: equity, exposure, turnover and costs at the end of each day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch_lab.money.position_signals import PositionMarket


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SimulatedOrder:
    """Coins that are bought, or sold where ``amount`` is below 0, at the open of a row."""

    row: int
    price: float
    amount: float


@dataclass(frozen=True)
class SimulatedTrade:
    """A position from its entry to its exit.

    :ivar pair: number of the pair; ``opened`` and ``closed`` are rows of the market
    :ivar bought: price of the entry; ``sold`` of the exit
    :ivar amount: coins bought at the entry
    :ivar weight: share of a slot that was wanted at the entry
    :ivar regime: in which it was opened
    :ivar reason: why it was closed
    :ivar changes: additions and reductions, in the order of their rows
    """

    pair: int
    opened: int
    closed: int
    bought: float
    sold: float
    amount: float
    weight: float = 1.0
    regime: str = ""
    reason: str = ""
    changes: tuple[SimulatedOrder, ...] = ()

    @property
    def orders(self) -> tuple[SimulatedOrder, ...]:
        """All that was bought and sold; the exit sells what is left."""
        before = (SimulatedOrder(self.opened, self.bought, self.amount), *self.changes)
        left = sum(one.amount for one in before)
        return (*before, SimulatedOrder(self.closed, self.sold, -left))

    def stretches(self) -> Iterator[tuple[int, int, float]]:
        """First row, last row and coins between two orders each."""
        held = 0.0
        for one, following in pairwise(self.orders):
            held += one.amount
            yield one.row, following.row, held

    def profit(self, cost: float) -> float:
        """What it has earned, costs taken off, stake currency.

        :param cost: fee and slippage of one side, fraction
        """
        return -sum(one.price * (one.amount + abs(one.amount) * cost) for one in self.orders)


@dataclass(frozen=True)
class Curve:
    """Daily course of an account; each array has one entry for each day.

    :ivar equity: at the end of the day, stake currency; the first entry is the money of the
        beginning, of the day before the first
    :ivar exposure: share of equity that is in positions at the end of the day, as ``equity``
    :ivar traded: value bought and sold on the day
    :ivar cost: fees and slippage paid on the day
    """

    equity: Floats
    exposure: Floats
    traded: Floats
    cost: Floats

    @property
    def returns(self) -> Floats:
        """Daily net returns, fraction; shape (days,)."""
        return self.equity[1:] / self.equity[:-1] - 1

    @property
    def years(self) -> float:
        """Length, years of 365 days."""
        return (len(self.equity) - 1) / 365

    def mean_exposure(self) -> float:
        """Mean exposure at the ends of days, but for the last, in which everything is sold."""
        return float((self.exposure[1:-1] if len(self.exposure) > 2 else self.exposure[1:]).mean())

    def turnover(self) -> float:
        """Value bought and sold a year, as a multiple of the mean equity."""
        return float(self.traded.sum() / self.equity.mean() / self.years)

    def fees(self) -> float:
        """Costs a year, as a share of the mean equity."""
        return float(self.cost.sum() / self.equity.mean() / self.years)


@dataclass(frozen=True)
class Days:
    """Prices at the ends of days.

    :ivar row: number of the day of each row of the market
    :ivar first: row of the first candle of each day
    :ivar close: last close of each day, shape (days, pairs); 0 before a pair's first candle
    :ivar dates: the days
    """

    row: Ints
    first: Ints
    close: Floats
    dates: pd.DatetimeIndex


def days_of(market: PositionMarket) -> Days:
    """The days of a market."""
    row = market.days
    first = np.flatnonzero(np.diff(row, prepend=-1))
    last = np.r_[first[1:] - 1, len(row) - 1]
    closes = pd.DataFrame(market.close).ffill().to_numpy()[last]
    dates = market.dates[first].normalize()
    return Days(row, first, np.nan_to_num(closes), dates)


def curve_of(trades: Sequence[SimulatedTrade], days: Days, wallet: float, cost: float) -> Curve:
    """Daily course of an account that began with money alone.

    :param cost: fee and slippage of one side, fraction
    """
    found = [(trade.pair, one) for trade in trades for one in trade.orders]
    pair = np.array([number for number, _ in found], dtype=np.int64)
    rows = np.array([one.row for _, one in found], dtype=np.int64)
    price = np.array([one.price for _, one in found], dtype=np.float64)
    amount = np.array([one.amount for _, one in found], dtype=np.float64)
    return booked(pair, days.row[rows], price, amount, days.close, wallet, cost)


def booked(
    pair: Ints, day: Ints, price: Floats, amount: Floats, close: Floats, wallet: float, cost: float
) -> Curve:
    """As :func:`curve_of`, from arrays of orders, shape (orders,).

    :param amount: coins bought; below 0 = sold
    :param close: last close of each day, shape (days, pairs)
    """
    count, pairs = close.shape
    value = amount * price
    traded = _sums(day, np.abs(value), count)
    flows = _sums(day, -value, count)
    change = np.zeros(count * pairs)
    np.add.at(change, day * pairs + pair, amount)
    held = np.cumsum(change.reshape(count, pairs), axis=0)
    worth = np.where(np.abs(held) > 1e-12, held * close, 0.0).sum(axis=1)
    equity = wallet + np.cumsum(flows - traded * cost) + worth
    course, exposure = np.r_[wallet, equity], np.r_[0.0, worth / equity]
    return Curve(course, exposure, traded, traded * cost)


def _sums(day: Ints, value: Floats, count: int) -> Floats:
    found = np.bincount(day, weights=value, minlength=count)
    return np.asarray(found, dtype=np.float64)
