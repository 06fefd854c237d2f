"""Trades of entries that were cancelled without a fill, while nobody looked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from freqtrade.persistence import Order, Trade

from guarded import World, agree, running_world


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch) as found:
        yield found


def cancel(world: World) -> None:
    """By hand, on the exchange."""
    (order,) = world.account.settling.open()
    world.account.cancel(order)


def told(world: World) -> list[str]:
    return [one for one in world.messages if "was never filled" in one]


def test_an_entry_cancelled_while_the_bot_was_down_leaves_no_trade(world: World) -> None:
    world.start(test_entry_price=99.0, max_open_trades=1)
    world.step()
    world.kill()
    cancel(world)
    world.start(max_open_trades=1)
    assert [order.status for order in Trade.session.query(Order).all()] == ["canceled"]
    world.step()
    world.step()
    assert len(told(world)) == 1
    assert "its entry is over (canceled)" in told(world)[0]
    (trade,) = Trade.get_open_trades()
    assert trade.amount > 3
    agree(world)


@pytest.mark.parametrize("status", ["expired", "rejected"])
def test_a_trade_that_is_empty_at_the_start_is_deleted_there(world: World, status: str) -> None:
    world.start(test_entry_price=99.0, max_open_trades=1)
    world.step()
    cancel(world)
    (trade,) = Trade.get_open_trades()
    # As freqtrade notes it before it is killed.
    trade.orders[0].status, trade.orders[0].ft_is_open = status, False
    trade.orders[0].filled = 0.0
    Trade.commit()
    world.kill()
    world.start(max_open_trades=1)
    assert Trade.get_open_trades() == []
    world.step()
    assert f"its entry is over ({status})" in told(world)[0]
    assert len(world.filled("BUY")) == 1


def test_a_running_bot_deletes_them_too(world: World) -> None:
    world.start(test_entry_price=99.0, max_open_trades=1)
    world.step()
    cancel(world)
    (trade,) = Trade.get_open_trades()
    trade.orders[0].status, trade.orders[0].ft_is_open = "canceled", False
    Trade.commit()
    world.step(later=30)
    assert told(world) == [], "another thread may be at it"
    world.step(later=60)
    assert len(told(world)) == 1
    assert len([order for order in world.orders if order.open]) == 1


def test_an_entry_that_was_filled_in_part_keeps_its_trade(world: World) -> None:
    world.start(test_entry_price=99.0, max_open_trades=1)
    world.step()
    world.kill()
    (order,) = world.account.settling.open()
    rules = world.account.rules(order.symbol)
    now = int(world.now.timestamp() * 1000)
    world.account.settling.fill(order, rules, order.price, 100, now, maker=True)
    world.account.cancel(order)
    world.start(max_open_trades=1)
    for _ in range(2):
        world.step()
    (trade,) = Trade.get_open_trades()
    assert trade.amount == pytest.approx(float(order.executed), rel=0.02)
    assert told(world) == []
    agree(world)
