"""FreqAI glue shared by RegimeSwitchClassifier and RegimeSwitchRegressor.

The regime enters FreqAI as a private column that the model puts on the base frame at the end of
``feature_engineering_standard``, the one place that backtests, live training and the live single
row have in common. So the models work with any FreqAI strategy. Rows stay aligned through
outlier steps and shuffling by a label column that carries the row number.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from datasieve.pipeline import Pipeline
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.freqai_interface import IFreqaiModel
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from regimeswitch.bot.config import (
    check_learners,
    learner_parameters,
    mark_identifier,
    settings_from,
)
from regimeswitch.bot.history import pair_regimes, with_earlier_candles
from regimeswitch.bot.stale import drop_stale, remember_candles
from regimeswitch.candles import utc_dates
from regimeswitch.learners import Task, make_learner


logger = logging.getLogger(__name__)

CODE_COLUMN = "_regimeswitch_code"
ROW_COLUMN = "_regimeswitch_row"
TRUST_COLUMN = "regime_trust"


class RegimeFreqaiModel(IFreqaiModel):
    """What both models share: regime column, training, prediction, live mends."""

    task: ClassVar[Task]

    def __init__(self, config: dict[str, Any]) -> None:
        self.settings = settings_from(config)
        mark_identifier(config, self.settings)
        check_learners(self.settings, self.task, config)
        try:
            super().__init__(config=config)
        except OSError as error:
            raise OperationalException(
                f"the model folder cannot be written ({error}); make "
                f"{config['user_data_dir'] / 'models'} a folder that this user may write to"
            ) from error

    def start(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], strategy: IStrategy
    ) -> pd.DataFrame:
        """FreqAI's entry point, per pair: adds the regime before and publishes it afterwards."""
        self._put_regime_into(strategy)
        candles = dataframe
        if strategy.dp.runmode == RunMode.PLOT:
            candles = with_earlier_candles(
                dataframe, metadata["pair"], strategy.dp, strategy.timeframe
            )
        result: pd.DataFrame = super().start(candles, metadata, strategy)
        result = result.iloc[len(candles) - len(dataframe) :].reset_index(drop=True)
        copies = _block_copies(dataframe.columns, result.columns, self.ft_params)
        parts = [result.drop(columns=[CODE_COLUMN, *copies], errors="ignore")]
        if "regime" not in result.columns:
            parts.append(self._regimes(result, metadata["pair"], strategy))
        missing = [name for name in self._numeric_outputs() if name not in result.columns]
        published: pd.DataFrame = pd.concat(
            [*parts, pd.DataFrame(0.0, result.index, missing)], axis=1
        )
        return published

    def _put_regime_into(self, strategy: IStrategy) -> None:
        original = strategy.feature_engineering_standard
        if getattr(original, "puts_regime", False):
            return

        def with_regime(
            dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
        ) -> pd.DataFrame:
            frame: pd.DataFrame = original(dataframe, metadata=metadata, **kwargs)
            codes = self._regimes(frame, metadata["pair"], strategy)["regime_code"]
            return frame.assign(**{CODE_COLUMN: codes.to_numpy()})

        vars(with_regime)["puts_regime"] = True
        strategy.feature_engineering_standard = with_regime

    def _regimes(self, frame: pd.DataFrame, pair: str, strategy: IStrategy) -> pd.DataFrame:
        return pair_regimes(
            frame, pair, strategy.dp, strategy.timeframe, self.settings, self.dd.historic_data
        )

    def train(
        self, unfiltered_df: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, **kwargs: Any
    ) -> Any:
        """Filter, split with a purge, run the feature pipeline and fit; rows keep their regime."""
        if len(dk.label_list) != 1:
            raise OperationalException(
                f"{type(self).__name__} learns one target, the strategy sets {dk.label_list}; "
                "keep one column that begins with &"
            )
        features, labels = dk.filter_features(
            unfiltered_df, dk.training_features_list, dk.label_list, training_filter=True
        )
        regime = unfiltered_df.loc[features.index, CODE_COLUMN].to_numpy(dtype=np.int64)
        labels = labels.assign(**{ROW_COLUMN: np.arange(len(labels))})
        data = self._purged(dk.make_train_test_datasets(features, labels))
        dk.feature_pipeline = self.define_data_pipeline(threads=dk.thread_count)
        dk.label_pipeline = Pipeline([])
        parts = ["train", "test"] if len(data["test_features"]) else ["train"]
        for part in parts:
            transform = "fit_transform" if part == "train" else "transform"
            (data[f"{part}_features"], data[f"{part}_labels"], data[f"{part}_weights"]) = getattr(
                dk.feature_pipeline, transform
            )(data[f"{part}_features"], data[f"{part}_labels"], data[f"{part}_weights"])
            rows = data[f"{part}_labels"].pop(ROW_COLUMN).to_numpy(dtype=np.int64)
            data[f"{part}_regime"] = regime[rows]
        if not self.freqai_info.get("fit_live_predictions_candles", 0) or not self.live:
            dk.fit_labels()
        model = self.fit(data, dk)
        dk.data["regimeswitch"] = {"rows": model.rows_, "sub_models": model.reasons_}
        told = ", ".join(f"{name} {reason}" for name, reason in model.reasons_.items())
        logger.info(
            f"{pair}: trained on {len(data['train_features'])} rows, "
            f"{data['train_features'].shape[1]} features; {told}"
        )
        return model

    def _purged(self, data: dict[str, Any]) -> dict[str, Any]:
        """Drop training rows whose label reaches into the test rows, or the other way round."""
        if not len(data["test_features"]) or self.data_split_parameters.get("shuffle", False):
            return data
        horizon = max(
            int(self.ft_params.get("label_period_candles", 0)), self.settings.labels.horizon
        )
        train, test = data["train_labels"][ROW_COLUMN], data["test_labels"][ROW_COLUMN]
        apart = ((train < test.min() - horizon) | (train > test.max() + horizon)).to_numpy()
        for name in ("train_features", "train_labels", "train_weights"):
            data[name] = data[name][apart]
        return data

    def predict(
        self, unfiltered_df: pd.DataFrame, dk: FreqaiDataKitchen, **kwargs: Any
    ) -> tuple[pd.DataFrame, NDArray[np.int_]]:
        """Serve each row by its regime; ``do_predict`` is 0 for a row with a missing feature."""
        dk.find_features(unfiltered_df)
        features, _ = dk.filter_features(
            unfiltered_df, dk.training_features_list, training_filter=False
        )
        complete = dk.do_predict
        X, inliers, _ = dk.feature_pipeline.transform(features, outlier_check=True)
        regime = unfiltered_df[CODE_COLUMN].to_numpy(dtype=np.int64)
        predictions = self.answers(X.to_numpy(), regime, dk).assign(
            **{TRUST_COLUMN: self.model.trust(regime)}
        )
        has_index = "di" in dk.feature_pipeline
        dk.DI_values = dk.feature_pipeline["di"].di_values if has_index else np.zeros(len(X))
        dk.do_predict = np.clip(np.minimum(inliers, complete), 0, 1).astype(np.int_)
        self._set_statistics(dk)
        return predictions, dk.do_predict

    def answers(
        self, X: NDArray[np.float64], regime: NDArray[np.int64], dk: FreqaiDataKitchen
    ) -> pd.DataFrame:
        """The model's answers as columns, by task; implemented by the two models."""
        raise OperationalException(f"{type(self).__name__} does not say what it answers")

    def _numeric_outputs(self) -> list[str]:
        return [TRUST_COLUMN]

    def _set_statistics(self, dk: FreqaiDataKitchen) -> None:
        # Live, FreqAI looks up a mean and a deviation for every numeric prediction column.
        for statistic in ("labels_mean", "labels_std"):
            values = dk.data.setdefault(statistic, {})
            for name in self._numeric_outputs():
                values.setdefault(name, 0)

    def make_ensemble_parts(self) -> dict[str, Any]:
        """Arguments of the ensemble from the settings and ``model_training_parameters``."""
        models = self.settings.models

        def learner(name: str) -> BaseEstimator:
            given = learner_parameters(name, self.settings, self.config)
            return make_learner(name, self.task, given, models.seed)

        return {
            "base": learner(models.learner),
            "sub_models": models.sub_models,
            "learners": {
                regime: learner(name)
                for regime, name in models.per_regime.items()
                if name != models.learner
            },
            "own_trees": models.own_trees,
            "min_rows": models.min_rows,
            "jobs": models.jobs,
        }

    def fit_live_predictions(self, dk: FreqaiDataKitchen, pair: str) -> None:
        """FreqAI's statistics of recent predictions, then those of our own columns."""
        super().fit_live_predictions(dk, pair)
        self._set_statistics(dk)

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
        if dk.backtesting_timeranges:
            dk.backtesting_timeranges[-1].stopts += timeframe_to_seconds(self.config["timeframe"])
        drop_stale(dataframe, metadata["pair"], dk)
        done = super().start_backtesting(dataframe, metadata, dk, strategy)
        remember_candles(dataframe, metadata["pair"], dk)
        return done

    def build_strategy_return_arrays(
        self, dataframe: pd.DataFrame, dk: FreqaiDataKitchen, pair: str, trained_timestamp: int
    ) -> None:
        """Live predictions; the first candle after a start is served like every other.

        Stock FreqAI only fills its history with it, and leaves its ``do_predict`` at 0.
        """
        first = pair not in self.dd.model_return_values
        super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)
        if first:
            super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)

    def extract_data_and_train_model(self, *args: Any, **kwargs: Any) -> None:
        """Live training, after giving all stored candles one date type.

        Stored and fresh candles carry different UTC objects; joined they become dtype object, and
        every later merge on dates fails.
        """
        with self.dd.history_lock:
            for frames in self.dd.historic_data.values():
                for timeframe, frame in frames.items():
                    frames[timeframe] = frame.assign(date=utc_dates(frame["date"]))
        super().extract_data_and_train_model(*args, **kwargs)


def _block_copies(given: pd.Index, returned: pd.Index, features: dict[str, Any]) -> list[str]:
    """Copies of the strategy's own columns that FreqAI makes once per feature block.

    They come back only when features were computed, not with cached predictions.
    """
    endings = tuple(f"_{timeframe}" for timeframe in features["include_timeframes"])
    own = tuple(f"{name}_" for name in given)
    return [
        name
        for name in returned
        if name not in given and name.startswith(own) and "/" in name and name.endswith(endings)
    ]
