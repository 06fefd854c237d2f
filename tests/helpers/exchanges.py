"""A served candle folder under a clock of its own, and ways to ask it. Fixtures for all tests."""

from __future__ import annotations

import json
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

from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import ccxt_options


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
