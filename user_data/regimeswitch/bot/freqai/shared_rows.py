"""Training rows of all pairs in one window, gathered without holding all of them.

Neighbouring rows are thinned, by a step that depends on how many rows there are over all pairs. So
a pair is reduced to the rows that some possible step keeps before the next one is looked at, and
the step is taken when the last one is known: the rows are those of a single look at all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from regimeswitch.bot.freqai.columns import CODE_COLUMN, RIVALS, label_of, moves_of
from regimeswitch.bot.freqai.feature_names import features_of, standing_in, vocabulary
from regimeswitch.bot.freqai.training_rows import missing_rows, no_rows
from regimeswitch.market.candles import OHLCV, time_numbers, timeframe_seconds
from regimeswitch.market.labels import VOLATILITY_TARGET
from regimeswitch.model.factory import row_step
from regimeswitch.model.training_set import Rows, thinned
from regimeswitch.settings import Settings


@dataclass(frozen=True)
class SharedWindow:
    """One window of a shared training.

    :ivar timerange: rows from its start up to, and without, its stop; no candle at or after the
        stop is seen by any label
    :ivar pairs: that learn together, number; bounds how many rows there can be
    """

    timerange: TimeRange
    pairs: int
    strategy: IStrategy
    settings: Settings

    def step(self, rows: int, volatility: bool) -> int:
        """Every how many candles a row is kept, of as many rows of all pairs."""
        return row_step(rows, self.settings, self.strategy.timeframe, volatility)

    def may_keep(self, time: NDArray[np.int64], volatility: bool) -> NDArray[np.bool_]:
        """Mask of the rows that one of the possible steps keeps.

        :param time: candle numbers, shape (n,)
        """
        seconds = self.timerange.stopts - self.timerange.startts
        candles = seconds // timeframe_seconds(self.strategy.timeframe) + 1
        least, most = self.step(0, volatility), self.step(candles * self.pairs, volatility)
        kept = np.zeros(len(time), dtype=bool)
        for step in range(least, most + 1):
            kept |= thinned(time, step)
        return kept


@dataclass(frozen=True)
class PairRows:
    """What is kept of a pair.

    :ivar features: names of the columns of the pair's own features
    :ivar volatility: the label is the next day's volatility
    :ivar rows: those that some step may keep; ``X`` has the pair's own features, then the rival
        forecasts where the label is volatility. None where no candle is before the window's end
    :ivar complete: number of rows that have all features and a label
    :ivar missing: why there are so few, for people; empty where there are enough
    """

    features: list[str]
    volatility: bool
    rows: Rows | None
    complete: int
    missing: str

    @classmethod
    def of(cls, frame: pd.DataFrame, pair: str, window: SharedWindow) -> PairRows:
        """The rows of a pair.

        :param frame: populated candles of the pair, sorted by date, with its features
        """
        timerange, timeframe = window.timerange, window.strategy.timeframe
        features = features_of(frame.columns)
        cut = frame.iloc[: int((frame["date"] < timerange.stopdt).sum())]
        if cut.empty:
            return cls(features, False, None, 0, missing_rows(pair, frame, timerange))
        plain = cut[[name for name in cut.columns if "&" not in name]]
        labelled = window.strategy.set_freqai_targets(plain, metadata={"pair": pair})
        label = label_of(labelled.columns)
        volatility = label == VOLATILITY_TARGET
        inside = (labelled["date"] >= timerange.startdt) & labelled[label].notna()
        complete = _complete(labelled, inside.to_numpy(), features, volatility)
        time = time_numbers(labelled["date"], timeframe)
        chosen = complete[window.may_keep(time[complete], volatility)]
        names = [*features, *(RIVALS if volatility else ())]
        rows = Rows(
            X=_matrix(labelled, chosen, names),
            y=labelled[label].to_numpy()[chosen],
            regime=labelled[CODE_COLUMN].to_numpy(dtype=np.int64)[chosen],
            time=time[chosen],
            pair=np.full(len(chosen), pair),
            weight=np.ones(len(chosen)),
            move=moves_of(cut[OHLCV], timeframe, window.settings)[chosen],
        )
        few = len(complete) < window.step(0, volatility) or not len(chosen)
        missing = missing_rows(pair, labelled, timerange) if few else ""
        return cls(features, volatility, rows, len(complete), missing)


def shared_rows(
    frames: Iterable[tuple[str, Callable[[], pd.DataFrame]]],
    window: SharedWindow,
    weights: Callable[[int], NDArray[np.float64]],
) -> tuple[Rows, list[str]]:
    """Training rows of all pairs in one window, thinned, and the vocabulary of their features.

    :param frames: pairs, and what populates their candles; one is held at a time
    :param weights: number of rows to the weights of rows in the order of time
    :raises OperationalException: when there is no row to learn from
    :raises KeyError: when a pair lacks a feature of the others
    """
    kept = {pair: PairRows.of(populated(), pair, window) for pair, populated in frames}
    names = vocabulary({pair: one.features for pair, one in kept.items()})
    volatility = any(one.volatility for one in kept.values())
    step = window.step(sum(one.complete for one in kept.values()), volatility)
    parts = [
        _in_common(one.rows.take(thinned(one.rows.time, step)), one.features, pair, names)
        for pair, one in kept.items()
        if one.rows is not None
    ]
    if not any(len(rows) for rows in parts):
        raise no_rows([one.missing for one in kept.values() if one.missing], window.timerange)
    rows = Rows.joined(parts)
    moments, place = np.unique(rows.time, return_inverse=True)
    rows.weight[:] = weights(len(moments))[place]
    return rows, names


def _in_common(rows: Rows, features: list[str], pair: str, names: list[str]) -> Rows:
    """Rows with their features in the order of the vocabulary."""
    places = {name: place for place, name in enumerate(features)}
    columns = [places[name] for name in standing_in(names, pair, places)]
    others = range(len(features), rows.X.shape[1])
    return replace(rows, X=rows.X[:, [*columns, *others]])


def _complete(
    frame: pd.DataFrame, inside: NDArray[np.bool_], features: list[str], volatility: bool
) -> NDArray[np.int64]:
    """Places of the rows inside the window that have all features, and the rivals."""
    known = inside.copy()
    for name in features:
        known &= np.isfinite(frame[name].to_numpy(dtype=np.float32))
    for name in RIVALS if volatility else ():
        known &= ~np.isnan(frame[name].to_numpy(dtype=np.float32))
    return np.flatnonzero(known)


def _matrix(frame: pd.DataFrame, rows: NDArray[np.int64], names: list[str]) -> NDArray[np.float32]:
    """Some rows of some columns; filled column by column, so that no copy of all rows is made."""
    matrix = np.empty((len(rows), len(names)), dtype=np.float32)
    for place, name in enumerate(names):
        matrix[:, place] = frame[name].to_numpy()[rows]
    return matrix
