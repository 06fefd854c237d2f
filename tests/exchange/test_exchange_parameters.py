"""What clients may ask for: each parameter is honoured or refused; every number is a decimal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges import START_MS, STEP_MS, Clock, ask, get, random_walk
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.requests.request_form import zone_ms
from regimeswitch_lab.exchange.server import ExchangeServer
from traders import Raw


ROWS = 288 * 12
# The first moment of which no candle is stored.
END = START_MS + ROWS * STEP_MS
PAIR = {"symbol": "BTCUSDT"}
# Every public path with what it must be given, and how many parameters Binance has for it.
PATHS: dict[str, tuple[dict[str, str], int]] = {
    "ping": ({}, 0),
    "time": ({}, 0),
    "exchangeInfo": ({}, 5),
    "klines": ({**PAIR, "interval": "5m"}, 6),
    "uiKlines": ({**PAIR, "interval": "5m"}, 6),
    "depth": (PAIR, 3),
    "trades": (PAIR, 2),
    "historicalTrades": (PAIR, 3),
    "aggTrades": (PAIR, 5),
    "avgPrice": (PAIR, 1),
    "ticker": (PAIR, 5),
    "ticker/24hr": ({}, 4),
    "ticker/tradingDay": (PAIR, 5),
    "ticker/price": ({}, 3),
    "ticker/bookTicker": ({}, 3),
}
DECIMAL = re.compile(r"-?[0-9]+\.[0-9]{8}")
# Names, and numbers that Binance writes in another way.
NOT_DECIMALS = {"symbol", "priceChangePercent", "bidMultiplierUp", "bidMultiplierDown"} | {
    *("askMultiplierUp", "askMultiplierDown", "filterType", "status", "baseAsset", "quoteAsset"),
    *("orderTypes", "permissionSets", "defaultSelfTradePreventionMode", "timezone", "interval"),
    *("allowedSelfTradePreventionModes", "rateLimitType", "s", "e", "i", "stream"),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ExchangeServer, Clock]]:
    """A dear pair, and a cheap one with volumes that floats cannot add without a trace."""
    folder = tmp_path_factory.mktemp("pairs")
    random_walk(ROWS, 60_000.0, 3).to_feather(folder / "BTC_USDT-5m.feather")
    cheap = random_walk(ROWS, 0.00001234, 4, 8)
    volumes = np.random.default_rng(5).uniform(1e6, 1e9, ROWS).round(1)
    cheap.assign(volume=volumes).to_feather(folder / "PEPE_USDT-5m.feather")
    clock = Clock(END)
    with ExchangeServer(Market(CandleStore(folder), clock), limited=False) as server:
        yield server, clock


def shown(server: ExchangeServer, path: str, **query: object) -> Any:
    status, body = get(server, f"/api/v3/{path}", **query)
    assert status == 200, body
    return body


def code(server: ExchangeServer, path: str, **query: object) -> tuple[int, str]:
    status, body = get(server, f"/api/v3/{path}", **query)
    assert status == 400, body
    return body["code"], body["msg"]


@settings(max_examples=60, deadline=None)
@given(
    path=st.sampled_from(sorted(PATHS)),
    names=st.sets(st.from_regex(r"[a-z]{3,12}_x", fullmatch=True), min_size=1, max_size=6),
)
def test_unknown_parameters_are_refused_as_by_binance(
    served: tuple[ExchangeServer, Clock], path: str, names: set[str]
) -> None:
    query, most = PATHS[path]
    sent = len(query) + len(names)
    found = code(served[0], path, **query, **dict.fromkeys(names, "1"))
    if sent > most:
        assert found == (-1101, f"Too many parameters; expected '{most}' and received '{sent}'.")
    else:
        text = f"Not all sent parameters were read; read '{len(query)}' parameter(s)"
        assert found == (-1104, f"{text} but was sent '{sent}'.")


@pytest.mark.parametrize("path", [path for path, (query, _) in PATHS.items() if query])
def test_doubled_parameters_are_refused(served: tuple[ExchangeServer, Clock], path: str) -> None:
    query = "&".join(f"{name}={value}" for name, value in PATHS[path][0].items())
    status, body = get(served[0], f"/api/v3/{path}?{query}&symbol=BTCUSDT&x")
    assert (status, body["code"]) == (400, -1101)
    assert body["msg"] == "Duplicate values for a parameter detected."


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("exchangeInfo", {"symbolStatus": "OPEN"}, -1122),
        ("exchangeInfo", {**PAIR, "symbolStatus": "TRADING"}, -1128),
        ("exchangeInfo", {**PAIR, "permissions": "SPOT"}, -1128),
        ("exchangeInfo", {**PAIR, "symbols": '["BTCUSDT"]'}, -1128),
        ("exchangeInfo", {"symbols": '["BTCUSDT","BTCUSDT"]'}, -1151),
        ("exchangeInfo", {"symbols": "[" * 2000}, -1100),
        ("exchangeInfo", {"permissions": "SPOTS"}, -1130),
        ("exchangeInfo", {"showPermissionSets": "maybe"}, -1130),
        ("depth", {**PAIR, "symbolStatus": "BREAK"}, -1220),
        ("ticker/24hr", {**PAIR, "symbolStatus": "HALT"}, -1220),
        ("ticker/24hr", {**PAIR, "type": "SHORT"}, -1139),
        ("ticker/price", {"symbolStatus": "x"}, -1122),
        ("ticker", {}, -1102),
        ("ticker", {**PAIR, "windowSize": "60m"}, -1130),
        ("ticker", {**PAIR, "windowSize": "1d2h"}, -1130),
        ("ticker/tradingDay", {}, -1102),
        ("ticker/tradingDay", {**PAIR, "timeZone": "+15"}, -1130),
        ("klines", {**PAIR, "interval": "1d", "timeZone": "noon"}, -1130),
        ("klines", {**PAIR, "interval": "1d", "timeZone": ""}, -1105),
        ("klines", {**PAIR, "interval": "5m", "timeZone": "0:01"}, -1120),
        ("klines", {**PAIR, "interval": "5m", "limit": ""}, -1105),
    ],
)
def test_values_that_are_refused(
    served: tuple[ExchangeServer, Clock], path: str, query: dict[str, str], expected: int
) -> None:
    assert code(served[0], path, **query)[0] == expected


def test_what_exchange_info_may_be_asked_for(served: tuple[ExchangeServer, Clock]) -> None:
    server, _ = served
    pairs = ["BTCUSDT", "PEPEUSDT"]

    def found(**query: object) -> list[str]:
        return [one["symbol"] for one in shown(server, "exchangeInfo", **query)["symbols"]]

    assert found() == found(symbolStatus="TRADING") == found(permissions="SPOT") == pairs
    assert found(permissions='["MARGIN","SPOT"]') == pairs
    assert found(permissions="MARGIN") == found(symbolStatus="HALT") == []
    assert found(permissions="TRD_GRP_004", symbolStatus="TRADING") == []
    hidden = shown(server, "exchangeInfo", showPermissionSets="false", symbol="BTCUSDT")
    assert hidden["symbols"][0]["permissionSets"] == []
    (pair,) = shown(server, "exchangeInfo", symbol="BTCUSDT")["symbols"]
    assert pair["permissionSets"] == [["SPOT"]]
    assert pair["allowedSelfTradePreventionModes"][0] == "EXPIRE_TAKER"
    for name in ("otoAllowed", "opoAllowed", "amendAllowed", "pegInstructionsAllowed"):
        assert pair[name] is False
    for query in ({"symbolStatus": "HALT"}, {"symbolStatus": "BREAK", "symbols": '["BTCUSDT"]'}):
        assert shown(server, "ticker/price", **query) == []


zones = st.integers(-12 * 12, 14 * 12).map(lambda steps: steps * 5)


def written(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else ""
    return f"{sign}{hours}:{rest:02d}" if rest else f"{sign}{hours}"


def opened_at(moment: int, interval: str, minutes: int) -> int:
    """When the candle of a moment opened by the clock of a zone, told from the calendar."""
    local = datetime.fromtimestamp(moment / 1000, UTC) + timedelta(minutes=minutes)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if interval == "1M":
        begins = day.replace(day=1)
    elif interval == "1w":
        begins = day - timedelta(days=day.weekday())
    elif interval == "3d":
        begins = day - timedelta(days=(day - datetime(1970, 1, 1, tzinfo=UTC)).days % 3)
    elif interval == "1d":
        begins = day
    else:
        hours = int(interval[:-1])
        begins = day + timedelta(hours=local.hour // hours * hours)
    return int((begins - timedelta(minutes=minutes)).timestamp() * 1000)


@settings(max_examples=25, deadline=None)
@given(
    minutes=zones,
    interval=st.sampled_from(["1h", "4h", "12h", "1d", "3d", "1w", "1M"]),
    now=st.integers(START_MS + STEP_MS, END - 1),
)
def test_candles_open_by_the_clock_of_the_zone(
    served: tuple[ExchangeServer, Clock], minutes: int, interval: str, now: int
) -> None:
    server, clock = served
    clock.now = now
    zone = written(minutes)
    query = {"symbol": "PEPEUSDT", "interval": interval, "timeZone": zone, "limit": 1000}
    candles = shown(server, "klines", **query)
    if opened_at(now, interval, minutes) >= START_MS or interval in ("3d", "1w", "1M"):
        assert candles[-1][0] == opened_at(now, interval, minutes)
    for candle in (candles[0], candles[-1]) if candles else ():
        assert candle[0] == opened_at(candle[0], interval, minutes)
        assert opened_at(candle[6], interval, minutes) == candle[0]
        assert opened_at(candle[6] + 1, interval, minutes) == candle[6] + 1
        parts, start = [], candle[0]
        part = {"symbol": "PEPEUSDT", "interval": "5m", "endTime": candle[6], "limit": 1000}
        while page := shown(server, "klines", **part, startTime=start):
            parts += page
            start = page[-1][0] + 1
        assert candle[1] == parts[0][1]
        assert candle[2] == max((one[2] for one in parts), key=Decimal)
        assert candle[3] == min((one[3] for one in parts), key=Decimal)
        assert candle[4] == parts[-1][4]
        volume = sum(Decimal(one[5]) for one in parts)
        # A part of a forming candle may need more digits than a float has.
        assert float(candle[5]) == pytest.approx(float(volume), rel=1e-14)
        assert candle[8] == sum(one[8] for one in parts)


def test_a_zone_moves_only_the_candles_that_it_can_move(
    served: tuple[ExchangeServer, Clock],
) -> None:
    server, clock = served
    clock.now = END
    for interval, zone in (("4h", "8"), ("5m", "05:45"), ("15m", "-3:30"), ("1h", "0")):
        query = {**PAIR, "interval": interval, "limit": 50}
        assert shown(server, "klines", **query) == shown(server, "klines", **query, timeZone=zone)
    for text, minutes in (("-12:00", -720), ("+14:00", 840), ("05:45", 345), ("-0:30", -30)):
        assert zone_ms(text) == minutes * 60_000


@pytest.mark.parametrize(("interval", "opened"), [("3d", 17), ("1w", 19), ("1M", 1)])
def test_days_weeks_and_months_begin_with_a_pair(
    tmp_path: Path, interval: str, opened: int
) -> None:
    """Six days in the middle of a month: Binance's first candles hold a part of their time."""
    frame = random_walk(288 * 4, 100.0, 6)
    shift = np.timedelta64(20 * 86_400 - 28 * 86_400 + 86_400, "s")
    frame.assign(date=(frame["date"] + shift).dt.as_unit("ms")).to_feather(
        tmp_path / "ABC_USDT-5m.feather"
    )
    start = datetime(2026, 1, 21, tzinfo=UTC)
    for hours, whole in ((30, False), (24 * 40, True)):
        clock = Clock(int((start + timedelta(hours=hours)).timestamp() * 1000))
        with ExchangeServer(Market(CandleStore(tmp_path), clock)) as server:
            candles = shown(server, "klines", symbol="ABCUSDT", interval=interval)
        first = datetime.fromtimestamp(candles[0][0] / 1000, UTC)
        assert first == datetime(2026, 1, opened if interval != "3d" else first.day, tzinfo=UTC)
        assert first <= start
        volume = sum(Decimal(one[5]) for one in candles)
        known = frame["volume"] if whole else frame["volume"].iloc[: 30 * 12]
        assert float(volume) == pytest.approx(float(known.sum()), abs=2)


