"""The line between a bot and the exchange in the simulation: one request after the other.

Put in below the exchange client, where it hands a request to ``requests`` or ``aiohttp``: the
client and the guards around it are as always. Here requests are counted and written down, a bot is
killed at one of them, and an answer takes the time of the moved clock; so that a run depends on
nothing but its schedule.
"""

import asyncio
import contextlib
import functools
import hashlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import requests

from regimeswitch_lab.exchange.faults.fault_rules import AFTER, BEFORE, Fault
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.fault_matrix.schedule import Kill


DELAYS = ("time-out", "slow")
"""Faults that are made here: real waiting would depend on how busy the machine is."""


REAL_SECONDS = 60.0
"""Longest real wait for an answer of the exchange in this process."""
Asked = tuple[str, str, str]
"""Method, path and pair of a request."""


class KilledError(SystemExit):
    """The process of the bot has ended. Nothing of freqtrade, ccxt or asyncio holds this up."""


class Turn:
    """One request after the other; of those that come side by side, in the order of the alphabet.

    freqtrade goes through pairs in the order of a set, which is another in each process.
    """

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._waiting: list[tuple[Asked, int]] = []
        self._numbers = itertools.count()
        self._busy = False

    @contextlib.asynccontextmanager
    async def of(self, asked: Asked) -> AsyncIterator[None]:
        """The time in which a request has the line to itself."""
        ticket = (asked, next(self._numbers))
        self._waiting.append(ticket)
        try:
            # All that come side by side are there before the first one goes.
            await asyncio.sleep(0)
            async with self._changed:
                await self._changed.wait_for(lambda: self._is_next(ticket))
                self._busy = True
        finally:
            self._waiting.remove(ticket)
        try:
            yield
        finally:
            self._busy = False
            async with self._changed:
                self._changed.notify_all()

    def _is_next(self, ticket: tuple[Asked, int]) -> bool:
        return not self._busy and min(self._waiting) == ticket


class Wire:
    """Carries the requests of one bot after the other.

    :param pause: lets the time of an answer go by, seconds
    :param exchange: its faults and its clock
    :param faults: of :data:`DELAYS` alone; other kinds are the exchange's own
    :param kills: at which requests the bot ends
    :param until: it ends at none from this moment on, epoch milliseconds
    :ivar lines: what was asked, and what became of it
    """

    def __init__(
        self,
        pause: Callable[[float], None],
        exchange: Injection,
        faults: Iterable[Fault],
        kills: Iterable[Kill],
        until: int,
    ) -> None:
        self._pause, self._exchange, self._clock = pause, exchange, exchange.clock
        self._delays = Injection(self._clock, faults)
        self._kills, self._until = list(kills), until
        self._counts: Counter[int] = Counter()
        self._turn = Turn()
        self._dead = False
        # The end of the ban that a bot has heard of.
        self._silent_until = 0
        self.killed: Kill | None = None
        self.lines: list[str] = []

    def reconnect(self) -> None:
        """A new bot begins."""
        self._turn, self._dead, self.killed = Turn(), False, None

    @property
    def digest(self) -> str:
        """The hash of everything that was asked."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()[:16]

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """All requests of this process's clients pass here meanwhile."""
        send, send_later = requests.Session.request, aiohttp.ClientSession._request

        # With the parameters of what they stand for: a bot looks at them when it starts.
        @functools.wraps(send)
        def request(session: Any, method: str, url: str, **more: Any) -> Any:
            asked = _asked(method, url, more.get("data"))
            with self._carried(asked, float(more["timeout"]), requests.ReadTimeout):
                response = send(session, method, url, **more | {"timeout": REAL_SECONDS})
                self._answered(asked, response.status_code)
                return response

        @functools.wraps(send_later)
        async def request_later(session: Any, method: str, url: Any, **more: Any) -> Any:
            asked = _asked(method, str(url), more.get("data"))
            # Sent side by side with what is on the line just now: of a ban that begins meanwhile
            # it cannot know.
            free = self._clock() >= self._silent_until
            counted = len(self._exchange.during_ban)
            async with self._turn.of(asked):
                with self._carried(asked, float(more["timeout"].total), asyncio.TimeoutError):
                    more["timeout"] = aiohttp.ClientTimeout(total=REAL_SECONDS)
                    response = await send_later(session, method, url, **more)
                    # Until it is read, its end would depend on the network.
                    with contextlib.suppress(aiohttp.ClientError):
                        await response.read()
                    self._answered(asked, response.status)
                    if free:
                        del self._exchange.during_ban[counted:]
                    return response

        own: tuple[tuple[Any, str, Any, Any], ...] = (
            (requests.Session, "request", request, send),
            (aiohttp.ClientSession, "_request", request_later, send_later),
        )
        for place, name, mine, _ in own:
            setattr(place, name, mine)
        try:
            yield
        finally:
            for place, name, _, theirs in own:
                setattr(place, name, theirs)

    @contextlib.contextmanager
    def _carried(self, asked: Asked, patience: float, late: type[Exception]) -> Iterator[None]:
        """Around a request that is sent.

        :param patience: how long the client waits, seconds
        :param late: what it raises then
        :raises KilledError: when the bot ends here
        """
        self._die_at(asked, BEFORE)
        fault = self._delays.meet(*asked)
        seconds = 0.0 if fault is None else fault.seconds if fault.kind == "slow" else patience
        sends = fault is None or fault.kind == "slow" or fault.moment == AFTER
        if not sends:
            self._give_up(asked, patience, late)
        try:
            yield
        except Exception as error:
            self._note(asked, type(error).__name__)
            self._die_at(asked, AFTER)
            raise
        if seconds >= patience:
            self._give_up(asked, patience, late)
        self._pause(seconds)
        self._die_at(asked, AFTER)

    def _give_up(self, asked: Asked, patience: float, late: type[Exception]) -> None:
        self._pause(patience)
        self._note(asked, "no answer in time")
        self._die_at(asked, AFTER)
        raise late("Read timed out.")

    def _answered(self, asked: Asked, status: int) -> None:
        self._silent_until = self._exchange.banned_until
        self._note(asked, f"{status}")

    def _note(self, asked: Asked, outcome: str) -> None:
        self.lines.append(f"{self._clock()} {' '.join(asked)} {outcome}")

    def _die_at(self, asked: Asked, moment: str) -> None:
        """End the bot where that is planned; whatever it still does then comes to nothing."""
        if self._dead:
            raise KilledError
        verb, path, _ = asked
        for place, kill in enumerate(self._kills):
            if kill.moment != moment or kill.verb not in ("", verb) or kill.path not in ("", path):
                continue
            self._counts[place] += 1
            if self._counts[place] == kill.number and self._clock() < self._until:
                self._dead, self.killed = True, kill
        if self._dead:
            self._note(asked, f"killed {moment}")
            raise KilledError


def _asked(method: str, url: str, body: Any) -> Asked:
    split = urlsplit(url)
    text = body.decode() if isinstance(body, bytes) else body or ""
    fields = parse_qs(f"{split.query}&{text}")
    return method.upper(), split.path, fields.get("symbol", [""])[0]
