"""The finest candles of a pair in one line, and where a moment lies in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regimeswitch_lab.exchange.market.candle_store import CandleStore, Floats, Ints, closing
from regimeswitch_lab.exchange.market.candle_walk import STEPS


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
