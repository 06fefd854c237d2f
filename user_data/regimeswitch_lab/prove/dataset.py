"""Features, regimes, labels and moves of stored candles, as the strategy and FreqAI make them.

The same functions as in a bot, without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.bot.freqai.feature_names import in_common, vocabulary
from regimeswitch.market.candles import time_numbers
from regimeswitch.market.cleaning import bad_candles
from regimeswitch.market.feature_blocks import FeaturePlan, all_features
from regimeswitch.market.labels import class_labels, forward_return, move_threshold
from regimeswitch.model.training_set import Rows
from regimeswitch.settings import Settings
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.commands.regimes_command import find_regimes


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


def pair_data(folder: CandleFolder, pair: str, settings: Settings, plan: FeaturePlan) -> PairData:
    """All that is known of one pair; its features have FreqAI's names.

    :param plan: which features there are
    """
    base = plan.timeframe
    raw = folder.candles(pair, base)
    candles, columns = find_regimes(folder, pair, settings, base)
    bad = bad_candles(raw, base, settings.safety)
    features = all_features(pair, folder.candles, plan, settings.safety)
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


def with_common_features(pairs: Sequence[PairData]) -> list[PairData]:
    """The pairs with the same features in the same order, as rows that are shared need them.

    :param pairs: of :func:`pair_data`
    :return: with ``{pair}`` for the pair in the names; where a pair is a correlated pair, its own
        columns stand in for those of the correlated one
    """
    names = vocabulary({data.pair: data.names for data in pairs})
    return [_in_order(data, names) for data in pairs]


def _in_order(data: PairData, names: list[str]) -> PairData:
    if vocabulary({data.pair: data.names}) == names:
        return replace(data, names=tuple(names))
    frame = pd.DataFrame(data.X, columns=list(data.names), copy=False)
    return replace(data, X=in_common(frame, data.pair, names), names=tuple(names))
