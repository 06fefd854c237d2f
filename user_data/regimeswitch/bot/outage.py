"""Outages: entries pause while exchange, candles or clocks are not as they should be."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import ccxt
import pandas as pd
from freqtrade.strategy import IStrategy

from regimeswitch.bot.alarms import Alarms
from regimeswitch.bot.traffic import Traffic
from regimeswitch.candles import timeframe_seconds
from regimeswitch.safetysettings import SafetySettings


CLOCK_SECONDS = 300.0
"""How often the exchange's clock is asked for."""


class Outages:
    """What keeps entries back, by the bot's last look; one notice per change."""

    def __init__(self, traffic: Traffic, safety: SafetySettings, alarms: Alarms) -> None:
        self._traffic, self._safety, self._alarms = traffic, safety, alarms
        self._asked = 0.0
        self._drift = 0.0
        self._general: dict[str, str] = {}
        self._of_pair: dict[str, str] = {}

    def reason(self, pair: str) -> str:
        """Why no entry may be made; empty where it may."""
        found = [self._traffic.limit_reason(), *self._general.values()]
        if self._traffic.failing:
            found.append(f"the exchange does not answer ({self._traffic.failing})")
        found.append(self._of_pair.get(pair, ""))
        return next((reason for reason in found if reason), "")

    def look(self, strategy: IStrategy, now: datetime) -> None:
        """Once in each loop, before the traffic of the next begins."""
        exchange = strategy.dp._exchange
        self._say("limit", self._traffic.limit_reason(), "the exchange's limits allow entries")
        failing = self._traffic.failing
        self._say(
            "unreachable",
            failing and f"the exchange does not answer ({failing})",
            "the exchange answers again",
        )
        slow = ", ".join(self._traffic.slow)
        self._say(
            "slow",
            slow and f"no answer in {self._safety.slow_seconds:g} s: {slow}",
            "all answers come in time again",
        )
        self._general["clock"] = self._clock_reason(exchange)
        self._say("clock", self._general["clock"], "the clock agrees with the exchange's again")
        for pair in strategy.dp.current_whitelist():
            self._of_pair[pair] = self._candle_reason(strategy, pair, now)
            self._say(f"candles {pair}", self._of_pair[pair], f"{pair}: candles are there again")

    def _say(self, key: str, reason: str, over: str) -> None:
        if reason:
            self._alarms.set(key, f"{reason}; entries pause, exits go on")
        else:
            self._alarms.clear(key, f"{over}; entries go on")

    def _clock_reason(self, exchange: Any) -> str:
        now = time.time()
        due = self._traffic.clock_doubted or not 0 <= now - self._asked < CLOCK_SECONDS
        if due or self._drift:
            self._ask_clock(exchange)
        if abs(self._drift) <= self._safety.clock_drift_seconds:
            return ""
        return f"this clock differs from the exchange's by {self._drift:+.1f} s"

    def _ask_clock(self, exchange: Any) -> None:
        before = time.time()
        try:
            theirs = exchange._api.fetch_time() / 1000
        except ccxt.BaseError:
            # Told as unreachable; what was measured last holds on.
            return
        self._asked = time.time()
        self._traffic.clock_doubted = False
        drift = (before + self._asked) / 2 - theirs
        self._drift = drift if abs(drift) > self._safety.clock_drift_seconds else 0.0

    def _candle_reason(self, strategy: IStrategy, pair: str, now: datetime) -> str:
        dp = strategy.dp
        market = dp._exchange.markets.get(pair)
        if market is None or not market.get("active", True):
            return f"{pair} is not traded on the exchange"
        if self._traffic.is_slow(market["id"]):
            return f"{pair}: no answer in {self._safety.slow_seconds:g} s"
        candles: pd.DataFrame = dp.ohlcv(pair, strategy.timeframe, copy=False)
        if candles.empty:
            return f"{pair}: no candles"
        length = timedelta(seconds=timeframe_seconds(strategy.timeframe))
        # The candle after the newest one should be there once it is over.
        missing_since = candles["date"].iloc[-1] + 2 * length
        if now - missing_since > self._safety.late_candles * length:
            return f"{pair}: candles end at {candles['date'].iloc[-1]:%Y-%m-%d %H:%M}"
        return ""