def decimals(body: object, name: str = "") -> Iterator[str]:
    """Every text of an answer that should be a decimal."""
    if isinstance(body, dict):
        for key, value in body.items():
            if key not in NOT_DECIMALS:
                yield from decimals(value, key)
    elif isinstance(body, list):
        for value in body:
            yield from decimals(value, name)
    elif isinstance(body, str):
        yield body


@settings(max_examples=8, deadline=None)
@given(now=st.integers(START_MS + STEP_MS, END), pair=st.sampled_from(["BTCUSDT", "PEPEUSDT"]))
def test_every_number_is_a_decimal_of_eight_places(
    served: tuple[ExchangeServer, Clock], now: int, pair: str
) -> None:
    server, clock = served
    clock.now = now
    for path in PATHS:
        query = {**PATHS[path][0], "symbol": pair} if PATHS[path][0] else {}
        found = shown(server, path, **query)
        lines = [line[:-1] for line in found] if path in ("klines", "uiKlines") else found
        texts = list(decimals(lines))
        assert [one for one in texts if not DECIMAL.fullmatch(one)] == []
        assert texts or path in ("ping", "time")
    for interval in ("1h", "1d", "1w", "1M"):
        for line in shown(server, "klines", symbol=pair, interval=interval):
            assert all(DECIMAL.fullmatch(one) for one in decimals(line[:-1])), line
            # A volume of whole tenths stays one, however many of them were added.
            if pair == "PEPEUSDT" and line[6] < now:
                assert line[5].endswith("0000000")


