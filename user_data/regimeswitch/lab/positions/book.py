"""From trades to money: equity, exposure, turnover and costs at the end of each day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.lab.positions.signals import Market


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Trade:
    """A position from its entry to its exit.

    :ivar pair: number of the pair; ``opened`` and ``closed`` are rows of the market
    :ivar bought: price of the entry; ``sold`` of the exit
    :ivar amount: coins
    :ivar weight: share of a slot that was wanted
    :ivar regime: in which it was opened
    :ivar reason: why it was closed
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


def days_of(market: Market) -> Days:
    """The days of a market."""
    row = market.days
    first = np.flatnonzero(np.diff(row, prepend=-1))
    last = np.r_[first[1:] - 1, len(row) - 1]
    closes = pd.DataFrame(market.close).ffill().to_numpy()[last]
    dates = market.dates[first].normalize()
    return Days(row, first, np.nan_to_num(closes), dates)


def curve_of(trades: Sequence[Trade], days: Days, wallet: float, cost: float) -> Curve:
    """Daily course of an account that began with money alone.

    :param cost: fee and slippage of one side, fraction
    """
    pair = np.array([trade.pair for trade in trades], dtype=np.int64)
    rows = np.array([(trade.opened, trade.closed) for trade in trades], dtype=np.int64)
    prices = np.array([(trade.bought, trade.sold) for trade in trades], dtype=np.float64)
    amount = np.array([trade.amount for trade in trades], dtype=np.float64)
    day = days.row[rows.reshape(-1, 2)]
    return booked(pair, day, prices.reshape(-1, 2), amount, days.close, wallet, cost)


def booked(
    pair: Ints, day: Ints, prices: Floats, amount: Floats, close: Floats, wallet: float, cost: float
) -> Curve:
    """As :func:`curve_of`, from arrays of trades.

    :param day: of entry and exit, shape (trades, 2), as are ``prices``
    :param close: last close of each day, shape (days, pairs)
    """
    count, pairs = close.shape
    value = amount[:, None] * prices
    traded = _sums(day, value, count)
    flows = _sums(day, value * [-1.0, 1.0], count)
    change = np.zeros(count * pairs)
    np.add.at(change, day[:, 0] * pairs + pair, amount)
    np.add.at(change, day[:, 1] * pairs + pair, -amount)
    held = np.cumsum(change.reshape(count, pairs), axis=0)
    worth = np.where(np.abs(held) > 1e-12, held * close, 0.0).sum(axis=1)
    equity = wallet + np.cumsum(flows - traded * cost) + worth
    course, exposure = np.r_[wallet, equity], np.r_[0.0, worth / equity]
    return Curve(course, exposure, traded, traded * cost)


def _sums(day: Ints, value: Floats, count: int) -> Floats:
    found = np.bincount(day.ravel(), weights=value.ravel(), minlength=count)
    return np.asarray(found, dtype=np.float64)
