"""Faults of the embedded exchange, as a client meets them over HTTP."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from exchanges import STEP_MS, Clock
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.faults.fault_rules import (
    AFTER,
    BEFORE,
    CANDLES,
    KINDS,
    REFUSALS,
    Fault,
    FaultError,
    read_faults,
    written,
)
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.exchange.server import ExchangeServer
from sockets import Socket, talk
from traders import NOW_MS, Raw


NAME = "aaausdt@kline_5m"
ORDER = "/api/v3/order"
BUY = {"symbol": "AAAUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}


@pytest.fixture
def injection(ticking: Clock) -> Injection:
    return Injection(ticking)


@pytest.fixture
def faulty(account: Trading, injection: Injection) -> Iterator[ExchangeServer]:
    with ExchangeServer(account.market, trading=account, faults=injection) as server:
        yield server


@pytest.fixture
def sender(faulty: ExchangeServer) -> Raw:
    return Raw(faulty)


def fetch(server: ExchangeServer, path: str, timeout: float = 5) -> tuple[int, str, Any]:
    """Status, text and headers of an answer, whatever it is."""
    line = http.client.HTTPConnection(server.host, server.port, timeout=timeout)
    with contextlib.closing(line):
        line.request("GET", path)
        answer = line.getresponse()
        return answer.status, answer.read().decode(), answer.headers


def buys(account: Trading) -> int:
    return len(account.settling.orders)


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("429", 429, "-1003"),
        ("418", 418, "IP banned until"),
        ("-1003 in 200", 200, "IP banned until"),
        ("-1003 in 400", 400, "IP banned until"),
        ("500", 500, "-1000"),
        ("502", 502, "<html>"),
        ("503", 503, "-1008"),
        ("504", 504, "<html>"),
        ("-1006", 400, "-1006"),
        ("-1007", 408, "-1007"),
        ("html", 200, "<html>"),
        ("empty", 200, ""),
    ],
)
@pytest.mark.parametrize("moment", [BEFORE, AFTER])
def test_an_order_is_placed_or_not_and_the_answer_is_lost(
    faulty: ExchangeServer,
    injection: Injection,
    sender: Raw,
    account: Trading,
    kind: str,
    status: int,
    text: str,
    moment: str,
) -> None:
    injection.set([Fault(kind, "POST", ORDER, moment=moment, times=1)])
    found, body = 200, ""
    with contextlib.suppress(json.JSONDecodeError):
        found, answer = sender.send("POST", ORDER, **BUY)
        body = json.dumps(answer)
        assert (found, text in body) == (status, True)
    assert buys(account) == (moment == AFTER)
    assert injection.hits[0] == 1


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refused_order_is_not_placed(
    faulty: ExchangeServer, injection: Injection, sender: Raw, account: Trading, kind: str
) -> None:
    injection.set([Fault(kind, "POST", ORDER, times=1)])
    if kind == "403":
        with pytest.raises(json.JSONDecodeError):
            sender.send("POST", ORDER, **BUY)
    else:
        status, answer = sender.send("POST", ORDER, **BUY)
        assert status in (400, 401, 451)
        assert answer["code"] == (0 if kind == "451" else int(kind.split()[0]))
    assert (buys(account), injection.hits[0]) == (0, 1)


def test_a_ban_is_dated_by_the_exchange_s_clock(
    faulty: ExchangeServer, injection: Injection, ticking: Clock
) -> None:
    injection.set([Fault("418", times=1, seconds=60)])
    date = fetch(faulty, "/api/v3/time")[2]["Date"]
    assert parsedate_to_datetime(date).timestamp() == ticking() // 1000


def test_a_pair_on_a_break_is_listed_and_not_traded(
    faulty: ExchangeServer, injection: Injection, sender: Raw, account: Trading
) -> None:
    injection.set([Fault("break", symbol="AAAUSDT")])
    info = json.loads(fetch(faulty, "/api/v3/exchangeInfo")[1])
    states = {one["symbol"]: one["status"] for one in info["symbols"]}
    assert states.pop("AAAUSDT") == "BREAK"
    assert set(states.values()) <= {"TRADING"}
    assert fetch(faulty, "/api/v3/depth?symbol=AAAUSDT")[0] == 200
    status, answer = sender.send("POST", ORDER, **BUY)
    assert (status, answer["msg"], buys(account)) == (400, "Market is closed.", 0)


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
@pytest.mark.parametrize("kind", ["time-out", "reset"])
def test_no_answer_at_all(
    faulty: ExchangeServer,
    injection: Injection,
    sender: Raw,
    account: Trading,
    kind: str,
    moment: str,
) -> None:
    injection.set([Fault(kind, "POST", ORDER, moment=moment, times=1)])
    query = signed_query(sender)
    line = http.client.HTTPConnection(faulty.host, faulty.port, timeout=0.3)
    with contextlib.closing(line):
        line.request("POST", f"{ORDER}?{query}", headers=sender.headers)
        expected = TimeoutError if kind == "time-out" else ConnectionResetError
        with pytest.raises(expected):
            line.getresponse()
    assert buys(account) == (moment == AFTER)


def test_nobody_waits_for_an_answer_that_another_does_not_get(
    faulty: ExchangeServer, injection: Injection
) -> None:
    injection.set([Fault("time-out", path="/api/v3/ping")])
    line = http.client.HTTPConnection(faulty.host, faulty.port, timeout=5)
    with contextlib.closing(line):
        line.request("GET", "/api/v3/ping")
        assert fetch(faulty, "/api/v3/time")[0] == 200


def signed_query(sender: Raw) -> str:
    """The query that :class:`Raw` would send."""
    fields = {**BUY, "timestamp": sender.server.market.clock()}
    text = urllib.parse.urlencode(fields)
    digest = hmac.new(sender.credentials.secret.encode(), text.encode(), hashlib.sha256)
    return f"{text}&signature={digest.hexdigest()}"


def test_a_ban_holds_for_all_requests_until_its_end_and_counts_who_goes_on(
    faulty: ExchangeServer, injection: Injection, ticking: Clock
) -> None:
    injection.set([Fault("418", path="/api/v3/depth", times=1, seconds=30)])
    assert fetch(faulty, "/api/v3/time")[0] == 200
    status, text, headers = fetch(faulty, "/api/v3/depth?symbol=AAAUSDT")
    assert (status, headers["Retry-After"]) == (418, "30")
    assert f"banned until {NOW_MS + 1000 + 30_000}" in text
    assert injection.during_ban == []
    # One request of another kind may have been on its way; the same again was not.
    assert fetch(faulty, "/api/v3/depth?symbol=AAAUSDT")[0] == 418
    assert injection.during_ban == ["GET /api/v3/depth"]
    ticking.now += 29_999
    assert fetch(faulty, "/api/v3/ping")[0] == 418
    ticking.now += 1
    assert fetch(faulty, "/api/v3/depth?symbol=AAAUSDT")[0] == 200


def test_faults_begin_skip_and_end(
    faulty: ExchangeServer, injection: Injection, ticking: Clock
) -> None:
    injection.set([Fault("500", path="/api/v3/ping", skip=1, times=2)])
    assert [fetch(faulty, "/api/v3/ping")[0] for _ in range(5)] == [200, 500, 500, 200, 200]
    now = ticking.now
    injection.set([Fault("502", symbol="BBBUSDT", since=now + 10, until=now + 20)])
    for later, status in ((0, 200), (10, 502), (19, 502), (20, 200)):
        ticking.now = now + later
        assert fetch(faulty, "/api/v3/depth?symbol=BBBUSDT")[0] == status
        assert fetch(faulty, "/api/v3/depth?symbol=AAAUSDT")[0] == 200


KLINES = "/api/v3/klines?symbol=AAAUSDT&interval=5m&limit=5"


def test_every_bad_candle_differs_from_the_good_one_as_its_name_says(
    faulty: ExchangeServer, injection: Injection, ticking: Clock
) -> None:
    good = json.loads(fetch(faulty, KLINES)[1])
    found = {}
    for kind in CANDLES:
        injection.set([Fault(kind, symbol="AAAUSDT", since=ticking.now)])
        found[kind] = json.loads(fetch(faulty, KLINES)[1])
        assert found[kind] != good or kind == "stale"
        # The candle before the last closed one is never touched.
        assert found[kind][:3] == good[:3]
    price = float(good[-2][4])
    prices = {kind: [*map(str, lines[-2][1:5])] for kind, lines in found.items()}
    assert {float(one) for one in prices["zero"]} == {0.0}
    assert all(float(one) < 0 for one in prices["negative"])
    assert float(prices["inverted"][1]) < float(prices["inverted"][2])
    assert float(prices["spike"][3]) == 10 * price
    assert prices["nan"] == ["NaN"] * 4
    assert found["null"][-2][4] is None
    assert [line[0] for line in found["duplicated"]].count(good[-2][0]) == 2
    assert found["future"][-1][0] > ticking.now + STEP_MS
    assert found["forming"][-1][0] == good[-1][0] + STEP_MS
    injection.set([Fault("stale", since=good[-2][0])])
    assert json.loads(fetch(faulty, KLINES)[1]) == good[:-2]


def test_a_truncated_and_a_slow_answer(faulty: ExchangeServer, injection: Injection) -> None:
    whole = fetch(faulty, KLINES)[1]
    injection.set([Fault("truncated", path="/api/v3/klines")])
    assert fetch(faulty, KLINES)[1] == whole[: len(whole) // 2]
    injection.set([Fault("slow", path="/api/v3/klines", seconds=30)])
    with pytest.raises(TimeoutError):
        fetch(faulty, KLINES, timeout=0.2)
    injection.set([Fault("slow", path="/api/v3/klines", seconds=0.01)])
    assert fetch(faulty, KLINES)[1] == whole


def test_a_pair_that_is_gone(faulty: ExchangeServer, injection: Injection) -> None:
    injection.set([Fault("missing pair", symbol="BBBUSDT")])
    assert fetch(faulty, KLINES.replace("AAA", "BBB"))[0] == 400
    assert fetch(faulty, KLINES)[0] == 200
    listed = json.loads(fetch(faulty, "/api/v3/exchangeInfo")[1])["symbols"]
    assert [one["symbol"] for one in listed] == ["AAAUSDT"]


def test_a_clock_that_is_off_refuses_signed_requests(
    faulty: ExchangeServer, injection: Injection, sender: Raw, ticking: Clock
) -> None:
    for seconds, code in ((4, None), (6, -1021), (-2, -1021), (0, None)):
        injection.set([Fault("drift", seconds=seconds)])
        told = json.loads(fetch(faulty, "/api/v3/time")[1])["serverTime"]
        assert told == ticking.now + seconds * 1000
        _, body = sender.send("GET", "/api/v3/account")
        assert body.get("code") == code


def test_streams_are_cut_off_and_refused(faulty: ExchangeServer, injection: Injection) -> None:
    async def conversation(stream: Socket) -> None:
        assert await stream.ask("LIST_SUBSCRIPTIONS") == {"result": [NAME], "id": 1}
        injection.set([Fault("websocket")])
        message = await stream.socket.receive(timeout=5)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)

    talk(faulty, f"/stream?streams={NAME}", conversation)
    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        talk(faulty, f"/stream?streams={NAME}", conversation)
    injection.set([])
    assert fetch(faulty, "/stream")[0] == 404


def test_a_child_process_is_steered_over_loopback(
    faulty: ExchangeServer, venue: ExchangeServer, injection: Injection
) -> None:
    faults = [Fault("500", path="/api/v3/ping", times=1)]

    def put(server: ExchangeServer, lines: object) -> tuple[int, Any]:
        body = json.dumps(lines).encode()
        request = urllib.request.Request(f"{server.url}/faults", data=body, method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    assert put(faulty, written(faults))[0] == 200
    assert fetch(faulty, "/api/v3/ping")[0] == 500
    report = json.loads(fetch(faulty, "/faults")[1])
    assert (report["hits"], report["requests_during_ban"]) == ([1], 0)
    assert read_faults(report["faults"]) == faults
    assert put(faulty, [{"kind": "flood"}])[0] == 400
    # A server without faults has no such path.
    assert put(venue, written(faults))[0] == 404


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ({}, "a list"),
        ([{"path": "/"}], "with a kind"),
        ([{"kind": "flood"}], "use one of 429"),
        ([{"kind": "500", "moment": "during"}], "use one of before, after"),
        ([{"kind": "500", "tiems": 1}], "fault key 'tiems'"),
        ([{"kind": "500", "times": "1"}], "fault times '1'"),
        ([{"kind": "500", "times": -1}], "fault times -1"),
        ([{"kind": "500", "path": 3}], "fault path 3"),
    ],
)
def test_what_is_no_fault_is_one_clear_error(lines: object, text: str) -> None:
    with pytest.raises(FaultError, match=text):
        read_faults(lines)


def test_every_kind_can_be_written_down() -> None:
    faults = [Fault(kind, seconds=-1.5) for kind in KINDS]
    assert read_faults(json.loads(json.dumps(written(faults)))) == faults
