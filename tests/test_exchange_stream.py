"""Websocket streams of the embedded exchange: ccxt.pro's client, and cadence by a moved clock."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import ccxt.pro
import pytest

from exchanges import END_MS, START_MS, STEP_MS, Clock, get, random_walk
from regimeswitch.exchange.candlestore import CandleStore
from regimeswitch.exchange.market import Market
from regimeswitch.exchange.server import ExchangeServer
from regimeswitch.exchange.walk import STEPS
from regimeswitch.lab.overlay import ccxt_options


BEGIN = START_MS + 3000 * STEP_MS
STEP = STEP_MS // STEPS


class Socket:
    """A raw websocket, with an answer to each message and no waiting for what does not come."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.number = 0

    async def ask(self, method: str, *params: object) -> Any:
        """Send a request; what came before its answer is dropped."""
        self.number += 1
        await self.socket.send_json({"method": method, "params": params, "id": self.number})
        return (await self.events())[-1]

    async def events(self) -> list[Any]:
        """Everything that was sent up to the answer of a question asked now."""
        seen = []
        while True:
            event = await self.socket.receive_json(timeout=5)
            seen.append(event)
            if event.get("id") == self.number:
                return seen

    async def after(self, clock: Clock, now: int) -> list[Any]:
        """What comes once the clock has been moved: all that is due comes before an answer."""
        clock.now = now
        self.number += 1
        await self.socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": self.number})
        return (await self.events())[:-1]


@contextlib.asynccontextmanager
async def connected(server: ExchangeServer, path: str) -> AsyncIterator[Socket]:
    url = server.url.replace("http", "ws") + path
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield Socket(socket)


def talk(
    server: ExchangeServer, path: str, conversation: Callable[[Socket], Awaitable[None]]
) -> None:
    async def run() -> None:
        async with connected(server, path) as socket:
            await conversation(socket)

    asyncio.run(run())


def test_a_forming_candle_every_two_seconds_and_once_when_it_is_over(
    server: ExchangeServer, clock: Clock
) -> None:
    clock.now = BEGIN + 1

    async def conversation(socket: Socket) -> None:
        assert await socket.after(clock, BEGIN + 1) == []
        assert await socket.after(clock, BEGIN + 1999) == []
        (first,) = await socket.after(clock, BEGIN + 2000)
        assert (first["e"], first["s"], first["E"]) == ("kline", "BTCUSDT", BEGIN + 2000)
        line = first["k"]
        assert (line["t"], line["T"]) == (BEGIN, BEGIN + STEP_MS - 1)
        assert (line["i"], line["x"]) == ("5m", False)
        # The clock stands still, and steps back: nothing again.
        assert await socket.after(clock, BEGIN + 2000) == []
        assert await socket.after(clock, BEGIN + 1500) == []
        assert await socket.after(clock, BEGIN + 2000) == []
        # One update for a jump, however many ticks it passes.
        (second,) = await socket.after(clock, BEGIN + 100_500)
        assert second["k"]["n"] == 100_500 // STEP + 1
        last, forming = await socket.after(clock, BEGIN + STEP_MS)
        assert (last["k"]["t"], last["k"]["x"], last["k"]["n"]) == (BEGIN, True, STEPS)
        assert (forming["k"]["t"], forming["k"]["x"]) == (BEGIN + STEP_MS, False)
        assert last["k"]["L"] + 1 == forming["k"]["f"]
        assert await socket.after(clock, BEGIN + STEP_MS - 700) == []
        # No last candle is lost in a jump, and none comes twice.
        jumped = await socket.after(clock, BEGIN + 5 * STEP_MS + 999)
        assert [one["k"]["t"] for one in jumped if one["k"]["x"]] == [
            BEGIN + place * STEP_MS for place in range(1, 5)
        ]
        assert len(jumped) == 5

    talk(server, "/ws/btcusdt@kline_5m", conversation)


def test_a_final_candle_is_the_one_of_the_rest_interface(
    server: ExchangeServer, clock: Clock
) -> None:
    clock.now = BEGIN + 1

    async def conversation(socket: Socket) -> None:
        events = await socket.after(clock, BEGIN + 1500 * STEP_MS)
        finals = [one["k"] for one in events if one["k"]["x"]]
        assert len(finals) == 1500
        query = {"symbol": "BTCUSDT", "interval": "5m", "startTime": BEGIN, "limit": 1000}
        for line, kline in zip(get(server, "/api/v3/klines", **query)[1], finals, strict=False):
            assert [kline[key] for key in "tohlcvTqnVQB"] == line

    talk(server, "/ws/btcusdt@kline_5m", conversation)