def test_the_sizes_of_filters_are_exact(served: tuple[ExchangeServer, Clock]) -> None:
    for one in shown(served[0], "exchangeInfo")["symbols"]:
        lots = {found["filterType"]: found for found in one["filters"]}
        lot, price = lots["LOT_SIZE"], lots["PRICE_FILTER"]
        assert Decimal(lot["maxQty"]) == 900_000_000 * Decimal(lot["stepSize"])
        assert Decimal(lots["MARKET_LOT_SIZE"]["maxQty"]) == 10**7 * Decimal(lot["stepSize"])
        assert Decimal(price["maxPrice"]) == 10**8 * Decimal(price["tickSize"])


@settings(max_examples=15, deadline=None)
@given(now=st.integers(START_MS + STEP_MS, END), minutes=st.integers(1, 59))
def test_a_window_is_what_its_trades_make(
    served: tuple[ExchangeServer, Clock], now: int, minutes: int
) -> None:
    server, clock = served
    clock.now = now
    window = shown(server, "ticker", symbol="BTCUSDT", windowSize=f"{minutes}m")
    opened = (now - minutes * 60_000) // 60_000 * 60_000
    assert (window["openTime"], window["closeTime"]) == (opened, now)
    trades = [
        one
        for one in shown(server, "trades", symbol="BTCUSDT", limit=1000)
        if one["time"] >= opened
    ]
    assert window["count"] == len(trades)
    prices = [Decimal(one["price"]) for one in trades]
    assert window["openPrice"] == trades[0]["price"]
    assert window["lastPrice"] == trades[-1]["price"]
    assert Decimal(window["highPrice"]) == max(prices)
    assert Decimal(window["lowPrice"]) == min(prices)
    assert Decimal(window["volume"]) == sum(Decimal(one["qty"]) for one in trades)
    worth = sum(Decimal(one["quoteQty"]) for one in trades)
    assert float(window["quoteVolume"]) == pytest.approx(float(worth), rel=1e-9)
    short = shown(server, "ticker", symbol="BTCUSDT", windowSize=f"{minutes}m", type="MINI")
    assert short.items() <= window.items() and "priceChange" not in short


