"""Every request of the bot and every answer: rate limits, bans, slow and missing answers."""

from __future__ import annotations

import asyncio
import inspect
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import ccxt

from regimeswitch.bot.connection.exchange_clock import ExchangeClock
from regimeswitch.bot.connection.request_purpose import CANDLES, Request
from regimeswitch.bot.connection.response_meanings import meaning_of, row
from regimeswitch.bot.connection.response_rows import Pause, State
from regimeswitch.bot.connection.response_states import SLOW_ENTRY, SLOW_EXIT, WEIGHT
from regimeswitch.bot.connection.response_table import SILENT
from regimeswitch.bot.connection.responses import MINUTE, Answer, NoAnswer, Withheld, checked
from regimeswitch.bot.connection.silence import Silence, in_words
from regimeswitch.bot.patches import install
from regimeswitch.settings.safety_settings import SafetySettings


ORDER_WINDOW, MAX_ORDER_WAIT = 10.0, 3600.0
TRIES_OF_EXITS = 2
"""How often a question of an exit that gets no answer is put in one loop; others once. Each takes
as long as the exchange client waits, and the exits of other pairs wait for it meanwhile; freqtrade
alone tries five times."""

_QUERY = re.compile(r"\?\S*")
_heard: ContextVar[Answer | None] = ContextVar("heard", default=None)
_patience: ContextVar[float | None] = ContextVar("patience", default=None)


