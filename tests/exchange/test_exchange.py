"""The embedded exchange over real HTTP on loopback, seen through ccxt and plain requests."""

from __future__ import annotations

import socket
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import ccxt
import ccxt.async_support
import numpy as np
import pytest

from exchanges import (
    END_MS,
    START_MS,
    STEP_MS,
    Clock,
    ask,
    get,
    random_walk,
)
from regimeswitch_lab.exchange.market.candle_store import (
    DAY_MS,
    CandleError,
    CandleStore,
    closing,
    opening,
)
from regimeswitch_lab.exchange.market.visible_market import Market, open_market
from regimeswitch_lab.exchange.server import ExchangeServer, ServerError


def test_ccxt_reads_markets(client: ccxt.binance) -> None:
    markets = {market["symbol"]: market for market in client.fetch_markets()}
    assert sorted(markets) == ["BTC/USDT", "ETH/USDT"]
    btc = markets["BTC/USDT"]
    assert btc["spot"] and btc["active"] and not btc["margin"]
    assert btc["precision"]["price"] == 0.01
    assert btc["precision"]["amount"] == 0.00001
    assert btc["limits"]["cost"] == {"min": 5.0, "max": 9_000_000.0}


def test_filters_are_binance_kinds(server: ExchangeServer) -> None:
    status, info = get(server, "/api/v3/exchangeInfo", symbol="BTCUSDT")
    assert status == 200
    (symbol,) = info["symbols"]
    filters = {one["filterType"]: one for one in symbol["filters"]}
    assert {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "NOTIONAL"} <= set(filters)
    assert filters["PERCENT_PRICE_BY_SIDE"]["bidMultiplierUp"] == "5"
    assert symbol["status"] == "TRADING"
    assert symbol["permissionSets"] == [["SPOT"]]
    assert symbol["baseAssetPrecision"] == symbol["quotePrecision"] == 8


@pytest.mark.parametrize(
    ("price", "decimals", "tick", "step"),
    [
        (60_000.0, 2, 0.01, 0.00001),
        (60_000.0, 12, 0.1, 0.00001),
        (150.0, 2, 0.001, 0.001),
        (0.1, 5, 0.000001, 1.0),
    ],
)
def test_tick_follows_the_price(
    tmp_path: Path, price: float, decimals: int, tick: float, step: float
) -> None:
    random_walk(500, price, 3, decimals).to_feather(tmp_path / "ABC_USDT-5m.feather")
    symbol = Market(CandleStore(tmp_path)).symbols()["ABCUSDT"]
    assert 10.0**-symbol.price_decimals == pytest.approx(tick)
    assert 10.0**-symbol.amount_decimals == pytest.approx(step)


def test_depth_and_tickers_agree_with_the_last_close(
    client: ccxt.binance, server: ExchangeServer, clock: Clock
) -> None:
    clock.now = START_MS + 2000 * STEP_MS + 123_456
    client.load_markets()
    (candle,) = client.fetch_ohlcv("BTC/USDT", "5m", limit=1)
    last = candle[4]
    book = client.fetch_order_book("BTC/USDT", 20)
    assert len(book["bids"]) == len(book["asks"]) == 20
    assert book["bids"][0][0] == book["asks"][0][0] == last
    assert [price for price, _ in book["asks"]] == sorted(price for price, _ in book["asks"])
    ticker = client.fetch_ticker("BTC/USDT")
    assert ticker["last"] == ticker["bid"] == ticker["ask"] == last
    assert ticker["timestamp"] == clock.now
    day = client.fetch_ohlcv("BTC/USDT", "5m", since=clock.now - DAY_MS, limit=1000)
    assert ticker["high"] == max(row[2] for row in day)
    assert ticker["low"] == min(row[3] for row in day)
    assert ticker["baseVolume"] == pytest.approx(sum(row[5] for row in day))
    assert set(client.fetch_tickers()) == {"BTC/USDT", "ETH/USDT"}
    assert client.fetch_tickers(["ETH/USDT"])["ETH/USDT"]["quoteVolume"] > 0
    assert client.fetch_bids_asks()["BTC/USDT"]["bid"] == last
    assert get(server, "/api/v3/ticker/price", symbol="BTCUSDT")[1]["symbol"] == "BTCUSDT"
    assert client.fetch_time() == clock.now


def test_old_candles_still_have_prices(client: ccxt.binance, clock: Clock) -> None:
    clock.now = END_MS + 300 * DAY_MS
    ticker = client.fetch_ticker("BTC/USDT")
    assert ticker["last"] == client.fetch_ohlcv("BTC/USDT", "5m", limit=1)[0][4]
    assert ticker["baseVolume"] > 0


