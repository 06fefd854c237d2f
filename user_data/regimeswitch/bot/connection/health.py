"""Outages: while exchange, candles or clocks are not as they should be, entries pause.

What that means for exits differs, so every message says what holds for both, from the table.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
from freqtrade.persistence import PairLocks
from freqtrade.strategy import IStrategy

from regimeswitch.bot.connection.rate_limits import Traffic
from regimeswitch.bot.connection.response_rows import State
from regimeswitch.bot.connection.response_states import (
    CLOCK,
    LATE,
    NOT_TRADED,
    SLOW_ENTRY,
    SLOW_EXIT,
)
from regimeswitch.bot.connection.response_table import SILENT
from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.messages.message import Level
from regimeswitch.market.candles import COUNTED, timeframe_seconds
from regimeswitch.settings.safety_settings import SafetySettings


SLOW = (SLOW_ENTRY, SLOW_EXIT)
ANSWERLESS = "no answer"
"""Cause of the event that an exchange which does not answer is, with all that follows from it."""
AFTERMATH = timedelta(minutes=15)
"""Candles that are still missing so long after the exchange answers again are an event of their
own: until then they are a part of the outage."""
FOR_PEOPLE = {
    "403": "if it stays so, run the bot from another address",
    "451": "run the bot from an address that the exchange serves",
    "clock": "set this machine's clock",
}
"""States that end only when somebody does something about them, and what."""
AUTO_LOCK = "Auto lock"
"""freqtrade's reason of the lock that follows an exit."""


class Outages:
    """What keeps entries back, by the bot's last look; one notice per change."""

    def __init__(self, traffic: Traffic, safety: SafetySettings, alarms: Alarms) -> None:
        self._traffic, self._safety, self._alarms = traffic, safety, alarms
        self._clock: State | None = None
        self._of_pair: dict[str, State | None] = {}
        self._answerless_until: datetime | None = None

    def reason(self, pair: str) -> str:
        """Why no entry may be made; empty where it may."""
        found = (self._traffic.limit(), self._clock, self._unreachable(), self._of_pair.get(pair))
        return next((state.reason for state in found if state is not None), "")

    def look(self, strategy: IStrategy, now: datetime) -> None:
        """Once in each loop, before the traffic of the next begins."""
        limit, away = self._traffic.limit(), self._unreachable()
        banned = limit is not None and not limit.meaning.exits_leave
        cause = ANSWERLESS if banned else ""
        self._say("limit", limit, "the exchange's limits allow requests", cause)
        self._say("unreachable", away, "the exchange answers again", ANSWERLESS)
        cause, slow = ANSWERLESS if away is not None else "", dict(self._traffic.slow)
        self._say("slow", slow.get("slow"), "all answers come in time again", cause, joins=True)
        over = "what exits need is answered again"
        self._say("slow exits", slow.get("slow exits"), over, cause, joins=True)
        if self._answerless_until is None or banned or away is not None:
            self._answerless_until = now + AFTERMATH
        self._clock = self._clock_state(strategy, now)
        self._say("clock", self._clock, "the clock agrees with the exchange's again")
        for pair in strategy.dp.current_whitelist():
            state = self._of_pair[pair] = self._pair_state(strategy, pair, now)
            # What is slow has been notified above, for all pairs at once.
            single = None if state is not None and state.meaning in SLOW else state
            over = f"{pair}: candles are there again"
            self._say(f"candles {pair}", single, over, self._cause(single, now), joins=True)

    def _cause(self, state: State | None, now: datetime) -> str:
        """What a pair's trouble comes from: an exchange that does not answer, or one of its own."""
        until = self._answerless_until
        follows = state is not None and state.meaning is LATE and until is not None and now <= until
        if follows and self._alarms.holds(ANSWERLESS):
            return ANSWERLESS
        return "" if state is None else state.meaning.key

    def _say(
        self, key: str, state: State | None, over: str, cause: str = "", joins: bool = False
    ) -> None:
        """One state; ``cause`` and ``joins`` as in :meth:`Alarms.set`.

        Only what follows from an exchange that does not answer joins something.
        """
        if state is None:
            self._alarms.clear(key, f"{over}; entries and exits go on")
            return
        text, to_do = state.message, FOR_PEOPLE.get(state.meaning.key)
        text, level = (f"{text}; {to_do}", Level.ACTION) if to_do else (text, Level.WARNING)
        part = joins and cause == ANSWERLESS
        self._alarms.set(key, text, level=level, cause=cause, joins=part)

    def _unreachable(self) -> State | None:
        failing = self._traffic.failing
        return State(SILENT, {"what": failing}) if failing else None

    def _clock_state(self, strategy: IStrategy, now: datetime) -> State | None:
        clock, exchange = self._traffic.clock, strategy.dp._exchange
        if clock.was_set:
            _forget_the_future(exchange)
            _unlock_the_future(strategy, now)
        if clock.is_due or self._clock is not None:
            self._traffic.measure(exchange._api)
        if abs(clock.difference) <= self._safety.clock_drift_seconds:
            return None
        return State(CLOCK, {"seconds": f"{clock.difference:+.1f}"})

    def _pair_state(self, strategy: IStrategy, pair: str, now: datetime) -> State | None:
        dp = strategy.dp
        market = dp._exchange.markets.get(pair)
        if market is None or not market.get("active", True):
            return State(NOT_TRADED, {"what": pair})
        if (slow := self._traffic.slow_state(market["id"])) is not None:
            return slow
        candles: pd.DataFrame = dp.ohlcv(pair, strategy.timeframe, copy=False)
        if candles.empty:
            return State(LATE, {"what": f"{pair}: no candles"})
        newest = candles["date"].iloc[-1]
        if is_late(newest, now, strategy.timeframe, self._safety.late_candles):
            return State(LATE, {"what": f"{pair}: candles end at {newest:%Y-%m-%d %H:%M}"})
        return None


def is_late(newest: pd.Timestamp, now: datetime, timeframe: str, late_candles: float) -> bool:
    """Whether a closed candle is missing for longer than allowed.

    :param newest: opening time of the newest candle
    :param timeframe: of the candles
    :param late_candles: how long is allowed, 5-minute candles
    """
    # The candle after the newest one should be there once it is over.
    missing_since = newest + 2 * timedelta(seconds=timeframe_seconds(timeframe))
    return bool(now - missing_since > timedelta(seconds=late_candles * timeframe_seconds(COUNTED)))


def _forget_the_future(exchange: Any) -> None:
    """After a clock was set back freqtrade would ask for no candles until it is as late again.

    Older releases remember no such moments.
    """
    polled: dict[Any, int] = getattr(exchange, "_pairs_last_poll_time", {})
    for key, moment in list(polled.items()):
        if moment > time.time() * 1000:
            del polled[key]


def _unlock_the_future(strategy: IStrategy, now: datetime) -> None:
    """After an exit freqtrade locks a pair to the end of the candle, by this machine's clock.

    An exit that was made while it was ahead would keep the pair locked for as long.
    """
    latest = now + 2 * timedelta(seconds=timeframe_seconds(strategy.timeframe))
    ends = [
        lock.lock_end_time.replace(tzinfo=UTC)
        for lock in PairLocks.get_all_locks()
        if lock.active and lock.reason == AUTO_LOCK
    ]
    if any(end > latest for end in ends):
        strategy.unlock_reason(AUTO_LOCK)
