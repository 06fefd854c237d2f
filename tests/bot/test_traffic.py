"""Limits, bans, outages: entries pause, exits go on, and nobody hammers. A real live bot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from freqtrade.persistence import Trade

from guarded import ORDER, World, agree, running_world
from regimeswitch_lab.exchange.faults.fault_rules import AFTER, Fault


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

DEPTH, KLINES = "/api/v3/depth", "/api/v3/klines"
BOTH = {"exchange": {"name": "binance", "pair_whitelist": ["AAA/USDT", "BBB/USDT"]}}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch) as found:
        yield found


def told(world: World, words: str) -> int:
    # An exit that is due has a notice of its own, which names what is in its way.
    return len([text for text in world.messages if words in text and "is due" not in text])


@pytest.mark.parametrize("kind", ["429", "418", "-1003 in 200", "-1003 in 400"])
def test_nothing_is_sent_until_the_exchange_takes_requests_again(world: World, kind: str) -> None:
    world.start()
    world.fail(Fault(kind, path=DEPTH, times=1, seconds=400))
    slept = world.time.slept
    world.step()
    assert world.orders == []
    world.step(later=30)
    world.step()
    assert world.orders == []
    assert world.faults.during_ban == []
    assert world.time.slept == slept, "freqtrade's pauses between retries hold up the loop"
    # 400 s after the second candle's first loop.
    world.step()
    assert len(world.filled("BUY")) == 1
    assert told(world, "takes no requests until") == 1
    assert told(world, "limits allow requests") == 1
    agree(world)


def test_a_refused_order_was_not_placed(world: World) -> None:
    world.start()
    world.fail(Fault("429", verb="POST", path=ORDER, times=1, seconds=30))
    world.step()
    assert [entry.state for entry in world.journal()] == ["refused"]
    world.step()
    assert len(world.filled("BUY")) == 1
    agree(world)


def test_no_signed_address_is_logged_or_sent(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """What ccxt says of a request without an answer has its whole address in it."""
    caplog.set_level("INFO")
    world.start()
    world.fail(Fault("reset", "GET"), Fault("504", "POST", ORDER, moment=AFTER))
    for _ in range(2):
        world.step()
    text = caplog.text + " ".join(world.messages)
    assert "no usable answer" in text
    ours = [record.getMessage() for record in caplog.records if "regimeswitch" in record.name]
    assert [line for line in [*ours, *world.messages] if "signature=" in line] == []


def test_entries_wait_when_the_weight_of_the_minute_is_nearly_used(world: World) -> None:
    world.start()
    world.server.limits.add(5000, world.account.market.clock() + 300_000)
    world.step()
    world.step(later=30)
    assert told(world, "request weight") == 1
    assert world.orders == []
    world.step(later=70)
    assert len(world.filled("BUY")) == 1


def test_one_slow_book_holds_up_nobody_for_longer_than_it_may(world: World) -> None:
    world.start(exit_after=600, regimeswitch={"safety": {"slow_seconds": 0.3}}, **BOTH)
    world.step()
    assert len(Trade.get_open_trades()) == 2
    slow = Fault("time-out", path=DEPTH, symbol="AAAUSDT")
    world.fail(slow)
    world.step()
    world.step()
    sold = {order.symbol for order in world.filled("SELL")}
    assert sold == {"BBBUSDT"}
    # Asked twice in each loop, though freqtrade tries five times.
    assert world.faults.hits[0] <= 4
    world.step()
    assert told(world, "depth AAAUSDT") == 1
    world.fail()
    world.step()
    assert {order.symbol for order in world.filled("SELL")} == {"AAAUSDT", "BBBUSDT"}


def test_a_clock_that_is_off_keeps_entries_back(world: World) -> None:
    world.start()
    world.fail(Fault("drift", seconds=2.0))
    for _ in range(2):
        world.step()
    assert world.orders == []
    assert told(world, "this clock differs from the exchange's by -2.0 s") == 1
    world.fail()
    world.step()
    assert len(world.filled("BUY")) == 1
    assert told(world, "the clock agrees") == 1


def test_an_unreachable_exchange_is_reported_once_and_comes_back(world: World) -> None:
    world.start()
    world.fail(Fault("reset"))
    for _ in range(3):
        world.step()
    assert told(world, "the exchange does not answer") == 1
    world.fail()
    world.step()
    world.step()
    assert told(world, "the exchange answers again") == 1
    assert len(world.filled("BUY")) == 1
    agree(world)


def test_candles_that_are_late_keep_entries_back(world: World) -> None:
    world.start()
    world.step()
    world.fail(Fault("stale", path=KLINES, since=world.account.market.clock()))
    for _ in range(3):
        world.step()
    assert told(world, "AAA/USDT: candles end at") == 1
    world.fail()
    world.step()
    assert told(world, "AAA/USDT: candles are there again") == 1


def test_a_lost_answer_and_a_silent_exchange_hold_up_the_loop_for_moments(world: World) -> None:
    """Nothing is gained by pauses between questions that may not be asked."""
    world.start(regimeswitch={"safety": {"slow_seconds": 0.3}})
    lost = Fault("reset", verb="POST", path=ORDER, moment=AFTER, times=1)
    world.fail(lost, Fault("time-out", verb="GET", path=ORDER))
    world.step()
    assert world.time.slept < 2
    assert world.faults.hits[1] == 2
    world.fail()
    world.step()
    assert len(world.filled("BUY")) == 1
    assert len(Trade.get_open_trades()) == 1
    agree(world)
