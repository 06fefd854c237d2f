"""Streams of the order book: the best levels, and a snapshot with its changes."""

from __future__ import annotations

from exchanges import Clock, get
from regimeswitch_lab.exchange.server import ExchangeServer
from sockets import BEGIN, Socket, talk


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
