"""Every request of the bot and every answer: rate limits, bans, slow and missing answers."""

from __future__ import annotations

import inspect
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import ccxt

from regimeswitch.bot.answers import (
    BAD_TIME,
    MINUTE,
    TOO_MANY_ORDERS,
    Answer,
    NoAnswer,
    Withheld,
    checked,
)
from regimeswitch.safetysettings import SafetySettings


ORDER_WINDOW = 10.0
EXIT_PATHS = ("order", "depth", "account")
"""What an exit needs: all that is let through once the weight of a minute is nearly used up."""

_heard: ContextVar[Answer | None] = ContextVar("heard", default=None)


class Traffic:
    """Watches the exchange clients of one bot.

    :param clock: gives the present, epoch seconds
    """

    def __init__(self, safety: SafetySettings, clock: Callable[[], float] = time.time) -> None:
        self._safety = safety
        self._clock = clock
        self._used = (0, 0)
        self._entries_from = self._silent_until = 0.0
        self._slow: set[tuple[str, str]] = set()
        self.failing = ""
        self.clock_doubted = False

    def watch(self, client: Any) -> None:
        """Wrap the requests of a client, synchronous or not, in place."""
        listen, send = client.on_rest_response, client.fetch

        def heard(*what: Any) -> Any:
            status, _, _, _, headers, body = what[:6]
            self._hear(Answer.of(status, headers, body))
            return listen(*what)

        async def fetch_later(url: str, method: str = "GET", *rest: Any) -> Any:
            with self._request(url, method):
                return checked(await send(url, method, *rest), url)

        def fetch(url: str, method: str = "GET", *rest: Any) -> Any:
            with self._request(url, method):
                return checked(send(url, method, *rest), url)

        client.on_rest_response = heard
        client.fetch = fetch_later if inspect.iscoroutinefunction(send) else fetch

    def next_loop(self) -> None:
        """What was too slow may be asked again."""
        self._slow.clear()

    @property
    def slow(self) -> list[str]:
        """What did not answer in time in this loop, e.g. ``depth BTCUSDT``."""
        return sorted(f"{path} {symbol}".strip() for path, symbol in self._slow)

    def is_slow(self, symbol: str) -> bool:
        """Whether an answer about a symbol is missing in this loop."""
        return any(symbol == one for _, one in self._slow)

    def limit_reason(self) -> str:
        """Why the exchange's limits allow no entry now; empty where they do."""
        now, limit = self._clock(), self._safety.weight_limit
        if now < self._silent_until:
            return f"the exchange takes no requests until {_told(self._silent_until)} UTC"
        if now < self._entries_from:
            return f"the exchange takes no new orders until {_told(self._entries_from)} UTC"
        if self._weight(now) >= limit * self._safety.weight_share:
            return f"request weight {self._weight(now)} of {limit} is used in this minute"
        return ""

    def _weight(self, now: float) -> int:
        """What is used of this minute, as far as the exchange has told."""
        minute, used = self._used
        return used if int(now // MINUTE) == minute else 0

    @contextmanager
    def _request(self, url: str, method: str) -> Iterator[None]:
        split = urllib.parse.urlsplit(url)
        path = split.path.rsplit("/", 1)[-1]
        symbol = urllib.parse.parse_qs(split.query).get("symbol", [""])[0]
        self._check(path, symbol, method)
        _heard.set(None)
        began = time.monotonic()
        try:
            yield
        except NoAnswer as error:
            self.failing = str(error)
            raise
        except ccxt.BaseError as error:
            raise self._judged(error, path) from error
        finally:
            late = time.monotonic() - began >= self._safety.slow_seconds
            if method == "GET" and late:
                self._slow.add((path, symbol))
        self.failing = ""

    def _check(self, path: str, symbol: str, method: str) -> None:
        """Send nothing that the exchange does not want to hear, or that would hold up the loop."""
        now = self._clock()
        if now < self._silent_until:
            raise Withheld(f"{path}: not sent, {self.limit_reason()}")
        # Half of what entries leave is for prices and candles, the rest for exits alone.
        reserve = self._safety.weight_limit * (1 + self._safety.weight_share) / 2
        if self._weight(now) >= reserve and path not in EXIT_PATHS:
            raise Withheld(f"{path}: not sent, {self.limit_reason()}; the rest is for exits")
        if method == "GET" and (path, symbol) in self._slow:
            seconds = self._safety.slow_seconds
            raise Withheld(f"{path} {symbol}: no answer in {seconds:g} s, not asked again yet")

    def _hear(self, answer: Answer) -> None:
        _heard.set(answer)
        now = self._clock()
        if answer.used_weight is not None:
            self._used = (int(now // MINUTE), answer.used_weight)
        self.clock_doubted = self.clock_doubted or answer.code == BAD_TIME
        if not answer.refused_unread:
            return
        if answer.code == TOO_MANY_ORDERS:
            self._entries_from = now + (answer.retry_after or ORDER_WINDOW)
            return
        # Until then every request is refused, an exit's too, and makes a ban of a warning.
        self._silent_until = max(self._silent_until, answer.wait_until(now))

    def _judged(self, error: ccxt.BaseError, path: str) -> ccxt.BaseError:
        """The error that says whether a request was carried out."""
        answer = _heard.get()
        if answer is None or (answer.uncertain and not answer.refused_unread):
            self.failing = f"{path}: {type(error).__name__}"
            return NoAnswer(f"{path}: no usable answer ({error})")
        self.failing = ""
        if answer.refused_unread:
            return Withheld(f"{path}: refused for too many requests ({error})")
        return error


def _told(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}"
