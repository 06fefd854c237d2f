"""Binance's websocket streams over what is visible of a market."""

import asyncio
import contextlib
import functools
import json
import re
from collections.abc import Sequence

from aiohttp import WSCloseCode, WSMsgType, web

from regimeswitch_lab.exchange.http.handlers import compact
from regimeswitch_lab.exchange.http.signing import check_unit
from regimeswitch_lab.exchange.http.stream_events import (
    AllStream,
    AverageStream,
    BookStream,
    DiffStream,
    KlineStream,
    Stream,
    TickerStream,
    TradeStream,
    WindowStream,
)
from regimeswitch_lab.exchange.market.candle_store import INTERVALS, CandleError
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.requests.api_errors import ApiError, unknown_path
from regimeswitch_lab.exchange.requests.request_form import Form


# How often the clock is looked at; no stream is quicker than 100 ms.
LOOK_SECONDS = 0.05
PING_SECONDS = 20.0
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
PLAIN = ("trade", "aggTrade", "miniTicker", "ticker", "bookTicker", "avgPrice")
NAME = re.compile(
    rf"(?P<symbol>[a-z0-9]+)@(?:(?P<plain>{'|'.join(PLAIN)})"
    r"|ticker_(?P<size>1h|4h|1d)"
    rf"|kline_(?P<interval>{'|'.join(INTERVALS)})(?P<zone>@\+08:00)?"
    r"|depth(?P<levels>5|10|20)?(?:@(?P<speed>100|1000)ms)?)"
)
# Binance has retired the list of full tickers of 24 hours; clients still ask for it.
ALL = re.compile(
    r"!(?:miniTicker|ticker|ticker_(?P<size>1h|4h|1d))@arr(?:@(?P<speed>1000|3000)ms)?"
)
ZONE_MS = 8 * 3_600_000
# ccxt numbers its connections at the end of the address.
LABEL = re.compile(r"[0-9]+")


class RequestError(ValueError):
    """A message that cannot be carried out.

    :ivar code: the exchange's code of the error
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def bad_request(reason: str) -> RequestError:
    """A message that is JSON but no request."""
    return RequestError(2, f"Invalid request: {reason}")


class Connection:
    """One websocket and its subscriptions.

    :param market: what the streams tell about
    :param socket: the websocket
    :param combined: each event comes with the name of its stream
    """

    def __init__(self, market: Market, socket: web.WebSocketResponse, combined: bool) -> None:
        self.market = market
        self.socket = socket
        self.combined = combined
        self.streams: dict[str, Stream | AllStream] = {}
        self._sending = asyncio.Lock()

    def subscribe(self, names: list[str]) -> None:
        """Begin the streams that are not there yet.

        Binance takes any name, and of a wrong one nothing ever comes; here it is refused.

        :raises StreamError: when one of them is no stream; then none begins
        """
        missing = [name for name in names if name not in self.streams]
        self.streams |= streams_of(self.market, missing, self.market.clock())

    async def tell(self) -> None:
        """Send what is due, for as long as the socket is open."""
        with contextlib.suppress(ConnectionError):
            while not self.socket.closed:
                async with self._sending:
                    await self._send_due()
                await asyncio.sleep(LOOK_SECONDS)

    async def _send_due(self) -> None:
        for name, stream in list(self.streams.items()):
            for event in stream.due(self.market.clock()):
                body = {"stream": name, "data": event} if self.combined else event
                await self.socket.send_str(compact(body))

    async def listen(self) -> None:
        """Carry out what the client asks for, until it goes.

        What was due by then comes before the answer.
        """
        with contextlib.suppress(ConnectionError):
            async for message in self.socket:
                if message.type is WSMsgType.TEXT:
                    async with self._sending:
                        await self._send_due()
                        await self.socket.send_str(compact(self._answer(message.data)))

    def _answer(self, text: str) -> dict[str, object]:
        number: object = None
        try:
            request = read_request(text)
            number = request.get("id")
            return {"result": self._carry_out(request), "id": number}
        except RequestError as error:
            return {"error": {"code": error.code, "msg": str(error)}, "id": number}

    def _carry_out(self, request: dict[str, object]) -> object:
        method, parameters = request["method"], request.get("params", [])
        if not isinstance(parameters, list):
            raise bad_request("params must be a list")
        if method == "LIST_SUBSCRIPTIONS":
            return list(self.streams)
        if method in ("SET_PROPERTY", "GET_PROPERTY"):
            return self._property(method == "SET_PROPERTY", parameters)
        names = [name for name in parameters if isinstance(name, str)]
        if not names or len(names) < len(parameters):
            raise bad_request("params must be names of streams")
        if method == "SUBSCRIBE":
            try:
                self.subscribe(names)
            except StreamError as error:
                raise bad_request(str(error)) from error
        else:
            for name in names:
                self.streams.pop(name, None)
        return None

    def _property(self, change: bool, parameters: list[object]) -> object:
        if not parameters or not isinstance(parameters[0], str):
            raise bad_request("property name must be a string")
        if parameters[0] != "combined":
            raise RequestError(0, "Unknown property")
        if len(parameters) != 1 + change:
            raise bad_request("wrong number of parameters")
        if not change:
            return self.combined
        if not isinstance(parameters[1], bool):
            raise RequestError(1, "Invalid value type: expected Boolean")
        self.combined = parameters[1]
        return None


def read_request(text: str) -> dict[str, object]:
    """A message of a client.

    :raises RequestError: when it is no request
    """
    try:
        request = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise RequestError(3, f"Invalid JSON: expected value at {place}") from error
    if not isinstance(request, dict) or "method" not in request:
        raise bad_request("missing field `method`")
    if request["method"] not in METHODS:
        known = ", ".join(f"`{method}`" for method in METHODS)
        raise bad_request(f"unknown variant `{request['method']}`, expected one of {known}")
    number = request.get("id", False)
    if isinstance(number, bool | float | list | dict) or len(str(number)) > 36:
        raise bad_request("request ID must be an unsigned integer or a short text")
    return request


class Streams:
    """The websocket paths.

    :param market: what the streams tell about
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.RouteDef]:
        """The paths and their handlers."""
        raw = ("/ws", "/ws/{names:.*}", "/stream/ws", "/stream/ws/{names:.*}")
        return [web.get("/stream", self._combined), *(web.get(path, self._raw) for path in raw)]

    async def close(self, app: web.Application) -> None:
        """Send the clients away; called when the server stops."""
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def _combined(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, "", True)

    async def _raw(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, request.match_info.get("names", ""), False)

    async def _serve(self, request: web.Request, names: str, combined: bool) -> web.StreamResponse:
        form = Form(request.raw_path.partition("?")[2])
        form.only(("streams", "timeUnit") if combined else ("timeUnit",))
        check_unit(form.text("timeUnit") or "MILLISECOND")
        names = (form.text("streams") or "") if combined else names
        socket = web.WebSocketResponse(heartbeat=PING_SECONDS)
        if not socket.can_prepare(request):
            raise unknown_path(request.method, request.path)
        # Before the handshake: what happens after it is sent.
        connection = Connection(self.market, socket, combined)
        try:
            connection.subscribe(names.split("/"))
        except StreamError as error:
            text = f"Data sent for parameter 'streams' is not valid: {error}"
            raise ApiError(-1130, text) from error
        await socket.prepare(request)
        self._open.add(socket)
        telling = asyncio.create_task(connection.tell())
        try:
            await connection.listen()
        finally:
            self._open.discard(socket)
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling
        return socket


