"""How the price walks through a candle: sixty equal steps, a trade at the beginning of each.

The four prices of the candle are reached exactly; each step has one price and one trade, so that
whatever is shown of a moment is known from the step that it falls into. The candles of a pair
make one line of time, and the steps of its candles the path that orders meet.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimeswitch_lab.exchange.market.candle_store import CandleStore, Floats, Ints, closing
from regimeswitch_lab.exchange.market.symbols import PRECISION, Symbol


STEPS = 60
# Where the path turns: open, end of the rest, first extreme, second extreme, close. The price
# rests at the open for the first tenth of a candle, so that a bot which wakes up a second after
# the close trades at the very price that a backtest uses.
TURNS = (0, 6, 24, 42, 57)
# A moment that lies on the border of two steps belongs to the later one, whatever its fraction
# was rounded to.
BORDER = 1e-9
_STEP = np.arange(STEPS)
# The share of open, first extreme, second extreme and close in the price, by step.
_SHARES = [np.interp(_STEP, TURNS, corner) for corner in np.eye(4)[:, [0, 0, 1, 2, 3]]]
_BETWEEN = (TURNS[1] < _STEP) & (TURNS[-1] > _STEP) & ~np.isin(_STEP, TURNS)
# Who takes: the side that the price goes to; where it rests, one after the other. The last trade
# of a candle is a sale, so that what buyers took never has the odd digits of a volume.
_EVEN, _MOVING = _STEP % 2 == 0, (TURNS[1] < _STEP) & (TURNS[-1] >= _STEP)
_MIDDLE = (TURNS[2] < _STEP) & (TURNS[3] >= _STEP)
_BUYS_UP, _BUYS_DOWN = np.where(_MOVING, (_MIDDLE, ~_MIDDLE), _EVEN)


def step_of(fraction: float) -> int:
    """The step that a share of a candle's time falls into."""
    return min(max(int(fraction * STEPS + BORDER), 0), STEPS - 1)


def prices_of(candles: Floats, decimals: int) -> Floats:
    """The price of every step.

    :param candles: open, high, low, close, volume; shape (n, 5)
    :param decimals: decimals of the prices between a candle's own four
    :return: shape (n, STEPS)
    """
    opened, high, low, close = (candles[:, column, None] for column in range(4))
    up = close >= opened
    corners = (opened, np.where(up, low, high), np.where(up, high, low), close)
    # Not a matrix product, whose last digit depends on the number of rows.
    prices: Floats = sum(
        (corner * share for corner, share in zip(corners, _SHARES, strict=True)),
        np.zeros((len(candles), STEPS)),
    )
    between = np.round(prices[:, _BETWEEN], decimals)
    prices[:, _BETWEEN] = np.clip(between, low, high)
    return prices


def buys_of(candles: Floats) -> NDArray[np.bool_]:
    """Whether a buyer took, by step, shape (n, STEPS); see :func:`prices_of`."""
    up = candles[:, 3, None] >= candles[:, 0, None]
    buys: NDArray[np.bool_] = np.where(up, _BUYS_UP, _BUYS_DOWN)
    return buys


@dataclass(frozen=True)
class Volumes:
    """What has been traded by the end of each step, as whole numbers of a unit.

    Halfway through a candle the volume has no more than eight decimals, as on Binance, and no
    more digits than a float keeps. What a stored volume has beyond that comes with the last trade.

    :ivar units: shape (n, STEPS)
    :ivar decimals: the unit is ``10 ** -decimals``, shape (n,)
    :ivar stored: the stored volume, shape (n,)
    """

    units: Ints
    decimals: Ints
    stored: Floats

    def amounts(self) -> Floats:
        """The amount of every trade, shape (n, STEPS)."""
        scales = 10.0 ** self.decimals[:, None]
        amounts: Floats = np.diff(self.units, axis=1, prepend=0) / scales
        amounts[:, -1] = self.stored - self.units[:, -2] / scales[:, 0]
        return amounts


def totals_of(candles: Floats) -> tuple[Ints, Ints]:
    """The whole volume in units of the exchange, and the decimals of the unit; shape (n,) each."""
    volume = candles[:, 4]
    digits = np.floor(np.log10(np.maximum(volume, 1.0))) + 1
    decimals = np.clip(15 - digits, 0, 8).astype(np.int64)
    return np.round(volume * 10.0**decimals).astype(np.int64), decimals


