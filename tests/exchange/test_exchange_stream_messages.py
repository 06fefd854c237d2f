"""What clients say over a websocket, and what they are answered."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from exchanges import STEP_MS, Clock, get
from regimeswitch_lab.exchange.server import ExchangeServer
from sockets import BEGIN, Socket, talk


def test_subscriptions_and_properties(server: ExchangeServer, clock: Clock) -> None:
    clock.now = BEGIN + 500

    async def conversation(socket: Socket) -> None:
        assert await socket.ask("LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}
        names = ["btcusdt@kline_5m", "ethusdt@kline_1h@+08:00"]
        assert await socket.ask("SUBSCRIBE", *names) == {"result": None, "id": 2}
        assert (await socket.ask("LIST_SUBSCRIPTIONS"))["result"] == names
        told = [one["s"] for one in await socket.after(clock, BEGIN + 2000)]
        assert told == ["BTCUSDT", "ETHUSDT"]
        assert (await socket.ask("UNSUBSCRIBE", names.pop()))["result"] is None
        assert (await socket.ask("GET_PROPERTY", "combined"))["result"] is False
        assert (await socket.ask("SET_PROPERTY", "combined", True))["result"] is None
        (wrapped,) = await socket.after(clock, BEGIN + 4000)
        assert wrapped["stream"] == "btcusdt@kline_5m"
        assert (await socket.ask("UNSUBSCRIBE", *names, "never@there"))["result"] is None
        assert (await socket.ask("LIST_SUBSCRIPTIONS"))["result"] == []
        assert await socket.after(clock, BEGIN + STEP_MS) == []

    talk(server, "/stream/ws", conversation)


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        ("{nonsense", 3, "Invalid JSON: expected value at line 1 column 2"),
        ("[1]", 2, "missing field `method`"),
        ('{"id": 1}', 2, "missing field `method`"),
        ('{"method": "SUBSCRIB", "id": 1}', 2, "unknown variant `SUBSCRIB`"),
        ('{"method": "SUBSCRIBE", "params": ["a"]}', 2, "request ID"),
        ('{"method": "SUBSCRIBE", "params": ["a"], "id": 1.5}', 2, "request ID"),
        ('{"method": "SUBSCRIBE", "params": "a", "id": 1}', 2, "params must be a list"),
        ('{"method": "SUBSCRIBE", "params": [], "id": 1}', 2, "names of streams"),
        ('{"method": "SUBSCRIBE", "params": [3], "id": 1}', 2, "names of streams"),
        ('{"method": "GET_PROPERTY", "params": ["x"], "id": 1}', 0, "Unknown property"),
        ('{"method": "GET_PROPERTY", "params": [], "id": 1}', 2, "must be a string"),
        ('{"method": "GET_PROPERTY", "params": ["combined", 1], "id": 1}', 2, "number of"),
        ('{"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1}', 1, "Boolean"),
    ],
)
def test_bad_messages_are_named(server: ExchangeServer, message: str, code: int, text: str) -> None:
    async def conversation(socket: Socket) -> None:
        await socket.socket.send_str(message)
        error = (await socket.socket.receive_json(timeout=5))["error"]
        assert error["code"] == code
        assert text in error["msg"]
        # The connection goes on.
        await socket.socket.send_str(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": "a"}))
        assert await socket.socket.receive_json(timeout=5) == {"result": [], "id": "a"}

    talk(server, "/ws", conversation)


def test_events_come_without_being_asked_for(server: ExchangeServer, clock: Clock) -> None:
    clock.now = BEGIN + 1

    async def conversation(socket: Socket) -> None:
        clock.now = BEGIN + 2000
        assert (await socket.socket.receive_json(timeout=5))["k"]["t"] == BEGIN

    talk(server, "/ws/btcusdt@kline_5m", conversation)


def test_ping_is_answered_and_a_stop_says_goodbye(server: ExchangeServer) -> None:
    async def conversation(socket: Socket) -> None:
        await socket.socket.ping(b"abc")
        # The client library takes the pong for itself; the connection works on.
        assert (await socket.ask("LIST_SUBSCRIPTIONS"))["result"] == []
        stop = asyncio.get_running_loop().run_in_executor(None, server.stop)
        message = await socket.socket.receive(timeout=5)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.GOING_AWAY
        await socket.socket.close()
        await stop

    talk(server, "/ws", conversation)


def test_a_plain_request_is_answered_that_there_is_nothing(server: ExchangeServer) -> None:
    for path in ("/ws", "/stream", "/ws/btcusdt@trade"):
        assert get(server, path)[0] == 404


@pytest.mark.parametrize(
    "name",
    ["btcusdt@nonsense", "nopeusdt@trade", "btcusdt@kline_1m", "!bookTicker", "BTCUSDT@trade"],
)
def test_what_would_never_be_sent_is_refused(server: ExchangeServer, name: str) -> None:
    """In a message, where nothing of the message begins, and in an address."""

    async def conversation(socket: Socket) -> None:
        error = (await socket.ask("SUBSCRIBE", "btcusdt@trade", name))["error"]
        assert error["code"] == 2
        assert (await socket.ask("LIST_SUBSCRIPTIONS"))["result"] == []

    talk(server, "/ws", conversation)
    for path in (
        f"/ws/{name}",
        f"/stream?streams=btcusdt@trade/{name}",
        "/ws?timeUnit=MICROSECOND",
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            talk(server, path, conversation)
        assert caught.value.status == 400


@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("!miniTicker@arr", 1000),
        ("!ticker@arr", 1000),
        ("!ticker_1h@arr", 1000),
        ("!miniTicker@arr@3000ms", 3000),
    ],
)
def test_tickers_of_all_pairs_come_when_they_change(
    server: ExchangeServer, clock: Clock, name: str, every: int
) -> None:
    clock.now = BEGIN + 1

    async def conversation(socket: Socket) -> None:
        assert await socket.after(clock, BEGIN + every - 1) == []
        (first,) = await socket.after(clock, BEGIN + every)
        assert [one["s"] for one in first] == ["BTCUSDT", "ETHUSDT"]
        # No trade was made in between.
        assert await socket.after(clock, BEGIN + 2 * every - 1) == []
        (later,) = await socket.after(clock, BEGIN + 12_000)
        assert [one["s"] for one in later] == ["BTCUSDT", "ETHUSDT"]
        assert later[0]["v"] != first[0]["v"]

    talk(server, f"/ws/{name}", conversation)
