"""Bad candles are filtered on arrival in a running bot, and none is traded on.

What a table of candles would hide is taken out before freqtrade makes one: missing values,
duplicates, candles of the future. Candles of a stream carry no sign of being final, and freqtrade
takes unfinished ones for finished; so each candle is fetched when it has closed. What can be seen
in the table (zero, negative, inverted, impossible prices) stays there, marked, see
:mod:`regimeswitch.market.cleaning`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from freqtrade.exceptions import ExchangeError
from freqtrade.strategy import IStrategy

from regimeswitch.bot.connection.books import best_prices
from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.messages.message import Level
from regimeswitch.bot.patches import install
from regimeswitch.bot.searched_candles import cleaned_once
from regimeswitch.market.candles import UNUSABLE_KINDS, closed_row, timeframe_seconds
from regimeswitch.market.cleaning import RECENT, bad_candles
from regimeswitch.market.raw_candles import sound_ticks
from regimeswitch.market.regimes import five_minute_range
from regimeswitch.settings import Settings


logger = logging.getLogger(__name__)

MIN_DISTANCE = 0.005
"""Fraction of the price that is never too far, however quiet the market was."""
BOOK_UNKNOWN = "the order book is not known"


class CandleGuard:
    """Watches over the candles of one running bot.

    :param alarms: notifies people, once per kind and pair
    """

    def __init__(self, settings: Settings, alarms: Alarms) -> None:
        self._settings = settings
        self._alarms = alarms
        self._seen: set[tuple[str, str, object, str]] = set()
        self._counts: Counter[tuple[str, str]] = Counter()

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """Candles left out so far, by pair and kind."""
        return dict(self._counts)

    def install(self, exchange: Any) -> None:
        """Stand between the exchange's answers and freqtrade's tables."""
        install("exchange", exchange, _async_get_candle_history=self._fetching)
        if exchange._exchange_ws is not None:
            logger.info(
                "exchange.enable_ws is true; candles are fetched when they have closed all the "
                "same, because those of a stream carry no sign of being final"
            )
            install("exchange", exchange, _can_use_websocket=_without_streams)

    def _fetching(self, fetch: Callable[..., Any]) -> Callable[..., Any]:
        async def fetch_sound(
            pair: str, timeframe: str, candle_type: Any, *arguments: Any, **options: Any
        ) -> Any:
            answer = await fetch(pair, timeframe, candle_type, *arguments, **options)
            name, length, kind, ticks, partial = answer
            return name, length, kind, self._sound(name, length, ticks), partial

        return fetch_sound

    def _sound(self, pair: str, timeframe: str, ticks: list[Any]) -> list[Any]:
        now = int(datetime.now(UTC).timestamp() * 1000)
        kept, refused = sound_ticks(ticks, timeframe, now)
        for opened, kind in refused:
            self._count(pair, timeframe, opened, kind)
        return kept

    def _count(self, pair: str, timeframe: str, opened: object, kind: str) -> None:
        # The same candle is fetched and looked at again until the next one closes.
        known = (pair, timeframe, opened, kind)
        if known in self._seen:
            return
        self._seen.add(known)
        self._counts[pair, kind] += 1
        logger.warning(
            f"{pair} {timeframe}: bad candle: {kind}, opened {opened}; "
            f"{self._counts[pair, kind]} of this kind so far"
        )
        self._alarms.tell(
            f"candle {pair} {kind}", f"{pair}: bad candle left out: {kind}", level=Level.INFO
        )

    def look(self, strategy: IStrategy, now: datetime) -> None:
        """Notify of the last candle of each pair where it is a bad one; once per candle."""
        for pair in strategy.dp.current_whitelist():
            candles = strategy.dp.ohlcv(pair, strategy.timeframe, copy=False)
            row = closed_row(candles, now, strategy.timeframe)
            if row < 0:
                continue
            opened = candles["date"].iloc[row]
            for kind in self._kinds(candles.iloc[: row + 1], strategy.timeframe):
                if kind in UNUSABLE_KINDS:
                    self._count(pair, strategy.timeframe, opened, kind)

    def refusal(self, strategy: IStrategy, pair: str, now: datetime) -> str:
        """Why the last closed candle is not good enough to trade on; empty where it is."""
        candles = strategy.dp.get_pair_dataframe(pair, strategy.timeframe)
        row = closed_row(candles, now, strategy.timeframe)
        length = pd.Timedelta(seconds=timeframe_seconds(strategy.timeframe))
        if row < 0 or candles["date"].iloc[row] + 2 * length <= pd.Timestamp(now):
            return "the candle that has just closed is missing"
        closed = candles.iloc[: row + 1]
        kinds = self._kinds(closed, strategy.timeframe)
        if kinds:
            return f"bad candle: {', '.join(kinds)}"
        return self._far_from_book(strategy, pair, closed)

    def _kinds(self, closed: pd.DataFrame, timeframe: str) -> list[str]:
        """What is wrong with the last candle."""
        bad = bad_candles(closed.tail(RECENT), timeframe, self._settings.safety).iloc[-1]
        return [str(kind) for kind in bad.index[bad.to_numpy(dtype=bool)]]

    def _far_from_book(self, strategy: IStrategy, pair: str, closed: pd.DataFrame) -> str:
        safety = self._settings.safety
        if not safety.book_atr:
            return ""
        good = cleaned_once(closed, strategy.timeframe, safety)
        base = strategy.timeframe
        period = min(self._settings.risk.atr_period_in(base), len(good) - 1)
        atr = float(five_minute_range(good, period, base)[-1]) if period > 0 else 0.0
        try:
            prices = best_prices(strategy.dp, pair)
        except ExchangeError as error:
            return f"{BOOK_UNKNOWN}: {error}"
        close = float(good["close"].iloc[-1])
        distance = min(abs(price - close) for price in prices)
        if distance > max(safety.book_atr * atr, MIN_DISTANCE * close):
            return f"close {close:g} is far from the order book ({prices[0]:g}, {prices[1]:g})"
        return ""


def _without_streams(original: Callable[..., bool]) -> Callable[..., bool]:
    return lambda *arguments, **options: False
