"""What an exit needs is asked for as freqtrade alone would ask: a live bot, a bad connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from freqtrade.persistence import Trade

from guarded import ORDER, World, agree, running_world
from regimeswitch.bot.connection.request_purpose import Request
from regimeswitch_lab.exchange.faults.fault_rules import BEFORE, Fault


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

API = "https://api.binance.com/api/v3/"
DEPTH, TICKER = "/api/v3/depth", "/api/v3/ticker/24hr"
BOTH = {"exchange": {"name": "binance", "pair_whitelist": ["AAA/USDT", "BBB/USDT"]}}
SHORT = {"regimeswitch": {"safety": {"slow_seconds": 0.3}}}
BY_TICKER = {
    "exit_pricing": {"price_side": "other", "use_order_book": False},
    "entry_pricing": {
        "price_side": "other",
        "use_order_book": False,
        "price_last_balance": 0.0,
        "check_depth_of_market": {"enabled": False},
    },
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch) as found:
        yield found


def sold(world: World) -> set[str]:
    return {order.symbol for order in world.filled("SELL")}


def told(world: World, words: str) -> int:
    return len([text for text in world.messages if words in text])


def test_an_exit_waits_for_a_slow_book_as_long_as_freqtrade_alone_does(world: World) -> None:
    world.start(exit_after=300, patience=2.0, **SHORT)
    world.step()
    world.fail(Fault("slow", path=DEPTH, seconds=0.6))
    world.step()
    assert sold(world) == {"AAAUSDT"}
    agree(world)


def test_an_entry_does_not_wait_for_a_slow_book(world: World) -> None:
    world.start(patience=2.0, **SHORT)
    world.fail(Fault("slow", path=DEPTH, seconds=0.6))
    world.step()
    assert world.orders == []
    assert world.faults.hits[0] == 1
    world.step()
    assert told(world, "no answer in 0.3 s: depth AAAUSDT; entries: of the pair pause") == 1


def test_an_exit_asks_again_in_the_same_loop(world: World) -> None:
    world.start(exit_after=300, patience=0.4)
    world.step()
    world.fail(Fault("time-out", path=DEPTH, times=1))
    world.step()
    assert sold(world) == {"AAAUSDT"}
    agree(world)


def test_prices_by_ticker_are_asked_for_when_the_weight_is_nearly_used(world: World) -> None:
    world.start(exit_after=300, **BY_TICKER)
    world.step()
    # 96 % of the minute are used by something else, as a chart or another bot does.
    world.server.limits.add(5760, world.account.market.clock() + 300_000)
    world.step()
    assert sold(world) == {"AAAUSDT"}
    assert world.server.limits.used < 6000
    agree(world)


@pytest.mark.parametrize("seconds", [20.0, -20.0, 3600.0])
def test_an_exit_is_made_with_a_clock_that_is_off(world: World, seconds: float) -> None:
    """Whoever is wrong: -1021 would refuse every signed request."""
    world.start(exit_after=300)
    world.step()
    world.fail(Fault("drift", seconds=seconds))
    world.step()
    assert sold(world) == {"AAAUSDT"}
    (text,) = [text for text in world.messages if "this clock differs" in text]
    assert f"by {-seconds:+.1f} s" in text
    assert "exits: go on" in text
    agree(world)


def test_a_clock_that_jumps_while_a_request_is_signed_costs_one_more_request(world: World) -> None:
    bot = world.start()
    world.step()
    world.fail(Fault("drift", seconds=30.0))
    # As in a thread of the API server, between two loops.
    assert bot.exchange.get_balances()["USDT"]["total"] > 0
    assert bot.exchange._api_async.options["timeDifference"] == pytest.approx(-30_000, abs=500)


def test_a_timestamp_that_is_refused_once_does_not_cost_the_exit(world: World) -> None:
    world.start(exit_after=300)
    world.step()
    world.fail(Fault("-1021", verb="POST", path=ORDER, moment=BEFORE, times=1))
    world.step()
    assert sold(world) == {"AAAUSDT"}
    assert world.faults.hits[0] == 1
    assert len({entry.client_id for entry in world.journal()}) == 2
    agree(world)


def test_nothing_signed_is_sent_a_third_time(world: World) -> None:
    world.start(exit_after=300)
    world.step()
    world.fail(Fault("-1021", verb="POST", path=ORDER, moment=BEFORE))
    world.step()
    assert sold(world) == set()
    assert world.faults.hits[0] == 2
    assert [entry.state for entry in world.journal()][-1] == "refused"


def test_a_refused_key_does_not_hold_up_the_loop(world: World) -> None:
    """ccxt takes -2015 for a ban once the key has worked, and freqtrade pauses for each."""
    world.start(exit_after=300, **BOTH)
    world.step()
    slept = world.time.slept
    world.fail(Fault("-2015", path=ORDER, symbol="AAAUSDT"))
    world.step()
    assert world.time.slept == slept
    assert sold(world) == {"BBBUSDT"}


def test_a_pair_on_a_break_is_reported_without_a_promise_for_its_exits(world: World) -> None:
    world.start(exit_after=900, **BOTH)
    world.step()
    world.fail(Fault("break", symbol="AAAUSDT"))
    world.bots[-1].exchange.reload_markets(True)
    world.step()
    (text,) = [text for text in world.messages if "AAA/USDT is not traded" in text]
    assert "entries: none of the pair" in text
    assert "exits: of the pair cannot leave until it is traded again" in text
    assert len(Trade.get_open_trades()) == 2


HELD = frozenset(("AAAUSDT",))


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("order?symbol=BBBUSDT", True),
        ("openOrders?symbol=BBBUSDT", True),
        ("allOrders?symbol=AAAUSDT", True),
        ("myTrades?symbol=AAAUSDT", True),
        ("account?timestamp=1", True),
        ("time", True),
        ("exchangeInfo", True),
        ("depth?symbol=AAAUSDT&limit=5", True),
        ("ticker/24hr?symbol=AAAUSDT", True),
        ("ticker/price?symbol=AAAUSDT", True),
        ("ticker/bookTicker?symbol=AAAUSDT", True),
        ("klines?symbol=AAAUSDT", True),
        ("depth?symbol=BBBUSDT", False),
        ("ticker/24hr?symbol=BBBUSDT", False),
        ("ticker/24hr", False),
        ("klines?symbol=BBBUSDT", False),
    ],
)
def test_what_an_exit_needs(path: str, needed: bool) -> None:
    wanted = Request.of(f"{API}{path}", "GET")
    assert wanted.for_exit(HELD) == needed
    assert wanted.for_entry_alone(HELD) == (not needed and "symbol" in path and "kl" not in path)
    assert (wanted.host, wanted.ping) == ("api.binance.com", f"{API}ping")


def test_other_interfaces_are_asked_by_the_right_ping() -> None:
    sapi = Request.of("https://api.binance.com/sapi/v1/capital/config/getall", "GET")
    assert (sapi.path, sapi.ping) == ("capital/config/getall", f"{API}ping")
    futures = Request.of("https://fapi.binance.com/fapi/v2/account?timestamp=1", "GET")
    assert (futures.path, futures.host) == ("account", "fapi.binance.com")
    assert futures.ping == "https://fapi.binance.com/fapi/v2/ping"
