"""Candle histories of pairs that come and go: dynamic pair lists in a running bot.

FreqAI downloads and loads the histories of the configured whitelist once, at its start. A pair
that joins later is served at once from the candles that the bot has fetched; its whole history is
downloaded in FreqAI's thread, before the next training, so that no exit waits for it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pandas as pd
from freqtrade.data.dataprovider import DataProvider
from freqtrade.data.history import load_pair_history, refresh_backtest_ohlcv_data
from freqtrade.exceptions import FreqtradeException
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.freqai.utils import get_required_data_timerange

from regimeswitch.bot.freqai.regime_candles import joined_candles
from regimeswitch.market.candles import utc_dates


logger = logging.getLogger(__name__)


class PairHistories:
    """Keeps FreqAI's histories in step with the whitelist.

    :param config: freqtrade's
    :param drawer: FreqAI's data drawer
    """

    def __init__(self, config: dict[str, Any], drawer: Any) -> None:
        self._config = config
        self._drawer = drawer
        features = config["freqai"]["feature_parameters"]
        self._timeframes: list[str] = features["include_timeframes"]
        self._correlated: list[str] = features.get("include_corr_pairlist", [])
        self._incomplete: set[str] = set()
        # As the strategy has it: FreqAI's own download makes it larger, at every call.
        self._startup = config.get("startup_candle_count", 0)

    def prepare(self, pair: str, dk: FreqaiDataKitchen, dp: DataProvider) -> None:
        """Before a candle of ``pair`` is served: FreqAI finds a history of all it looks at.

        :param dk: of the pair; at the first call FreqAI loads all of its pairs from the disk, later
            it appends fresh candles to them
        """
        histories = self._drawer.historic_data
        if not histories:
            named = [*self._correlated, *dp.current_whitelist(), pair]
            dk.all_pairs = list(dict.fromkeys(named))
            return
        with self._drawer.history_lock:
            known = [name for name in (*self._correlated, pair) if self._continued(name, dp)]
        dk.all_pairs = list(dict.fromkeys(known))

    def _continued(self, pair: str, dp: DataProvider) -> bool:
        """Whether a pair has candles to go on from, fetched ones where nothing reaches them."""
        known = self._drawer.historic_data.setdefault(pair, {})
        for timeframe in self._timeframes:
            fetched = dp.get_pair_dataframe(pair, timeframe)
            history = known.get(timeframe)
            if history is None or history.empty or _ends_before(history, fetched):
                known[timeframe] = joined_candles([fetched])
                self._incomplete.add(pair)
            elif not fetched.empty and history["date"].dtype != fetched["date"].dtype:
                # Loaded from the disk: appending fresh candles would make objects of all dates.
                dates = utc_dates(history["date"]).astype(fetched["date"].dtype)
                known[timeframe] = history.assign(date=dates)
        return all(not known[timeframe].empty for timeframe in self._timeframes)

    def complete(self, pairs: Sequence[str], dp: DataProvider) -> None:
        """Before a training, in FreqAI's thread: whole histories of all pairs that learn.

        What cannot be downloaded is tried again at the next training. Histories of pairs that have
        left the whitelist are dropped.
        """
        wanted = list(dict.fromkeys([*self._correlated, *pairs]))
        for pair in wanted:
            known = self._drawer.historic_data.get(pair, {})
            whole = all(not known.get(name, pd.DataFrame()).empty for name in self._timeframes)
            if pair in self._incomplete or not whole:
                self._download(pair, dp)
        with self._drawer.history_lock:
            for pair in set(self._drawer.historic_data) - set(wanted):
                del self._drawer.historic_data[pair]
                self._incomplete.discard(pair)

    def _download(self, pair: str, dp: DataProvider) -> None:
        timerange = get_required_data_timerange(
            {**self._config, "startup_candle_count": self._startup}
        )
        stored = {
            "datadir": self._config["datadir"],
            "data_format": self._config.get("dataformat_ohlcv", "feather"),
        }
        logger.info(f"{pair}: has joined the whitelist; downloading its history for the training")
        try:
            missing = refresh_backtest_ohlcv_data(
                dp._exchange,
                pairs=[pair],
                timeframes=self._timeframes,
                timerange=timerange,
                new_pairs_days=(timerange.stopts - timerange.startts) // 86400,
                trading_mode=self._config.get("trading_mode", "spot"),
                **stored,
            )
        except FreqtradeException as error:
            missing = [str(error)]
        if missing:
            logger.warning(
                f"{pair}: its history cannot be downloaded ({'; '.join(missing)}); until the next "
                "training it learns from the candles that the bot has fetched"
            )
            return
        with self._drawer.history_lock:
            known = self._drawer.historic_data.setdefault(pair, {})
            for timeframe in self._timeframes:
                downloaded = load_pair_history(
                    pair=pair,
                    timeframe=timeframe,
                    timerange=timerange,
                    candle_type=self._config["candle_type_def"],
                    **stored,
                )
                known[timeframe] = joined_candles([downloaded, known.get(timeframe)])
        self._incomplete.discard(pair)


def _ends_before(history: pd.DataFrame, fetched: pd.DataFrame) -> bool:
    """Whether candles are missing between a history and the fetched ones."""
    if fetched.empty:
        return False
    return bool(history["date"].iloc[-1] < fetched["date"].iloc[0])