def volumes_of(candles: Floats) -> Volumes:
    """The volume by step; see :func:`prices_of`."""
    totals, decimals = totals_of(candles)
    return Volumes(totals[:, None] * (_STEP + 1) // STEPS, decimals, candles[:, 4])


def walked(candle: Floats, fraction: float, decimals: int) -> Floats:
    """The part of a candle that is over.

    :param candle: open, high, low, close, volume
    :param fraction: share of the candle's time that has gone by, 0..1
    :param decimals: decimals of the price between the candle's own four prices
    """
    step = step_of(fraction)
    seen = prices_of(candle[None, :], decimals)[0, : step + 1]
    volume = float(candle[4])
    if step < STEPS - 1:
        volumes = volumes_of(candle[None, :])
        volume = int(volumes.units[0, step]) / 10 ** int(volumes.decimals[0])
    return np.array([candle[0], seen.max(), seen.min(), seen[-1], volume])


@dataclass(frozen=True)
class Timeline:
    """Candles that follow each other without overlap, of one or several lengths.

    :ivar opens: opening times in epoch milliseconds, ascending, shape (n,)
    :ivar ends: first millisecond after each
    :ivar values: open, high, low, close, volume, shape (n, 5)
    """

    opens: Ints
    ends: Ints
    values: Floats

    def row(self, moment: int) -> int:
        """The candle of a moment: the last one that has opened by then, or -1."""
        return int(np.searchsorted(self.opens, moment, side="right")) - 1

    def step(self, row: int, moment: int) -> int:
        """The step of a candle that a moment lies in; outside of it the nearest."""
        opened = int(self.opens[row])
        step = (moment - opened) * STEPS // (int(self.ends[row]) - opened)
        return min(max(step, 0), STEPS - 1)

    def begins(self, row: int, step: int) -> int:
        """The first millisecond of a step."""
        opened = int(self.opens[row])
        return opened - (opened - int(self.ends[row])) * step // STEPS


def timeline(store: CandleStore, name: str) -> Timeline:
    """The candles of a pair's shortest interval.

    Where that has a hole, candles of the next longer interval stand in that fit into it.
    """
    first, *others = store.stored(name)
    rows = store.rows(name, first)
    line = Timeline(rows.opens, closing(rows.opens, first), rows.ohlcv)
    for interval in others:
        longer = store.rows(name, interval)
        ends = closing(longer.opens, interval)
        # No candle of the line ends after this one opens and opens before it ends.
        before = np.searchsorted(line.ends, longer.opens, side="right")
        fits = before == np.searchsorted(line.opens, ends)
        opens = np.concatenate([line.opens, longer.opens[fits]])
        order = np.argsort(opens, kind="stable")
        line = Timeline(
            opens[order],
            np.concatenate([line.ends, ends[fits]])[order],
            np.concatenate([line.values, longer.ohlcv[fits]])[order],
        )
    return line


@dataclass(frozen=True)
class Event:
    """One step of the walk.

    :ivar time: when it begins, in epoch milliseconds
    :ivar candle: opening time of its candle
    :ivar price: in ticks
    :ivar volume: in units of 1e-8
    """

    time: int
    candle: int
    price: int
    volume: int


class PricePath:
    """The price path of one pair.

    :param line: its candles
    :param symbol: its precisions
    """

    def __init__(self, line: Timeline, symbol: Symbol) -> None:
        self.line = line
        self._decimals = symbol.price_decimals
        self.highs, self.lows = self._ticks(line.values[:, 1]), self._ticks(line.values[:, 2])
        self._kept: tuple[int, list[Event]] = (-1, [])

    def _ticks(self, prices: Floats) -> Ints:
        ticks: Ints = np.maximum(np.round(prices * 10**self._decimals), 1).astype(np.int64)
        return ticks

    def next(self, after: int, until: int, below: int, above: int) -> int | None:
        """The candle with the first event between two moments that may have a price in reach.

        :param after: epoch milliseconds; an event at this very moment is over
        :param until: an event at this very moment counts
        :param below: prices up to this one are in reach, in ticks
        :param above: and those from this one on
        :return: its place in the line, or None
        """
        first, last = max(self.line.row(after), 0), self.line.row(until)
        if after >= self.end(first):
            first += 1
        lows, highs = self.lows[first : last + 1], self.highs[first : last + 1]
        found = np.flatnonzero((lows <= below) | (highs >= above))
        return first + int(found[0]) if len(found) else None

    def end(self, row: int) -> int:
        """The last event's time of a candle."""
        return self.line.begins(row, STEPS - 1)

    def events(self, row: int, after: int, until: int) -> list[Event]:
        """The events of a candle between two moments; see :meth:`next`."""
        if self._kept[0] != row:
            self._kept = (row, self._made(row))
        return [event for event in self._kept[1] if after < event.time <= until]

    def _made(self, row: int) -> list[Event]:
        candle = self.line.values[row : row + 1]
        prices = self._ticks(prices_of(candle, self._decimals)[0])
        volumes = volumes_of(candle)
        unit = 10 ** (PRECISION - int(volumes.decimals[0]))
        amounts = np.diff(volumes.units[0], prepend=0)
        opened = int(self.line.opens[row])
        return [
            Event(self.line.begins(row, step), opened, price, amount * unit)
            for step, (price, amount) in enumerate(
                zip(prices.tolist(), amounts.tolist(), strict=True)
            )
        ]