class Traffic:
    """Watches the exchange clients of one bot.

    :ivar clock: the exchange's
    :ivar silence: while nothing may be sent
    :ivar failing: the last question without an answer; empty since anything was answered
    """

    def __init__(self, safety: SafetySettings) -> None:
        self._safety = safety
        self.clock, self.silence = ExchangeClock(), Silence()
        self.failing = ""
        self._used = (0, 0)
        self._entries_from = 0.0
        self._orders: State | None = None
        self._held: Set[str] = frozenset()
        self._silent: Counter[Request] = Counter()
        self._host = ""
        self._timeout = 0.0

    def watch(self, client: Any) -> None:
        """Wrap the requests of a client, synchronous or not, in place."""
        later = inspect.iscoroutinefunction(client.fetch)
        install(
            "client",
            client,
            on_rest_response=self._hearing,
            fetch=self._fetching_later if later else self._fetching,
            request=partial(self._asking_later if later else self._asking, client),
        )
        self.clock.follow(client)
        if not later:
            install("session", client.session, request=_carrying)
            self._host = Request.of(f"{client.urls['api']['public']}/ping", "GET").host
            self._timeout = client.timeout / 1000

    def _hearing(self, listen: Callable[..., Any]) -> Callable[..., Any]:
        def on_rest_response(*what: Any) -> Any:
            status, _, url, method, headers, body = what[:6]
            self._hear(Request.of(url, method), Answer.of(status, headers, body))
            return listen(*what)

        return on_rest_response

    def _fetching(self, send: Callable[..., Any]) -> Callable[..., Any]:
        lock = threading.Lock()

        def fetch(url: str, method: str = "GET", *rest: Any) -> Any:
            wanted = Request.of(url, method)
            with lock:
                if self.silence.wants_proof:
                    with self._proof(wanted):
                        checked(send(wanted.ping), wanted.ping)
            with self._request(wanted):
                return checked(send(url, method, *rest), url)

        return fetch

    def _asking(self, client: Any, ask: Callable[..., Any]) -> Callable[..., Any]:
        def request(*what: Any, **named: Any) -> Any:
            try:
                return ask(*what, **named)
            except ccxt.BaseError as error:
                if meaning_of(error).pause is not Pause.CLOCK or not self.measure(client):
                    raise
            # Refused for its timestamp, so certainly not carried out: signed and sent once more.
            return ask(*what, **named)

        return request

    def _fetching_later(self, send: Callable[..., Any]) -> Callable[..., Any]:
        lock = asyncio.Lock()

        async def fetch(url: str, method: str = "GET", *rest: Any) -> Any:
            wanted = Request.of(url, method)
            async with lock:
                if self.silence.wants_proof:
                    with self._proof(wanted):
                        checked(await send(wanted.ping), wanted.ping)
            with self._request(wanted):
                return checked(await send(url, method, *rest), url)

        return fetch

    def _asking_later(self, client: Any, ask: Callable[..., Any]) -> Callable[..., Any]:
        async def request(*what: Any, **named: Any) -> Any:
            try:
                return await ask(*what, **named)
            except ccxt.BaseError as error:
                if meaning_of(error).pause is not Pause.CLOCK:
                    raise
                began = time.perf_counter()
                if not self._take(await client.fetch_time(), began):
                    raise
            return await ask(*what, **named)

        return request

    def measure(self, client: Any) -> bool:
        """Ask for the exchange's clock; whether the answer could be used."""
        began = time.perf_counter()
        try:
            theirs = client.fetch_time()
        except ccxt.BaseError:
            # Notified as unreachable; what was measured last holds on.
            return False
        return self._take(theirs, began)

    def _take(self, theirs: Any, began: float) -> bool:
        seconds = time.perf_counter() - began
        return isinstance(theirs, int) and self.clock.take(theirs / 1000, seconds)

    def next_loop(self, held: Set[str] = frozenset()) -> None:
        """What got no answer may be asked again; other bots of this machine may know of a ban.

        :param held: symbols with a position, whose prices and candles exits need
        """
        self._held = held
        self._silent.clear()
        self.silence.hear_of_others(self._host)

    @property
    def slow(self) -> list[tuple[str, State]]:
        """What got no answer in this loop: for entries, and for exits."""
        exits = [one for one in self._silent if one.for_exit(self._held)]
        others = [one for one in self._silent if one not in exits]
        kinds = (("slow", SLOW_ENTRY, others), ("slow exits", SLOW_EXIT, exits))
        return [(key, State(kind, self._values(found))) for key, kind, found in kinds if found]

    def _values(self, silent: list[Request]) -> dict[str, str]:
        short = all(one.for_entry_alone(self._held) for one in silent)
        seconds = min(self._safety.slow_seconds, self._timeout) if short else self._timeout
        return {"seconds": f"{seconds:g}", "what": ", ".join(sorted(x.question for x in silent))}

    def slow_state(self, symbol: str) -> State | None:
        """What about a symbol got no answer in this loop; None without such a thing."""
        silent = [one for one in self._silent if one.symbol == symbol]
        kind = SLOW_EXIT if symbol in self._held else SLOW_ENTRY
        return State(kind, self._values(silent)) if silent else None

    def limit(self) -> State | None:
        """Why the exchange's limits allow no entry now; None where they do."""
        if (state := self.silence.state) is not None:
            return state
        if time.monotonic() < self._entries_from:
            return self._orders
        used, limit = self._weight(), self._safety.weight_limit
        if used >= limit * self._safety.weight_share:
            return State(WEIGHT, {"what": f"{used} of {limit}"})
        return None

    def _weight(self) -> int:
        """What is used of this minute of the exchange, as far as it has said."""
        minute, used = self._used
        return used if int(self.clock.now() // MINUTE) == minute else 0

    @contextmanager
    def _proof(self, wanted: Request) -> Iterator[None]:
        """One small request before all others, after a pause that the exchange asked for."""
        try:
            yield
        except ccxt.BaseError as error:
            self.silence.unanswered()
            self._check_silence(wanted)
            raise Withheld(f"{wanted.question}: not sent, no answer to a ping") from error
        self.silence.over(wanted.host)

    @contextmanager
    def _request(self, wanted: Request) -> Iterator[None]:
        self._check(wanted)
        _heard.set(None)
        short = wanted.for_entry_alone(self._held)
        before = _patience.set(self._safety.slow_seconds if short else None)
        began = time.perf_counter()
        try:
            yield
        except NoAnswer as error:
            self.failing = str(error)
            raise
        except ccxt.BaseError as error:
            late = time.perf_counter() - began >= self._safety.slow_seconds
            late = late or (isinstance(error, ccxt.RequestTimeout) and _heard.get() is None)
            if wanted.method == "GET" and late:
                self._silent[wanted] += 1
            known = self._classified(error, wanted)
            if known is error:
                raise
            raise known from error
        finally:
            _patience.reset(before)
        self.failing = ""

    def _check(self, wanted: Request) -> None:
        """Send nothing that the exchange does not want to hear, or that would hold up the loop."""
        self._check_silence(wanted)
        exit_ = wanted.for_exit(self._held)
        used = self._weight()
        if not exit_ and used >= self._safety.weight_limit * self._share(wanted):
            reason = WEIGHT.reason(what=f"{used} of {self._safety.weight_limit}")
            text = f"{wanted.question}: not sent, {reason}; the rest is for exits"
            raise Withheld(text, WEIGHT)
        if self._silent[wanted] >= (TRIES_OF_EXITS if exit_ else 1):
            text = f"{wanted.question}: got no answer, not asked again in this loop"
            raise Withheld(text, SLOW_EXIT if exit_ else SLOW_ENTRY)

    def _check_silence(self, wanted: Request) -> None:
        state = self.silence.state
        if state is not None:
            raise Withheld(f"{wanted.question}: not sent, {state.reason}", state.meaning)

    def _share(self, wanted: Request) -> float:
        """Share of the minute's weight from which something that no exit needs is kept back.

        Half of what entries leave is for prices and candles, the rest for exits alone. While there
        are positions, candles may use half of that too: an exit is decided by them, and strategies
        look at those of other pairs.
        """
        share = self._safety.weight_share
        if self._held and wanted.path in CANDLES:
            return (3 + share) / 4
        return (1 + share) / 2

    def _hear(self, wanted: Request, answer: Answer) -> None:
        _heard.set(answer)
        now, found = self.clock.now(), answer.meaning
        if answer.used_weight is not None:
            self._used = (int(now // MINUTE), answer.used_weight)
        if found.pause is Pause.CLOCK:
            self.clock.doubted = True
        elif found.pause is Pause.ORDERS:
            seconds = min(answer.retry_after or ORDER_WINDOW, MAX_ORDER_WAIT)
            self._entries_from = time.monotonic() + seconds
            self._orders = State(found, {"until": in_words(seconds)})
        elif answer.refused_unread:
            # Until then every request is refused, an exit's too, and makes a ban of a warning.
            self.silence.begin(found, answer.wait(now), wanted.host)

    def _classified(self, error: ccxt.BaseError, wanted: Request) -> ccxt.BaseError:
        """The error that says whether a request was carried out."""
        answer, what = _heard.get(), wanted.question
        found = SILENT if answer is None else answer.meaning
        if answer is None or (answer.uncertain and not answer.refused_unread):
            self.failing = f"{what}: {type(error).__name__}"
            return NoAnswer(f"{what}: no usable answer ({_shown(error)})", found)
        self.failing = ""
        if answer.refused_unread:
            return Withheld(f"{what}: refused unread, {found.name} ({_shown(error)})", found)
        if found is row("-2014 -2015") and isinstance(error, ccxt.DDoSProtection):
            # ccxt takes it for a ban once the key has worked; freqtrade would pause 18 s for each.
            error = ccxt.AuthenticationError(str(error))
        vars(error)["meaning"] = found
        return error


def _shown(error: Exception) -> str:
    """An error's text without the parameters of an address: those of an account are signed."""
    return _QUERY.sub("?...", str(error))


def _carrying(carry: Callable[..., Any]) -> Callable[..., Any]:
    def request(*what: Any, timeout: float, **named: Any) -> Any:
        patience = _patience.get()
        shorter = timeout if patience is None else min(timeout, patience)
        return carry(*what, timeout=shorter, **named)

    return request
