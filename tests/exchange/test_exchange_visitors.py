"""The embedded exchange answers programs of this machine, and no web page."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterator

import aiohttp
import pytest

from exchanges import get
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.exchange.http.visitors import Visitors
from regimeswitch_lab.exchange.server import ExchangeServer
from sockets import connected
from traders import Raw


FOREIGN = (
    {"Host": "rebound.example.org"},
    {"Host": "rebound.example.org:8480"},
    {"Host": "127.0.0.1.example.org"},
    {"Host": "192.0.2.1"},
    {"Host": ""},
    {"Origin": "https://example.org"},
    {"Origin": "http://localhost.example.org"},
    {"Origin": "null"},
    {"Origin": "file://"},
    {"Sec-Fetch-Site": "cross-site"},
)
OWN = (
    {"Host": "127.0.0.1:1"},
    {"Host": "LocalHost:8480"},
    {"Host": "[::1]:8480"},
    {"Host": "127.0.0.2"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "http://127.0.0.1"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin"},
)


@pytest.fixture
def guarded(account: Trading) -> Iterator[ExchangeServer]:
    faults = Injection(account.market.clock)
    with ExchangeServer(account.market, trading=account, faults=faults) as server:
        yield server


def send(
    server: ExchangeServer, headers: dict[str, str], verb: str = "GET", path: str = "/api/v3/ping"
) -> tuple[int, object]:
    line = http.client.HTTPConnection(server.host, server.port, timeout=10)
    try:
        line.request(verb, path, headers=headers)
        response = line.getresponse()
        return response.status, json.loads(response.read())
    finally:
        line.close()


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_page_is_refused_before_anything_counts(
    guarded: ExchangeServer, headers: dict[str, str]
) -> None:
    """36 requests for whole books are more weight than a minute has, and a ban for the bot."""
    path = "/api/v3/depth?symbol=AAAUSDT&limit=5000"
    for _ in range(36):
        status, body = send(guarded, headers, path=path)
        assert (status, body["code"]) == (403, -1002)
    assert guarded.limits.used == 0
    assert get(guarded, "/api/v3/ping") == (200, {})


@pytest.mark.parametrize("headers", OWN)
def test_programs_of_this_machine_are_answered(
    guarded: ExchangeServer, headers: dict[str, str]
) -> None:
    assert send(guarded, headers) == (200, {})


def test_a_page_reaches_neither_account_nor_faults(guarded: ExchangeServer) -> None:
    page = {"Origin": "https://example.org"}
    raw = Raw(guarded)
    raw.headers |= page
    order = {"symbol": "AAAUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "20"}
    assert raw.send("POST", "/api/v3/order", **order)[0] == 403
    assert Raw(guarded).send("GET", "/api/v3/allOrders", symbol="AAAUSDT") == (200, [])
    assert send(guarded, page, "PUT", "/faults")[0] == 403
    assert send(guarded, {}, path="/faults")[1]["faults"] == []


@pytest.mark.parametrize("headers", [{"Origin": "https://example.org"}, {"Host": "example.org"}])
def test_a_page_hears_no_stream(guarded: ExchangeServer, headers: dict[str, str]) -> None:
    async def run() -> int:
        url = guarded.url.replace("http", "ws") + "/ws/aaausdt@trade"
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(url, headers=headers)
        async with connected(guarded, "/ws/aaausdt@trade") as socket:
            assert (await socket.ask("LIST_SUBSCRIPTIONS"))["result"] == ["aaausdt@trade"]
        return caught.value.status

    assert asyncio.run(run()) == 403


def test_names_of_a_server_for_other_machines() -> None:
    named = Visitors("exchange.lan", allow_remote=True)
    assert named.knows("Exchange.LAN") and named.knows("192.0.2.1") and named.knows("::1")
    assert not named.knows("example.org") and not named.knows("")
    assert not Visitors("127.0.0.1").knows("192.0.2.1")
    assert Visitors("127.0.0.1").knows("localhost")
