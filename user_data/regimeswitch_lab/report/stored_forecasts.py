"""Forecasts that were served, beside what came: rows for the calibration tables.

Of a backtest those that it was made with, of a bot those that it has kept of its whole days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow
from freqtrade.configuration import TimeRange

from regimeswitch.bot.freqai.served_predictions import FOLDER as SERVED
from regimeswitch.bot.freqai.stored_predictions import BacktestPredictions
from regimeswitch.market.labels import CLASS_COLUMN, CLASSES, VOLATILITY_TARGET
from regimeswitch.market.volatility import VOLATILITY_COLUMN
from regimeswitch.risk.model_additions import FORECAST_COLUMN
from regimeswitch.settings import REGIME_NAMES
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.report.candle_history import Histories, PairHistory
from regimeswitch_lab.report.report_source import Source


FOLDERS = {"backtest": "backtested", "database": SERVED}
"""Below the folder of an identifier, by the kind of the source. The folder of a bot may hold the
forecasts of a backtest as well, which are not the bot's."""


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


def stored_frames(
    source: Source, histories: Histories, folder: Path | None, columns: Sequence[str]
) -> Iterator[tuple[PairHistory, pd.DataFrame]]:
    """What was served to each pair: ``do_predict``, ``date`` and columns, rows as in its history.

    :param folder: as in :func:`classified`
    :param columns: without which a file does not count
    :return: a row without a prediction has 0 in ``do_predict``; pairs without any are left out
    :raises InputError: when a file of forecasts cannot be read
    """
    given = source.config.get("timerange") if source.kind == "backtest" else None
    timerange = TimeRange.parse_timerange(given)
    for one in [folder] if folder else source.models:
        place = one / FOLDERS[source.kind]
        for history in histories.pairs:
            candles = history.frame
            try:
                stored, found = BacktestPredictions(place).load(history.pair, candles, timerange)
            except (pyarrow.ArrowException, KeyError) as error:
                raise InputError(
                    f"the forecasts of {history.pair} in {place} cannot be read ({error}); remove "
                    f"the folder{_REMEDY[source.kind]}"
                ) from None
            if {"do_predict", *columns} <= set(stored):
                usable = stored["do_predict"].where(found, 0)
                yield history, stored.assign(do_predict=usable, date=candles["date"])


_REMEDY = {"backtest": " and backtest again", "database": ""}


def _forecasts(
    source: Source,
    histories: Histories,
    folder: Path | None,
    target: str,
    columns: tuple[str, ...],
) -> pd.DataFrame:
    parts = [
        part
        for history, stored in stored_frames(source, histories, folder, columns)
        if target in history.frame and len(part := _of_pair(history, stored, target, columns))
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _of_pair(
    history: PairHistory, stored: pd.DataFrame, target: str, columns: tuple[str, ...]
) -> pd.DataFrame:
    candles = history.frame
    usable = (stored["do_predict"] == 1) & candles["regime"].isin(REGIME_NAMES)
    rows = (usable & candles[target].notna()).to_numpy()
    known = candles.loc[rows, ["date", "regime", VOLATILITY_COLUMN, target]]
    return pd.concat([known, stored.loc[rows, list(columns)]], axis=1).assign(pair=history.pair)
