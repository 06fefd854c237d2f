"""Runs the embedded exchange on loopback, in a background thread with its own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import threading
from types import TracebackType

from aiohttp import web

from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.exchange.http.handlers import application
from regimeswitch_lab.exchange.http.private_api import Private
from regimeswitch_lab.exchange.http.public_api import Rest
from regimeswitch_lab.exchange.http.request_limits import RequestLimits
from regimeswitch_lab.exchange.http.stream import Streams
from regimeswitch_lab.exchange.http.visitors import Visitors
from regimeswitch_lab.exchange.http.wallet_api import Sapi
from regimeswitch_lab.exchange.market.visible_market import Market


LOOPBACK = "127.0.0.1"
START_SECONDS = 30.0
# How long requests that are being answered may go on once the server is to stop.
STOP_SECONDS = 2.0


class ServerError(RuntimeError):
    """The server cannot start; the text names the address and the fix."""


def check_address(host: str, allow_remote: bool) -> None:
    """Refuse an address that other machines could reach.

    :raises ServerError: when ``host`` is not a loopback address and ``allow_remote`` is False
    """
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not (loopback or allow_remote):
        raise ServerError(
            f"bind address {host!r} is not loopback; use {LOOPBACK}, since whoever reaches the "
            "exchange can use it without a password (--allow-remote permits it)"
        )


class ExchangeServer:
    """The exchange as a context manager: listening inside the block, gone after it.

    :param market: the market to serve
    :param port: 0 for a free one
    :param host: address to listen on
    :param allow_remote: permit an address that is not loopback
    :param limited: refuse and ban clients that ask too much, as Binance does; False only counts
    :param trading: an account on the same market; without one there is no signed interface
    :param faults: what goes wrong; without it nothing does
    :raises ServerError: on a refused address, and at the start when the port is taken
    """

    def __init__(
        self,
        market: Market,
        port: int = 0,
        host: str = LOOPBACK,
        *,
        allow_remote: bool = False,
        limited: bool = True,
        trading: Trading | None = None,
        faults: Injection | None = None,
    ) -> None:
        check_address(host, allow_remote)
        self.market = market
        self.trading = trading
        self.faults = faults
        self.host = host
        self.allow_remote = allow_remote
        self.port = port
        self.limits = RequestLimits(enforced=limited)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._error: OSError | None = None

    @property
    def url(self) -> str:
        """Address without a trailing slash, e.g. ``http://127.0.0.1:8480``."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> ExchangeServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; returns once requests are answered.

        :raises ServerError: when the port is taken or may not be used
        """
        if self._thread is not None:
            raise ServerError(f"the exchange already runs on {self.url}; stop it first")
        self._thread = threading.Thread(target=self._run, name="exchange", daemon=True)
        self._thread.start()
        answered = self._started.wait(START_SECONDS)
        if self._error is None and answered:
            return
        error = self._error
        self.stop()
        raise ServerError(self._explain(error)) from error

    def _explain(self, error: OSError | None) -> str:
        if error is None:
            return f"the exchange did not start on {self.url} within {START_SECONDS:.0f} s"
        if error.errno == errno.EADDRINUSE:
            return f"port {self.port} on {self.host} is taken; use --port 0 for a free one"
        return f"cannot listen on {self.host} port {self.port}: {error.strerror or error}"

    def stop(self) -> None:
        """Stop listening and wait for the thread; does nothing when it does not run."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._loop is not None and self._stopping is not None:
            # The loop may have ended by itself, on an error at the start.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join()
        self._started.clear()
        self._error = None

    def _routes(self) -> list[web.RouteDef]:
        routes = Rest(self.market).routes()
        if self.trading is not None:
            routes += [*Private(self.trading).routes(), *Sapi(self.trading).routes()]
        return routes

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        streams = Streams(self.market)
        routes = [*self._routes(), *streams.routes()]
        around = [Visitors(self.host, self.allow_remote).middleware]
        around += [] if self.faults is None else [self.faults.middleware]
        app = application(routes, self.market.clock, self.limits, around)
        app.on_shutdown.append(streams.close)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_SECONDS)
        try:
            await runner.setup()
            await web.TCPSite(runner, self.host, self.port).start()
            # The address of the first socket: port 0 has become a real one.
            self.port = runner.addresses[0][1]
            self._started.set()
            await self._stopping.wait()
        except OSError as error:
            self._error = error
            self._started.set()
        finally:
            await runner.cleanup()
