"""Backtests inside FreqAI: windows of these very candles, features of a pair populated once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy

from regimeswitch.bot.joining import join_quickly
from regimeswitch.bot.learning import LearningModel
from regimeswitch.bot.stale import drop_stale, remember_candles


class BacktestedModel(LearningModel):
    """What a backtest needs beside training and answers."""

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
        join_quickly(dk)
        others = self._candles_of_others(pair, strategy)
        drop_stale(dataframe, pair, dk, others)
        if self.shares:
            self._populate_once(dk, strategy)
        done = super().start_backtesting(dataframe, metadata, dk, strategy)
        remember_candles(dataframe, pair, dk, others)
        return done

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
        populate = dk.use_strategy_to_populate_indicators

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
            return self.store.populated(pair, prediction_dataframe, make).copy()

        dk.use_strategy_to_populate_indicators = once

    def _append_null_backtesting_predictions(
        self, dk: FreqaiDataKitchen, dataframe_backtest: pd.DataFrame
    ) -> None:
        """Nothing is predicted for a window whose training failed.

        FreqAI lists the classes again for every window, and fails on its own repetition.
        """
        dk.unique_class_list = list(dict.fromkeys(dk.unique_class_list))
        super()._append_null_backtesting_predictions(dk, dataframe_backtest)

    def model_exists(self, dk: FreqaiDataKitchen) -> bool:
        """Whether a backtest finds a saved model of a window, and may use it."""
        found = bool(super().model_exists(dk))
        if not found or self.guard is None:
            return found
        return self.guard.may_load(Path(dk.data_path), str(dk.model_filename))
