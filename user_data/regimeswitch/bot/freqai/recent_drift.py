"""Drift of the recent candles of a pair against the model that serves it, once a day (UTC).

The last whole days before a candle are the same in a backtest and in a running bot: a backtest
cuts them from the frame it has populated, a bot populates them from FreqAI's histories, after a
restart as well. So both know the same drift at every candle.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy
from numpy.typing import NDArray

from regimeswitch.bot.freqai.columns import (
    CODE_COLUMN,
    PSI_COLUMN,
    SHIFTED_COLUMN,
    label_of,
    with_rival_names,
    with_rivals,
)
from regimeswitch.bot.freqai.fast_merge import joined_quickly
from regimeswitch.bot.freqai.feature_names import in_common
from regimeswitch.bot.freqai.training_rows import in_single_precision
from regimeswitch.bot.whole_files import replacing
from regimeswitch.market.candles import time_numbers, timeframe_seconds, utc_dates
from regimeswitch.market.warmup import feature_candles
from regimeswitch.model.drift import (
    ALL,
    SPAN_DAYS,
    DriftMeasure,
    DriftReference,
    served_measure,
)
from regimeswitch.model.factory import TrainedModel


logger = logging.getLogger(__name__)

FILE = "drift.json"
"""Beside a model: what was measured against it."""
DAY = 86_400
DIGITS = 6
Measures = dict[str, DriftMeasure]


class RecentDrift:
    """Measures of one pair after another, by the day that they hold on.

    :param config: freqtrade's, with the section ``freqai``
    :param drawer: FreqAI's data drawer, which has the histories of a running bot
    """

    def __init__(self, config: dict[str, Any], drawer: Any) -> None:
        self._config, self._drawer = config, drawer
        self._timeframe = str(config["timeframe"])
        self._frames: dict[str, pd.DataFrame] = {}
        self._known: dict[str, tuple[int, DriftReference, Measures]] = {}
        self._worst: dict[str, list[str]] = {}

    def keeping(self, populate: Any) -> Any:
        """Keep what FreqAI populates in a backtest until :meth:`forget`.

        :param populate: the kitchen's ``use_strategy_to_populate_indicators``
        """

        def kept(
            strategy: IStrategy, *, prediction_dataframe: pd.DataFrame, pair: str, **kwargs: Any
        ) -> pd.DataFrame:
            frame: pd.DataFrame = populate(
                strategy, prediction_dataframe=prediction_dataframe, pair=pair, **kwargs
            )
            if len(frame) > 1:
                self._frames[pair] = frame
            return frame

        return kept

    def forget(self, pair: str) -> None:
        """The backtest of a pair is over."""
        self._frames.pop(pair, None)

    def worst(self, pair: str) -> list[str]:
        """In a running bot, features of a pair that have shifted most beyond the usual."""
        return self._worst.get(pair, [])

    def columns(
        self,
        rows: pd.DataFrame,
        sub_model: NDArray[np.float64],
        model: TrainedModel,
        dk: FreqaiDataKitchen,
        strategy: IStrategy | None,
    ) -> dict[str, NDArray[np.float64]]:
        """Drift of each row that is predicted, of the sub-model that serves it or of the base.

        :param rows: to predict, shape (n, ...); in a running bot that of the newest day alone
            counts, the others are before its start
        :param sub_model: weight of each row's sub-model, shape (n,)
        :param dk: of the pair
        :return: shape (n,) each; 0 where nothing is known, or where nothing is beyond the usual
        """
        found = {name: np.zeros(len(rows)) for name in (PSI_COLUMN, SHIFTED_COLUMN)}
        if model.reference_ is None or strategy is None or rows.empty:
            return found
        days = time_numbers(rows["date"], "1d")
        regime = rows[CODE_COLUMN].to_numpy(dtype=np.int64)
        by_day = (
            {int(days[-1]): self._live(int(days[-1]), model, dk, strategy)}
            if dk.live
            else self._backtested(np.unique(days).tolist(), model, dk)
        )
        own = sub_model > 0
        for day, measures in by_day.items():
            inside = days == day
            # Rows of one regime that the same model serves have one measure.
            for code, served in {*zip(regime[inside].tolist(), own[inside].tolist(), strict=True)}:
                one = served_measure(measures, code, served)
                if one is not None:
                    rows_of_it = inside & (regime == code) & (own == served)
                    found[PSI_COLUMN][rows_of_it] = np.nan_to_num(one.typical)
                    found[SHIFTED_COLUMN][rows_of_it] = np.nan_to_num(one.share)
        return {name: np.round(values, DIGITS) for name, values in found.items()}

    def _backtested(
        self, days: list[int], model: TrainedModel, dk: FreqaiDataKitchen
    ) -> dict[int, Measures]:
        frame = self._frames.get(dk.pair)
        if frame is None:
            return {}
        found = _measures(frame, days, model, dk, self._timeframe)
        _write(found, model, dk)
        return found

    def _live(
        self, day: int, model: TrainedModel, dk: FreqaiDataKitchen, strategy: IStrategy
    ) -> Measures:
        """Measured at the first candle of a day, and of a new model."""
        known = self._known.get(dk.pair)
        if known is not None and known[0] == day and known[1] is model.reference_:
            return known[2]
        frame = self._recent(day, dk.pair, strategy)
        found = {} if frame.empty else _measures(frame, [day], model, dk, self._timeframe)
        if model.reference_ is not None:
            self._known[dk.pair] = (day, model.reference_, found.get(day, {}))
        whole = found.get(day, {}).get(ALL)
        self._worst[dk.pair] = [] if whole is None else [*_worst(whole, _names(model, dk))]
        _write(found, model, dk)
        return found.get(day, {})

    def _recent(self, day: int, pair: str, strategy: IStrategy) -> pd.DataFrame:
        """Populated candles of the last whole days, from FreqAI's histories."""
        end = day * DAY
        window = TimeRange("date", "date", end - SPAN_DAYS * DAY - self._warm_up(strategy), end)
        dk = FreqaiDataKitchen(self._config, True, pair)
        corr, base = self._drawer.get_base_and_corr_dataframes(window, pair, dk)
        parts = [base, *corr.values()]
        # Stored and fresh candles carry different UTC objects until a training has joined them.
        base, *others = ({name: _dated(one) for name, one in part.items()} for part in parts)
        corr = dict(zip(corr, others, strict=True))
        candles = base[self._timeframe]
        if candles.empty or candles["date"].iloc[0] >= window.stopdt:
            return pd.DataFrame()
        with joined_quickly(dk):
            frame: pd.DataFrame = dk.use_strategy_to_populate_indicators(
                strategy, corr_dataframes=corr, base_dataframes=base, pair=pair
            )
        return frame

    def _warm_up(self, strategy: IStrategy) -> int:
        """Seconds before the first complete row; of a strategy of one's own, what it asks for."""
        features = self._config["freqai"]["feature_parameters"]
        needs = [
            count * timeframe_seconds(name)
            for name, count in feature_candles(features, self._timeframe).items()
        ]
        wanted = int(strategy.startup_candle_count) * timeframe_seconds(self._timeframe)
        return max(wanted, *needs)


