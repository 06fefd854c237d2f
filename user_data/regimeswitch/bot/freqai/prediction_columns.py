"""From populated rows to what is predicted of them, as FreqAI's columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from numpy.typing import NDArray

from regimeswitch.bot.freqai.columns import (
    BASE_ANSWER,
    CODE_COLUMN,
    DRIFT_OUTPUTS,
    EXPECTED_COLUMN,
    OUTPUTS,
    POSITION_OUTPUTS,
    RATIO_COLUMN,
    SIZE_COLUMN,
    SUB_MODEL_WEIGHT_COLUMN,
    THRESHOLD_COLUMN,
    VALIDATED_COLUMN,
    base_of,
    label_of,
    with_rivals,
)
from regimeswitch.bot.freqai.feature_names import in_common
from regimeswitch.bot.freqai.training_rows import in_single_precision
from regimeswitch.model.blended import Forecast
from regimeswitch.model.factory import TrainedModel
from regimeswitch.model.volatility_model import VolatilityForecast
from regimeswitch.risk.model_additions import FORECAST_COLUMN, MODEL_WEIGHT_COLUMN
from regimeswitch.settings import Settings
from regimeswitch.settings.modes import POSITION


Columns = dict[str, Any]
POSITION_BASE = (FORECAST_COLUMN,)
SIGNAL_BASE = (EXPECTED_COLUMN, SIZE_COLUMN, RATIO_COLUMN)
"""Outputs that are published of the base alone as well; its target comes with them."""


def rows_to_predict(
    frame: pd.DataFrame, dk: FreqaiDataKitchen, model: TrainedModel, shares: bool
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features as the model wants them, and the regime of each row.

    Sets the kitchen's ``do_predict``, which is 0 for a row that lacks a feature or is an outlier,
    and its dissimilarity index.

    :param frame: populated rows of the pair of ``dk``, shape (n, ...)
    :param shares: rows of all pairs are learned from together
    :return: shape (n, features) and (n,)
    """
    dk.find_features(frame)
    features = _complete_features(frame, dk)
    complete = dk.do_predict
    if shares:
        features = in_single_precision(features)
    if dk.feature_pipeline.steps:
        X, inliers, _ = dk.feature_pipeline.transform(features, outlier_check=True)
    else:  # a pair that had no rows of its own to fit one on
        X, inliers = features, np.ones(len(features))
    matrix = X.to_numpy()
    if model.feature_names_ is not None:
        matrix = np.nan_to_num(in_common(frame, dk.pair, model.feature_names_))
    has_index = "di" in dk.feature_pipeline
    dk.DI_values = dk.feature_pipeline["di"].di_values if has_index else np.zeros(len(X))
    dk.do_predict = np.clip(np.minimum(inliers, complete), 0, 1).astype(np.int_)
    matrix = with_rivals(matrix, frame, label_of(dk.label_list))
    return matrix, frame[CODE_COLUMN].to_numpy(dtype=np.int64)


def _complete_features(frame: pd.DataFrame, dk: FreqaiDataKitchen) -> pd.DataFrame:
    """The features, 0 where one is missing; sets ``do_predict`` of the kitchen, as FreqAI does.

    FreqAI's own filter takes a millisecond for the one row of a new candle.
    """
    features: pd.DataFrame = frame[dk.training_features_list]
    if len(frame) == 1 and np.isfinite(features.to_numpy(dtype=np.float64)).all():
        dk.do_predict = np.ones(1, dtype=np.int_)
        return features
    filtered: pd.DataFrame = dk.filter_features(
        frame, dk.training_features_list, training_filter=False
    )[0]
    return filtered


class PredictionColumns:
    """What is published of a prediction beside its target.

    :ivar names: of the columns, all of them numbers; 0 where a model has none of a kind
    """

    def __init__(self, settings: Settings) -> None:
        self._holds = settings.entries.mode == POSITION
        self._base = POSITION_BASE if self._holds else SIGNAL_BASE
        outputs = POSITION_OUTPUTS if self._holds else OUTPUTS
        self.names = (*outputs, *map(base_of, self._base), *DRIFT_OUTPUTS)

    def of_forecast(self, forecast: Forecast, weight: float, frame: pd.DataFrame) -> Columns:
        """Of a model of classes or of a number.

        :param weight: that the whole model has proved on later rows
        :param frame: the rows that were predicted, with the threshold of a move
        """
        base = {} if forecast.base is None else _moves_of(forecast.base, frame)
        return self._with_weight(
            weight,
            {
                SUB_MODEL_WEIGHT_COLUMN: forecast.sub_model,
                VALIDATED_COLUMN: forecast.validated_error,
                **_moves_of(forecast, frame),
                **{base_of(name): base[name] for name in self._base if name in base},
            },
        )

    def of_volatility(
        self, forecast: VolatilityForecast, label: str
    ) -> tuple[pd.DataFrame, Columns]:
        """Of a model of the next day's volatility: the target, its logarithm, and the rest."""
        known, base = np.nan_to_num(forecast.volatility), np.nan_to_num(forecast.base)
        target = pd.DataFrame({label: _logarithm(known)})
        columns = {
            SUB_MODEL_WEIGHT_COLUMN: forecast.sub_model,
            FORECAST_COLUMN: known,
            base_of(FORECAST_COLUMN): base,
            BASE_ANSWER: _logarithm(base),
            VALIDATED_COLUMN: forecast.validated_error,
        }
        return target, self._with_weight(forecast.models, columns)

    def _with_weight(self, weight: NDArray[np.float64] | float, columns: Columns) -> Columns:
        known = dict.fromkeys(self.names, 0.0) | columns
        return known | {MODEL_WEIGHT_COLUMN: weight} if self._holds else known

    @staticmethod
    def set_statistics(dk: FreqaiDataKitchen, names: Iterable[str]) -> None:
        """Live, FreqAI looks up a mean and a deviation for every numeric prediction column."""
        for statistic in ("labels_mean", "labels_std"):
            values = dk.data.setdefault(statistic, {})
            for name in names:
                values.setdefault(name, 0)


def _moves_of(forecast: Forecast, frame: pd.DataFrame) -> Columns:
    threshold = np.nan_to_num(frame[THRESHOLD_COLUMN].to_numpy(dtype=np.float64))
    return {
        EXPECTED_COLUMN: forecast.move * threshold,
        SIZE_COLUMN: forecast.size * threshold,
        RATIO_COLUMN: forecast.size_ratio,
    }


def _logarithm(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 where a value is unknown, which is 0 too."""
    return np.log(np.where(values > 0, values, 1.0))


def numbers_of_base(target: pd.DataFrame) -> pd.DataFrame:
    """Target columns of the base alone by their own names; a class is told by its probabilities.

    :param target: the answers of the base, as those that are served
    """
    return target.select_dtypes("number").rename(columns=base_of)
