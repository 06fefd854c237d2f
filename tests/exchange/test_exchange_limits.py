"""Limits of the embedded exchange: 429, bans that grow and lift by the clock, headers, orders."""

from __future__ import annotations

import re
from pathlib import Path

import ccxt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges import END_MS, START_MS, Clock, ask, get
from regimeswitch_lab.exchange.http.request_limits import (
    LONGEST_BAN_MS,
    MINUTE_MS,
    WEIGHT_LIMIT,
    OrderCounts,
    RateLimitError,
    RequestLimits,
)
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.requests.api_errors import ApiError
from regimeswitch_lab.exchange.server import ExchangeServer


HEAVY = {"symbol": "BTCUSDT", "limit": 1001}
HEAVY_WEIGHT = 250
ALLOWED = WEIGHT_LIMIT // HEAVY_WEIGHT


def spend(server: ExchangeServer) -> None:
    """Use up the weight of the minute to the last unit."""
    for _ in range(ALLOWED):
        assert ask(server, "/api/v3/depth", **HEAVY)[0] == 200


def test_more_weight_than_a_minute_allows_is_429_until_the_next(
    server: ExchangeServer, clock: Clock
) -> None:
    clock.now = END_MS + 17_500
    spend(server)
    status, body, headers = ask(server, "/api/v3/ping")
    assert (status, body["code"]) == (429, -1003)
    assert str(WEIGHT_LIMIT) in body["msg"]
    assert headers["Retry-After"] == "43"
    assert headers["X-MBX-USED-WEIGHT"] == headers["X-MBX-USED-WEIGHT-1M"] == "6001"
    clock.now += 42_499
    assert get(server, "/api/v3/ping")[0] == 429
    clock.now += 1
    status, _, headers = ask(server, "/api/v3/ping")
    assert (status, headers["X-MBX-USED-WEIGHT"]) == (200, "1")
    assert "Retry-After" not in headers


def test_who_goes_on_is_banned_longer_each_time(server: ExchangeServer, clock: Clock) -> None:
    bans = []
    for _ in range(6):
        spend(server)
        statuses = [get(server, "/api/v3/ping")[0] for _ in range(11)]
        assert statuses == [429] * 10 + [418]
        status, body, headers = ask(server, "/api/v3/time")
        assert (status, body["code"]) == (418, -1003)
        until = int(re.search(r"banned until (\d{13})\.", body["msg"])[1])
        assert int(headers["Retry-After"]) == (until - clock.now) // 1000
        bans.append((until - clock.now) // 1000)
        clock.now = until - 1
        assert get(server, "/api/v3/ping")[0] == 418
        clock.now = until
        assert get(server, "/api/v3/ping")[0] == 200
        clock.now = (until // MINUTE_MS + 1) * MINUTE_MS
    assert bans == [120, 600, 3000, 15_000, 75_000, 259_200]


def test_a_long_good_time_forgives(server: ExchangeServer, clock: Clock) -> None:
    limits = RequestLimits()

    def ban(now: int) -> int:
        limits.add(WEIGHT_LIMIT + 1, now)
        for _ in range(10):
            with pytest.raises(RateLimitError):
                limits.check(now)
        with pytest.raises(RateLimitError) as found:
            limits.check(now)
        return found.value.retry_after

    assert ban(END_MS) == 120
    assert ban(END_MS + 600_000) == 600
    assert ban(END_MS + 2 * LONGEST_BAN_MS) == 120


def test_ccxt_names_both_refusals(server: ExchangeServer, client: ccxt.binance) -> None:
    spend(server)
    for _ in range(10):
        with pytest.raises(ccxt.DDoSProtection, match="429"):
            client.public_get_ping()
    with pytest.raises(ccxt.DDoSProtection, match="418"):
        client.public_get_ping()


def test_limits_can_be_switched_off(folder: Path, clock: Clock) -> None:
    with ExchangeServer(Market(CandleStore(folder), clock), limited=False) as server:
        for _ in range(ALLOWED + 2):
            status, _, headers = ask(server, "/api/v3/depth", **HEAVY)
            assert status == 200
        assert int(headers["X-MBX-USED-WEIGHT-1M"]) > WEIGHT_LIMIT


def test_limits_are_announced(server: ExchangeServer, client: ccxt.binance) -> None:
    limits = get(server, "/api/v3/exchangeInfo")[1]["rateLimits"]
    shown = {(one["rateLimitType"], one["intervalNum"], one["interval"]): one for one in limits}
    assert {key: one["limit"] for key, one in shown.items()} == {
        ("REQUEST_WEIGHT", 1, "MINUTE"): 6000,
        ("ORDERS", 10, "SECOND"): 100,
        ("ORDERS", 1, "DAY"): 200_000,
        ("RAW_REQUESTS", 5, "MINUTE"): 61_000,
    }


def test_a_replayed_day_of_one_bot_stays_below_the_limit(
    server: ExchangeServer, clock: Clock
) -> None:
    """Twenty pairs in each loop, fifteen loops a candle, and the clock stands still in between."""

    def weight(path: str, **query: object) -> int:
        before = server.limits.used
        assert get(server, path, symbol="BTCUSDT", **query)[0] == 200
        return server.limits.used - before

    candles = weight("/api/v3/klines", interval="5m", limit=1000)
    book = weight("/api/v3/depth", limit=20)
    limits = RequestLimits()
    # The start asks for 120 days of every pair, in one moment.
    limits.add(20 * 35 * 2 * candles, START_MS)
    for loop in range(288 * 15):
        for spent in [candles] * 20 + [book] * 20:
            limits.check(START_MS + loop * 20_000)
            limits.add(spent, START_MS + loop * 20_000)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-1000, 90_000), st.integers(1, 4000)), max_size=60))
def test_no_minute_lets_more_through_than_its_limit(steps: list[tuple[int, int]]) -> None:
    """However the clock moves, a second back included."""
    limits, now = RequestLimits(), END_MS
    before: dict[int, int] = {}
    for step, weight in steps:
        now += step
        try:
            limits.check(now)
        except RateLimitError as error:
            assert error.retry_after >= 1
            assert limits.used > WEIGHT_LIMIT or error.status == 418
            continue
        # Let through: what the minute had used before did not exceed the limit.
        minute = now // MINUTE_MS
        assert before.get(minute, 0) <= WEIGHT_LIMIT
        before[minute] = before.get(minute, 0) + weight
        limits.add(weight, now)


def test_orders_are_counted_by_ten_seconds_and_by_the_day() -> None:
    counts, now = OrderCounts(), END_MS
    for number in range(1, 101):
        counts.check(now)
        headers = counts.add(now)
        assert headers == {
            "X-MBX-ORDER-COUNT-10S": str(number),
            "X-MBX-ORDER-COUNT-1D": str(number),
        }
    with pytest.raises(ApiError) as found:
        counts.check(now)
    assert (found.value.code, found.value.status) == (-1015, 429)
    assert not isinstance(found.value, RateLimitError), "Binance sends no Retry-After here"
    now += 10_000
    counts.check(now)
    assert counts.add(now)["X-MBX-ORDER-COUNT-1D"] == "101"
    shown = counts.used(now)
    assert [(one["limit"], one["count"]) for one in shown] == [(100, 1), (200_000, 101)]