class StreamError(ValueError):
    """A name of which nothing would ever come; the text says why."""


def streams_of(market: Market, names: Sequence[str], now: int) -> dict[str, Stream | AllStream]:
    """The streams of names; a number is the label of a connection and no name.

    :raises StreamError: when one of them is no stream
    """
    wanted = dict.fromkeys(name for name in names if name and not LABEL.fullmatch(name))
    return {name: stream_of(market, name, now) for name in wanted}


def stream_of(market: Market, name: str, now: int) -> Stream | AllStream:
    """The stream of a name like ``btcusdt@kline_5m``.

    :raises StreamError: when there is none
    """
    every = ALL.fullmatch(name)
    if every is not None:
        made = functools.partial(ticker_stream, market, every["size"], name)
        return AllStream(market, now, made, int(every["speed"] or 1000))
    match = NAME.fullmatch(name)
    if match is None:
        raise StreamError(f"unknown stream {name[:60]!r}")
    symbol = match["symbol"].upper()
    if symbol not in market.store.assets:
        raise StreamError(f"unknown symbol in stream {name[:60]!r}")
    if match["interval"]:
        return kline_stream(market, symbol, now, match["interval"], ZONE_MS if match["zone"] else 0)
    if match["plain"] or match["size"]:
        return plain_stream(market, symbol, now, match["plain"] or "", match["size"])
    speed = int(match["speed"] or 1000)
    if match["levels"]:
        return BookStream(market, symbol, now, int(match["levels"]), speed)
    return DiffStream(market, symbol, now, speed)


def plain_stream(market: Market, symbol: str, now: int, plain: str, size: str | None) -> Stream:
    """A stream without levels or an interval.

    :param plain: one of :data:`PLAIN`, or empty for a ticker of another length than a day
    :param size: that length
    """
    if plain in ("trade", "aggTrade"):
        return TradeStream(market, symbol, now, plain == "aggTrade")
    if plain == "bookTicker":
        return BookStream(market, symbol, now, None, 1)
    if plain == "avgPrice":
        return AverageStream(market, symbol, now)
    return ticker_stream(market, size, plain, symbol, now)


def ticker_stream(market: Market, size: str | None, name: str, symbol: str, now: int) -> Stream:
    """The ticker of one pair, as the name of its stream says."""
    if size:
        return WindowStream(market, symbol, now, size)
    return TickerStream(market, symbol, now, "miniTicker" in name)


def kline_stream(market: Market, symbol: str, now: int, interval: str, zone_ms: int = 0) -> Stream:
    """The stream of an interval.

    :raises StreamError: when it cannot be made of the stored ones
    """
    try:
        market.store.rows(symbol, interval, zone_ms)
    except CandleError as error:
        raise StreamError(str(error)) from error
    return KlineStream(market, symbol, now, interval, zone_ms)