def test_pair_appears_with_its_first_candle(server: ExchangeServer, clock: Clock) -> None:
    clock.now = START_MS - 1
    assert get(server, "/api/v3/exchangeInfo")[1]["symbols"] == []
    assert get(server, "/api/v3/depth", symbol="BTCUSDT")[1]["code"] == -1121


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/api/v3/klines", {"symbol": "NOPE", "interval": "5m"}, 400, -1121),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "7m"}, 400, -1120),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m"}, 400, -1120),
        ("/api/v3/klines", {"symbol": "BTCUSDT"}, 400, -1102),
        ("/api/v3/klines", {"interval": "5m"}, 400, -1102),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "5m", "limit": "x"}, 400, -1100),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "5m", "limit": "0"}, 400, -1130),
        ("/api/v3/depth", {"symbol": "BTCUSDT", "limit": "-5"}, 400, -1100),
        ("/api/v3/depth", {}, 400, -1102),
        ("/api/v3/ticker/24hr", {"symbols": "BTCUSDT"}, 400, -1100),
        ("/api/v3/nothing", {}, 404, -1020),
        ("/fapi/v1/exchangeInfo", {}, 404, -1020),
    ],
)
def test_errors_are_binance_answers(
    server: ExchangeServer, path: str, query: dict[str, str], status: int, code: int
) -> None:
    found, body = get(server, path, **query)
    assert (found, body["code"]) == (status, code)
    assert set(body) == {"code", "msg"}


def test_error_texts(server: ExchangeServer) -> None:
    assert get(server, "/api/v3/depth", symbol="X")[1]["msg"] == "Invalid symbol."
    wrong = get(server, "/api/v3/klines", symbol="BTCUSDT", interval="7m")[1]
    assert wrong["msg"] == "Invalid interval."


def test_ccxt_turns_errors_into_its_own(client: ccxt.binance) -> None:
    with pytest.raises(ccxt.BadSymbol):
        client.public_get_klines({"symbol": "NOPE", "interval": "5m"})
    with pytest.raises(ccxt.BadRequest):
        client.public_get_klines({"symbol": "BTCUSDT", "interval": "7m"})


def test_weight_is_counted_by_the_minute(server: ExchangeServer, clock: Clock) -> None:
    def used(path: str, **query: object) -> int:
        return int(ask(server, path, **query)[2]["X-MBX-USED-WEIGHT-1M"])

    assert used("/api/v3/ping") == 1
    assert used("/api/v3/klines", symbol="BTCUSDT", interval="5m") == 3
    assert used("/api/v3/depth", symbol="BTCUSDT", limit=5000) == 253
    assert used("/api/v3/ticker/24hr") == 333
    assert used("/api/v3/depth", symbol="NOPE") == 334
    clock.now += 60_000
    assert used("/api/v3/exchangeInfo") == 20


def test_refuses_to_listen_beyond_loopback(folder: Path) -> None:
    market = Market(CandleStore(folder))
    for host in ("0.0.0.0", "192.0.2.1", "exchange.example"):
        with pytest.raises(ServerError, match="not loopback"):
            ExchangeServer(market, host=host)
    allowed = ExchangeServer(market, host="0.0.0.0", allow_remote=True)
    assert allowed.host == "0.0.0.0"


def test_taken_port_is_one_clear_error(folder: Path) -> None:
    market = Market(CandleStore(folder))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(ServerError, match=f"port {port} .* is taken"),
            ExchangeServer(market, port=port),
        ):
            pass


def test_starts_again_after_a_stop(folder: Path) -> None:
    server = ExchangeServer(Market(CandleStore(folder)))
    for _ in range(2):
        with server:
            assert get(server, "/api/v3/ping") == (200, {})
            with pytest.raises(ServerError, match="already runs"):
                server.start()
        with pytest.raises(urllib.error.URLError):
            get(server, "/api/v3/ping")


def test_bad_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(CandleError, match="does not exist"):
        CandleStore(tmp_path / "none")
    with pytest.raises(CandleError, match="has no candles"):
        CandleStore(tmp_path)
    damaged = tmp_path / "BTC_USDT-5m.feather"
    damaged.write_bytes(b"not a feather file")
    with pytest.raises(CandleError, match=r"BTC_USDT-5m\.feather cannot be read"):
        CandleStore(tmp_path)
    random_walk(10, 100.0, 1).iloc[::-1].reset_index(drop=True).to_feather(damaged)
    with pytest.raises(CandleError, match="not sorted"):
        CandleStore(tmp_path)
    random_walk(10, 100.0, 1).assign(close=np.nan).to_feather(damaged)
    with pytest.raises(CandleError, match="missing numbers"):
        CandleStore(tmp_path)
    random_walk(10, 100.0, 1).drop(columns="volume").to_feather(damaged)
    with pytest.raises(CandleError, match="cannot be read"):
        CandleStore(tmp_path)
    random_walk(10, 100.0, 1).iloc[:0].to_feather(damaged)
    with pytest.raises(CandleError, match="has no candles"):
        CandleStore(tmp_path)


def test_candles_shifted_to_now(folder: Path) -> None:
    now = END_MS + 1000 * DAY_MS + 12_345_678
    market = open_market(folder, Clock(now), shift_to_now=True)
    assert market.store.shift_ms % DAY_MS == 0
    first, end = market.span_ms()
    assert 7 * DAY_MS <= end - now < 8 * DAY_MS
    assert first < now - 30 * DAY_MS
    rows = market.klines("BTCUSDT", "1h", None, None, 5)
    assert rows.opens[-1] == now // 3_600_000 * 3_600_000


@pytest.mark.parametrize("interval", ["5m", "3d", "1w", "1M"])
def test_opening_and_closing_are_consistent(interval: str) -> None:
    times = np.arange(START_MS, START_MS + 90 * DAY_MS, 7_777_777)
    opens = opening(times, interval)
    assert (opens <= times).all()
    assert (times < closing(opens, interval)).all()
    assert np.array_equal(opening(opens, interval), opens)
