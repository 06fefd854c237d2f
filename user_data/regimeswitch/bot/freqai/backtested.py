"""Backtests inside FreqAI: windows of these very candles, features of a pair populated once.

A window in which a pair has no candle is left out, so that a pair may begin or end inside the
range; a training that fails is counted, and a backtest in which all failed ends with an error.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy

from regimeswitch.bot.freqai.fast_merge import join_quickly
from regimeswitch.bot.freqai.learning import LearningModel
from regimeswitch.bot.freqai.model_cache import drop_stale, remember_candles
from regimeswitch.bot.freqai.training_outcome import Outcome, is_last
from regimeswitch.bot.patches import install
from regimeswitch.market.candles import OHLCV
from regimeswitch.model.factory import TrainedModel


logger = logging.getLogger(__name__)


class BacktestedModel(LearningModel):
    """What a backtest needs beside training and answers."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.outcome = Outcome()
        super().__init__(config)

    def start_backtesting(
        self,
        dataframe: pd.DataFrame,
        metadata: dict[str, Any],
        dk: FreqaiDataKitchen,
        strategy: IStrategy,
    ) -> FreqaiDataKitchen:
        """Backtest windows, on these candles; the candle AT the end of the range is predicted too.

        Stock FreqAI leaves it without a prediction, so that the last row of a shorter backtest
        differs from the same row of a longer one.
        """
        pair = metadata["pair"]
        if dk.backtesting_timeranges:
            dk.backtesting_timeranges[-1].stopts += timeframe_to_seconds(self.config["timeframe"])
        leave_out_empty_windows(dk, dataframe, pair)
        self.outcome.begin(pair, len(dk.backtesting_timeranges))
        join_quickly(dk)
        others = self._candles_of_others(pair, strategy)
        drop_stale(dataframe, pair, dk, others)
        if self.shares:
            self._populate_once(dk, strategy)
        if dk.backtesting_timeranges:
            dk = super().start_backtesting(dataframe, metadata, dk, strategy)
        else:
            dk.return_dataframe = without_predictions(dataframe, metadata, dk, strategy)
        remember_candles(dataframe, pair, dk, others)
        if is_last(pair, strategy.dp, strategy.timeframe):
            self.outcome.conclude()
        return dk

    def train(
        self, unfiltered_df: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, **kwargs: Any
    ) -> Any:
        """Train; in a backtest a failure is noted, and FreqAI gets no model."""
        if self.live:
            return super().train(unfiltered_df, pair, dk, **kwargs)
        try:
            return super().train(unfiltered_df, pair, dk, **kwargs)
        except Exception as error:
            self.outcome.note(pair, self.training_window, error)
            return None

    def _shared_training(self, dk: FreqaiDataKitchen) -> TrainedModel:
        """The training of all pairs; in a backtest one that failed would fail for each of them."""
        if self.live:
            return super()._shared_training(dk)
        window = (self.training_window.startts, self.training_window.stopts)
        if window in self.outcome.shared:
            raise self.outcome.shared[window]
        try:
            return super()._shared_training(dk)
        except Exception as error:
            self.outcome.shared[window] = error
            raise

    def backtesting_fit_live_predictions(self, dk: FreqaiDataKitchen) -> None:
        """FreqAI's statistics; what each training said of itself stays with its own rows.

        FreqAI writes the last training's words over all of them.
        """
        names = [name for name in dk.data["extra_returns_per_train"] if name in dk.full_df]
        said = dk.full_df[names].copy()
        super().backtesting_fit_live_predictions(dk)
        dk.full_df[names] = said

    def _candles_of_others(self, pair: str, strategy: IStrategy) -> dict[str, pd.DataFrame]:
        others = [name for name in self.pairs if name != pair] if self.shares else []
        return {name: strategy.dp.get_pair_dataframe(name, strategy.timeframe) for name in others}

    def _populate_once(self, dk: FreqaiDataKitchen, strategy: IStrategy) -> None:
        """Let FreqAI use, and fill, the frames that the shared trainings are cut from."""
        install("kitchen", dk, use_strategy_to_populate_indicators=self._populating)

    def _populating(self, populate: Any) -> Any:
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
            return with_own_columns(
                self.store.populated(pair, prediction_dataframe, make), prediction_dataframe
            )

        return once

    def _append_null_backtesting_predictions(
        self, dk: FreqaiDataKitchen, dataframe_backtest: pd.DataFrame
    ) -> None:
        """Nothing is predicted for a window whose training failed, and nothing of it is kept.

        FreqAI lists the classes again for every window, and fails on its own repetition; its zeros
        on disk would pass for predictions in the next backtest.
        """
        dk.unique_class_list = list(dict.fromkeys(dk.unique_class_list))
        super()._append_null_backtesting_predictions(dk, dataframe_backtest)
        Path(dk.backtesting_results_path).unlink(missing_ok=True)

    def model_exists(self, dk: FreqaiDataKitchen) -> bool:
        """Whether a backtest finds a saved model of a window, and may use it."""
        found = bool(super().model_exists(dk))
        if not found or self.guard is None:
            return found
        return self.guard.may_load(Path(dk.data_path), str(dk.model_filename))


def without_predictions(
    candles: pd.DataFrame, metadata: dict[str, Any], dk: FreqaiDataKitchen, strategy: IStrategy
) -> pd.DataFrame:
    """Candles with all columns that FreqAI would have filled, at zero."""
    labelled = strategy.set_freqai_targets(candles.copy(), metadata=metadata)
    dk.get_unique_classes_from_labels(labelled)
    names = dict.fromkeys([*dk.label_list, *dk.unique_class_list])
    columns = [f"{name}{ending}" for name in names for ending in ("", "_mean", "_std")]
    empty: pd.DataFrame = candles.assign(**dict.fromkeys(columns, 0.0), DI_values=0.0, do_predict=0)
    return empty


def with_own_columns(populated: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    """A copy of a populated frame with the columns that the strategy had put on its candles.

    The trainings of other pairs populate from candles alone.

    :param given: candles of the same dates and the strategy's own columns
    """
    own = given.drop(columns=OHLCV)
    rest = populated.drop(columns=own.columns, errors="ignore")
    joined: pd.DataFrame = pd.concat([rest, own.set_axis(rest.index)], axis=1)
    return joined


def leave_out_empty_windows(dk: FreqaiDataKitchen, candles: pd.DataFrame, pair: str) -> None:
    """Take the windows out of a kitchen in which a pair has no candle to predict.

    Nothing is known of them, and a learner cannot be asked about no row. A line of the log says
    where the pair begins or ends.
    """
    kept = []
    for training, backtest in zip(dk.training_timeranges, dk.backtesting_timeranges, strict=False):
        dates = candles["date"]
        if ((dates >= backtest.startdt) & (dates < backtest.stopdt)).any():
            kept.append((training, backtest))
    out = len(dk.backtesting_timeranges) - len(kept)
    if out:
        first, last = candles["date"].iloc[0], candles["date"].iloc[-1]
        logger.warning(
            f"{pair}: has candles from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} only and is "
            f"left out of {out} of {len(dk.backtesting_timeranges)} backtest windows"
        )
    dk.training_timeranges = [training for training, _ in kept]
    dk.backtesting_timeranges = [backtest for _, backtest in kept]
