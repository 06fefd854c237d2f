"""A folder of freqtrade's candle files, read in the format that a bot keeps them in."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from freqtrade.data.converter import clean_ohlcv_dataframe
from freqtrade.data.history.datahandlers.idatahandler import get_datahandlerclass
from freqtrade.enums import CandleType

from regimeswitch_lab.exchange.market.candle_files import FORMATS, CandleFileError, read_candle_file
from regimeswitch_lab.exchange.market.candle_store import DEFAULT_FORMAT
from regimeswitch_lab.inputs import InputError, NoCandlesError


@dataclass(frozen=True)
class CandleFolder:
    """Candle files of one format.

    :param path: freqtrade's data folder, e.g. ``user_data/data/binance``
    :param data_format: freqtrade's ``dataformat_ohlcv``
    :param candle_type: spot, or futures, which lie in a folder of their own
    """

    path: Path
    data_format: str = DEFAULT_FORMAT
    candle_type: CandleType = CandleType.SPOT

    def file(self, pair: str, timeframe: str) -> Path:
        """Where freqtrade keeps these candles; need not exist."""
        return self._file(pair, timeframe, self.data_format)

    def _file(self, pair: str, timeframe: str, data_format: str) -> Path:
        handler = get_datahandlerclass(data_format)
        return Path(handler._pair_data_filename(self.path, pair, timeframe, self.candle_type))

    def candles(self, pair: str, timeframe: str) -> pd.DataFrame:
        """Candles as freqtrade reads them: in order of time, each date once, gaps left as gaps.

        :return: the columns of :data:`regimeswitch.market.candles.OHLCV`, not empty
        :raises InputError: when the file is missing or unreadable; NoCandlesError when it is empty
        """
        stored = self.stored(pair, timeframe)
        frame: pd.DataFrame = clean_ohlcv_dataframe(
            stored, timeframe, pair, fill_missing=False, drop_incomplete=False
        )
        return frame

    def stored(self, pair: str, timeframe: str) -> pd.DataFrame:
        """Candles exactly as the file has them; else as :meth:`candles`."""
        path = self.file(pair, timeframe)
        if not path.is_file():
            raise InputError(f"{path} is missing; {self._mend(pair, timeframe)}")
        try:
            frame = read_candle_file(path)
        except (CandleFileError, OSError) as error:
            raise InputError(f"{path} is not a candle file ({error}); download it again") from None
        if frame.empty:
            raise NoCandlesError(f"{path} holds no candles; download it again")
        return frame

    def _mend(self, pair: str, timeframe: str) -> str:
        for other in FORMATS:
            found = self._file(pair, timeframe, other)
            if found.is_file():
                return (
                    f'{found.name} is there: set "dataformat_ohlcv": "{other}" in the config '
                    f"(now {self.data_format!r}), or convert it with `freqtrade convert-data "
                    f"--format-from {other} --format-to {self.data_format}`"
                )
        return (
            f"run `freqtrade download-data --pairs {pair} --timeframes {timeframe}` or name "
            "another --datadir"
        )
