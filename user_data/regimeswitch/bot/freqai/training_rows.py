"""A pair's own rows through FreqAI's filter, split and feature pipeline, aligned with the regime.

Rows stay aligned through outlier steps and shuffling by a label column that carries the row
number.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from datasieve.pipeline import Pipeline
from freqtrade.configuration import TimeRange
from freqtrade.exceptions import OperationalException
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from numpy.typing import NDArray

from regimeswitch.bot.freqai.columns import (
    CODE_COLUMN,
    RIVALS,
    ROW_COLUMN,
    label_of,
    moves_of,
    with_rivals,
)
from regimeswitch.bot.freqai.feature_names import features_of
from regimeswitch.market.candles import OHLCV, time_numbers
from regimeswitch.market.labels import VOLATILITY_TARGET
from regimeswitch.market.volatility_forecast import day_candles
from regimeswitch.model.training_set import Rows
from regimeswitch.settings import Settings


logger = logging.getLogger(__name__)

MIN_OWN_ROWS = 100
"""Rows of its own that a pair needs for outlier steps; below, every complete row is served."""


class TrainingRows:
    """Training rows of one pair after another, as FreqAI is configured to make them.

    :param config: freqtrade's, with the section ``freqai``
    :param shares: rows of all pairs are learned from together; a pair's own fit its pipeline alone
    """

    def __init__(self, config: dict[str, Any], settings: Settings, shares: bool) -> None:
        self._timeframe = str(config["timeframe"])
        self._settings, self._shares = settings, shares
        freqai = config["freqai"]
        self._shuffled = bool(freqai.get("data_split_parameters", {}).get("shuffle", False))
        self._live_statistics = bool(freqai.get("fit_live_predictions_candles", 0))

    def of(
        self,
        frame: pd.DataFrame,
        pair: str,
        dk: FreqaiDataKitchen,
        pipeline: Pipeline,
        window: TimeRange,
        live: bool,
    ) -> Rows | None:
        """Rows of a pair after the feature pipeline, which is fitted on them.

        None where those of all pairs are learned from: they come from elsewhere.

        :param frame: populated training window of the pair
        :param pipeline: unfitted; ends up in ``dk.feature_pipeline``
        :param window: that is being trained
        :raises OperationalException: when it has none, and no others are learned from
        """
        usable = usable_rows(frame, dk)
        if not self._shares and not usable:
            raise no_rows([missing_rows(pair, frame, window)], window)
        if self._shares and usable < MIN_OWN_ROWS:
            logger.info(f"{pair}: no history of its own to learn from yet; served by all pairs'")
            without_own_rows(dk)
            dk.data["labels_mean"], dk.data["labels_std"] = {}, {}
            return None
        kept, places = self._through_pipeline(frame, dk, pipeline)
        if not self._live_statistics or not live:
            dk.fit_labels()
        return None if self._shares else self._aligned(frame, pair, dk, kept[places])

    def _through_pipeline(
        self, frame: pd.DataFrame, dk: FreqaiDataKitchen, pipeline: Pipeline
    ) -> tuple[pd.Index, NDArray[np.int64]]:
        """Through FreqAI's filter, split and pipeline; ``dk.data_dictionary`` has what is left.

        :return: index of the complete rows, and the places in it of those that are left
        """
        features = frame[dk.training_features_list]
        if self._shares:
            features = in_single_precision(features)
        features, labels = dk.filter_features(
            pd.concat([frame[["date", *dk.label_list]], features], axis=1),
            *(dk.training_features_list, dk.label_list),
            training_filter=True,
        )
        complete = features.index
        labels = labels.assign(**{ROW_COLUMN: np.arange(len(labels))})
        data = dk.make_train_test_datasets(features, labels)
        del features
        # Shuffled, test rows lie among the training rows: no purge is possible.
        if len(data["test_features"]) and not self._shuffled:
            horizon = horizon_of(label_of(dk.label_list), self._timeframe, self._settings)
            features_info = dk.freqai_config["feature_parameters"]
            _purge(data, max(int(features_info.get("label_period_candles", 0)), horizon))
        dk.feature_pipeline = pipeline
        X, y, weight = pipeline.fit_transform(
            data["train_features"], data["train_labels"], data["train_weights"]
        )
        places = y.pop(ROW_COLUMN).to_numpy(dtype=np.int64)
        X = X.astype(np.float32)
        data |= {"train_features": X, "train_labels": y, "train_weights": weight}
        return complete, places

    def _aligned(
        self, frame: pd.DataFrame, pair: str, dk: FreqaiDataKitchen, left: pd.Index
    ) -> Rows:
        """What is left after the pipeline, with the regime of each row.

        :param left: index of these rows in ``frame``
        """
        timeframe, data = self._timeframe, dk.data_dictionary
        label = label_of(dk.label_list)
        X, known = data["train_features"].to_numpy(), frame.loc[left]
        move = moves_of(frame[OHLCV], timeframe, self._settings)
        return Rows(
            X=with_rivals(X, known, label),
            y=data["train_labels"][label].to_numpy(),
            regime=known[CODE_COLUMN].to_numpy(dtype=np.int64),
            time=time_numbers(known["date"], timeframe),
            pair=np.full(len(left), pair),
            weight=np.asarray(data["train_weights"], dtype=np.float64),
            move=move[frame.index.get_indexer(left)],
        )


def in_single_precision(features: pd.DataFrame) -> pd.DataFrame:
    """Features as the shared frames of a backtest hold them, for the feature pipeline.

    :return: double precision, so that what is computed from them is not rounded as well
    """
    return features.astype(np.float32).astype(np.float64)


def horizon_of(label: str, timeframe: str, settings: Settings) -> int:
    """How far ahead a label looks, base candles."""
    if label == VOLATILITY_TARGET:
        return day_candles(timeframe)
    return settings.labels.horizon_in(timeframe)


def without_own_rows(dk: FreqaiDataKitchen) -> None:
    """What FreqAI wants to save of a training, for a pair that has no rows of its own yet."""
    dk.feature_pipeline = Pipeline([])
    dk.train_dates = pd.Series([], dtype="datetime64[ms, UTC]")
    dk.build_data_dictionary(
        *(pd.DataFrame(columns=dk.training_features_list) for _ in range(2)),
        *(pd.DataFrame(columns=dk.label_list) for _ in range(2)),
        np.ones(0),
        np.ones(0),
    )
    dk.data_dictionary["train_dates"] = dk.train_dates


def usable_rows(frame: pd.DataFrame, dk: FreqaiDataKitchen) -> int:
    """Rows of a training window without a missing feature or label."""
    complete = np.ones(len(frame), dtype=bool)
    for name in (*dk.training_features_list, *dk.label_list):
        # One by one: a copy of all features would be as large as the frame.
        column = frame[name].replace([np.inf, -np.inf], np.nan)
        complete &= column.notna().to_numpy()
    return int(complete.sum())


def _purge(data: dict[str, Any], horizon: int) -> None:
    """Drop training rows whose label reaches into the test rows, or the other way round."""
    train, test = data["train_labels"][ROW_COLUMN], data["test_labels"][ROW_COLUMN]
    apart = ((train < test.min() - horizon) | (train > test.max() + horizon)).to_numpy()
    for name in ("train_features", "train_labels", "train_weights"):
        data[name] = data[name][apart]


def no_rows(found: Sequence[str], window: TimeRange) -> OperationalException:
    """The error for a window without a complete row: what is missing, and what brings it.

    :param found: what each pair lacks, see :func:`missing_rows`
    """
    days = f"{window.startdt:%Y-%m-%d} to {window.stopdt:%Y-%m-%d}"
    return OperationalException(
        f"no candle of {days} has all features and a label: {'; '.join(found) or 'no candles'}. "
        "Features need candles before the training: download earlier ones (freqtrade "
        "download-data --prepend), begin later, take shorter "
        "freqai.feature_parameters.indicator_periods_candles, or leave the timeframe out of "
        "freqai.feature_parameters.include_timeframes"
    )


def missing_rows(pair: str, frame: pd.DataFrame, window: TimeRange) -> str:
    """What keeps the rows of a pair from being complete, for people.

    :param frame: populated candles of the pair
    """
    inside = frame.loc[(frame["date"] >= window.startdt) & (frame["date"] < window.stopdt)]
    if inside.empty:
        return f"{pair} has no candles then"
    names = features_of(frame.columns)
    known = inside[names].replace([np.inf, -np.inf], np.nan).notna()
    absent = known.columns[~known.any()]
    if len(absent):
        return f"{pair} lacks {len(absent)} of {len(names)} features on every candle ({absent[0]})"
    rivals = inside[[name for name in RIVALS if name in inside]]
    if rivals.isna().all().any():
        return (
            f"{pair} lacks the volatility that forecasts are held against, on every candle: it "
            "needs five times risk.volatility_half_life_days, and 30 days, of candles before"
        )
    share = known.mean()
    return f"{pair} lacks {share.idxmin()} on {1 - share.min():.0%} of its candles"
