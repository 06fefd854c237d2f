"""Features, regimes, labels and moves of stored candles, as the strategy and FreqAI make them.

The same functions as in a bot, without one: names follow FreqAI's, with ``{pair}`` for the pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.market.candles import merge_causally, time_numbers
from regimeswitch.market.cleaning import bad_candles, cleaned
from regimeswitch.market.features import basic_features, calendar_features, period_features
from regimeswitch.market.labels import class_labels, forward_return, move_threshold
from regimeswitch.market.volatility_features import volatility_features
from regimeswitch.model.training_set import Rows
from regimeswitch.settings import Settings
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.commands.regimes_command import find_regimes


OWN = "{pair}"


@dataclass(frozen=True)
class PairData:
    """All rows of one pair; arrays of one length.

    :param time: opening times, counted in base candles since 1970
    :param X: features, 32 bit, NaN in warm-up
    :param y: buy, hold, sell; empty text where the label is not known
    :param forward: forward return over the horizon, a fraction; NaN where not known
    :param usable: complete features and a known label
    :param names: of the features
    """

    pair: str
    X: NDArray[np.float32]
    y: NDArray[np.str_]
    regime: NDArray[np.int64]
    time: NDArray[np.int64]
    forward: NDArray[np.float64]
    move: NDArray[np.float64]
    usable: NDArray[np.bool_]
    names: tuple[str, ...]

    def rows(self, chosen: NDArray[np.bool_]) -> Rows:
        """Training rows; only rows that are usable."""
        place = np.flatnonzero(chosen & self.usable)
        return Rows(
            X=np.asarray(self.X[place]),
            y=self.y[place],
            regime=self.regime[place],
            time=self.time[place],
            pair=np.full(len(place), self.pair),
            weight=np.ones(len(place)),
            move=self.move[place],
        )


def pair_data(
    folder: CandleFolder, pair: str, settings: Settings, timeframes: list[str], periods: list[int]
) -> PairData:
    """All that is known of one pair.

    :param timeframes: the base timeframe, then the others of FreqAI's ``include_timeframes``
    :param periods: FreqAI's ``indicator_periods_candles``
    """
    base = timeframes[0]
    raw = folder.candles(pair, base)
    candles, columns = find_regimes(folder, pair, settings, base)
    bad = bad_candles(raw, base, settings.safety)
    features = _features(folder, pair, candles, settings, timeframes, periods)
    X = features.to_numpy(dtype=np.float32)
    labels = class_labels(raw, settings.labels, base, bad)
    forward = forward_return(raw, settings.labels, base, bad).to_numpy()
    move = forward / move_threshold(candles, settings.labels, base)
    return PairData(
        pair=pair,
        X=X,
        y=labels.fillna("").to_numpy(dtype="U4"),
        regime=columns["regime_code"].to_numpy(dtype=np.int64),
        time=time_numbers(raw["date"], base),
        forward=forward,
        move=move,
        usable=labels.notna().to_numpy() & np.isfinite(X).all(axis=1),
        names=tuple(features.columns),
    )


def _features(
    folder: CandleFolder,
    pair: str,
    candles: pd.DataFrame,
    settings: Settings,
    timeframes: list[str],
    periods: list[int],
) -> pd.DataFrame:
    base, parts = timeframes[0], []
    for timeframe in timeframes:
        longer, own = candles, timeframe == base
        if not own:
            stored = folder.candles(pair, timeframe)
            longer = cleaned(stored, timeframe, settings.safety)
        counted = base if own else None
        blocks = [period_features(longer, n, counted).add_suffix(f"_{n}") for n in periods]
        block = pd.concat([*blocks, basic_features(longer, counted).add_suffix("_gen")], axis=1)
        block = block.add_suffix(f"_{OWN}_{timeframe}")
        if not own:
            # As in FreqAI, the last closed candle stands until the next, however late that is.
            block = merge_causally(
                candles["date"],
                base,
                block.assign(date=longer["date"]),
                timeframe,
                stale_seconds=10**9,
            )
        parts.append(block.set_axis(candles.index))
    parts += [calendar_features(candles), volatility_features(candles, base)]
    return pd.concat(parts, axis=1)
