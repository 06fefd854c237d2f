"""Trainings over the rows of all pairs: features of each pair once, one training per round for all.

In a backtest the frames of all pairs are populated once, for the whole range, and kept on disk
(:mod:`~regimeswitch.bot.freqai.kept_frames`). Every window is cut from them at its training end;
labels are made on the cut frame, so that none knows a later candle. Live, the frames come from
FreqAI's own history at the moment of the training, one after the other.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy

from regimeswitch.bot.freqai.fast_merge import joined_quickly
from regimeswitch.bot.freqai.feature_names import features_of, renamed
from regimeswitch.bot.freqai.freed_memory import give_back
from regimeswitch.bot.freqai.kept_frames import KeptFrame
from regimeswitch.bot.freqai.model_versions import SECTION, stamped
from regimeswitch.bot.freqai.shared_rows import SharedWindow, shared_rows
from regimeswitch.bot.freqai.training_rows import without_own_rows
from regimeswitch.market.candles import OHLCV, utc_dates
from regimeswitch.model.factory import TrainedModel
from regimeswitch.model.training_report import metadata_of
from regimeswitch.model.training_set import Rows
from regimeswitch.settings import Settings


logger = logging.getLogger(__name__)

MIN_ROUND_SECONDS = 3600
"""How long a round of trainings lasts at least, however often FreqAI trains."""

Populate = Callable[[str], pd.DataFrame]
Frames = Iterator[tuple[str, Callable[[], pd.DataFrame]]]
"""Pairs, and what populates the candles of each."""


def shares_rows(rows: str, config: dict[str, Any]) -> bool:
    """Whether rows are shared; principal components would differ from pair to pair.

    :param rows: the setting ``models.rows``
    """
    features = config["freqai"]["feature_parameters"]
    return rows == "shared" and not features.get("principal_component_analysis", False)


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


class SharedTraining:
    """One training per window for all pairs, and pairs that join between two of them.

    :param config: freqtrade's, with the section ``freqai``
    :param drawer: FreqAI's data drawer
    :ivar pairs: that learn together, see :func:`shared_pairs`
    :ivar models: by window, start and stop in epoch seconds
    :ivar adopted: by pair, when the model of another that serves it was trained, epoch seconds
    """

    def __init__(self, config: dict[str, Any], settings: Settings, drawer: Any) -> None:
        self._config, self._settings, self._drawer = config, settings, drawer
        self.pairs = shared_pairs(config)
        self.models: dict[tuple[int, int], TrainedModel] = {}
        self.adopted: dict[str, int] = {}
        self._newest: TimeRange | None = None
        self._frames: dict[str, KeptFrame] = {}

    def model(self, window: TimeRange, fit: Callable[[], TrainedModel]) -> TrainedModel:
        """The model of a window; fitted when nobody has asked for it before."""
        key = (window.startts, window.stopts)
        if key not in self.models:
            self.models[key] = fit()
        return self.models[key]

    def round_window(self, wanted: TimeRange, trained: int, hours: float) -> TimeRange:
        """Live: the window of the current round, or ``wanted`` as the window of a new one.

        :param trained: when the pair was last trained; a round serves each pair once
        :param hours: FreqAI's ``live_retrain_hours``
        """
        newest = self._newest
        age = None if newest is None else wanted.stopts - newest.stopts
        lasts = max(hours * 3600, MIN_ROUND_SECONDS)
        if newest is None or age is None or not 0 <= age < lasts or trained >= newest.stopts:
            self._newest = newest = TimeRange("date", "date", wanted.startts, wanted.stopts)
            self.models.clear()
        # FreqAI cuts its buffer off the very object that it is given, once for each pair.
        return copy.copy(newest)

    def learning_pairs(self, strategy: IStrategy, pair: str) -> list[str]:
        """Live: the pairs of now that learn together, and the one that is being trained.

        Their order does not depend on the pair list's, which may be that of the day's volume.
        """
        now = {*strategy.dp.current_whitelist(), pair}
        return [*(name for name in self.pairs if name in now), *sorted(now - {*self.pairs})]

    def rows(
        self,
        window: TimeRange,
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
        load: TimeRange | None,
    ) -> tuple[Rows, list[str]]:
        """Training rows of all pairs in one window, and the vocabulary of their features.

        :param dk: of the pair that asks
        :param load: live, the range of the histories that are looked at; None in a backtest
        :raises OperationalException: when there is no row to learn from
        """
        if load is not None:
            pairs = self.learning_pairs(strategy, dk.pair)
            frames = self._live_frames(strategy, pairs, load)
        else:
            pairs = self.pairs
            frames = self._backtest_frames(strategy)
        features = self._config["freqai"]["feature_parameters"]
        weights = dk.set_weights_higher_recent if features.get("weight_factor", 0) > 0 else np.ones
        return shared_rows(
            frames, SharedWindow(window, len(pairs), strategy, self._settings), weights
        )

    def _backtest_frames(self, strategy: IStrategy) -> Frames:
        """Populated frames of all pairs of a backtest; a pair without candles is left out."""
        for pair in self.pairs:
            candles = strategy.dp.get_pair_dataframe(pair, strategy.timeframe)
            if not candles.empty:
                yield pair, partial(self._backtest_frame, pair, candles, strategy)

    def _backtest_frame(
        self, pair: str, candles: pd.DataFrame, strategy: IStrategy
    ) -> pd.DataFrame:
        def make(name: str) -> pd.DataFrame:
            with joined_quickly(FreqaiDataKitchen(self._config, False, name)) as dk:
                frame: pd.DataFrame = dk.use_strategy_to_populate_indicators(
                    strategy, prediction_dataframe=candles, pair=name
                )
            return frame

        known = self._frames.get(pair)
        return known.frame if known is not None else self._populated(pair, candles, make)

    def _live_frames(self, strategy: IStrategy, pairs: list[str], load: TimeRange) -> Frames:
        """Frames of all pairs that FreqAI holds a history of, features and labels populated."""
        for pair in pairs:
            histories = self._drawer.historic_data.get(pair, {})
            if not histories or any(frame.empty for frame in histories.values()):
                continue
            dk = FreqaiDataKitchen(self._config, True, pair)
            corr, base = self._drawer.get_base_and_corr_dataframes(load, pair, dk)
            if base[self._config["timeframe"]].empty:
                continue
            yield pair, partial(_live_frame, dk, strategy, corr, base)

    def _populated(self, pair: str, candles: pd.DataFrame, make: Populate) -> pd.DataFrame:
        """The frame of ``pair``, features in single precision; made when there is none yet."""
        known = self._frames.get(pair)
        if known is None or not _same_dates(known.others["date"], candles["date"]):
            known = self._frames[pair] = KeptFrame.of(make(pair), self._drawer.full_path)
            give_back()
        return known.frame

    def candles_of_others(self, pair: str, strategy: IStrategy) -> dict[str, pd.DataFrame]:
        """Base candles of the other pairs that learn together, in a backtest."""
        others = [name for name in self.pairs if name != pair]
        return {name: strategy.dp.get_pair_dataframe(name, strategy.timeframe) for name in others}

    def populating(self, populate: Any) -> Any:
        """Let FreqAI use, and fill, the frames that the shared trainings are cut from.

        :param populate: the kitchen's ``use_strategy_to_populate_indicators``
        """

        def once(
            strategy: IStrategy, *, prediction_dataframe: pd.DataFrame, pair: str, **kwargs: Any
        ) -> pd.DataFrame:
            def make(name: str) -> pd.DataFrame:
                frame: pd.DataFrame = populate(
                    strategy, prediction_dataframe=prediction_dataframe, pair=name, **kwargs
                )
                return frame

            if len(prediction_dataframe) < 2:
                return make(pair)
            return _with_own_columns(
                self._populated(pair, prediction_dataframe, make), prediction_dataframe
            )

        return once

    def adopt(self, pair: str) -> None:
        """Serve a pair that has no model by the newest of the others'; its own training follows."""
        known = self._drawer.pair_dict
        if known[pair]["model_filename"]:
            return
        trained = {
            name: info
            for name, info in known.items()
            if info["model_filename"] and info["trained_timestamp"] and name not in self.adopted
        }
        if not trained:
            return
        donor, info = max(trained.items(), key=lambda item: int(item[1]["trained_timestamp"]))
        stamp = int(info["trained_timestamp"])
        source = FreqaiDataKitchen(self._config, True, donor)
        model: TrainedModel = self._drawer.load_data(donor, source)
        dk = FreqaiDataKitchen(self._config, True, pair)
        dk.data = {**copy.deepcopy(source.data), SECTION: stamped(metadata_of(model, pair))}
        dk.label_list = list(source.label_list)
        dk.training_features_list = renamed(source.training_features_list, donor, pair)
        dk.label_pipeline = source.label_pipeline
        without_own_rows(dk)
        dk.set_paths(pair, stamp)
        dk.set_new_model_names(pair, stamp)
        self._drawer.save_data(model, pair, dk)
        self.adopted[pair] = stamp
        logger.info(f"{pair}: no model of its own yet; served by the one trained with {donor}")