def _dated(candles: pd.DataFrame) -> pd.DataFrame:
    return candles.assign(date=utc_dates(candles["date"]))


def drifted_features(freqai: Any, pair: str) -> list[str]:
    """Features of a pair that have shifted most; none where the model is not RegimeSwitch's.

    :param freqai: the strategy's model
    """
    recent = getattr(freqai, "recent", None)
    return recent.worst(pair) if isinstance(recent, RecentDrift) else []


def _measures(
    frame: pd.DataFrame,
    days: list[int],
    model: TrainedModel,
    dk: FreqaiDataKitchen,
    timeframe: str,
) -> dict[int, Measures]:
    """By day, the whole days before it against the model's training.

    :param frame: populated candles that reach back far enough
    :param days: numbers of days since 1970
    """
    reference = model.reference_
    if reference is None:
        return {}
    numbers = time_numbers(frame["date"], timeframe)
    day = numbers * timeframe_seconds(timeframe) // DAY
    wanted = (day >= days[0] - SPAN_DAYS) & (day < days[-1]) & (numbers % reference.hour == 0)
    rows, day = frame.loc[wanted], day[wanted]
    matrix = _matrix(rows, model, dk)
    complete = np.isfinite(matrix).all(axis=1)
    regime = rows[CODE_COLUMN].to_numpy(dtype=np.int64)
    found = {}
    for one in days:
        inside = complete & (day >= one - SPAN_DAYS) & (day < one)
        found[one] = reference.measure(matrix[inside], regime[inside])
    return found


def _matrix(rows: pd.DataFrame, model: TrainedModel, dk: FreqaiDataKitchen) -> NDArray[np.float32]:
    """Features as the model sees them, before outliers; NaN where one is missing."""
    label = label_of(dk.label_list)
    if model.feature_names_ is not None:
        return with_rivals(in_common(rows, dk.pair, model.feature_names_), rows, label)
    dk.find_features(rows)
    names = dk.training_features_list
    known = rows[names].replace([np.inf, -np.inf], np.nan).notna().all(axis=1).to_numpy()
    features = in_single_precision(rows[names])
    if not len(rows) or not dk.feature_pipeline.steps:
        matrix = features.to_numpy(dtype=np.float32)
    else:
        X, _, _ = dk.feature_pipeline.transform(features.fillna(0.0), outlier_check=True)
        matrix = X.to_numpy(dtype=np.float32)
    matrix = with_rivals(matrix, rows, label)
    return np.where(known[:, None], matrix, np.float32("nan"))


def _write(found: Mapping[int, Measures], model: TrainedModel, dk: FreqaiDataKitchen) -> None:
    """Keep the measures beside the model, for reports; without its folder nothing is kept."""
    folder = Path(dk.data_path)
    if not found or not folder.is_dir():
        return
    named = _names(model, dk)
    record = {
        str(np.datetime64(day, "D")): {name: _saved(one, named) for name, one in measures.items()}
        for day, measures in found.items()
    }
    path = folder / FILE
    try:
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        with replacing(path, durable=False) as fresh:
            fresh.write_text(json.dumps({**known, **record}), encoding="utf-8")
    except (OSError, ValueError) as error:
        logger.warning(f"{path} cannot be written: {error}; reports lack the drift of {dk.pair}")


def _names(model: TrainedModel, dk: FreqaiDataKitchen) -> list[str]:
    names = model.feature_names_ or list(dk.training_features_list)
    return with_rival_names(names, dk.label_list)


def _worst(one: DriftMeasure, names: list[str]) -> dict[str, float]:
    """By name; none where a pipeline has made other features of those that have names."""
    found = one.worst(names) if len(names) == len(one.psi) else []
    return {name: round(value, DIGITS) for name, value in found}


def _saved(one: DriftMeasure, names: list[str]) -> dict[str, Any]:
    return {
        "rows": one.rows,
        "psi": round(float(np.nan_to_num(one.typical)), DIGITS),
        "share": round(float(np.nan_to_num(one.share)), DIGITS),
        "worst": _worst(one, names),
    }
