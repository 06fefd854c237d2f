"""What a running bot was served by its models, kept day by day: for reports.

FreqAI keeps it in a pickle, which whoever reads a report should not have to open. So the rows of
each whole day (UTC) are written once more, as a backtest writes its predictions: one file for each
pair and month.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from freqtrade.configuration import TimeRange

from regimeswitch.bot.freqai.columns import TRAINED_COLUMN
from regimeswitch.bot.freqai.stored_predictions import BacktestPredictions
from regimeswitch.market.candles import utc_dates


logger = logging.getLogger(__name__)

FOLDER = "served"
"""Below the folder of an identifier."""


class ServedPredictions:
    """Keeps the rows of whole days; a bot that is started again goes on.

    :param home: folder of the identifier
    """

    def __init__(self, home: Path) -> None:
        self._stored = BacktestPredictions(home / FOLDER)
        self._day: dict[str, pd.Timestamp] = {}

    def keep(self, pair: str, frame: pd.DataFrame, predicted: list[str]) -> None:
        """At the first candle of a day: write the whole days that the frame has.

        Rows that were filled in at a start, with the answers of a model that has learned from them,
        are left out. A failure costs the report, not the candle.

        :param frame: candles with what was predicted of them
        :param predicted: columns to keep
        """
        if frame.empty:
            return
        dates = utc_dates(frame["date"])
        day = dates.iloc[-1].floor("D")
        if self._day.get(pair) == day:
            return
        first = self._day.get(pair, dates.iloc[0].ceil("D"))
        seconds = dates.astype("int64") / 1000
        later = (frame[TRAINED_COLUMN] > 0) & (seconds >= frame[TRAINED_COLUMN])
        rows = frame[later & (dates >= first) & (dates < day)]
        months = utc_dates(rows["date"]).dt.strftime("%Y%m")
        try:
            for name, part in rows.groupby(months):
                self._write(pair, str(name), part.reset_index(drop=True), predicted)
        except (OSError, ValueError) as error:
            logger.warning(f"{pair}: what was served cannot be kept: {error}; reports lack the day")
            return
        self._day[pair] = day

    def _write(self, pair: str, month: str, rows: pd.DataFrame, predicted: list[str]) -> None:
        begin = datetime.strptime(month, "%Y%m").replace(tzinfo=UTC)
        end = (pd.Timestamp(begin) + pd.offsets.MonthBegin(1)).to_pydatetime()
        window = TimeRange("date", "date", int(begin.timestamp()), int(end.timestamp()))
        self._stored.extend(pair, rows, rows[predicted], window)
