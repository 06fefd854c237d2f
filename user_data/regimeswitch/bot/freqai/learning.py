"""Training inside FreqAI: a pair's own rows, or those of all pairs once per round."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
from datasieve.pipeline import Pipeline
from freqtrade.configuration import TimeRange
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy

from regimeswitch.bot.freqai.base import RegimeModelBase
from regimeswitch.bot.freqai.columns import (
    TRAINED_COLUMN,
    label_of,
)
from regimeswitch.bot.freqai.missing_rows import no_rows
from regimeswitch.bot.freqai.outlier_steps import repeatable
from regimeswitch.bot.freqai.shared_training import (
    backtest_frames,
    in_single_precision,
    live_frames,
    shared_rows,
)
from regimeswitch.bot.freqai.training_rows import (
    LEAST_OWN_ROWS,
    own_rows,
    usable_rows,
    without_own_rows,
)
from regimeswitch.market.labels import VOLATILITY_TARGET
from regimeswitch.model.blended import BlendedModel
from regimeswitch.model.ensemble import RegimeEnsemble
from regimeswitch.model.factory import (
    TrainedModel,
    unfitted_ensemble,
    unfitted_model,
    unfitted_volatility_model,
)
from regimeswitch.model.training_report import log_text, metadata_of
from regimeswitch.model.training_set import Rows
from regimeswitch.model.volatility_model import VolatilityModel


logger = logging.getLogger(__name__)


class LearningModel(RegimeModelBase):
    """Trains, in backtests and live alike."""

    def define_data_pipeline(self, threads: int = -1) -> Pipeline:
        """FreqAI's steps; the same rows give the same result, live and in a backtest."""
        return repeatable(super().define_data_pipeline(threads=threads))

    def train(
        self, unfiltered_df: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, **kwargs: Any
    ) -> Any:
        """Train on the pair's own rows or, shared, on those of all pairs, once per round."""
        label_of(dk.label_list)
        dk.label_pipeline = Pipeline([])
        usable = usable_rows(unfiltered_df, dk)
        if not self.shares and not usable:
            raise no_rows({pair: unfiltered_df}, self.training_window)
        if self.shares and usable < LEAST_OWN_ROWS:
            logger.info(f"{pair}: no history of its own to learn from yet; served by all pairs'")
            without_own_rows(dk)
            dk.data["labels_mean"], dk.data["labels_std"] = {}, {}
        else:
            frame = unfiltered_df
            if self.shares:
                frame = in_single_precision(frame, dk.training_features_list)
            rows = own_rows(
                frame,
                pair,
                dk,
                self.define_data_pipeline(threads=dk.thread_count),
                self.config["timeframe"],
                self.settings,
                bool(self.data_split_parameters.get("shuffle", False)),
            )
            if not self.freqai_info.get("fit_live_predictions_candles", 0) or not self.live:
                dk.fit_labels()
        model = self._shared_training(dk) if self.shares else self._fitted(rows, dk)
        dk.data["regimeswitch"] = metadata_of(model, pair)
        dk.data["extra_returns_per_train"] = {
            **dk.data["extra_returns_per_train"],
            TRAINED_COLUMN: float(self.training_window.stopts + self._buffer_seconds()),
        }
        return model

    def _shared_training(self, dk: FreqaiDataKitchen) -> TrainedModel:
        """The training of this window, made by the first pair that asks for it."""
        window = self.training_window
        return self.rounds.training(
            window.startts, window.stopts, lambda: self._train_all(window, dk)
        )

    def _train_all(self, window: TimeRange, dk: FreqaiDataKitchen) -> TrainedModel:
        strategy = self.strategy
        if strategy is None:
            raise OperationalException("train() came before start(); call start() first")
        if self.live and self.load_range is not None:
            pairs = self.learning_pairs(strategy, dk.pair)
            frames = live_frames(self.dd, strategy, self.config, pairs, self.load_range)
        else:
            frames = backtest_frames(self.store, strategy, self.config, self.pairs)
        rows, names = shared_rows(frames, window, strategy, self.settings, self._weights_by(dk))
        if not len(rows):
            raise no_rows(frames, window)
        model = self._fitted(rows, dk)
        model.feature_names_ = names
        return model

    def _fitted(self, rows: Rows, dk: FreqaiDataKitchen) -> TrainedModel:
        model: TrainedModel = self.fit({"train_rows": rows}, dk)
        logger.info(log_text(model, self.config["timeframe"]))
        return model

    def learning_pairs(self, strategy: IStrategy, pair: str) -> list[str]:
        """Live: the pairs of now that learn together, and the one that is being trained.

        Their order does not depend on the pair list's, which may be that of the day's volume.
        """
        now = {*strategy.dp.current_whitelist(), pair}
        return [*(name for name in self.pairs if name in now), *sorted(now - {*self.pairs})]

    def _buffer_seconds(self) -> int:
        """What FreqAI has cut off at the end of the window, after which a model is named."""
        candles = int(self.ft_params.get("buffer_train_data_candles", 0))
        return candles * int(timeframe_to_seconds(self.config["timeframe"]))

    def _weights_by(self, dk: FreqaiDataKitchen) -> Any:
        if self.ft_params.get("weight_factor", 0) > 0:
            return dk.set_weights_higher_recent
        return np.ones

    def unfitted(self, classes: list[Any] | None = None) -> RegimeEnsemble:
        """Base and sub-models as the settings want them."""
        given = self.config["freqai"].get("model_training_parameters", {})
        return unfitted_ensemble(self.settings.models, self.task, given, classes)

    def gated(self, ensemble: RegimeEnsemble, rows: Rows) -> BlendedModel:
        """The ensemble, validated and trained; what ``fit`` of both models returns."""
        base, period = self.config["timeframe"], self._label_period
        return unfitted_model(ensemble, self.settings, self.shares, base, period).fit(rows)

    def forecaster(self, rows: Rows, dk: FreqaiDataKitchen) -> TrainedModel:
        """A regressor's model, by the strategy's target: the next day's volatility, or a number."""
        if label_of(dk.label_list) == VOLATILITY_TARGET:
            return self._volatility_model(rows)
        return self.gated(self.unfitted(), rows)

    def _volatility_model(self, rows: Rows) -> VolatilityModel:
        given = self.config["freqai"].get("model_training_parameters", {})
        timeframe = self.config["timeframe"]
        unfitted = unfitted_volatility_model(self.settings, given, timeframe, self._label_period)
        return unfitted.fit(rows)

    @property
    def _label_period(self) -> int:
        return int(self.ft_params.get("label_period_candles", 0))

    @property
    def training_window(self) -> TimeRange:
        """The window that is being trained."""
        return self.live_window if self.live else self.training_timerange
