"""RegimeSwitch inside FreqAI: the class behind RegimeSwitchClassifier and RegimeSwitchRegressor.

It overrides FreqAI's methods and leaves the work to its parts: what a regime is
(:mod:`~regimeswitch.bot.freqai.regime_candles`), which rows a training sees
(:mod:`~regimeswitch.bot.freqai.training_rows`, :mod:`~regimeswitch.bot.freqai.shared_training`),
how a model is fitted (:mod:`~regimeswitch.bot.freqai.training_recipe`), what a backtest or a
running bot does about it (:mod:`~regimeswitch.bot.freqai.backtest_windows`,
:mod:`~regimeswitch.bot.freqai.live_training`) and what comes out
(:mod:`~regimeswitch.bot.freqai.prediction_columns`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from datasieve.pipeline import Pipeline
from freqtrade.configuration import TimeRange
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.freqai import freqai_interface
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.freqai_interface import IFreqaiModel
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from regimeswitch.bot.bot_settings import (
    check_learners,
    check_rule_timeframe,
    mark_identifier,
    settings_from,
)
from regimeswitch.bot.compatibility.supported import Subject, check_parts
from regimeswitch.bot.freqai.backtest_windows import (
    BacktestWindows,
    StoredWindow,
    without_predictions,
)
from regimeswitch.bot.freqai.columns import (
    LIMIT_OUTPUTS,
    PRIVATE,
    TRAINED_COLUMN,
    label_of,
    with_rival_names,
)
from regimeswitch.bot.freqai.drift_limits import with_limits
from regimeswitch.bot.freqai.fast_merge import join_quickly, joined_quickly
from regimeswitch.bot.freqai.feature_names import features_of
from regimeswitch.bot.freqai.freed_memory import give_back
from regimeswitch.bot.freqai.live_training import LiveTraining, now
from regimeswitch.bot.freqai.model_guard import ModelGuard, model_guard
from regimeswitch.bot.freqai.model_versions import (
    SECTION,
    is_of_other_version,
    look_at_versions,
    stamped,
)
from regimeswitch.bot.freqai.newest_features import NewestFeatures
from regimeswitch.bot.freqai.outlier_steps import repeatable
from regimeswitch.bot.freqai.pair_histories import PairHistories
from regimeswitch.bot.freqai.prediction_columns import (
    PredictionColumns,
    numbers_of_base,
    rows_to_predict,
)
from regimeswitch.bot.freqai.prediction_table import write_quickly
from regimeswitch.bot.freqai.recent_drift import RecentDrift
from regimeswitch.bot.freqai.regime_candles import RegimeCandles
from regimeswitch.bot.freqai.served_predictions import ServedPredictions
from regimeswitch.bot.freqai.shared_training import SharedTraining, shares_rows
from regimeswitch.bot.freqai.stored_predictions import VIEWS, BacktestPredictions, said_of_missing
from regimeswitch.bot.freqai.training_outcome import Outcome, is_last
from regimeswitch.bot.freqai.training_recipe import TrainingRecipe
from regimeswitch.bot.freqai.training_rows import TrainingRows
from regimeswitch.bot.messages.messenger import Messenger
from regimeswitch.bot.patches import install, is_installed, take_out
from regimeswitch.bot.shutdown import ENDING
from regimeswitch.bot.text_storage import keep_text_as_objects
from regimeswitch.market.regimes import REGIME_COLUMNS
from regimeswitch.model.blended import Forecast
from regimeswitch.model.drift import HOUR_CANDLES, DriftReference
from regimeswitch.model.factory import TrainedModel
from regimeswitch.model.importance import feature_shares
from regimeswitch.model.learners import Task
from regimeswitch.model.training_report import log_text, metadata_of
from regimeswitch.model.training_set import Rows
from regimeswitch.model.volatility_model import VolatilityForecast
from regimeswitch.settings.timeframes import candles_spanning


logger = logging.getLogger(__name__)


class RegimeFreqaiModel(IFreqaiModel):
    """Regimes, shared trainings and predictions for any FreqAI strategy.

    The two models of ``freqaimodels`` say how a training is fitted (``fit``) and which columns a
    prediction of theirs has (:meth:`target_columns`).

    :ivar strategy: that FreqAI was started with last
    :ivar shared: trainings over the rows of all pairs; asked only where rows are shared
    :ivar training: of a running bot
    :ivar outcome: of a backtest's trainings
    :ivar guard: of the model files; None with guards off, or for a chart
    """

    task: ClassVar[Task]
    trained_column = TRAINED_COLUMN
    _threads: list[threading.Thread]

    def __init__(self, config: dict[str, Any]) -> None:
        keep_text_as_objects()
        self.settings = settings_from(config)
        check_parts(["models"], Subject(), self.settings.safety.allow_untested_freqtrade)
        mark_identifier(config, self.settings)
        check_rule_timeframe(config, self.settings)
        check_learners(self.settings, self.task, config)
        if not is_installed(freqai_interface, "get_tb_logger"):
            install("FreqAI", freqai_interface, get_tb_logger=_without_logger)
        self.shares = shares_rows(self.settings.models.rows, config)
        models = config["user_data_dir"] / "models"
        try:
            look_at_versions(models / config["freqai"]["identifier"], config.get("runmode"))
            self.guard: ModelGuard | None = model_guard(config, self.settings.safety)
            super().__init__(config=config)
        except OSError as error:
            raise OperationalException(
                f"the model folder cannot be written ({error}); make {models} a folder that this "
                "user may write to"
            ) from error
        if self.guard is not None:
            self.guard.watch(self.dd)
        write_quickly(self.dd)
        self.strategy: IStrategy | None = None
        self.regimes = RegimeCandles(self.settings, self.task, self.dd)
        self.rows = TrainingRows(config, self.settings, self.shares)
        self.shared = SharedTraining(config, self.settings, self.dd)
        self.recipe = TrainingRecipe(config, self.settings, self.task, self.shares)
        self.columns = PredictionColumns(self.settings)
        self.recent = RecentDrift(config, self.dd)
        self.newest = NewestFeatures(config)
        self.outcome = Outcome()
        self.histories = PairHistories(config, self.dd)
        self.training = LiveTraining(
            config, self.dd, self.guard, self.histories, self.shared, self.shares
        )
        self.backtested = BacktestPredictions(self.full_path / "backtested")
        self.served = ServedPredictions(self.full_path)
        self._wanted: Collection[int] | None = None
        ENDING.install()

    # --- the entry point

    def start(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], strategy: IStrategy
    ) -> pd.DataFrame:
        """FreqAI's entry point, per pair: adds the regime before and publishes it afterwards."""
        self._begin(dataframe, strategy)
        if strategy.dp.runmode in VIEWS:
            return self._viewed(dataframe, metadata["pair"], strategy)
        result: pd.DataFrame = super().start(dataframe, metadata, strategy)
        copies = _block_copies(dataframe.columns, result.columns, self.ft_params)
        parts = [result.drop(columns=[*PRIVATE, *copies], errors="ignore")]
        if "regime" not in result.columns:
            parts.append(self.regimes.published(result, metadata["pair"], strategy, self.live))
        outputs = [*self.numeric_columns(), TRAINED_COLUMN]
        missing = [name for name in outputs if name not in result.columns]
        published: pd.DataFrame = pd.concat(
            [*parts, pd.DataFrame(0.0, result.index, missing)], axis=1
        )
        published = with_limits(published, strategy.timeframe, self.settings, outputs)
        if strategy.dp.runmode == RunMode.BACKTEST:
            added = published.columns.difference([*dataframe.columns, *REGIME_COLUMNS], sort=False)
            self.backtested.save(metadata["pair"], result, published[added], self._timerange)
        elif self.live:
            targets = [name for name in map(str, result.columns) if "&" in name]
            kept = dict.fromkeys([*targets, *outputs, *LIMIT_OUTPUTS, "do_predict"])
            self.served.keep(metadata["pair"], published, list(kept))
        return published

    def clean_up(self) -> None:
        """FreqAI lets go of the kitchen of a pair; so do its functions."""
        take_out(self.dk)
        super().clean_up()

    def _begin(self, dataframe: pd.DataFrame, strategy: IStrategy) -> None:
        _no_features(dataframe)
        self.regimes.put_into(strategy)
        self.strategy = strategy

    @property
    def _timerange(self) -> TimeRange:
        return TimeRange.parse_timerange(self.config.get("timerange"))

    def _viewed(self, candles: pd.DataFrame, pair: str, strategy: IStrategy) -> pd.DataFrame:
        """Candles with what a backtest predicted for them."""
        needed = [*self.columns.names, TRAINED_COLUMN, *LIMIT_OUTPUTS]
        predictions, found = self.backtested.load(pair, candles, self._timerange, needed)
        said_of_missing(pair, found, candles["date"], self._timerange)
        parts = [candles, predictions]
        if "regime" not in candles.columns:
            parts.append(self.regimes.of_chart(candles, pair, strategy))
        viewed: pd.DataFrame = pd.concat(parts, axis=1)
        return viewed

    # --- training

    def define_data_pipeline(self, threads: int = -1) -> Pipeline:
        """FreqAI's steps; the same rows give the same result, live and in a backtest."""
        return repeatable(super().define_data_pipeline(threads=threads))

    def train(
        self, unfiltered_df: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, **kwargs: Any
    ) -> Any:
        """Train on the pair's own rows or, shared, on those of all pairs, once per round.

        In a backtest a failure is noted, and FreqAI gets no model.
        """
        if self.live:
            return self._trained(unfiltered_df, pair, dk)
        try:
            return self._trained(unfiltered_df, pair, dk)
        except Exception as error:
            self.outcome.note(pair, self.training_window, error)
            return None

    def _trained(self, frame: pd.DataFrame, pair: str, dk: FreqaiDataKitchen) -> TrainedModel:
        window = self.training_window
        give_back()
        label_of(dk.label_list)
        dk.label_pipeline = Pipeline([])
        pipeline = self.define_data_pipeline(threads=dk.thread_count)
        rows = self.rows.of(frame, pair, dk, pipeline, window, self.live)
        give_back()
        model = self._shared_model(dk) if rows is None else self._fitted(rows, dk)
        names = model.feature_names_ or list(dk.data_dictionary["train_features"].columns)
        features = feature_shares(model.ensemble_, with_rival_names(names, dk.label_list))
        dk.data[SECTION] = stamped({**metadata_of(model, pair), "features": features})
        dk.data["extra_returns_per_train"] = {
            **dk.data["extra_returns_per_train"],
            TRAINED_COLUMN: float(window.stopts + self.buffer_seconds()),
        }
        return model

    def _shared_model(self, dk: FreqaiDataKitchen) -> TrainedModel:
        """The training of this window, made by the first pair that asks for it.

        In a backtest one that failed would fail for each of them.
        """
        window = self.training_window

        def train() -> TrainedModel:
            return self.shared.model(window, lambda: self._fitted_on_all(window, dk))

        return train() if self.live else self.outcome.once(window, train)

    def _fitted_on_all(self, window: TimeRange, dk: FreqaiDataKitchen) -> TrainedModel:
        if self.strategy is None:
            raise OperationalException("train() came before start(); call start() first")
        load = self.training.load_range if self.live else None
        rows, names = self.shared.rows(window, self.strategy, dk, load)
        give_back()
        model = self._fitted(rows, dk)
        give_back()
        model.feature_names_ = names
        return model

    def _fitted(self, rows: Rows, dk: FreqaiDataKitchen) -> TrainedModel:
        model: TrainedModel = self.fit({"train_rows": rows}, dk)
        hour = candles_spanning(HOUR_CANDLES, self.config["timeframe"])
        model.reference_ = DriftReference.of(rows, hour)
        logger.info(log_text(model, self.config["timeframe"]))
        return model

    def buffer_seconds(self) -> int:
        """What FreqAI has cut off at the end of the window, after which a model is named."""
        candles = int(self.ft_params.get("buffer_train_data_candles", 0))
        return candles * int(self.base_tf_seconds)

    @property
    def training_window(self) -> TimeRange:
        """The window that is being trained."""
        return self.training.window if self.live else self.training_timerange

    # --- predictions

    def predict(
        self, unfiltered_df: pd.DataFrame, dk: FreqaiDataKitchen, **kwargs: Any
    ) -> tuple[pd.DataFrame, NDArray[np.int_]]:
        """Serve each row by its regime; ``do_predict`` is 0 for a row with a missing feature."""
        unfiltered_df = self.newest.with_features(unfiltered_df)
        matrix, regime = rows_to_predict(unfiltered_df, dk, self.model, self.shares)
        usable = dk.do_predict
        forecast = self.model.forecast(matrix, regime, dk.pair)
        if isinstance(forecast, VolatilityForecast):
            target, columns = self.columns.of_volatility(forecast, label_of(dk.label_list))
        else:
            target = self.target_columns(forecast, dk)
            weight = float(self.model.weights_.models)
            columns = self.columns.of_forecast(forecast, weight, unfiltered_df)
            if forecast.base is not None:
                columns |= dict(numbers_of_base(self.target_columns(forecast.base, dk)))
        columns |= self.recent.columns(
            unfiltered_df, forecast.sub_model, self.model, dk, self.strategy
        )
        self.columns.set_statistics(dk, self.numeric_columns())
        others = pd.DataFrame(columns, index=target.index)
        return pd.concat([target, others], axis=1), usable

    def target_columns(self, forecast: Forecast, dk: FreqaiDataKitchen) -> pd.DataFrame:
        """The predicted target, and what belongs to it, as columns; implemented by both models."""
        raise OperationalException(f"{type(self).__name__} does not say what it predicts")

    def numeric_columns(self) -> list[str]:
        """Columns of numbers that a prediction has beside the target."""
        return list(self.columns.names)

    def fit_live_predictions(self, dk: FreqaiDataKitchen, pair: str) -> None:
        """FreqAI's statistics of recent predictions, then those of our own columns."""
        super().fit_live_predictions(dk, pair)
        self.columns.set_statistics(dk, self.numeric_columns())

    # --- backtests

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
        windows = self._windows(pair, dataframe, dk, strategy)
        if self._wanted is not None:
            windows.keep_only(self._wanted)
        windows.leave_out_empty()
        self.outcome.begin(pair, len(dk.backtesting_timeranges))
        join_quickly(dk)
        windows.drop_stale()
        saving = windows.saving(lambda: self.model is not None)
        install("kitchen", dk, save_backtesting_prediction=saving)
        install("kitchen", dk, use_strategy_to_populate_indicators=self._populating)
        if dk.backtesting_timeranges:
            dk = super().start_backtesting(dataframe, metadata, dk, strategy)
        else:
            dk.return_dataframe = without_predictions(dataframe, metadata, dk, strategy)
        self.recent.forget(pair)
        if self._wanted is None and is_last(pair, strategy.dp, strategy.timeframe):
            self.outcome.conclude()
        return dk

    def _populating(self, populate: Any) -> Any:
        """Frames that trainings share and drift is measured on, in the place of FreqAI's own."""
        shared = self.shared.populating(populate) if self.shares else populate
        return self.recent.keeping(shared)

    def _windows(
        self, pair: str, candles: pd.DataFrame, dk: FreqaiDataKitchen, strategy: IStrategy
    ) -> BacktestWindows:
        others = self.shared.candles_of_others(pair, strategy) if self.shares else {}
        windows = BacktestWindows(pair, candles, others, dk)
        windows.include_the_end(self.base_tf_seconds)
        return windows

    def stored_windows(
        self, dataframe: pd.DataFrame, pair: str, strategy: IStrategy
    ) -> list[StoredWindow]:
        """The windows of a backtest, and where on the disk they are or will be.

        :param dataframe: that the strategy starts FreqAI with
        """
        dk = FreqaiDataKitchen(self.config, False, pair)
        windows = self._windows(pair, dataframe, dk, strategy)
        windows.leave_out_empty()
        return windows.stored

    def pretrain(
        self, dataframe: pd.DataFrame, pair: str, strategy: IStrategy, stamps: Collection[int]
    ) -> None:
        """Train and predict some windows of a backtest, as :meth:`start` does with all of them.

        :param dataframe: that the strategy starts FreqAI with
        :param stamps: ends of the trainings, epoch seconds; windows that are done are left alone
        """
        self._begin(dataframe, strategy)
        self._wanted = stamps
        try:
            super().start(dataframe, {"pair": pair}, strategy)
        finally:
            self._wanted = None

    def backtesting_fit_live_predictions(self, dk: FreqaiDataKitchen) -> None:
        """FreqAI's statistics; what each training said of itself stays with its own rows.

        FreqAI writes the last training's words over all of them. Some windows have no statistics.
        """
        if self._wanted is not None:
            return
        names = [name for name in dk.data["extra_returns_per_train"] if name in dk.full_df]
        said = dk.full_df[names].copy()
        super().backtesting_fit_live_predictions(dk)
        dk.full_df[names] = said

    def _append_null_backtesting_predictions(
        self, dk: FreqaiDataKitchen, dataframe_backtest: pd.DataFrame
    ) -> None:
        """Nothing is predicted for a window whose training failed, and nothing of it is kept.

        FreqAI lists the classes again for every window, and fails on its own repetition. Its zeros
        on disk would pass for predictions in the next backtest; see BacktestWindows.saving.
        """
        dk.unique_class_list = list(dict.fromkeys(dk.unique_class_list))
        super()._append_null_backtesting_predictions(dk, dataframe_backtest)

    def model_exists(self, dk: FreqaiDataKitchen) -> bool:
        """Whether a backtest finds a saved model of a window, and may use it."""
        found = bool(super().model_exists(dk))
        if not found or is_of_other_version(Path(dk.data_path)):
            return False
        if self.guard is not None:
            found = self.guard.may_load(Path(dk.data_path), str(dk.model_filename))
        if found:
            # FreqAI loads no model of a pair that its list has none of, and takes the pipelines of
            # the model that it trained last.
            self.dd.pair_dict[dk.pair]["model_filename"] = str(dk.model_filename)
            self.dd.meta_data_dictionary.pop(dk.pair, None)
        return found

    # --- a running bot

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
        self.total_pairs = len(strategy.dp.current_whitelist())
        _, trained = self.dd.get_pair_dict_info(pair)
        if self.guard is not None:
            self.guard.listen(Messenger.of(strategy).alarms("model"))
            expires = float(self.freqai_info.get("expiration_hours", 0))
            self.guard.look(pair, self.shared.adopted.get(pair, trained), expires, now())
        if self.guard is None or self.guard.may_train(pair, now()):
            self.training.queue(pair, self.train_queue)
        self.histories.prepare(pair, dk, strategy.dp)
        if self.shares:
            self.shared.adopt(pair)
        populating = self.newest.populating(lambda: self._predicts_last_alone(pair))
        install("kitchen", dk, use_strategy_to_populate_indicators=populating)
        return super().start_live(dataframe, metadata, strategy, dk)

    def _predicts_last_alone(self, pair: str) -> bool:
        """Whether a pair has a model, has been predicted before, and is predicted here.

        A model that overrides :meth:`predict` expects the features on its frame.
        """
        own = type(self).predict is RegimeFreqaiModel.predict
        return own and bool(self.model) and pair in self.dd.model_return_values

    def build_strategy_return_arrays(
        self, dataframe: pd.DataFrame, dk: FreqaiDataKitchen, pair: str, trained_timestamp: int
    ) -> None:
        """Live predictions; the first candle after a start is served like every other.

        Stock FreqAI only fills its history with it, and leaves its ``do_predict`` at 0.
        """
        first = pair not in self.dd.model_return_values
        adopted = self.shared.adopted.get(pair)
        if adopted is None and not trained_timestamp:
            # Its own first training has ended, in FreqAI's thread, since the candle was begun.
            trained_timestamp = int(self.dd.pair_dict[pair]["trained_timestamp"])
        trained_timestamp = adopted or trained_timestamp
        super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)
        if first:
            super().build_strategy_return_arrays(dataframe, dk, pair, trained_timestamp)

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
        with self.training.of(pair, self.train_queue):
            window = self.training.prepare(
                new_trained_timerange, pair, strategy, dk, data_load_timerange
            )
            with joined_quickly(dk):
                super().extract_data_and_train_model(
                    window, pair, strategy, dk, data_load_timerange
                )
            self.shared.adopted.pop(pair, None)

    def _on_stop(self) -> None:
        """Predictions first; then a training is waited for, after a signal not for long.

        FreqAI would wait for it in any case, and Python once more at the end of the process.
        """
        super()._on_stop()
        if self.config["runmode"] in (RunMode.DRY_RUN, RunMode.LIVE):
            self.training.wait(self._threads, self.full_path)


class NoLogger:
    """What FreqAI closes after a training of these models."""

    def close(self) -> None:
        """Nothing was opened."""


def _without_logger(original: Callable[..., Any]) -> Callable[..., Any]:
    """FreqAI makes a TensorBoard logger before every training, switched off too.

    The module behind it imports xgboost, which the learners used here do without. PyTorch models of
    others keep theirs.
    """

    def get_tb_logger(model_type: str, path: Path, activate: bool) -> Any:
        return original(model_type, path, activate) if model_type == "pytorch" else NoLogger()

    return get_tb_logger


def _no_features(given: pd.DataFrame) -> None:
    """Features are FreqAI's to ask for: live, it trains on candles that the strategy never saw.

    :param given: the frame that the strategy starts FreqAI with
    :raises OperationalException: naming a column that FreqAI would take for a feature
    """
    names = features_of(given.columns)
    if names:
        raise OperationalException(
            f"the strategy puts {', '.join(names)} on its frame before it calls freqai.start(); "
            "FreqAI takes a name with % for a feature, which trainings of a bot and of other pairs "
            "would not have. Compute it in feature_engineering_standard(), or name it without %"
        )


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
