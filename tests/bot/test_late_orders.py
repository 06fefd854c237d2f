"""Orders that the exchange denies and that show up later; answers about other orders."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import ccxt
import pytest
from freqtrade.persistence import Order, Trade

from guarded import ORDER, World, agree, running_world
from regimeswitch.bot.orders.journal import Journal
from regimeswitch_lab.cli import main
from regimeswitch_lab.exchange.faults.fault_rules import AFTER, BEFORE, Fault


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

SHORT = {"regimeswitch": {"safety": {"order_absent_seconds": 10}}}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch) as found:
        yield found


def unseen(seconds: float, **more: object) -> Fault:
    """The order is carried out, and nobody is told for a while."""
    return Fault("unseen", verb="POST", path=ORDER, times=1, seconds=seconds, **more)


def told(world: World, text: str) -> list[str]:
    return [one for one in world.messages if text in one]


@pytest.mark.parametrize("seconds", [15, 180])
def test_a_buy_that_shows_up_late_is_one_buy(world: World, seconds: float) -> None:
    world.start()
    world.fail(unseen(seconds))
    world.step()
    for later in range(20, 220, 40):
        world.step(later=later)
    world.step()
    assert world.faults.hits[0] == 1
    assert len(world.filled("BUY")) == 1
    (trade,) = Trade.get_open_trades()
    assert (trade.amount, trade.enter_tag) == (3.32, "quiet")
    assert len(told(world, "its outcome is unknown")) == 1
    agree(world)


def test_a_buy_that_only_the_account_s_trades_know_is_found_by_them(world: World) -> None:
    """The question by our own id is answered from a place that lags behind."""
    world.start()
    client = world.bots[-1].exchange._api
    ask = client.fetch_order

    def lagging(number: str, *rest: object) -> object:
        if not number:
            raise ccxt.OrderNotFound("Order does not exist.")
        return ask(number, *rest)

    guard = world.bots[-1].strategy.guards._orders
    guard.inquiry._fetch = lagging
    world.fail(Fault("504", verb="POST", path=ORDER, moment=AFTER, times=1))
    world.step()
    assert len(world.filled("BUY")) == 1
    assert [trade.amount for trade in Trade.get_open_trades()] == [3.32]
    agree(world)


@pytest.mark.parametrize(("seconds", "on_exchange"), [(15, True), (180, False)])
def test_a_sale_or_a_stop_that_shows_up_late_sells_once(
    world: World, seconds: float, on_exchange: bool
) -> None:
    world.start(exit_after=10**9 if on_exchange else 600, on_exchange=on_exchange)
    world.step()
    world.fail(unseen(seconds))
    for _ in range(2):
        world.step()
        for later in (30, 90, 200):
            world.step(later=later)
    assert world.faults.hits[0] == 1
    if on_exchange:
        assert len(world.account.settling.open()) == 1
    else:
        assert len(world.filled("SELL")) == 1
        assert Trade.session.query(Trade).first().is_open is False
    agree(world)


def test_an_order_taken_for_absent_is_adopted_when_it_shows_up(world: World) -> None:
    world.start(**SHORT, test_entry_price=99.0)
    world.fail(unseen(120))
    world.step()
    world.step(later=30)
    assert world.journal()[0].state == "absent"
    for later in (100, 150, 220):
        world.step(later=later)
    late, second = world.orders
    assert (late.status, second.status) == ("CANCELED", "NEW")
    assert len(told(world, "has shown up")) == 1
    assert "it was cancelled" in told(world, "has shown up")[0]
    assert [entry.state for entry in world.journal()] == ["empty", "kept"]
    (trade,) = Trade.get_open_trades()
    assert [order.order_id for order in trade.orders] == [str(second.id)]


def test_a_buy_taken_for_absent_that_was_filled_becomes_part_of_the_trade(world: World) -> None:
    world.start(**SHORT)
    client = world.bots[-1].strategy.guards._orders.inquiry.traces
    client._trades = lambda *_: []
    client._balance = dict
    world.fail(unseen(120))
    world.step()
    world.step(later=30)
    for later in (100, 150, 220):
        world.step(later=later)
    assert len(world.filled("BUY")) == 2
    (trade,) = Trade.get_open_trades()
    assert trade.amount == pytest.approx(6.65, abs=0.02)
    assert "it has been given to its trade" in told(world, "has shown up")[0]
    for later in (230, 240, 250):
        world.step(later=later)
    agree(world)


def test_an_answer_that_can_never_come_blocks_no_pair_for_ever(world: World) -> None:
    world.start()
    never = Fault("-2026", verb="GET", path=ORDER)
    world.fail(Fault("504", verb="POST", path=ORDER, moment=BEFORE, times=1), never)
    world.step()
    for later in (60, 200, 299):
        world.step(later=later)
    world.fail()
    world.step()
    assert world.journal()[0].state == "absent"
    assert len(world.filled("BUY")) == 1
    agree(world)


def test_coins_that_came_in_meanwhile_put_off_the_next_buy_and_not_for_ever(world: World) -> None:
    """They may be the order's."""
    world.start(**SHORT)
    world.fail(Fault("504", verb="POST", path=ORDER, moment=BEFORE, times=1))
    world.step()
    world.account.account.deposit("AAA", Decimal(2))
    world.step(later=60)
    assert world.journal()[0].state == "sent"
    world.step(later=100)
    world.step(later=200)
    assert world.journal()[0].state == "absent"
    assert "the account holds 2 AAA more" in told(world, "the exchange denies it")[0]


