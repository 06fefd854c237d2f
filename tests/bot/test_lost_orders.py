"""Orders whose answer is lost: a real live bot neither loses one nor places it twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from freqtrade.persistence import Trade

from guarded import ORDER, World, agree, running_world
from regimeswitch.bot.orders.in_flight import SURE_DENIALS, Question
from regimeswitch.bot.orders.journal import Entry
from regimeswitch_lab.exchange.faults.fault_rules import AFTER, BEFORE, Fault


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

LOST = ("500", "-1007", "reset", "truncated", "time-out", "html", "504", "-1006")
QUICKLY = {"regimeswitch": {"safety": {"slow_seconds": 0.3}}}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch) as found:
        yield found


def lost(kind: str, verb: str = "POST", **more: object) -> Fault:
    """The order is accepted, its answer is not heard."""
    return Fault(kind, verb=verb, path=ORDER, moment=AFTER, times=1, **more)


@pytest.mark.parametrize("kind", LOST)
def test_a_buy_whose_answer_is_lost_is_one_buy(world: World, kind: str) -> None:
    world.start(**QUICKLY)
    world.fail(lost(kind))
    for _ in range(3):
        world.step()
    assert world.faults.hits[0] == 1
    assert len(world.filled("BUY")) == 1
    (trade,) = Trade.get_open_trades()
    assert (trade.amount, trade.enter_tag) == (3.32, "quiet")
    agree(world)


@pytest.mark.parametrize("kind", LOST[:5])
def test_an_exit_whose_answer_is_lost_is_one_sale(world: World, kind: str) -> None:
    world.start(exit_after=600, **QUICKLY)
    world.step()
    world.fail(lost(kind))
    for _ in range(3):
        world.step()
    assert world.faults.hits[0] == 1
    assert len(world.filled("SELL")) == 1
    first = Trade.session.query(Trade).first()
    assert (first.is_open, first.exit_reason, first.close_rate) == (False, "long enough", 100)
    agree(world)


@pytest.mark.parametrize("kind", ["500", "-1007", "reset", "truncated"])
def test_a_stop_whose_answer_is_lost_is_one_stop(world: World, kind: str) -> None:
    world.start(on_exchange=True)
    world.step()
    world.fail(lost(kind))
    world.step()
    assert world.faults.hits[0] == 1
    (stop,) = world.account.settling.open()
    (trade,) = Trade.get_open_trades()
    assert [order.order_id for order in trade.open_sl_orders] == [str(stop.id)]
    # The dip fills it, and freqtrade closes its trade.
    for _ in range(3):
        world.step()
    trade = Trade.session.query(Trade).first()
    assert (trade.is_open, trade.exit_reason) == (False, "stoploss_on_exchange")
    assert len([order for order in world.orders if order.kind == "STOP_LOSS_LIMIT"]) <= 2
    agree(world)


@pytest.mark.parametrize("kind", ["500", "-1007", "reset", "truncated"])
def test_a_stop_whose_cancellation_is_not_answered_makes_way_for_the_exit(
    world: World, kind: str
) -> None:
    world.start(on_exchange=True, exit_after=600)
    world.step()
    world.step()
    world.fail(lost(kind, "DELETE"))
    world.step()
    assert world.faults.hits[0] == 1
    first = Trade.session.query(Trade).first()
    assert (first.is_open, first.exit_reason) == (False, "long enough")
    assert [order.status for order in world.orders[:3]] == ["FILLED", "CANCELED", "FILLED"]
    agree(world)


def test_a_replaced_entry_whose_answers_are_lost_is_one_entry(world: World) -> None:
    world.start(test_entry_price=99.0, test_new_price=100.0)
    world.step()
    (resting,) = world.account.settling.open()
    world.fail(lost("504", "DELETE"), lost("500"))
    world.step()
    world.step()
    assert [world.faults.hits[place] for place in (0, 1)] == [1, 1]
    assert resting.status == "CANCELED"
    assert len(world.filled("BUY")) == 1
    assert len(Trade.get_open_trades()) == 1
    agree(world)


def test_a_buy_that_never_arrived_is_placed_again_after_minutes(world: World) -> None:
    """The exchange, its lists and the account have said it often enough, and late enough."""
    world.start()
    world.fail(Fault("504", verb="POST", path=ORDER, moment=BEFORE, times=1))
    world.step()
    assert world.orders == []
    assert 5 <= world.time.slept <= 10, "the loop goes on"
    for seconds in (60, 120, 290):
        world.step(later=seconds)
        assert [entry.state for entry in world.journal()] == ["sent"]
    world.step()
    assert world.journal()[0].state == "absent"
    assert len(world.filled("BUY")) == 1
    assert len([text for text in world.messages if "its outcome is unknown" in text]) == 1
    agree(world)


def test_a_sale_that_never_arrived_is_made_again_at_once(world: World) -> None:
    """Its coins are free and nothing is listed: they cannot be sold twice."""
    world.start(exit_after=600)
    world.step()
    world.fail(Fault("504", verb="POST", path=ORDER, moment=BEFORE, times=1))
    world.step()
    world.step()
    assert [entry.state for entry in world.journal()] == ["kept", "absent"]
    world.step(later=5)
    assert len(world.filled("SELL")) == 1
    assert Trade.session.query(Trade).first().is_open is False
    agree(world)


def test_an_order_that_was_sent_late_is_not_believed_absent_early() -> None:
    """The exchange client may have waited for its rate limit before it signed the order."""
    with time_machine.travel(1_800_000_000.0, tick=False) as clock:
        written = Entry("rs1", "AAA/USDT", "buy", "limit", False, 1.0, 1.0, 1_799_999_990_000)
        question = Question(written, denials=SURE_DENIALS)
        for seconds, absent in ((0, False), (4, False), (5, True)):
            clock.move_to(1_800_000_000.0 + seconds)
            assert question.denied_for(5) == absent
        question.denials = SURE_DENIALS - 1
        assert not question.denied_for(5)


@pytest.mark.parametrize("placed", [True, False])
def test_an_order_of_which_nothing_is_heard_keeps_entries_back(world: World, placed: bool) -> None:
    world.start()
    moment = AFTER if placed else BEFORE
    silence = Fault("500", verb="GET", path=ORDER)
    world.fail(Fault("reset", verb="POST", path=ORDER, moment=moment), silence)
    for _ in range(3):
        world.step()
    assert world.faults.hits[0] == 1, "nothing more is sent while the first is unknown"
    assert [entry.state for entry in world.journal()] == ["sent"]
    assert len([text for text in world.messages if "its outcome is unknown" in text]) == 1
    world.fail()
    for _ in range(4):
        world.step()
    assert len(world.filled("BUY")) == 1
    (trade,) = Trade.get_open_trades()
    assert (trade.amount, trade.enter_tag, trade.open_rate) == (3.32, "quiet", 100)
    assert len([text for text in world.messages if "its outcome is known now" in text]) == 1
    assert [entry.state for entry in world.journal()][-1] == "kept"
    agree(world)


def test_a_sale_of_which_nothing_is_heard_keeps_back_a_second_one(world: World) -> None:
    world.start(exit_after=600)
    world.step()
    silence = [Fault("500", verb="GET", path=path) for path in (ORDER, "/api/v3/allOrders")]
    world.fail(lost("reset"), *silence)
    for _ in range(4):
        world.step()
    assert len(world.filled("SELL")) == 1
    assert world.faults.hits[0] == 1
    assert len(Trade.get_open_trades()) == 1
    world.fail()
    world.step()
    first = Trade.session.query(Trade).first()
    assert first.is_open is False
    assert len(world.filled("SELL")) == 1
    agree(world)


def test_every_order_carries_our_id_and_is_written_down_first(world: World) -> None:
    world.start(exit_after=600, on_exchange=True)
    for _ in range(4):
        world.step()
    written = {entry.client_id: entry for entry in world.journal()}
    assert {order.client_id for order in world.orders} == set(written)
    assert {(entry.side, entry.stop) for entry in written.values()} == {
        ("buy", False),
        ("sell", True),
        ("sell", False),
    }
    assert all(len(name) <= 36 for name in written)


def test_without_the_guards_the_same_lost_answer_buys_twice(world: World) -> None:
    world.start(regimeswitch={"safety": {"guards": False}})
    world.fail(lost("500"))
    for _ in range(2):
        world.step()
    assert len(world.filled("BUY")) == 2
    assert len(Trade.get_open_trades()) == 1