def test_seconds_tick_every_second(tmp_path: Path) -> None:
    frame = random_walk(600, 100.0, 5)
    frame["date"] = frame["date"].iloc[0] + (frame["date"] - frame["date"].iloc[0]) / 300
    frame.assign(date=frame["date"].dt.as_unit("ms")).to_feather(tmp_path / "BTC_USDT-1s.feather")
    clock = Clock(START_MS + 10_000)

    async def conversation(socket: Socket) -> None:
        final, forming = await socket.after(clock, START_MS + 11_000)
        assert (final["k"]["t"], final["k"]["x"]) == (START_MS + 10_000, True)
        assert (forming["k"]["t"], forming["k"]["x"]) == (START_MS + 11_000, False)

    with ExchangeServer(Market(CandleStore(tmp_path), clock)) as server:
        talk(server, "/ws/btcusdt@kline_1s", conversation)


def test_trades_come_once_each_and_in_order(server: ExchangeServer, clock: Clock) -> None:
    clock.now = BEGIN + 1

    async def conversation(socket: Socket) -> None:
        seen = await socket.after(clock, BEGIN + 3 * STEP)
        seen += await socket.after(clock, BEGIN + 2 * STEP)
        seen += await socket.after(clock, BEGIN + 7 * STEP + 1)
        raw = [one["data"] for one in seen if one["stream"] == "btcusdt@trade"]
        joined = [one["data"] for one in seen if one["stream"] == "btcusdt@aggTrade"]
        query = {"symbol": "BTCUSDT", "startTime": BEGIN + 1, "limit": 10}
        listed = get(server, "/api/v3/aggTrades", **query)[1]
        assert len(listed) == 7
        assert [{key: one[key] for key in "apqflTmM"} for one in joined] == listed
        assert [one["t"] for one in raw] == [one["a"] for one in joined]
        assert [one["e"] for one in (raw[0], joined[0])] == ["trade", "aggTrade"]

    talk(server, "/stream?streams=btcusdt@trade/btcusdt@aggTrade", conversation)


def test_tickers_every_second_agree_with_the_rest_interface(
    server: ExchangeServer, clock: Clock
) -> None:
    clock.now = BEGIN + 500

    async def conversation(socket: Socket) -> None:
        assert await socket.after(clock, BEGIN + 999) == []
        events = await socket.after(clock, BEGIN + 41_000)
        ticker, mini = (one["data"] for one in events)
        day = get(server, "/api/v3/ticker/24hr", symbol="BTCUSDT")[1]
        assert (ticker["e"], mini["e"]) == ("24hrTicker", "24hrMiniTicker")
        assert ticker["c"] == mini["c"] == day["lastPrice"]
        assert [ticker[key] for key in "pPwQbBaAohlvqOCFLn"] == [
            day[name]
            for name in (
                *("priceChange", "priceChangePercent", "weightedAvgPrice", "lastQty"),
                *("bidPrice", "bidQty", "askPrice", "askQty", "openPrice", "highPrice"),
                *("lowPrice", "volume", "quoteVolume", "openTime", "closeTime"),
                *("firstId", "lastId", "count"),
            )
        ]
        assert set(mini) == set("eEscohlvq")
        assert await socket.after(clock, BEGIN + 41_999) == []

    talk(server, "/stream?streams=btcusdt@ticker/btcusdt@miniTicker", conversation)


def test_books_come_at_once_and_then_when_they_change(server: ExchangeServer, clock: Clock) -> None:
    clock.now = BEGIN + 100_500

    async def conversation(socket: Socket) -> None:
        names = ("btcusdt@bookTicker", "btcusdt@depth5", "btcusdt@depth20@100ms")
        await socket.ask("SUBSCRIBE", *names)
        best, five, twenty = await socket.after(clock, clock.now)
        book = get(server, "/api/v3/depth", symbol="BTCUSDT", limit=20)[1]
        assert twenty == book
        assert five == {
            **book,
            "bids": book["bids"][:5],
            "asks": book["asks"][:5],
        }
        assert [best["b"], best["B"], best["a"], best["A"]] == book["bids"][0] + book["asks"][0]
        assert best["u"] == book["lastUpdateId"]
        # The price moves at the next step; nothing changes before.
        assert await socket.after(clock, BEGIN + 104_999) == []
        events = await socket.after(clock, BEGIN + 105_001)
        assert [set(one) for one in events] == [
            {"u", "s", "b", "B", "a", "A"},
            {"lastUpdateId", "bids", "asks"},
            {"lastUpdateId", "bids", "asks"},
        ]
        assert {one.get("u", one.get("lastUpdateId")) for one in events} == {BEGIN + 105_000}

    talk(server, "/ws", conversation)


