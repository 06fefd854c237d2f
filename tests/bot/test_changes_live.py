"""A live bot changes its positions once, whatever becomes of answers, processes and databases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Order, Trade
from freqtrade.strategy import IStrategy

from guarded import ORDER, World, agree, running_world
from regimeswitch_lab.exchange.faults.fault_rules import AFTER, Fault
from traders import QUIET


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

GROWN, SHRUNK = "rebalance_add", "rebalance_reduce"
BOUGHT = 3.32
SHORT = {"regimeswitch": {"safety": {"order_absent_seconds": 10}}}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch, [QUIET] * 90) as found:
        yield found


class Wanted:
    """Whether positions are to be changed; a bot that runs has no other strategy any more."""

    now = True


def changing(monkeypatch: pytest.MonkeyPatch, stake: float) -> Wanted:
    """Each position is changed once by this stake, as soon as the guards let it."""
    tag, wanted = GROWN if stake > 0 else SHRUNK, Wanted()

    def adjust(self: Any, trade: Trade, current_time: Any, **options: Any) -> Any:
        made = [one for one in trade.orders if one.filled and one.ft_order_tag != "quiet"]
        refused = self.guards.change_refusal(trade.pair, current_time, tag, grows=stake > 0)
        open_orders = trade.has_open_orders or not trade.nr_of_successful_entries
        return (stake, tag) if wanted.now and not (made or open_orders or refused) else None

    monkeypatch.setattr(IStrategy, "adjust_trade_position", adjust)
    return wanted


def on(world: World, **more: Any) -> None:
    """A bot with a position of 3.32 coins for 332."""
    world.start(position_adjustment_enable=True, **more)
    world.step()


def settle(world: World, seconds: tuple[int, ...] = (20, 60, 120, 200)) -> None:
    world.step()
    for later in seconds:
        world.step(later=later)
    world.step()
    world.step()


def owned(world: World) -> float:
    """Coins of the one open trade, which are all that the account holds."""
    (trade,) = Trade.get_open_trades()
    account = world.account.account
    held = float(account.free["AAA"] + account.locked.get("AAA", 0))
    # A lot is a hundredth; fees leave less.
    assert trade.amount == pytest.approx(held, abs=0.01)
    agree(world)
    return float(trade.amount)


CASES = [(100.0, BOUGHT + 1.0, "BUY", 2), (-166.0, BOUGHT / 2, "SELL", 1)]
LOST = Fault("504", verb="POST", path=ORDER, moment=AFTER, times=1)
SILENT = Fault("503", verb="GET", path=ORDER, times=30)


@pytest.mark.parametrize(("stake", "left", "side", "count"), CASES)
def test_a_change_whose_answer_is_lost_is_made_once(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    stake: float,
    left: float,
    side: str,
    count: int,
) -> None:
    changing(monkeypatch, stake)
    on(world)
    world.fail(LOST, SILENT)
    settle(world)
    world.fail()
    settle(world)
    assert len(world.filled(side)) == count
    assert owned(world) == pytest.approx(left, rel=0.02)


@pytest.mark.parametrize(("stake", "left", "side", "count"), CASES)
def test_a_bot_that_is_killed_while_it_changes_a_position_knows_of_it_afterwards(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    stake: float,
    left: float,
    side: str,
    count: int,
) -> None:
    """The order is there, and the process ended before the database had it."""
    changing(monkeypatch, stake)
    on(world)
    place = world.bots[-1].exchange.create_order

    def killed(**options: Any) -> Any:
        place(**options)
        raise KeyboardInterrupt

    world.bots[-1].exchange.create_order = killed
    with pytest.raises(KeyboardInterrupt):
        world.step()
    world.kill()
    on(world)
    settle(world)
    assert len(world.filled(side)) == count
    assert owned(world) == pytest.approx(left, rel=0.02)
    (trade,) = Trade.get_open_trades()
    assert trade.orders[-1].ft_order_tag == (GROWN if stake > 0 else "recovered")


@pytest.mark.parametrize(("stake", "left", "side", "count"), CASES)
def test_a_change_that_an_older_database_does_not_know_is_given_back(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    stake: float,
    left: float,
    side: str,
    count: int,
) -> None:
    wanted = changing(monkeypatch, stake)
    wanted.now = False
    on(world)
    world.step()
    Trade.commit()
    # Journal files of SQLite belong to it.
    for path in world.home.glob("bot.sqlite*"):
        shutil.copy(path, world.home / f"older-{path.name}")
    wanted.now = True
    settle(world)
    assert len(world.filled(side)) == count
    world.kill()
    for path in world.home.glob("bot.sqlite*"):
        path.unlink()
    for path in world.home.glob("older-*"):
        path.rename(world.home / path.name.removeprefix("older-"))
    on(world)
    settle(world)
    assert len(world.filled(side)) == count
    assert owned(world) == pytest.approx(left, rel=0.02)


def test_a_late_addition_goes_on_where_nothing_was_bought_since(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = changing(monkeypatch, 100.0)
    on(world, **SHORT)
    # Nothing more is wanted while the addition is unseen.
    world.fail(Fault("unseen", verb="POST", path=ORDER, times=1, seconds=120))
    world.step()
    wanted.now = False
    for later in (30, 100, 150, 220):
        world.step(later=later)
    world.step()
    assert [one.status for one in world.orders] == ["FILLED", "FILLED"]
    assert owned(world) == pytest.approx(BOUGHT + 1.0, rel=0.01)


def test_nothing_is_changed_while_an_order_is_not_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = changing(monkeypatch, -100.0)
    wanted.now = False
    on(world)
    world.step()
    guards = world.bots[-1].strategy.guards
    now = world.now
    for grows in (True, False):
        assert guards.change_refusal("AAA/USDT", now, "any", grows=grows) == ""
    world.fail(LOST, SILENT)
    wanted.now = True
    world.step()
    for grows, words in ((True, "the exchange does not answer"), (False, "not known for")):
        assert words in guards.change_refusal("AAA/USDT", now, "any", grows=grows)
    monkeypatch.setattr(guards._upkeep._orders, "unsettled", lambda pair: 1 / 0)
    assert "may be changed failed" in guards.change_refusal("AAA/USDT", now, "any", grows=False)
    assert Trade.session.query(Order).count() == 1
