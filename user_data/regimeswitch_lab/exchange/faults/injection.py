"""Puts faults between the embedded exchange and those who ask it, and records what was asked.

The exchange itself knows nothing of this; a server without faults has none of it.
"""

import asyncio
import contextlib
import ipaddress
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl

from aiohttp import web

from regimeswitch_lab.exchange.faults import fault_rules
from regimeswitch_lab.exchange.faults.fault_answers import failed, limit_answer, real_answer
from regimeswitch_lab.exchange.faults.fault_rules import Fault
from regimeswitch_lab.exchange.faults.late_orders_view import Unseen
from regimeswitch_lab.exchange.http.handlers import WEIGHT_HEADERS, Handler, refusal
from regimeswitch_lab.exchange.http.signing import DRIFT
from regimeswitch_lab.exchange.requests.api_errors import unknown_path


ADMIN = "/faults"
BAN_MS = 60_000
# A request that was on its way when the first refusal was sent cannot have known of it.
FLIGHT_SECONDS = 0.25
# How often an open stream is looked at.
LOOK_SECONDS = 0.02


class Injection:
    """Faults in force and a record of what came of them; safe to change from other threads.

    :param clock: the exchange's, epoch milliseconds
    :param flight: requests of this many real seconds after the first refusal may have been on
        their way; 0 where a client sends one after the other
    :ivar hits: how many answers each fault spoiled, by its place in the list
    :ivar during_ban: requests, as ``METHOD path``, of a client that had been asked to wait
    """

    def __init__(
        self,
        clock: Callable[[], int],
        faults: Iterable[Fault] = (),
        flight: float = FLIGHT_SECONDS,
    ) -> None:
        self.clock, self._flight = clock, flight
        self._unseen = Unseen()
        self._lock = threading.Lock()
        self.set(faults)

    def set(self, faults: Iterable[Fault]) -> None:
        """Replace the faults and begin a new record."""
        with self._lock:
            self.faults = list(faults)
            self.seen: Counter[int] = Counter()
            self.hits: Counter[int] = Counter()
            self.during_ban: list[str] = []
            self._ban: tuple[str, int] = ("", 0)
            self._told: dict[tuple[str, str, str], float] = {}
            self._first_told = 0.0

    def report(self) -> dict[str, object]:
        """The record as JSON."""
        with self._lock:
            hits = [self.hits[place] for place in range(len(self.faults))]
            return {
                "faults": fault_rules.written(self.faults),
                "hits": hits,
                "requests_during_ban": len(self.during_ban),
                "asked_during_ban": self.during_ban[-100:],
            }

    @property
    def banned_until(self) -> int:
        """When a ban ends, epoch milliseconds; 0 without one."""
        return self._ban[1]

    def meet(self, verb: str, path: str, symbol: str) -> Fault | None:
        """The fault that a request of the present meets; it counts as met."""
        with self._lock:
            place = self._hit(verb, path, symbol, self.clock(), ())
            return None if place is None else self.faults[place]

    def _hit(self, verb: str, path: str, symbol: str, now: int, kinds: Iterable[str]) -> int | None:
        """The place of the first fault that this request meets."""
        for place, fault in enumerate(self.faults):
            if fault.kind in kinds or not fault.concerns(verb, path, symbol, now):
                continue
            self.seen[place] += 1
            if self.seen[place] <= fault.skip or 0 < fault.times <= self.hits[place]:
                continue
            self.hits[place] += 1
            return place
        return None

    def _refused(self, asked: tuple[str, str, str], now: int) -> web.Response | None:
        """The refusal of a request that comes during a ban, which holds for all of them."""
        kind, until = self._ban
        if now >= until:
            return None
        late = time.monotonic() - self._first_told > self._flight
        if kind == fault_rules.ENDLESS and asked[1].endswith("/ping"):
            # Who gets a ban without an end may ask for it now and then.
            return self._limit(kind, until, now)
        if late or asked in self._told:
            self.during_ban.append(f"{asked[0]} {asked[1]}")
        self._told[asked] = time.monotonic()
        return self._limit(kind, until, now)

    def _limit(self, kind: str, until: int, now: int) -> web.Response:
        """A refusal, whose end is given in the time of the clock that the exchange shows."""
        drift = self.drift_ms(now)
        return limit_answer(kind, until + drift, now + drift)

    def _begin_ban(self, fault: Fault, asked: tuple[str, str, str], now: int) -> web.Response:
        until = now + int(fault.seconds * 1000) if fault.seconds else fault.until or now + BAN_MS
        self._ban, self._first_told = (fault.kind, until), time.monotonic()
        self._told = {asked: self._first_told}
        return self._limit(fault.kind, until, now)

    def drift_ms(self, now: int) -> int:
        """How far the exchange's clock is off at the moment, as far as it tells anyone."""
        return int(self._told_of("drift", now) * 1000)

    def _told_of(self, kind: str, now: int) -> float:
        """The number of a fault that holds for all answers; 0 where there is none now."""
        known = (one for one in self.faults if one.kind == kind)
        return next((one.seconds for one in known if one.concerns("", "", "", now)), 0.0)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, or fail to."""
        if request.path == ADMIN:
            return await self._administer(request)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._stream(request, handler)
        DRIFT.set(0)
        if not self.faults:
            answer = await handler(request)
            return self._unseen.shown(request.path, answer, self.clock())
        fields = await sent(request)
        asked, now = (request.method, request.path, fields.get("symbol", "")), self.clock()
        DRIFT.set(self.drift_ms(now))
        with self._lock:
            refused = self._refused(asked, now)
            place = None if refused else self._hit(*asked, now, fault_rules.ASIDE)
            fault = None if place is None else self.faults[place]
        if refused is not None:
            return refused
        if fault is None:
            answer = await self._drifting(request, handler, now)
            return self._unseen.shown(request.path, answer, now)
        if fault.kind == fault_rules.UNSEEN:
            order = await real_answer(request, handler)
            self._unseen.hide(order, now + int(fault.seconds * 1000))
        if fault.kind in fault_rules.LIMITS:
            if fault.moment == fault_rules.AFTER:
                await handler(request)
            with self._lock:
                return self._begin_ban(fault, asked, now)
        return await failed(fault, request, handler, now)

    async def _drifting(
        self, request: web.Request, handler: Handler, now: int
    ) -> web.StreamResponse:
        """As usual, but by a clock that may be off; signatures are judged by it too."""
        drift = DRIFT.get()
        if drift and request.path == "/api/v3/time":
            return web.json_response({"serverTime": now + drift})
        response = await handler(request)
        used = self._told_of(fault_rules.WEIGHT, now)
        if used:
            response.headers.update(dict.fromkeys(WEIGHT_HEADERS, f"{used:.0f}"))
        return response

    async def _stream(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A websocket: refused, or cut off, while streams are lost."""
        asked = (request.method, request.path, "")
        if self._lost(asked):
            return web.Response(status=503)
        serving = asyncio.ensure_future(handler(request))
        try:
            while not serving.done():
                if self._lost(asked) and request.transport is not None:
                    request.transport.abort()
                await asyncio.wait([serving], timeout=LOOK_SECONDS)
            return await serving
        finally:
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving

    def _lost(self, asked: tuple[str, str, str]) -> bool:
        with self._lock:
            others = {fault.kind for fault in self.faults} - {"websocket"}
            return self._hit(*asked, self.clock(), others) is not None

    async def _administer(self, request: web.Request) -> web.Response:
        """Show or replace the faults; nobody but this machine may."""
        if not ipaddress.ip_address(request.remote or "0.0.0.0").is_loopback:
            return refusal(unknown_path(request.method, request.path))
        if request.method == "PUT":
            try:
                self.set(fault_rules.read_faults(json.loads(await request.text())))
            except (json.JSONDecodeError, fault_rules.FaultError) as error:
                return web.json_response({"msg": str(error)}, status=400)
        return web.json_response(self.report())


async def sent(request: web.Request) -> dict[str, str]:
    """The fields of a request, of its query and its body."""
    body = (await request.read()).decode(errors="replace") if request.can_read_body else ""
    return dict(request.query) | dict(parse_qsl(body))
