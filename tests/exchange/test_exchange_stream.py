"""Websocket streams of the embedded exchange: ccxt.pro's client, and cadence by a moved clock."""

from __future__ import annotations

import asyncio
from pathlib import Path

import ccxt.pro

from exchanges import END_MS, START_MS, STEP_MS, Clock, get, random_walk
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.candle_walk import STEPS
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import ccxt_options
from sockets import BEGIN, STEP, Socket, talk


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
