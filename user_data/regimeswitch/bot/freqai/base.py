"""FreqAI glue shared by RegimeSwitchClassifier and RegimeSwitchRegressor.

The regime enters FreqAI as a private column that the model puts on the base frame at the end of
``feature_engineering_standard``, the one place that backtests, live training and the live single
row have in common. So the models work with any FreqAI strategy.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
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
from regimeswitch.bot.freqai.columns import (
    CODE_COLUMN,
    EXPECTED_COLUMN,
    OUTPUTS,
    POSITION_OUTPUTS,
    PRIVATE,
    RATIO_COLUMN,
    RIVALS,
    SIZE_COLUMN,
    THRESHOLD_COLUMN,
    TRAINED_COLUMN,
    TRUST_COLUMN,
    label_of,
    thresholds_of,
    with_rivals,
)
from regimeswitch.bot.freqai.feature_names import features_of, in_common
from regimeswitch.bot.freqai.model_guard import ModelGuard, model_guard
from regimeswitch.bot.freqai.pair_histories import PairHistories
from regimeswitch.bot.freqai.regime_candles import pair_regimes, pair_rivals, with_earlier_candles
from regimeswitch.bot.freqai.rounds import Rounds
from regimeswitch.bot.freqai.shared_training import (
    SharedFrames,
    in_single_precision,
    shared_pairs,
)
from regimeswitch.bot.freqai.stored_predictions import VIEWS, BacktestPredictions, said_of_missing
from regimeswitch.bot.freqai.tensorboard import no_tensorboard
from regimeswitch.market.candles import OHLCV, utc_dates
from regimeswitch.market.regimes import REGIME_COLUMNS
from regimeswitch.model.blended import Forecast
from regimeswitch.model.learners import Task
from regimeswitch.model.volatility_model import VolatilityForecast
from regimeswitch.risk.model_additions import FORECAST_COLUMN, MODEL_WEIGHT_COLUMN
from regimeswitch.settings.modes import POSITION


class RegimeModelBase(IFreqaiModel):
    """Settings, the regime column, and the answers of a trained model."""

    task: ClassVar[Task]
    trained_column = TRAINED_COLUMN

    def __init__(self, config: dict[str, Any]) -> None:
        self.settings = settings_from(config)
        allowed = self.settings.safety.allow_untested_freqtrade
        check_parts(["models"], Subject(), allowed)
        mark_identifier(config, self.settings)
        check_rule_timeframe(config, self.settings)
        check_learners(self.settings, self.task, config)
        no_tensorboard()
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
        self.histories = PairHistories(config, self.dd)
        self.predicted = BacktestPredictions(self.full_path / "backtested")

    def start(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any], strategy: IStrategy
    ) -> pd.DataFrame:
        """FreqAI's entry point, per pair: adds the regime before and publishes it afterwards."""
        _no_features(dataframe)
        self.put_regime_into(strategy)
        self.strategy = strategy
        if strategy.dp.runmode in VIEWS:
            return self._viewed(dataframe, metadata["pair"], strategy)
        result: pd.DataFrame = super().start(dataframe, metadata, strategy)
        copies = _block_copies(dataframe.columns, result.columns, self.ft_params)
        parts = [result.drop(columns=[*PRIVATE, *copies], errors="ignore")]
        if "regime" not in result.columns:
            parts.append(self._published_regimes(result, metadata["pair"], strategy))
        outputs = [*self._numeric_outputs(), TRAINED_COLUMN]
        missing = [name for name in outputs if name not in result.columns]
        published: pd.DataFrame = pd.concat(
            [*parts, pd.DataFrame(0.0, result.index, missing)], axis=1
        )
        if strategy.dp.runmode == RunMode.BACKTEST:
            added = published.columns.difference([*dataframe.columns, *REGIME_COLUMNS], sort=False)
            self.predicted.save(metadata["pair"], result, published[added], self._timerange)
        return published

    @property
    def _timerange(self) -> TimeRange:
        return TimeRange.parse_timerange(self.config.get("timerange"))

    def _viewed(self, candles: pd.DataFrame, pair: str, strategy: IStrategy) -> pd.DataFrame:
        """Candles with what a backtest predicted for them."""
        predictions, found = self.predicted.load(pair, candles, self._timerange)
        said_of_missing(pair, found, candles["date"], self._timerange)
        parts = [candles, predictions]
        if "regime" not in candles.columns:
            # A chart is given its start-up candles alone; the last switch may lie before them.
            longer = with_earlier_candles(candles, pair, strategy.dp, strategy.timeframe)
            regimes = self._regimes(longer, pair, strategy)
            parts.append(regimes.iloc[len(longer) - len(candles) :].set_axis(candles.index))
        viewed: pd.DataFrame = pd.concat(parts, axis=1)
        return viewed

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
            frame = frame.assign(**{CODE_COLUMN: codes.to_numpy(), THRESHOLD_COLUMN: thresholds})
            if not self._holds or self.task != "regressor":
                return frame
            known = (frame, metadata["pair"], strategy.dp, strategy.timeframe, self.settings)
            rivals = pair_rivals(*known, self.dd.historic_data)
            return pd.concat([frame, rivals.set_axis(list(RIVALS), axis=1)], axis=1)

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

    def predict(
        self, unfiltered_df: pd.DataFrame, dk: FreqaiDataKitchen, **kwargs: Any
    ) -> tuple[pd.DataFrame, NDArray[np.int_]]:
        """Serve each row by its regime; ``do_predict`` is 0 for a row with a missing feature."""
        dk.find_features(unfiltered_df)
        features, _ = dk.filter_features(
            unfiltered_df, dk.training_features_list, training_filter=False
        )
        complete = dk.do_predict
        if self.shares:
            features = in_single_precision(features, list(features))
        if dk.feature_pipeline.steps:
            X, inliers, _ = dk.feature_pipeline.transform(features, outlier_check=True)
        else:  # a pair that had no rows of its own to fit one on
            X, inliers = features, np.ones(len(features))
        matrix = X.to_numpy()
        if self.model.feature_names_ is not None:
            matrix = np.nan_to_num(in_common(unfiltered_df, dk.pair, self.model.feature_names_))
        regime = unfiltered_df[CODE_COLUMN].to_numpy(dtype=np.int64)
        matrix = with_rivals(matrix, unfiltered_df, label_of(dk.label_list))
        predictions = self._predictions(matrix, regime, unfiltered_df, dk)
        has_index = "di" in dk.feature_pipeline
        dk.DI_values = dk.feature_pipeline["di"].di_values if has_index else np.zeros(len(X))
        dk.do_predict = np.clip(np.minimum(inliers, complete), 0, 1).astype(np.int_)
        self._set_statistics(dk)
        return predictions, dk.do_predict

    def _predictions(
        self,
        matrix: NDArray[np.float32],
        regime: NDArray[np.int64],
        frame: pd.DataFrame,
        dk: FreqaiDataKitchen,
    ) -> pd.DataFrame:
        """The served answers, and what they are worth, as columns."""
        threshold = np.nan_to_num(frame[THRESHOLD_COLUMN].to_numpy(dtype=np.float64))
        forecast = self.model.forecast(matrix, regime, dk.pair)
        columns: dict[str, Any] = dict.fromkeys(self._numbers, 0.0)
        if isinstance(forecast, VolatilityForecast):
            known = np.nan_to_num(forecast.volatility)
            logs = np.log(np.where(known > 0, known, 1.0))
            answers = pd.DataFrame({label_of(dk.label_list): logs})
            columns |= {TRUST_COLUMN: forecast.sub_model, FORECAST_COLUMN: known}
            weight: NDArray[np.float64] | float = forecast.models
        else:
            answers = self.answers(forecast, dk)
            weight = float(self.model.weights_.models)
            columns |= {
                TRUST_COLUMN: forecast.sub_model,
                EXPECTED_COLUMN: forecast.move * threshold,
                SIZE_COLUMN: forecast.size * threshold,
                RATIO_COLUMN: forecast.size_ratio,
            }
        if self._holds:
            columns[MODEL_WEIGHT_COLUMN] = weight
        return answers.assign(**columns)

    def answers(self, forecast: Forecast, dk: FreqaiDataKitchen) -> pd.DataFrame:
        """The served answers as columns, by task; implemented by the two models."""
        raise OperationalException(f"{type(self).__name__} does not say what it answers")

    @property
    def _holds(self) -> bool:
        return self.settings.entries.mode == POSITION

    @property
    def _numbers(self) -> tuple[str, ...]:
        return POSITION_OUTPUTS if self._holds else OUTPUTS

    def _numeric_outputs(self) -> list[str]:
        return list(self._numbers)

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


def _shares(rows: str, config: dict[str, Any]) -> bool:
    """Whether rows are shared; principal components would differ from pair to pair."""
    features = config["freqai"]["feature_parameters"]
    return rows == "shared" and not features.get("principal_component_analysis", False)


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
