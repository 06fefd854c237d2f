"""Rows of all pairs inside FreqAI: features of each pair once, one training per round for all.

In a backtest the frames of all pairs are populated once, for the whole range, and every window is
cut from them at its training end; labels are made on the cut frame, so that none knows a later
candle. Live, the frames come from FreqAI's own history at the moment of the training.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from regimeswitch.bot.freqai.columns import CODE_COLUMN, label_of, moves_of, with_rivals
from regimeswitch.bot.freqai.fast_merge import join_quickly
from regimeswitch.bot.freqai.feature_names import features_of, in_common, vocabulary
from regimeswitch.bot.freqai.missing_rows import no_rows
from regimeswitch.market.candles import OHLCV, time_numbers, utc_dates
from regimeswitch.market.labels import VOLATILITY_TARGET
from regimeswitch.model.factory import row_step
from regimeswitch.model.training_set import Rows, thinned
from regimeswitch.settings import Settings


logger = logging.getLogger(__name__)

Populate = Callable[[str], pd.DataFrame]


def shared_pairs(config: dict[str, Any]) -> list[str]:
    """The fixed list of pairs that learn together: those of the command line or of the config.

    In backtests it is not the current whitelist: ``lookahead-analysis`` cuts that to one pair, and
    a training must not depend on which pair is looked at. In a running bot the pairs of the moment
    learn together, in the order of this list.
    """
    given = config.get("pairs") or config.get("original_config", {}).get("exchange", {}).get(
        "pair_whitelist"
    )
    pairs = list(given or config["exchange"]["pair_whitelist"])
    plain = all("/" in pair and not set(pair) & set(".*[]()|") for pair in pairs)
    return pairs if plain else list(config["exchange"]["pair_whitelist"])


@dataclass
class SharedFrames:
    """Populated frames of a backtest, features in single precision, by pair."""

    frames: dict[str, pd.DataFrame] = field(default_factory=dict)

    def populated(self, pair: str, candles: pd.DataFrame, make: Populate) -> pd.DataFrame:
        """The frame of ``pair``; made when there is none of these candles yet."""
        known = self.frames.get(pair)
        if known is None or not _same_dates(known["date"], candles["date"]):
            known = single_precision(make(pair))
            self.frames[pair] = known
        return known


def _same_dates(one: pd.Series, other: pd.Series) -> bool:
    return len(one) == len(other) and bool(
        (utc_dates(one).to_numpy() == utc_dates(other).to_numpy()).all()
    )


def single_precision(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its features as 32-bit numbers: half the memory, and what models see."""
    names = features_of(frame.columns)
    # Copied: the types alone would leave a block of memory for every column.
    return frame.astype(dict.fromkeys(names, np.float32)).copy()


def backtest_frames(
    store: SharedFrames, strategy: IStrategy, config: dict[str, Any], pairs: list[str]
) -> dict[str, pd.DataFrame]:
    """Frames of all pairs of a backtest; a pair without candles is left out."""
    result = {}
    for pair in pairs:
        candles = strategy.dp.get_pair_dataframe(pair, strategy.timeframe)
        if candles.empty:
            continue

        def make(name: str, candles: pd.DataFrame = candles) -> pd.DataFrame:
            dk = join_quickly(FreqaiDataKitchen(config, False, name))
            frame: pd.DataFrame = dk.use_strategy_to_populate_indicators(
                strategy, prediction_dataframe=candles, pair=name
            )
            return frame

        known = store.frames.get(pair)
        result[pair] = known if known is not None else store.populated(pair, candles, make)
    return result


def live_frames(
    dd: Any,
    strategy: IStrategy,
    config: dict[str, Any],
    pairs: list[str],
    load: TimeRange,
) -> dict[str, pd.DataFrame]:
    """Frames of all pairs that FreqAI holds a history of, features and labels populated."""
    result = {}
    for pair in pairs:
        histories = dd.historic_data.get(pair, {})
        if not histories or any(frame.empty for frame in histories.values()):
            continue
        dk = join_quickly(FreqaiDataKitchen(config, True, pair))
        corr, base = dd.get_base_and_corr_dataframes(load, pair, dk)
        if base[config["timeframe"]].empty:
            continue
        frame = dk.use_strategy_to_populate_indicators(
            strategy, corr_dataframes=corr, base_dataframes=base, pair=pair
        )
        result[pair] = single_precision(frame)
    return result


def shared_rows(
    frames: dict[str, pd.DataFrame],
    window: TimeRange,
    strategy: IStrategy,
    settings: Settings,
    weights: Callable[[int], NDArray[np.float64]],
) -> tuple[Rows, list[str]]:
    """Training rows of all pairs in one window, thinned, and the vocabulary of their features.

    :param window: rows from its start up to, and without, its stop; no candle at or after the
        stop is seen by any label
    :param weights: number of rows to the weights of rows in the order of time
    """
    names = vocabulary({pair: frame.columns for pair, frame in frames.items()})
    parts, label = [], ""
    for pair, frame in frames.items():
        cut = frame.loc[frame["date"] < window.stopdt]
        if len(cut):
            rows, label = _rows_of(cut, pair, window, strategy, settings, names)
            parts.append(rows)
    if not parts:
        raise no_rows(frames, window)
    rows = Rows.joined(parts)
    volatility = label == VOLATILITY_TARGET
    step = row_step(len(rows), settings, strategy.timeframe, volatility)
    rows = rows.take(thinned(rows.time, step))
    moments, place = np.unique(rows.time, return_inverse=True)
    if len(moments):
        rows.weight[:] = weights(len(moments))[place]
    return rows, names


def _rows_of(
    cut: pd.DataFrame,
    pair: str,
    window: TimeRange,
    strategy: IStrategy,
    settings: Settings,
    names: list[str],
) -> tuple[Rows, str]:
    """Rows of one pair and the name of their label."""
    plain = cut[[name for name in cut.columns if "&" not in name]]
    labelled = strategy.set_freqai_targets(plain, metadata={"pair": pair})
    name = label_of(labelled.columns)
    label = labelled[name]
    inside = (labelled["date"] >= window.startdt).to_numpy() & label.notna().to_numpy()
    X = in_common(labelled.loc[inside], pair, names)
    X = with_rivals(X, labelled.loc[inside], name)
    complete = ~np.isnan(X).any(axis=1)
    chosen = np.flatnonzero(inside)[complete]
    codes = labelled[CODE_COLUMN].to_numpy(dtype=np.int64)[chosen]
    move = moves_of(cut[OHLCV], strategy.timeframe, settings)
    rows = Rows(
        X=X[complete],
        y=label.to_numpy()[chosen],
        regime=codes,
        time=time_numbers(labelled["date"], strategy.timeframe)[chosen],
        pair=np.full(len(chosen), pair),
        weight=np.ones(len(chosen)),
        move=move[chosen],
    )
    return rows, name


def in_single_precision(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Features as the shared frames of a backtest hold them, for the feature pipeline.

    :return: double precision, so that what is computed from them is not rounded as well
    """
    rounded = frame.astype(dict.fromkeys(names, np.float32))
    return rounded.astype(dict.fromkeys(names, np.float64))
