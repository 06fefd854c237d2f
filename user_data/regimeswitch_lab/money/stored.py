"""Candles of a range as freqtrade's backtester loads them, for the functions of the bot."""

from dataclasses import dataclass

import pandas as pd
from freqtrade.data.converter import clean_ohlcv_dataframe
from freqtrade.enums import RunMode

from regimeswitch.market.candles import OHLCV, timeframe_seconds, utc_dates
from regimeswitch_lab.candle_folder import CandleFolder


@dataclass(frozen=True)
class StoredCandles:
    """What the functions of :mod:`regimeswitch.bot.freqai.regime_candles` ask a data provider for.

    A backtest loads the warm-up in candles of EACH timeframe, up to the candle that opens at the
    end of the range; bands and grace periods begin where the frame begins, so it is cut the same.

    :ivar start: of the range, epoch seconds; ``stop`` alike
    :ivar warm_up: the strategy's ``startup_candle_count``
    """

    folder: CandleFolder
    start: int
    stop: int
    warm_up: int
    runmode: RunMode = RunMode.BACKTEST

    def get_pair_dataframe(self, pair: str, timeframe: str) -> pd.DataFrame:
        """As freqtrade's data provider has it: empty where there is no file or no candle."""
        if not self.folder.file(pair, timeframe).is_file():
            return pd.DataFrame(columns=OHLCV)
        return self.candles(pair, timeframe)

    def candles(self, pair: str, timeframe: str) -> pd.DataFrame:
        """Warm-up and range, each gap filled with candles without trades; may be empty.

        :raises InputError: when the file is missing or unreadable
        """
        stored = self.folder.stored(pair, timeframe)
        dates = utc_dates(stored["date"])
        begin = self.start - self.warm_up * timeframe_seconds(timeframe)
        inside = dates.between(_moment(begin), _moment(self.stop))
        if not inside.any():
            return stored.iloc[:0]
        frame: pd.DataFrame = clean_ohlcv_dataframe(
            stored.assign(date=dates)[inside],
            timeframe,
            pair,
            fill_missing=False,
            drop_incomplete=False,
        )
        return filled(frame, timeframe)


def filled(candles: pd.DataFrame, timeframe: str) -> pd.DataFrame:
    """Gaps filled as freqtrade does it: candles without trades at the last close.

    Its own function gives warnings of pandas.
    """
    step = pd.Timedelta(seconds=timeframe_seconds(timeframe))
    dates = pd.date_range(candles["date"].iloc[0], candles["date"].iloc[-1], freq=step, name="date")
    if len(dates) == len(candles):
        return candles
    whole = candles.set_index("date")[OHLCV[1:]].reindex(dates)
    whole["close"] = whole["close"].ffill()
    whole["volume"] = whole["volume"].fillna(0.0)
    for column in ("open", "high", "low"):
        whole[column] = whole[column].fillna(whole["close"])
    return whole.reset_index()


def _moment(seconds: int) -> pd.Timestamp:
    return pd.Timestamp(seconds, unit="s", tz="UTC")
