"""An account on the embedded exchange, and ccxt clients that trade on it. Fixtures for all tests.

The candles are made by hand: sixty steps a candle, a trade of one coin at the beginning of each.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pandas as pd
import pytest

from exchanges import START, START_MS, STEP_MS, Clock
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import ccxt_options


# Open, high, low, close. All but the last are over when a test begins.
QUIET = (100.0, 100.0, 100.0, 100.0)
DIP = (100.0, 100.0, 90.0, 100.0)
PEAK = (100.0, 110.0, 100.0, 100.0)
PATH = (*[QUIET] * 12, DIP, PEAK, *[QUIET] * 12)
NOW_MS = START_MS + 12 * STEP_MS
BALANCES = {"USDT": Decimal(1000), "AAA": Decimal(5)}


def candles_of(prices: Sequence[tuple[float, float, float, float]]) -> pd.DataFrame:
    """Five-minute candles with a volume of 60."""
    dates = pd.date_range(START, periods=len(prices), freq="5min").as_unit("ms")
    frame = pd.DataFrame(prices, columns=["open", "high", "low", "close"])
    return frame.assign(date=dates, volume=60.0)[["date", "open", "high", "low", "close", "volume"]]


@pytest.fixture(scope="session")
def hand_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with AAA/USDT and BBB/USDT: a dip to 90, then a peak at 110."""
    folder = tmp_path_factory.mktemp("handmade")
    for base in ("AAA", "BBB"):
        candles_of(PATH).to_feather(folder / f"{base}_USDT-5m.feather")
    return folder


@pytest.fixture
def ticking() -> Clock:
    """A clock that stands one second after the beginning of the dip."""
    return Clock(NOW_MS + 1000)


@pytest.fixture
def account(hand_made: Path, ticking: Clock) -> Trading:
    return Trading(Market(CandleStore(hand_made), ticking), BALANCES)


@pytest.fixture
def venue(account: Trading) -> Iterator[ExchangeServer]:
    with ExchangeServer(account.market, trading=account) as server:
        yield server


def options(server: ExchangeServer) -> dict[str, Any]:
    """What a ccxt client needs to trade."""
    assert server.trading is not None
    credentials = server.trading.credentials
    return {**ccxt_options(server.url), "apiKey": credentials.key, "secret": credentials.secret}


@pytest.fixture
def trader(venue: ExchangeServer, ticking: Clock) -> Iterator[ccxt.binance]:
    binance = ccxt.binance(options(venue))
    binance.nonce = ticking
    binance.load_markets()
    yield binance
    binance.session.close()


class Raw:
    """Signs and sends requests by hand."""

    def __init__(self, server: ExchangeServer) -> None:
        assert server.trading is not None
        self.server = server
        self.credentials = server.trading.credentials
        self.headers = {"X-MBX-APIKEY": self.credentials.key}

    def send(
        self, verb: str, path: str, *, body: str = "", sign: bool = True, **query: object
    ) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        if "timestamp" not in query and "timestamp" not in body:
            query["timestamp"] = self.server.market.clock()
        text = urllib.parse.urlencode({name: one for name, one in query.items() if one != "-"})
        if sign:
            payload = (text + body).encode()
            digest = hmac.new(self.credentials.secret.encode(), payload, hashlib.sha256)
            text += f"&signature={digest.hexdigest()}"
        request = urllib.request.Request(
            f"{self.server.url}{path}?{text}",
            data=body.encode() or None,
            headers=self.headers,
            method=verb,
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@pytest.fixture
def raw(venue: ExchangeServer) -> Raw:
    return Raw(venue)