def test_snapshot_and_changes_give_the_book(server: ExchangeServer, clock: Clock) -> None:
    clock.now = BEGIN + 100_500

    async def conversation(socket: Socket) -> None:
        assert await socket.after(clock, BEGIN + 100_500) == []
        query = {"symbol": "BTCUSDT", "limit": 1000}
        book = get(server, "/api/v3/depth", **query)[1]
        sides = {side: dict(book[side]) for side in ("bids", "asks")}
        number = book["lastUpdateId"]
        for now in (105_000, 106_000, 111_000, 215_000, 305_000, 299_000, 605_000):
            events = await socket.after(clock, BEGIN + now)
            assert len(events) == (now not in (106_000, 299_000))
            for event in events:
                assert event["U"] == number + 1 <= event["u"]
                number = event["u"]
                for side, key in (("bids", "b"), ("asks", "a")):
                    sides[side] |= dict(event[key])
            live = {
                side: {price: lot for price, lot in levels.items() if float(lot)}
                for side, levels in sides.items()
            }
            if now != 299_000:
                fresh = get(server, "/api/v3/depth", **query)[1]
                assert fresh["lastUpdateId"] == number
                bids = sorted(live["bids"].items(), key=lambda one: -float(one[0]))
                asks = sorted(live["asks"].items(), key=lambda one: float(one[0]))
                assert [list(one) for one in bids] == fresh["bids"]
                assert [list(one) for one in asks] == fresh["asks"]

    talk(server, "/ws/btcusdt@depth@100ms", conversation)


def test_subscriptions_and_properties(server: ExchangeServer, clock: Clock) -> None:
    clock.now = BEGIN + 500

    async def conversation(socket: Socket) -> None:
        assert await socket.ask("LIST_SUBSCRIPTIONS") == {"result": [], "id": 1}
        names = ["btcusdt@kline_5m", "btcusdt@nonsense", "nopeusdt@trade", "btcusdt@kline_1m"]
        assert await socket.ask("SUBSCRIBE", *names) == {"result": None, "id": 2}
        assert (await socket.ask("LIST_SUBSCRIPTIONS"))["result"] == names
        assert [one["s"] for one in await socket.after(clock, BEGIN + 2000)] == ["BTCUSDT"]
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


def test_a_plain_request_is_told_that_there_is_nothing(server: ExchangeServer) -> None:
    for path in ("/ws", "/stream", "/ws/btcusdt@trade"):
        assert get(server, path)[0] == 404


def test_a_pair_that_has_not_begun_is_silent_until_it_does(
    server: ExchangeServer, clock: Clock
) -> None:
    clock.now = START_MS - 60_000

    async def conversation(socket: Socket) -> None:
        assert await socket.after(clock, START_MS - 1) == []
        names = {one["stream"] for one in await socket.after(clock, START_MS + 6000)}
        assert names == {"btcusdt@kline_5m", "btcusdt@trade", "btcusdt@bookTicker"}
        await socket.after(clock, START_MS + STEP_MS)
        events = await socket.after(clock, START_MS + STEP_MS + 30 * STEP)
        assert "btcusdt@depth" in {one["stream"] for one in events}

    names = "btcusdt@kline_5m/btcusdt@trade/btcusdt@bookTicker/btcusdt@depth"
    talk(server, f"/stream?streams={names}", conversation)


def test_ccxt_watches(server: ExchangeServer, clock: Clock) -> None:
    """The client that freqtrade uses, on the addresses that it is given."""
    clock.now = BEGIN + 100_500

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.05)
            clock.now += 2500

    async def watch() -> None:
        client = ccxt.pro.binance(ccxt_options(server.url))
        ticking = asyncio.create_task(tick())
        try:
            candles = await client.watch_ohlcv("BTC/USDT", "5m")
            assert candles[-1][0] == BEGIN
            assert (await client.watch_ticker("BTC/USDT"))["quoteVolume"] > 0
            ticker = await client.watch_ticker("BTC/USDT", {"name": "ticker"})
            assert ticker["bid"] == ticker["ask"] == ticker["last"]
            trades = await client.watch_trades("BTC/USDT")
            assert trades[-1]["symbol"] == "BTC/USDT"
            books = [await client.watch_order_book("BTC/USDT") for _ in range(3)]
            assert books[-1]["bids"][0][0] == books[-1]["asks"][0][0]
            assert len(books[-1]["bids"]) == 1000
            while candles[-1][0] == BEGIN:
                candles = await client.watch_ohlcv("BTC/USDT", "5m")
            assert candles[-1][0] == BEGIN + STEP_MS
        finally:
            ticking.cancel()
            await client.close()

    asyncio.run(asyncio.wait_for(watch(), 30))
    assert clock.now < END_MS
