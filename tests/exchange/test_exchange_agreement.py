"""At any moment, all that the embedded exchange shows of a pair tells the same story."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchanges import START_MS, Clock, get, random_walk
from regimeswitch_lab.exchange.market.candle_store import DAY_MS, INTERVALS, CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer


MINUTES = 3 * 1440
END = START_MS + MINUTES * 60_000
EIGHT = Decimal("0.00000001")
LONGER = [one for one in INTERVALS if one not in ("1s", "1m", "1M")]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ExchangeServer, Clock]]:
    """A pair with minute candles only, three days of them."""
    folder = tmp_path_factory.mktemp("minutes")
    frame = random_walk(MINUTES, 60_000.0, 11)
    frame["date"] = frame["date"].iloc[0] + (frame["date"] - frame["date"].iloc[0]) / 5
    frame.assign(date=frame["date"].dt.as_unit("ms")).to_feather(folder / "BTC_USDT-1m.feather")
    clock = Clock(END)
    with ExchangeServer(Market(CandleStore(folder), clock), limited=False) as server:
        yield server, clock


def shown(server: ExchangeServer, path: str, **query: object) -> Any:
    status, body = get(server, f"/api/v3/{path}", symbol="BTCUSDT", **query)
    assert status == 200, body
    return body


def minutes_since(server: ExchangeServer, opened: int) -> list[list[Any]]:
    rows: list[list[Any]] = []
    while page := shown(server, "klines", interval="1m", startTime=opened, limit=1000):
        rows += page
        opened = page[-1][0] + 1
    return rows


def assert_combines(candle: list[Any], minutes: list[list[Any]], digits: int) -> None:
    """A candle is what its minutes make."""
    assert candle[1] == minutes[0][1]
    assert Decimal(candle[2]) == max(Decimal(one[2]) for one in minutes)
    assert Decimal(candle[3]) == min(Decimal(one[3]) for one in minutes)
    assert candle[4] == minutes[-1][4]
    assert candle[8] == sum(one[8] for one in minutes)
    for place in (5, 9):
        whole = sum(Decimal(one[place]) for one in minutes)
        assert Decimal(candle[place]).quantize(EIGHT) == whole
    for place in (7, 10):
        whole = sum(Decimal(one[place]) for one in minutes)
        assert float(candle[place]) == pytest.approx(float(whole), rel=10.0**-digits)


moments = st.integers(START_MS, END + DAY_MS)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(now=st.one_of(moments, moments.map(lambda one: one // 60_000 * 60_000)))
def test_everything_agrees(served: tuple[ExchangeServer, Clock], now: int) -> None:
    server, clock = served
    clock.now = now
    day, book = shown(server, "ticker/24hr"), shown(server, "depth", limit=20)
    trades = shown(server, "trades", limit=1000)
    last = trades[-1]
    minutes = minutes_since(server, 0)

    # One price.
    prices = {
        *(last["price"], day["lastPrice"], minutes[-1][4], shown(server, "ticker/price")["price"]),
        *(book["bids"][0][0], book["asks"][0][0], day["bidPrice"], day["askPrice"]),
    }
    assert prices == {last["price"]}
    best = shown(server, "ticker/bookTicker")
    assert [best["bidPrice"], best["bidQty"]] == book["bids"][0]
    assert [best["askPrice"], best["askQty"]] == book["asks"][0]
    assert day["lastQty"] == last["qty"]
    assert day["lastId"] == last["id"] == day["firstId"] + day["count"] - 1
    assert last["time"] <= now

    # The forming minute is what its trades make.
    own = [one for one in trades if one["time"] >= minutes[-1][0]]
    assert len(own) == minutes[-1][8]
    assert sum(Decimal(one["qty"]) for one in own) == Decimal(minutes[-1][5])
    assert max(Decimal(one["price"]) for one in own) == Decimal(minutes[-1][2])
    assert min(Decimal(one["price"]) for one in own) == Decimal(minutes[-1][3])

    # The day is what its minutes make.
    lately = [one for one in minutes if one[0] >= day["openTime"]]
    assert len(lately) in (len(minutes), 1440, 1441)
    line = [0, day["openPrice"], day["highPrice"], day["lowPrice"], day["lastPrice"]]
    line += [day["volume"], 0, day["quoteVolume"], day["count"]]
    bought = sum(Decimal(one[9]) for one in lately)
    worth = sum(Decimal(one[10]) for one in lately)
    assert_combines([*line, str(bought), str(worth)], lately, 9)

    # So is every longer candle, complete or forming.
    for interval in LONGER:
        candles = shown(server, "klines", interval=interval, limit=1000)
        if candles and now < END:
            assert candles[-1][4] == last["price"]
        for candle in (candles[-1], candles[len(candles) // 2], candles[0]) if candles else ():
            inside = [one for one in minutes if candle[0] <= one[0] <= candle[6]]
            assert_combines(candle, inside, 9)


@settings(max_examples=60, deadline=None)
@given(first=moments, step=st.integers(-1000, 3 * 3_600_000))
def test_what_has_been_shown_stays(
    served: tuple[ExchangeServer, Clock], first: int, step: int
) -> None:
    """Whichever way the clock moves, trades and candles that are over do not change."""
    server, clock = served
    clock.now = first
    trades = shown(server, "trades", limit=200)
    candles = shown(server, "klines", interval="5m", limit=20)
    clock.now = max(first + step, START_MS)
    again = shown(server, "historicalTrades", fromId=trades[0]["id"], limit=200)
    assert again[: len(trades)] == trades[: len(again)]
    over = [one for one in candles if one[6] < min(first, clock.now)]
    later = shown(server, "klines", interval="5m", startTime=candles[0][0], limit=20)
    assert later[: len(over)] == over
    assert all(one[0] <= clock.now for one in later)
