"""Forecasts that a backtest was made with, beside what came: rows for the calibration tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow
from freqtrade.configuration import TimeRange

from regimeswitch.bot.freqai.stored_predictions import BacktestPredictions
from regimeswitch.market.labels import CLASS_COLUMN, CLASSES, VOLATILITY_TARGET
from regimeswitch.market.volatility import VOLATILITY_COLUMN
from regimeswitch.risk.model_additions import FORECAST_COLUMN
from regimeswitch.settings import REGIME_NAMES
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.report.candle_history import Histories, PairHistory
from regimeswitch_lab.report.report_source import Source


FOLDER = "backtested"
"""Below the folder of an identifier."""


def classified(source: Source, histories: Histories, folder: Path | None) -> pd.DataFrame:
    """Probabilities and the class that came.

    :param folder: of one FreqAI identifier; None = where the source says
    :raises InputError: when a file of forecasts cannot be read
    :return: ``pair``, ``date``, ``regime``, :data:`CLASSES` and :data:`CLASS_COLUMN`, a row for
        each candle that was predicted, trusted by FreqAI, in a known regime, and whose label is
        known; empty where there is none
    """
    rows = _forecasts(source, histories, folder, CLASS_COLUMN, CLASSES)
    if rows.empty:
        return rows
    given = rows[list(CLASSES)]
    # What FreqAI has not predicted is zero in all classes.
    return rows[given.notna().all(axis=1) & (given.sum(axis=1) > 0)]


def sized(source: Source, histories: Histories, folder: Path | None) -> pd.DataFrame:
    """Volatility forecasts and what came.

    :param folder: as in :func:`classified`
    :return: as in :func:`classified`, with :data:`FORECAST_COLUMN` and ``volatility`` (that of the
        rule, an exponential mean), both a year as fractions, and :data:`VOLATILITY_TARGET` (its
        logarithm)
    """
    rows = _forecasts(source, histories, folder, VOLATILITY_TARGET, (FORECAST_COLUMN,))
    return rows[(rows[FORECAST_COLUMN] > 0) & (rows[VOLATILITY_COLUMN] > 0)] if len(rows) else rows


def _forecasts(
    source: Source,
    histories: Histories,
    folder: Path | None,
    target: str,
    columns: tuple[str, ...],
) -> pd.DataFrame:
    timerange = TimeRange.parse_timerange(source.config.get("timerange"))
    parts = [
        part
        for one in ([folder] if folder else source.models)
        for history in histories.pairs
        if target in history.frame
        and len(part := _of_pair(history, one / FOLDER, timerange, target, columns))
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _of_pair(
    history: PairHistory,
    folder: Path,
    timerange: TimeRange,
    target: str,
    columns: tuple[str, ...],
) -> pd.DataFrame:
    candles = history.frame
    try:
        stored, found = BacktestPredictions(folder).load(history.pair, candles, timerange)
    except (pyarrow.ArrowException, KeyError) as error:
        raise InputError(
            f"the forecasts of {history.pair} in {folder} cannot be read ({error}); remove the "
            "folder and backtest again"
        ) from None
    if not {"do_predict", *columns} <= set(stored):
        return pd.DataFrame()
    usable = found & (stored["do_predict"] == 1) & candles["regime"].isin(REGIME_NAMES)
    rows = (usable & candles[target].notna()).to_numpy()
    known = candles.loc[rows, ["date", "regime", VOLATILITY_COLUMN, target]]
    return pd.concat([known, stored.loc[rows, list(columns)]], axis=1).assign(pair=history.pair)
