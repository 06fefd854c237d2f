"""Trades of the embedded exchange: derived from candles, and adding up to them exactly."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import ccxt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges import END_MS, ROWS, START_MS, STEP_MS, Clock, ask, get, random_walk
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.candle_walk import STEPS, Timeline
from regimeswitch_lab.exchange.market.public_trades import Tape
from regimeswitch_lab.exchange.market.symbols import Symbol, decimal
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer


def rows_of(server: ExchangeServer, path: str, **query: object) -> list[dict[str, object]]:
    status, rows = get(server, path, symbol="BTCUSDT", **query)
    assert status == 200, rows
    return rows


def test_trades_of_a_candle_add_up_to_it(server: ExchangeServer) -> None:
    for row in (0, 1, ROWS // 2, ROWS - 1):
        opened = START_MS + row * STEP_MS
        query = {"startTime": opened, "endTime": opened + STEP_MS - 1}
        (candle,) = rows_of(server, "/api/v3/klines", interval="5m", **query)
        trades = rows_of(server, "/api/v3/aggTrades", **query)
        prices = [Decimal(trade["p"]) for trade in trades]
        assert [prices[0], max(prices), min(prices), prices[-1]] == [
            Decimal(value) for value in candle[1:5]
        ]
        assert sum(Decimal(trade["q"]) for trade in trades) == Decimal(candle[5])
        assert all(Decimal(trade["q"]) > 0 for trade in trades)
        assert len(trades) == candle[8] == STEPS
        values = [Decimal(trade["p"]) * Decimal(trade["q"]) for trade in trades]
        assert float(sum(values)) == pytest.approx(float(candle[7]), rel=1e-12)
        taken = [Decimal(trade["q"]) for trade in trades if not trade["m"]]
        assert sum(taken) == Decimal(candle[9])
        assert 0 < Decimal(candle[10]) < Decimal(candle[7])
        times = [trade["T"] for trade in trades]
        assert times[0] == opened
        assert times == sorted(set(times))
        assert times[-1] < opened + STEP_MS


def test_numbers_are_stable_while_the_clock_moves(server: ExchangeServer, clock: Clock) -> None:
    clock.now = START_MS + 100 * STEP_MS + 123_456
    early = rows_of(server, "/api/v3/trades", limit=1000)
    assert early[-1]["time"] <= clock.now
    clock.now += 7 * STEP_MS
    first = early[0]["id"]
    assert rows_of(server, "/api/v3/historicalTrades", fromId=first, limit=1000) == early
    late = rows_of(server, "/api/v3/trades", limit=1000)
    assert [one["id"] for one in late] == list(range(late[0]["id"], late[0]["id"] + 1000))
    shared = {one["id"]: one for one in early}
    assert [one for one in late if one["id"] in shared] == early[-(1000 - 7 * STEPS) :]


def test_aggregates_by_number_and_by_time(server: ExchangeServer, clock: Clock) -> None:
    clock.now = START_MS + 50 * STEP_MS
    latest = rows_of(server, "/api/v3/aggTrades")
    assert len(latest) == 500
    assert latest[-1]["T"] == clock.now
    from_number = rows_of(server, "/api/v3/aggTrades", fromId=latest[10]["a"], limit=5)
    assert from_number == latest[10:15]
    times = (latest[20]["T"], latest[30]["T"])
    assert (
        rows_of(server, "/api/v3/aggTrades", startTime=times[0], endTime=times[1])
        == (latest[20:31])
    )
    before = rows_of(server, "/api/v3/aggTrades", endTime=latest[30]["T"] - 1, limit=3)
    assert before == latest[27:30]
    after = rows_of(server, "/api/v3/aggTrades", startTime=latest[20]["T"] + 1, limit=2)
    assert after == latest[21:23]
    assert rows_of(server, "/api/v3/aggTrades", fromId=latest[-1]["a"] + 1) == []
    assert rows_of(server, "/api/v3/aggTrades", startTime=clock.now + 1) == []
    assert all(one["f"] == one["l"] == one["a"] for one in latest)


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/api/v3/trades", {}, -1102),
        ("/api/v3/trades", {"symbol": "NOPE"}, -1121),
        ("/api/v3/aggTrades", {"symbol": "BTCUSDT", "fromId": 1, "startTime": 2}, -1128),
        ("/api/v3/historicalTrades", {"symbol": "BTCUSDT", "fromId": "x"}, -1100),
        ("/api/v3/avgPrice", {}, -1102),
    ],
)
def test_errors(server: ExchangeServer, path: str, query: dict[str, object], code: int) -> None:
    status, body = get(server, path, **query)
    assert (status, body["code"]) == (400, code)


def test_weights(server: ExchangeServer) -> None:
    for path, weight in {
        "/api/v3/trades": 25,
        "/api/v3/historicalTrades": 25,
        "/api/v3/aggTrades": 4,
        "/api/v3/avgPrice": 2,
    }.items():
        before = server.limits.used
        limit = {} if path.endswith("avgPrice") else {"limit": 1}
        assert ask(server, path, symbol="BTCUSDT", **limit)[0] == 200
        assert server.limits.used - before == weight, path


def test_ccxt_reads_trades(client: ccxt.binance, clock: Clock) -> None:
    clock.now = START_MS + 50 * STEP_MS + 77_000
    trades = client.fetch_trades("BTC/USDT", limit=20)
    (candle,) = client.fetch_ohlcv("BTC/USDT", "5m", limit=1)
    assert len(trades) == 20
    assert trades[-1]["price"] == candle[4] == client.fetch_ticker("BTC/USDT")["last"]
    assert {trade["side"] for trade in trades} == {"buy", "sell"}
    since = client.fetch_trades("BTC/USDT", since=clock.now - 60_000, limit=1000)
    assert since[0]["timestamp"] >= clock.now - 60_000
    assert since[-1]["id"] == trades[-1]["id"]


def test_average_price_is_that_of_the_last_five_minutes(
    server: ExchangeServer, clock: Clock
) -> None:
    clock.now = START_MS + 900 * STEP_MS + 100_000
    average = get(server, "/api/v3/avgPrice", symbol="BTCUSDT")[1]
    begin = average["closeTime"] - 300_000
    trades = rows_of(server, "/api/v3/aggTrades", startTime=begin, limit=1000)
    amount = sum(Decimal(one["q"]) for one in trades)
    value = sum(Decimal(one["p"]) * Decimal(one["q"]) for one in trades)
    assert float(average["price"]) == pytest.approx(float(value / amount))
    assert average["mins"] == 5
    assert average["closeTime"] == trades[-1]["T"] <= clock.now


def test_a_candle_without_volume_has_no_trades(tmp_path: Path) -> None:
    frame = random_walk(20, 100.0, 3)
    frame.loc[[3, 4, 9], "volume"] = 0.0
    frame.loc[[0, 19], "volume"] = 0.0
    frame.to_feather(tmp_path / "BTC_USDT-5m.feather")
    with ExchangeServer(Market(CandleStore(tmp_path), Clock(END_MS))) as server:
        candles = rows_of(server, "/api/v3/klines", interval="5m")
        assert [candle[8] for candle in candles] == [
            0 if volume == 0 else STEPS for volume in frame["volume"]
        ]
        trades = rows_of(server, "/api/v3/historicalTrades", fromId=0, limit=1000)
        assert [one["id"] for one in trades] == list(range(15 * STEPS))
        day = get(server, "/api/v3/ticker/24hr", symbol="BTCUSDT")[1]
        assert (day["firstId"], day["lastId"], day["count"]) == (0, 15 * STEPS - 1, 15 * STEPS)
        assert day["lastQty"] == trades[-1]["qty"]
        assert candles[4][5] == decimal(0.0)


volumes = st.one_of(
    st.integers(1, 10**9).map(lambda value: value / 10**4),
    st.integers(1, 10**13).map(float),
    st.floats(1e-6, 1e12),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(volumes, min_size=1, max_size=4), st.integers(0, 3), st.data())
def test_amounts_add_up_whatever_the_volume(
    found: list[float], decimals: int, data: st.DataObject
) -> None:
    """Exactly, in the digits that are shown; and the sums that are worked out at once agree."""
    random = np.random.default_rng(len(found))
    values = np.round(random.uniform(90, 110, (len(found), 5)), decimals)
    values[:, 1], values[:, 2] = values[:, :4].max(axis=1), values[:, :4].min(axis=1)
    values[:, 4] = found
    opens = START_MS + np.arange(len(found)) * 1000 * data.draw(st.integers(1, 5000))
    symbol = Symbol("ABCUSDT", "ABC", "USDT", decimals, 2, 5.0, START_MS, END_MS)
    tape = Tape(symbol, Timeline(opens, np.append(opens[1:], opens[-1] + 60_000), values))
    trades = list(tape.trades(0, tape.until(int(opens[-1]) + 60_000)))
    assert len(trades) == len(found) * STEPS
    sums = tape.sums(0, len(found))
    for row, volume in enumerate(found):
        own = trades[row * STEPS : (row + 1) * STEPS]
        assert sum(one.amount for one in own) == Decimal(decimal(volume))
        value = sum(Decimal(one.price) * one.amount for one in own)
        assert sums[row, 0] == pytest.approx(float(value), rel=1e-9)
    at = data.draw(st.integers(0, int(opens[-1] - opens[0]) + 60_000)) + START_MS
    assert tape.until(at) == sum(one.at <= at for one in trades)
    assert tape.before(at) == sum(one.at < at for one in trades)


def test_long_candles_stand_in_where_short_ones_are_missing(tmp_path: Path) -> None:
    """A pair has one price and one row of trades, also across a hole in its shortest candles."""
    short = random_walk(48, 100.0, 3)
    hour = short.iloc[12:24]
    whole = pd.DataFrame(
        {
            "date": hour["date"].iloc[:1],
            "open": hour["open"].iloc[0],
            "high": hour["high"].max(),
            "low": hour["low"].min(),
            "close": hour["close"].iloc[-1],
            "volume": round(hour["volume"].sum(), 4),
        }
    ).reset_index(drop=True)
    short.drop(hour.index).reset_index(drop=True).to_feather(tmp_path / "BTC_USDT-5m.feather")
    whole.to_feather(tmp_path / "BTC_USDT-1h.feather")
    clock = Clock(START_MS + 90 * 60_000)
    with ExchangeServer(Market(CandleStore(tmp_path), clock)) as server:
        last = rows_of(server, "/api/v3/trades", limit=1)[0]
        assert last["time"] == clock.now
        book = get(server, "/api/v3/depth", symbol="BTCUSDT", limit=5)[1]
        assert book["bids"][0][0] == last["price"]
        clock.now = START_MS + 120 * 60_000
        trades = rows_of(server, "/api/v3/historicalTrades", fromId=12 * STEPS, limit=STEPS)
        assert sum(Decimal(one["qty"]) for one in trades) == Decimal(str(whole["volume"][0]))