def _with_own_columns(populated: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """A populated frame with the columns that the strategy had put on its candles; a new object.

    The trainings of other pairs populate from candles alone.

    :param given: candles of the same dates and the strategy's own columns
    """
    own = given.drop(columns=OHLCV)
    if own.empty:
        return populated
    rest = populated.drop(columns=own.columns, errors="ignore")
    joined: pd.DataFrame = pd.concat([rest, own.set_axis(rest.index)], axis=1)
    return joined


def _live_frame(
    dk: FreqaiDataKitchen, strategy: IStrategy, corr: dict[str, Any], base: dict[str, Any]
) -> pd.DataFrame:
    """The frame of a kitchen's pair, from FreqAI's histories."""
    with joined_quickly(dk):
        frame = dk.use_strategy_to_populate_indicators(
            strategy, corr_dataframes=corr, base_dataframes=base, pair=dk.pair
        )
    return single_precision(frame)


def _same_dates(one: pd.Series, other: pd.Series) -> bool:
    return len(one) == len(other) and bool(
        (utc_dates(one).to_numpy() == utc_dates(other).to_numpy()).all()
    )


def single_precision(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its features as 32-bit numbers: half the memory, and what models see."""
    names = features_of(frame.columns)
    # Copied: the types alone would leave a block of memory for every column.
    return frame.astype(dict.fromkeys(names, np.float32)).copy()