def test_a_trading_day_is_the_zone_s(served: tuple[ExchangeServer, Clock]) -> None:
    server, clock = served
    clock.now = START_MS + 100 * STEP_MS
    for zone in ("0", "05:45", "-3"):
        day = shown(server, "ticker/tradingDay", symbol="BTCUSDT", timeZone=zone)
        opened = opened_at(clock.now, "1d", zone_ms(zone) // 60_000)
        assert (day["openTime"], day["closeTime"]) == (opened, opened + 86_399_999)
        assert day["lastId"] == shown(server, "trades", symbol="BTCUSDT", limit=1)[0]["id"]
    _, _, headers = ask(server, "/api/v3/ticker/tradingDay", symbols='["BTCUSDT","PEPEUSDT"]')
    before = int(headers["X-MBX-USED-WEIGHT-1M"])
    again = ask(server, "/api/v3/ticker", symbols='["BTCUSDT","PEPEUSDT"]')[2]
    assert int(again["X-MBX-USED-WEIGHT-1M"]) == before + 8


def test_times_may_be_microseconds(served: tuple[ExchangeServer, Clock]) -> None:
    server, clock = served
    clock.now = END
    query = {**PAIR, "interval": "5m", "limit": 3}
    micro = shown(server, "klines", **query, startTime=START_MS * 1000)
    assert micro == shown(server, "klines", **query, startTime=START_MS)


@pytest.mark.parametrize(
    ("window", "age_us", "status"),
    [("0.5", 400, 200), ("0.5", 600, 400), ("1000.001", 1_000_001, 200), ("60000", 1000, 200)],
)
def test_a_window_may_be_a_part_of_a_millisecond(
    raw: Raw, window: str, age_us: int, status: int
) -> None:
    stamp = raw.server.market.clock() * 1000 - age_us
    found, body = raw.send("GET", "/api/v3/account", timestamp=stamp, recvWindow=window)
    assert found == status, body


def test_signed_paths_have_their_own_parameters(raw: Raw) -> None:
    def refused(verb: str, path: str, **query: object) -> tuple[int, str]:
        status, body = raw.send(verb, f"/api/v3/{path}", **query)
        assert status == 400, body
        return body["code"], body["msg"]

    unread = "Not all sent parameters were read; read '4' parameter(s) but was sent '5'."
    known = {"symbol": "AAAUSDT", "orderId": 1}
    assert refused("DELETE", "order", **known, isIsolated="TRUE") == (-1104, unread)
    assert refused("GET", "account", symbol="AAAUSDT", x=1, y=2)[0] == -1101
    limit = {"symbol": "AAAUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    limit |= {"quantity": "1", "price": "95"}
    for name in ("postOnly", "closePosition", "newOrderRespTyp"):
        assert refused("POST", "order", **limit, **{name: "true"})[0] == -1104
    assert refused("POST", "order", **limit, icebergQty="1")[0] == -1013
    assert raw.send("GET", "/api/v3/openOrders")[1] == []
    # Binance's sapi leaves out what it does not know.
    assert raw.send("GET", "/sapi/v1/account/status", x=1)[0] == 200
