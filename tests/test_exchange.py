"""The embedded exchange over real HTTP on loopback, seen through ccxt and plain requests."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import ccxt
import ccxt.async_support
import numpy as np
import pandas as pd
import pytest

from regimeswitch.candles import resample
from regimeswitch.exchange.candlestore import DAY_MS, CandleError, CandleStore, closing, opening
from regimeswitch.exchange.market import Market, open_market
from regimeswitch.exchange.server import ExchangeServer, ServerError
from regimeswitch.lab.overlay import ccxt_options


START = pd.Timestamp("2026-01-28 00:00", tz="UTC")
STEP_MS = 300_000
ROWS = 288 * 40
START_MS = int(START.timestamp() * 1000)
END_MS = START_MS + ROWS * STEP_MS


def random_walk(rows: int, price: float, seed: int, decimals: int = 2) -> pd.DataFrame:
    """Five-minute candles as freqtrade stores them."""
    random = np.random.default_rng(seed)
    closes = np.round(price * np.exp(np.cumsum(random.normal(0, 0.002, rows))), decimals)
    opens = np.concatenate([[price], closes[:-1]])
    spread = random.uniform(0, 0.001, (2, rows))
    highs = np.round(np.maximum(opens, closes) * (1 + spread[0]), decimals)
    lows = np.round(np.minimum(opens, closes) * (1 - spread[1]), decimals)
    dates = pd.date_range(START, periods=rows, freq="5min").as_unit("ms")
    prices = {"open": opens, "high": highs, "low": lows, "close": closes}
    return pd.DataFrame({"date": dates, **prices, "volume": random.uniform(1, 50, rows).round(4)})


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    return {"BTC": random_walk(ROWS, 60_000.0, 1), "ETH": random_walk(ROWS, 3000.0, 2)}


@pytest.fixture(scope="module")
def folder(frames: dict[str, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("candles")
    for base, frame in frames.items():
        frame.to_feather(found / f"{base}_USDT-5m.feather")
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock(END_MS)


@pytest.fixture
def server(folder: Path, clock: Clock) -> Iterator[ExchangeServer]:
    with ExchangeServer(Market(CandleStore(folder), clock)) as running:
        yield running


@pytest.fixture
def client(server: ExchangeServer) -> Iterator[ccxt.binance]:
    binance = ccxt.binance(ccxt_options(server.url))
    yield binance
    binance.session.close()


def get(server: ExchangeServer, path: str, **query: object) -> tuple[int, object]:
    """Status and JSON body of a request."""
    status, body, _ = ask(server, path, **query)
    return status, body


def ask(server: ExchangeServer, path: str, **query: object) -> tuple[int, object, dict[str, str]]:
    url = f"{server.url}{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, json.load(response), dict(response.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), dict(error.headers)


def page_through(client: ccxt.binance, symbol: str, timeframe: str) -> list[list[float]]:
    """All candles of a symbol, asked for as freqtrade does: page after page from the start."""
    rows: list[list[float]] = []
    since = START_MS
    while page := client.fetch_ohlcv(symbol, timeframe, since=since, limit=1000):
        rows += page
        since = int(page[-1][0]) + 1
    return rows


def as_rows(frame: pd.DataFrame) -> list[list[float]]:
    """A candle frame in ccxt's form."""
    opens = frame["date"].to_numpy("datetime64[ms]").astype(np.int64)
    values = frame[["open", "high", "low", "close", "volume"]].to_numpy()
    return [[int(at), *row] for at, row in zip(opens, values.tolist(), strict=True)]


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


def test_paging_gives_the_stored_rows(
    client: ccxt.binance, frames: dict[str, pd.DataFrame]
) -> None:
    assert page_through(client, "BTC/USDT", "5m") == as_rows(frames["BTC"])


def test_async_client_reads_the_same(
    server: ExchangeServer, frames: dict[str, pd.DataFrame]
) -> None:
    async def last_candles() -> list[list[float]]:
        binance = ccxt.async_support.binance(ccxt_options(server.url))
        try:
            return await binance.fetch_ohlcv("ETH/USDT", "5m", limit=700)
        finally:
            await binance.close()

    assert asyncio.run(last_candles()) == as_rows(frames["ETH"])[-700:]


@pytest.mark.parametrize("timeframe", ["15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"])
def test_longer_timeframes_aggregate_exactly(
    client: ccxt.binance, frames: dict[str, pd.DataFrame], timeframe: str
) -> None:
    expected = as_rows(resample(frames["BTC"], timeframe))
    assert page_through(client, "BTC/USDT", timeframe) == expected


