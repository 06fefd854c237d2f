"""How the price walks through a candle: sixty equal steps, a trade at the beginning of each.

The four prices of the candle are reached exactly; each step has one price and one trade, so that
whatever is shown of a moment can be told from the step that it falls into.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from regimeswitch_lab.exchange.market.candle_store import Floats, Ints


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