def test_an_order_settled_by_hand_frees_its_pair_in_a_running_bot(world: World) -> None:
    world.start()
    world.fail(Fault("504", verb="POST", path=ORDER, moment=BEFORE, times=1))
    world.step()
    world.step(later=30)
    (entry,) = world.journal()
    assert entry.state == "sent"
    (path,) = (world.home / "user_data").glob("regimeswitch-orders-*.sqlite")
    words = ("--journal", str(path), "--settle", entry.client_id, "--as", "absent")
    assert main(["orders", *words]) == 0
    world.step(later=60)
    assert len(world.filled("BUY")) == 1
    assert len(told(world, "its outcome is known now")) == 1


@pytest.mark.parametrize("verb", ["POST", "GET", "DELETE"])
def test_an_answer_about_another_order_is_none(world: World, verb: str) -> None:
    world.start(test_entry_price=99.0, exit_after=600)
    if verb != "POST":
        world.step()
    world.fail(Fault("another order", verb=verb, path=ORDER, times=2))
    bot = world.bots[-1]
    if verb == "DELETE":
        bot.cancel_all_open_orders()
    else:
        world.step()
    assert world.faults.hits[0] >= 1
    world.fail()
    world.step(later=30)
    numbers = {str(order.id) for order in world.orders}
    assert {order.order_id for order in Trade.session.query(Order).all()} <= numbers
    # Its pair is free again where it was cancelled.
    states = ["CANCELED", "NEW"] if verb == "DELETE" else ["NEW"]
    assert [order.status for order in world.orders] == states


def test_an_accepted_order_that_is_denied_later_is_not_taken_for_cancelled(world: World) -> None:
    """freqtrade would delete its trade, and nobody would know of the coins."""
    world.start(test_entry_price=99.0)
    world.step()
    world.kill()
    world.fail(Fault("-2013", verb="GET", path=ORDER))
    world.start(test_entry_price=99.0)
    world.step()
    assert len(Trade.get_open_trades()) == 1
    world.fail()
    # The dip fills it.
    for _ in range(4):
        world.step()
    assert len(world.filled("BUY")) == 1
    (trade,) = Trade.get_open_trades()
    assert trade.amount > 3
    agree(world)


def test_an_order_that_the_exchange_has_archived_is_over(world: World) -> None:
    world.start(test_entry_price=99.0)
    world.step()
    (resting,) = world.account.settling.open()
    (path,) = (world.home / "user_data").glob("regimeswitch-orders-*.sqlite")
    journal = Journal(path)
    (entry,) = journal.all()
    journal._change("UPDATE orders SET sent_ms = ?", (entry.sent_ms - 100 * 86_400_000,))
    world.fail(Fault("-2026", verb="GET", path=ORDER))
    client = world.bots[-1].exchange._api
    order = client.fetch_order(str(resting.id), "AAA/USDT")
    assert (order["status"], order["filled"], order["side"]) == ("canceled", 0.0, "buy")


def test_a_sale_that_could_not_be_written_down_is_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = world.start(exit_after=600)
    world.step()
    guard = bot.strategy.guards._orders

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(guard.journal, "write", full)
    world.step()
    world.fail(
        Fault("504", verb="POST", path=ORDER, moment=AFTER, times=1),
        Fault("503", verb="GET", path=ORDER),
    )
    world.step()
    assert guard.inquiry.unknown("AAA/USDT", "sell")
    world.fail()
    world.step(later=30)
    assert not guard.inquiry.unknown("AAA/USDT")
    assert len(world.filled("SELL")) == 1
    assert Trade.session.query(Trade).first().is_open is False
