"""What a chart of a backtest shows: the predictions that the backtest was made with.

``plot-dataframe`` and the charts of FreqUI's webserver analyse candles again, one pair at a time
and without the training range. There FreqAI would train once more, on other rows, and write over
the models of the backtest. So every backtest keeps what it predicted, one file per pair and time
range, and a chart reads it: nothing is trained, written or removed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from freqtrade.configuration import TimeRange
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.misc import pair_to_filename
from pandas.api.types import is_numeric_dtype as is_numeric

from regimeswitch.bot.whole_files import replacing
from regimeswitch.market.candles import utc_dates


logger = logging.getLogger(__name__)

VIEWS = (RunMode.PLOT, RunMode.WEBSERVER)
"""Modes that show candles and trade nothing."""
_NAME = re.compile(r"(?P<pair>.+)-(?P<start>\d+)-(?P<stop>\d+)\.feather$")


@dataclass(frozen=True)
class BacktestPredictions:
    """Predictions of the backtests of one identifier.

    :param folder: one file per pair and time range
    """

    folder: Path

    def save(
        self, pair: str, candles: pd.DataFrame, predicted: pd.DataFrame, timerange: TimeRange
    ) -> None:
        """Keep the rows of a backtest; those of an earlier one of the same range are replaced.

        :param candles: of ``pair`` with ``date`` and ``close``, shape (n, ...)
        :param predicted: columns that the model has added, shape (n, ...), rows as in ``candles``
        :param timerange: rows from its start to its stop, both included
        """
        inside = _inside(candles["date"], timerange).to_numpy()
        kept = pd.concat([candles[["date", "close"]], predicted], axis=1)
        self._put(pair, kept.loc[inside].reset_index(drop=True), timerange)

    def extend(
        self, pair: str, candles: pd.DataFrame, predicted: pd.DataFrame, timerange: TimeRange
    ) -> None:
        """Rows beside those that are kept of the range already; of one candle the last counts.

        Parameters as in :meth:`save`.
        """
        kept = pd.concat([candles[["date", "close"]], predicted], axis=1)
        path = self._path(pair, timerange)
        if path.is_file():
            kept = pd.concat([pd.read_feather(path), kept.assign(date=utc_dates(kept["date"]))])
            kept = kept.assign(date=utc_dates(kept["date"])).drop_duplicates("date", keep="last")
        kept = kept.sort_values("date", ignore_index=True)
        self._put(pair, kept, timerange)

    def _path(self, pair: str, timerange: TimeRange) -> Path:
        name = f"{pair_to_filename(pair)}-{timerange.startts}-{timerange.stopts}.feather"
        return self.folder / name

    def _put(self, pair: str, kept: pd.DataFrame, timerange: TimeRange) -> None:
        if kept.empty:
            return
        predicted = kept.columns.difference(["date", "close"], sort=False)
        for name in predicted:
            if not is_numeric(kept[name]):
                kept[name] = _texts(kept[name])
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self._path(pair, timerange)) as fresh:
            kept.to_feather(fresh)

    def load(
        self, pair: str, candles: pd.DataFrame, timerange: TimeRange, needed: Sequence[str] = ()
    ) -> tuple[pd.DataFrame, pd.Series]:
        """Predictions of the candles that are looked at.

        Where several backtests have predicted a candle, the one of this very range counts, else
        the newest. A row that was predicted for another close (other candles) does not count.

        :param candles: of ``pair`` with ``date`` and ``close``, shape (n, ...)
        :param timerange: what is looked at; 0 at an end = open
        :param needed: columns without which a file does not count, as one of another version
        :return: columns with the index of ``candles``, 0 where there is no prediction; and whether
            there is one, shape (n,)
        """
        frames = [pd.read_feather(path) for path in self._files(pair, timerange)]
        known = _joined([frame for frame in frames if set(needed) <= set(frame)])
        if known.empty:
            return pd.DataFrame(index=candles.index), pd.Series(False, index=candles.index)
        rows = known.reindex(pd.Index(utc_dates(candles["date"]))).set_axis(candles.index)
        found = rows["close"] == candles["close"]
        columns = rows.drop(columns="close")
        for name in columns:
            columns[name] = columns[name].where(found, 0 if is_numeric(columns[name]) else "")
        return columns, found

    def _files(self, pair: str, timerange: TimeRange) -> list[Path]:
        """Files of a pair, the one that counts most last."""
        found: list[tuple[bool, int, Path]] = []
        for path in self.folder.glob(f"{pair_to_filename(pair)}-*.feather"):
            match = _NAME.match(path.name)
            if match is None or match["pair"] != pair_to_filename(pair):
                continue
            exact = (int(match["start"]), int(match["stop"])) == (
                timerange.startts,
                timerange.stopts,
            )
            found.append((exact, path.stat().st_mtime_ns, path))
        return [path for *_, path in sorted(found)]


def said_of_missing(pair: str, found: pd.Series, dates: pd.Series, timerange: TimeRange) -> None:
    """Say which part of a chart was not backtested.

    :param found: whether a candle has a prediction
    :param dates: of the candles
    :raises OperationalException: when none of the range has one
    """
    inside = _inside(dates, timerange)
    missing = dates[inside & ~found]
    if found[inside].any():
        if len(missing):
            logger.warning(
                f"{pair}: {len(missing)} candles from {missing.iloc[0]:%Y-%m-%d %H:%M} to "
                f"{missing.iloc[-1]:%Y-%m-%d %H:%M} were not backtested; no predictions there"
            )
        return
    shown = dates[inside] if inside.any() else dates
    days = f" from {shown.iloc[0]:%Y%m%d} to {shown.iloc[-1]:%Y%m%d}" if len(shown) else ""
    raise OperationalException(
        f"{pair} was not backtested on these candles{days} with these settings, so there is "
        "nothing to show; run freqtrade backtesting over this range first (a chart trains nothing)"
    )


def _texts(column: pd.Series) -> pd.Series:
    """A column of classes without the zeros that FreqAI puts where nothing was predicted."""
    return column.map(lambda value: value if isinstance(value, str) else "").astype(str)


def _inside(dates: pd.Series, timerange: TimeRange) -> pd.Series:
    inside = pd.Series(True, index=dates.index)
    if timerange.startts:
        inside &= dates >= timerange.startdt
    if timerange.stopts:
        inside &= dates <= timerange.stopdt
    return inside


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows by date; the last frame wins."""
    if not frames:
        return pd.DataFrame()
    joined = pd.concat(frames, ignore_index=True)
    joined = joined.assign(date=utc_dates(joined["date"]))
    return joined.drop_duplicates("date", keep="last").set_index("date").sort_index()
