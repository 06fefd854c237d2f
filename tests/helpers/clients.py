"""Other clients than ccxt, pointed at the embedded exchange: python-binance and Binance's own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import binance
from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_sdk_spot.rest_api.rest_api import SpotRestAPI
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_streams.websocket_streams import SpotWebSocketStreams

from exchanges import Clock
from regimeswitch_lab.exchange.server import ExchangeServer


def python_binance(server: ExchangeServer, clock: Clock) -> binance.Client:
    """python-binance's client, with the account's keys and the exchange's clock."""

    class Local(binance.Client):
        API_URL = f"{server.url}/api"
        MARGIN_API_URL = f"{server.url}/sapi"

    assert server.trading is not None
    keys = server.trading.credentials
    # It asks for a loop that it does not use; one that it makes would be left behind.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    client = Local(keys.key, keys.secret, requests_params={"timeout": 10})
    asyncio.set_event_loop(None)
    loop.close()
    client.timestamp_offset = clock() - int(time.time() * 1000)
    return client


def official(server: ExchangeServer) -> SpotRestAPI:
    """Binance's own client; its models are strict about types and missing fields."""
    assert server.trading is not None
    keys = server.trading.credentials
    rest = ConfigurationRestAPI(
        api_key=keys.key, api_secret=keys.secret, base_path=server.url, timeout=10_000, retries=0
    )
    return Spot(config_rest_api=rest).rest_api


def websockets(server: ExchangeServer) -> str:
    """The address of the streams."""
    return server.url.replace("http", "ws", 1)


@contextlib.asynccontextmanager
async def python_binance_sockets(
    server: ExchangeServer,
) -> AsyncIterator[binance.BinanceSocketManager]:
    class Local(binance.AsyncClient):
        API_URL = f"{server.url}/api"

    class Sockets(binance.BinanceSocketManager):
        STREAM_URL = f"{websockets(server)}/"

    client = Local()
    try:
        yield Sockets(client)
    finally:
        await client.close_connection()


@contextlib.asynccontextmanager
async def official_streams(server: ExchangeServer) -> AsyncIterator[SpotWebSocketStreams]:
    config = ConfigurationWebSocketStreams(stream_url=websockets(server))
    streams = Spot(config_ws_streams=config).websocket_streams
    await streams.create_connection()
    try:
        yield streams
    finally:
        await streams.close_connection(close_session=True)