def test_weeks_begin_on_monday_and_months_on_the_first(
    client: ccxt.binance, frames: dict[str, pd.DataFrame]
) -> None:
    frame = frames["BTC"].set_index("date")
    weeks = page_through(client, "BTC/USDT", "1w")
    assert pd.Timestamp(weeks[0][0], unit="ms") == pd.Timestamp("2026-02-02")
    week = frame.loc["2026-02-02":"2026-02-08"]
    assert weeks[0][1:5] == [
        week["open"].iloc[0],
        week["high"].max(),
        week["low"].min(),
        week["close"].iloc[-1],
    ]
    # The week that the candles end in: as far as the clock has got.
    assert weeks[-1][4] == frame["close"].iloc[-1]
    complete, forming = page_through(client, "BTC/USDT", "1M")
    assert pd.Timestamp(complete[0], unit="ms") == pd.Timestamp("2026-02-01")
    assert complete[2] == frame.loc["2026-02", "high"].max()
    assert complete[5] == pytest.approx(frame.loc["2026-02", "volume"].sum())
    assert forming[1] == frame.loc["2026-03", "open"].iloc[0]


def test_own_file_is_served_where_there_is_one(
    tmp_path: Path, frames: dict[str, pd.DataFrame]
) -> None:
    frames["BTC"].to_feather(tmp_path / "BTC_USDT-5m.feather")
    own = resample(frames["BTC"], "1h")
    own["volume"] += 1000.0
    own["date"] = own["date"].dt.as_unit("ms")
    own.to_feather(tmp_path / "BTC_USDT-1h.feather")
    rows = Market(CandleStore(tmp_path), Clock(END_MS)).klines("BTCUSDT", "1h", None, None, 10)
    assert rows.ohlcv[:, 4].tolist() == own["volume"].iloc[-10:].tolist()


def test_bounds_and_limits(server: ExchangeServer) -> None:
    def opens(**query: object) -> list[int]:
        status, rows = get(server, "/api/v3/klines", symbol="BTCUSDT", interval="5m", **query)
        assert status == 200
        return [row[0] for row in rows]

    assert len(opens()) == 500
    assert len(opens(limit=5000)) == 1000
    assert opens()[-1] == END_MS - STEP_MS
    assert opens(startTime=START_MS + 1, limit=2) == [START_MS + STEP_MS, START_MS + 2 * STEP_MS]
    assert opens(endTime=START_MS + STEP_MS) == [START_MS, START_MS + STEP_MS]
    both = opens(startTime=START_MS, endTime=START_MS + 10 * STEP_MS, limit=3)
    assert both == [START_MS, START_MS + STEP_MS, START_MS + 2 * STEP_MS]
    assert opens(startTime=END_MS) == []
    assert opens(startTime=END_MS, endTime=START_MS) == []
    assert opens(endTime=START_MS - 1) == []


def test_nothing_after_the_clock_is_served(
    tmp_path: Path, folder: Path, frames: dict[str, pd.DataFrame]
) -> None:
    """A market that knows the future shows what one shows whose candles end at the clock."""
    random = np.random.default_rng(7)
    for row in random.integers(600, ROWS, 6).tolist():
        now = START_MS + row * STEP_MS + int(random.integers(0, STEP_MS))
        part = tmp_path / str(row)
        part.mkdir()
        known = frames["BTC"].iloc[: row + 1]
        known.to_feather(part / "BTC_USDT-5m.feather")
        short = Market(CandleStore(part), Clock(now))
        long = Market(CandleStore(folder), Clock(now))
        for interval in ("5m", "15m", "1h", "4h", "1d", "1w", "1M"):
            seen, expected = (
                one.klines("BTCUSDT", interval, None, None, 1000) for one in (long, short)
            )
            assert (seen.opens <= now).all()
            assert np.array_equal(seen.opens, expected.opens), interval
            assert np.array_equal(seen.ohlcv, expected.ohlcv), interval
        assert long.day("BTCUSDT") == short.day("BTCUSDT")
        assert long.book("BTCUSDT", 20) == short.book("BTCUSDT", 20)


def test_forming_candle_walks_from_open_to_close(
    client: ccxt.binance, clock: Clock, frames: dict[str, pd.DataFrame]
) -> None:
    row = 1000
    opened = START_MS + row * STEP_MS
    final = frames["BTC"].iloc[row]
    before = None
    for seconds in (0, 1, 29, 31, 100, 150, 200, 290, 299):
        clock.now = opened + seconds * 1000
        (candle,) = client.fetch_ohlcv("BTC/USDT", "5m", limit=1)
        assert candle[0] == opened
        assert candle[1] == final["open"]
        assert final["low"] <= candle[3] <= candle[4] <= candle[2] <= final["high"]
        if seconds < 30:
            assert candle[4] == final["open"]
        if before is not None:
            assert candle[2] >= before[2]
            assert candle[3] <= before[3]
            assert candle[5] >= before[5]
        before = candle
    assert before[1:5] == [final["open"], final["high"], final["low"], final["close"]]
    clock.now = opened + STEP_MS
    closed = client.fetch_ohlcv("BTC/USDT", "5m", limit=2)[0]
    assert closed == as_rows(frames["BTC"].iloc[[row]])[0]


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
