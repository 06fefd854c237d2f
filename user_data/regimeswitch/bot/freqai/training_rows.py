"""A pair's own rows through FreqAI's filter, split and feature pipeline, aligned with the regime.

Rows stay aligned through outlier steps and shuffling by a label column that carries the row
number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from datasieve.pipeline import Pipeline
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from regimeswitch.bot.freqai.columns import CODE_COLUMN, ROW_COLUMN, label_of, moves_of, with_rivals
from regimeswitch.market.candles import OHLCV, time_numbers
from regimeswitch.market.labels import VOLATILITY_TARGET
from regimeswitch.market.volatility_forecast import day_candles
from regimeswitch.model.training_set import Rows
from regimeswitch.settings import Settings


LEAST_OWN_ROWS = 100
"""Rows of its own that a pair needs for outlier steps; below, every complete row is served."""


def own_rows(
    frame: pd.DataFrame,
    pair: str,
    dk: FreqaiDataKitchen,
    pipeline: Pipeline,
    timeframe: str,
    settings: Settings,
    shuffled: bool,
) -> Rows:
    """Training rows of one pair after the feature pipeline, which is fitted on them.

    :param frame: populated training window of the pair
    :param pipeline: unfitted; ends up in ``dk.feature_pipeline``
    :param shuffled: FreqAI shuffles the test rows out of the training rows: no purge is possible
    """
    label = label_of(dk.label_list)
    features, labels = dk.filter_features(
        frame, dk.training_features_list, dk.label_list, training_filter=True
    )
    known = frame.loc[features.index]
    labels = labels.assign(**{ROW_COLUMN: np.arange(len(labels))})
    data = dk.make_train_test_datasets(features, labels)
    if len(data["test_features"]) and not shuffled:
        horizon = horizon_of(label, timeframe, settings)
        features_info = dk.freqai_config["feature_parameters"]
        _purge(data, max(int(features_info.get("label_period_candles", 0)), horizon))
    dk.feature_pipeline = pipeline
    X, y, weight = pipeline.fit_transform(
        data["train_features"], data["train_labels"], data["train_weights"]
    )
    rows = y.pop(ROW_COLUMN).to_numpy(dtype=np.int64)
    data |= {"train_features": X, "train_labels": y, "train_weights": weight}
    move = pd.Series(moves_of(frame[OHLCV], timeframe, settings), frame.index)
    return Rows(
        X=with_rivals(X.to_numpy(dtype=np.float32), known.iloc[rows], label),
        y=y[label].to_numpy(),
        regime=known[CODE_COLUMN].to_numpy(dtype=np.int64)[rows],
        time=time_numbers(known["date"], timeframe)[rows],
        pair=np.full(len(rows), pair),
        weight=np.asarray(weight, dtype=np.float64),
        move=move.loc[features.index].to_numpy()[rows],
    )


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
    wanted = frame[[*dk.training_features_list, *dk.label_list]]
    finite = wanted.replace([np.inf, -np.inf], np.nan).notna().all(axis=1)
    return int(finite.sum())


def _purge(data: dict[str, Any], horizon: int) -> None:
    """Drop training rows whose label reaches into the test rows, or the other way round."""
    train, test = data["train_labels"][ROW_COLUMN], data["test_labels"][ROW_COLUMN]
    apart = ((train < test.min() - horizon) | (train > test.max() + horizon)).to_numpy()
    for name in ("train_features", "train_labels", "train_weights"):
        data[name] = data[name][apart]
