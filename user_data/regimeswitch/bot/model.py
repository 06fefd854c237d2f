"""FreqAI glue shared by RegimeSwitchClassifier and RegimeSwitchRegressor.

The regime enters FreqAI as a private column that the model puts on the base frame at the end of
``feature_engineering_standard``, the one place that backtests, live training and the live single
row have in common. So the models work with any FreqAI strategy.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from datasieve.pipeline import Pipeline
from freqtrade.configuration import TimeRange
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.exchange import timeframe_to_seconds
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.freqai_interface import IFreqaiModel
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from regimeswitch.bot.columns import (
    CODE_COLUMN,
    EXPECTED_COLUMN,
    OUTPUTS,
    PRIVATE,
    RATIO_COLUMN,
    SIZE_COLUMN,
    THRESHOLD_COLUMN,
    TRAINED_COLUMN,
    TRUST_COLUMN,
    label_of,
    thresholds_of,
)
from regimeswitch.bot.config import (
    check_learners,
    mark_identifier,
    settings_from,
)
from regimeswitch.bot.history import pair_regimes, with_earlier_candles
from regimeswitch.bot.joining import join_quickly
from regimeswitch.bot.modelguard import ModelGuard, model_guard
from regimeswitch.bot.rounds import Rounds, adopt, welcome
from regimeswitch.bot.shared import (
    SharedFrames,
    backtest_frames,
    live_frames,
    shared_pairs,
    shared_rows,
)
from regimeswitch.bot.stale import drop_stale, remember_candles
from regimeswitch.bot.training import (
    LEAST_OWN_ROWS,
    metadata_of,
    own_rows,
    told,
    usable_rows,
    without_own_rows,
)
from regimeswitch.bot.vocabulary import in_common
from regimeswitch.candles import OHLCV, utc_dates
from regimeswitch.ensemble import RegimeEnsemble
from regimeswitch.gated import Forecast, GatedModel
from regimeswitch.learners import Task
from regimeswitch.recipe import unfitted_ensemble, unfitted_model
from regimeswitch.rows import Rows


logger = logging.getLogger(__name__)


class RegimeFreqaiModel(IFreqaiModel):
    """What both models share: regime column, training, prediction, live mends."""

    task: ClassVar[Task]
    trained_column = TRAINED_COLUMN

    def __init__(self, config: dict[str, Any]) -> None:
        self.settings = settings_from(config)
        mark_identifier(config, self.settings)
        check_learners(self.settings, self.task, config)
        self.shares = _shares(self.settings.models.rows, config)
        self.pairs = shared_pairs(config)
        self.store = SharedFrames()
        self.rounds = Rounds()
        self.strategy: IStrategy | None = None
        self.regimes_put: tuple[str, pd.Series, pd.DataFrame] | None = None
        self.load_range: TimeRange | None = None
        self.guard: ModelGuard | None = model_guard(config, self.settings.safety)
        try:
            super().__init__(config=config)
        except OSError as error:
            raise OperationalException(
                f"the model folder cannot be written ({error}); make "
                f"{config['user_data_dir'] / 'models'} a folder that this user may write to"
            ) from error
        if self.guard is not None:
            self.guard.watch(self.dd)

    def start(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], strategy: IStrategy
    ) -> pd.DataFrame:
        """FreqAI's entry point, per pair: adds the regime before and publishes it afterwards."""
        self.put_regime_into(strategy)
        self.strategy = strategy
        candles = dataframe
        if strategy.dp.runmode == RunMode.PLOT:
            candles = with_earlier_candles(
                dataframe, metadata["pair"], strategy.dp, strategy.timeframe
            )
        result: pd.DataFrame = super().start(candles, metadata, strategy)
        result = result.iloc[len(candles) - len(dataframe) :].reset_index(drop=True)
        copies = _block_copies(dataframe.columns, result.columns, self.ft_params)
        parts = [result.drop(columns=[*PRIVATE, *copies], errors="ignore")]
        if "regime" not in result.columns:
            parts.append(self._published_regimes(result, metadata["pair"], strategy))
        outputs = [*self._numeric_outputs(), TRAINED_COLUMN]
        missing = [name for name in outputs if name not in result.columns]
        published: pd.DataFrame = pd.concat(
            [*parts, pd.DataFrame(0.0, result.index, missing)], axis=1
        )
        return published

    def put_regime_into(self, strategy: IStrategy) -> None:
        original = strategy.feature_engineering_standard
        if getattr(original, "puts_regime", False):
            return

        def with_regime(
            dataframe: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any
        ) -> pd.DataFrame:
            frame: pd.DataFrame = original(dataframe, metadata=metadata, **kwargs)
            columns = self._regimes(frame, metadata["pair"], strategy)
            self.regimes_put = (metadata["pair"], utc_dates(frame["date"]), columns)
            codes = columns["regime_code"]
            thresholds = thresholds_of(frame[OHLCV], strategy.timeframe, self.settings)
            return frame.assign(**{CODE_COLUMN: codes.to_numpy(), THRESHOLD_COLUMN: thresholds})

        vars(with_regime)["puts_regime"] = True
        strategy.feature_engineering_standard = with_regime

    def _published_regimes(
        self, frame: pd.DataFrame, pair: str, strategy: IStrategy
    ) -> pd.DataFrame:
        """The columns that were put into the features, where they are of these very candles."""
        put = self.regimes_put
        if (
            self.live
            and put is not None
            and put[0] == pair
            and put[1].equals(utc_dates(frame["date"]))
        ):
            return put[2].set_axis(frame.index)
        return self._regimes(frame, pair, strategy)

    def _regimes(self, frame: pd.DataFrame, pair: str, strategy: IStrategy) -> pd.DataFrame:
        return pair_regimes(
            frame, pair, strategy.dp, strategy.timeframe, self.settings, self.dd.historic_data
        )

    def train(
        self, unfiltered_df: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, **kwargs: Any
    ) -> Any:
        """Train on the pair's own rows or, shared, on those of all pairs, once per round."""
        label_of(dk.label_list)
        dk.label_pipeline = Pipeline([])
        if self.shares and usable_rows(unfiltered_df, dk) < LEAST_OWN_ROWS:
            logger.info(f"{pair}: no history of its own to learn from yet; served by all pairs'")
            without_own_rows(dk)
            dk.data["labels_mean"], dk.data["labels_std"] = {}, {}
        else:
            rows = own_rows(
                unfiltered_df,
                pair,
                dk,
                self.define_data_pipeline(threads=dk.thread_count),
                self.config["timeframe"],
                self.settings,
                bool(self.data_split_parameters.get("shuffle", False)),
            )
            if not self.freqai_info.get("fit_live_predictions_candles", 0) or not self.live:
                dk.fit_labels()
        model = self._shared_training(dk) if self.shares else self.fit({"train_rows": rows}, dk)
        dk.data["regimeswitch"] = metadata_of(model, pair)
        dk.data["extra_returns_per_train"] = {
            **dk.data["extra_returns_per_train"],
            TRAINED_COLUMN: float(self.training_window.stopts),
        }
        logger.info(f"{pair}: trained on {model.rows_} rows; {told(model, pair)}")
        return model

    def _shared_training(self, dk: FreqaiDataKitchen) -> GatedModel:
        """The training of this window, made by the first pair that asks for it."""
        window = self.training_window
        return self.rounds.training(
            window.startts, window.stopts, lambda: self._train_all(window, dk)
        )

    def _train_all(self, window: TimeRange, dk: FreqaiDataKitchen) -> GatedModel:
        strategy = self.strategy
        if strategy is None:
            raise OperationalException("train() came before start(); call start() first")
        if self.live and self.load_range is not None:
            frames = live_frames(self.dd, strategy, self.config, self.pairs, self.load_range)
        else:
            frames = backtest_frames(self.store, strategy, self.config, self.pairs)
        rows, names = shared_rows(frames, window, strategy, self.settings, self._weights_by(dk))
        model: GatedModel = self.fit({"train_rows": rows}, dk)
        model.feature_names_ = names
        return model

    def _weights_by(self, dk: FreqaiDataKitchen) -> Any:
        if self.ft_params.get("weight_factor", 0) > 0:
            return dk.set_weights_higher_recent
        return np.ones

    def unfitted(self, classes: list[Any] | None = None) -> RegimeEnsemble:
        """Base and sub-models as the settings want them."""
        given = self.config["freqai"].get("model_training_parameters", {})
        return unfitted_ensemble(self.settings.models, self.task, given, classes)

    def gated(self, ensemble: RegimeEnsemble, rows: Rows) -> GatedModel:
        """The ensemble, judged and trained; what ``fit`` of both models returns."""
        period = int(self.ft_params.get("label_period_candles", 0))
        return unfitted_model(ensemble, self.settings, self.shares, period).fit(rows)

    def predict(
        self, unfiltered_df: pd.DataFrame, dk: FreqaiDataKitchen, **kwargs: Any
    ) -> tuple[pd.DataFrame, NDArray[np.int_]]:
        """Serve each row by its regime; ``do_predict`` is 0 for a row with a missing feature."""
        dk.find_features(unfiltered_df)
        features, _ = dk.filter_features(
            unfiltered_df, dk.training_features_list, training_filter=False
        )
        complete = dk.do_predict
        if dk.feature_pipeline.steps:
            X, inliers, _ = dk.feature_pipeline.transform(features, outlier_check=True)
        else:  # a pair that had no rows of its own to fit one on
            X, inliers = features, np.ones(len(features))
        matrix = X.to_numpy()
        if self.model.feature_names_ is not None:
            matrix = np.nan_to_num(in_common(unfiltered_df, dk.pair, self.model.feature_names_))
        regime = unfiltered_df[CODE_COLUMN].to_numpy(dtype=np.int64)
        forecast = self.model.forecast(matrix, regime, dk.pair)
        threshold = np.nan_to_num(unfiltered_df[THRESHOLD_COLUMN].to_numpy(dtype=np.float64))
        predictions = self.answers(forecast, dk).assign(
            **{
                TRUST_COLUMN: forecast.trust,
                EXPECTED_COLUMN: forecast.move * threshold,
                SIZE_COLUMN: forecast.size * threshold,
                RATIO_COLUMN: forecast.size_ratio,
            }
        )
        has_index = "di" in dk.feature_pipeline
        dk.DI_values = dk.feature_pipeline["di"].di_values if has_index else np.zeros(len(X))
        dk.do_predict = np.clip(np.minimum(inliers, complete), 0, 1).astype(np.int_)
        self._set_statistics(dk)
        return predictions, dk.do_predict

    def answers(self, forecast: Forecast, dk: FreqaiDataKitchen) -> pd.DataFrame:
        """The served answers as columns, by task; implemented by the two models."""
        raise OperationalException(f"{type(self).__name__} does not say what it answers")

    def _numeric_outputs(self) -> list[str]:
        return list(OUTPUTS)

    def _set_statistics(self, dk: FreqaiDataKitchen) -> None:
        # Live, FreqAI looks up a mean and a deviation for every numeric prediction column.
        for statistic in ("labels_mean", "labels_std"):
            values = dk.data.setdefault(statistic, {})
            for name in self._numeric_outputs():
                values.setdefault(name, 0)

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

    def build_strategy_return_arrays(
        self, dataframe: pd.DataFrame, dk: FreqaiDataKitchen, pair: str, trained_timestamp: int
    ) -> None:
        """Live predictions; the first candle after a start is served like every other.

        Stock FreqAI only fills its history with it, and leaves its ``do_predict`` at 0.
        """
        first = pair not in self.dd.model_return_values
        trained_timestamp = self.rounds.adopted.get(pair, trained_timestamp)
        super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)
        if first:
            super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)

    def start_live(
        self,
        dataframe: pd.DataFrame,
        metadata: dict[str, Any],
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
    ) -> FreqaiDataKitchen:
        """Live serving; a pair without a model of its own is served by the other pairs'."""
        pair = metadata["pair"]
        join_quickly(dk)
        _, trained = self.dd.get_pair_dict_info(pair)
        if self.guard is not None:
            self.guard.listen(lambda text: strategy.dp.send_msg(text, always_send=True))
            expires = float(self.freqai_info.get("expiration_hours", 0))
            self.guard.look(pair, self.rounds.adopted.get(pair, trained), expires, _now())
        if self.guard is None or self.guard.may_train(pair, _now()):
            welcome(pair, dk, self.dd, strategy.dp, self.train_queue)
        if self.shares:
            adopt(pair, self.dd, self.config, self.rounds)
        return super().start_live(dataframe, metadata, strategy, dk)

    def extract_data_and_train_model(
        self,
        new_trained_timerange: TimeRange,
        pair: str,
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
        data_load_timerange: TimeRange,
    ) -> None:
        """Live training; one that fails costs nothing but a pause before the next.

        FreqAI would try it again every second; a pair that pauses is not in its queue.
        """
        arguments = (new_trained_timerange, pair, strategy, dk, data_load_timerange)
        if self.guard is None:
            self._train_live(*arguments)
            return
        with self.guard.training(pair, self.dd, self.train_queue, _now):
            self._train_live(*arguments)

    def _train_live(
        self,
        wanted: TimeRange,
        pair: str,
        strategy: IStrategy,
        dk: FreqaiDataKitchen,
        data_load_timerange: TimeRange,
    ) -> None:
        """Pairs of one round share its window; all candles get one date type.

        Stored and fresh candles carry different UTC objects; joined they become dtype object, and
        every later merge on dates fails.
        """
        with self.dd.history_lock:
            for frames in self.dd.historic_data.values():
                for timeframe, frame in frames.items():
                    frames[timeframe] = frame.assign(date=utc_dates(frame["date"]))
        window = wanted
        if self.shares:
            hours = float(self.freqai_info.get("live_retrain_hours", 0))
            trained = int(self.dd.pair_dict[pair]["trained_timestamp"])
            window = self.rounds.joined(wanted, trained, hours)
            dk.set_paths(pair, window.stopts)
        self.load_range, self.live_window = data_load_timerange, window
        join_quickly(dk)
        super().extract_data_and_train_model(window, pair, strategy, dk, data_load_timerange)
        self.rounds.adopted.pop(pair, None)

    def model_exists(self, dk: FreqaiDataKitchen) -> bool:
        """Whether a backtest finds a saved model of a window, and may use it."""
        found = bool(super().model_exists(dk))
        if not found or self.guard is None:
            return found
        return self.guard.may_load(Path(dk.data_path), str(dk.model_filename))

    @property
    def training_window(self) -> TimeRange:
        """The window that is being trained."""
        return self.live_window if self.live else self.training_timerange


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _shares(rows: str, config: dict[str, Any]) -> bool:
    """Whether rows are shared; principal components would differ from pair to pair."""
    features = config["freqai"]["feature_parameters"]
    return rows == "shared" and not features.get("principal_component_analysis", False)


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
