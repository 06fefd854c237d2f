"""A database that is older than journal and account, or gone."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from freqtrade.persistence import Trade

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


def backup(world: World) -> Path:
    Trade.commit()
    older = world.home / "older.sqlite"
    with (
        closing(sqlite3.connect(world.home / "bot.sqlite")) as database,
        closing(sqlite3.connect(older)) as copy,
    ):
        database.backup(copy)
    return older


def restore(world: World, older: Path | None) -> None:
    """An older database takes the place of the bot's, or none does."""
    Trade.session.remove()
    for path in world.home.glob("bot.sqlite*"):
        path.unlink()
    if older is not None:
        shutil.copy(older, world.home / "bot.sqlite")


def told(world: World, text: str) -> list[str]:
    return [one for one in world.messages if text in one]


def states(world: World) -> list[str]:
    return [entry.state for entry in world.journal()]


@pytest.mark.parametrize("lost", [True, False])
def test_what_was_bought_since_is_a_trade_again(world: World, lost: bool) -> None:
    world.start()
    older = backup(world)
    world.step()
    world.step(later=60)
    assert states(world) == ["kept"]
    world.kill()
    restore(world, None if lost else older)
    world.start(exit_after=900)
    (trade,) = Trade.get_open_trades()
    assert (trade.amount, trade.open_rate, trade.enter_tag) == (3.32, 100, "quiet")
    world.step()
    assert len(world.filled("BUY")) == 1
    assert len(told(world, "the database is older than the journal")) == 1
    for _ in range(3):
        world.step()
    assert Trade.session.query(Trade).first().exit_reason == "long enough"
    agree(world)


def test_what_was_sold_since_is_sold(world: World) -> None:
    world.start(exit_after=600)
    world.step()
    older = backup(world)
    world.step()
    world.step()
    assert len(world.filled("SELL")) == 1
    world.kill()
    restore(world, older)
    world.start(exit_after=10**8)
    first = Trade.session.query(Trade).first()
    assert (first.is_open, first.exit_reason, first.close_rate) == (False, "recovered", 100)
    agree(world)


def test_trades_that_are_over_are_not_asked_for(world: World) -> None:
    world.start(exit_after=600)
    for _ in range(3):
        world.step()
    assert len(world.filled("SELL")) == 1
    world.kill()
    restore(world, None)
    world.start(exit_after=10**8)
    assert Trade.session.query(Trade).all() == []
    assert states(world) == ["done", "done"]
    world.step()
    assert len(world.filled("BUY")) == 2
    assert told(world, "journal") == []


def test_a_round_trip_before_coins_of_the_user_is_no_trade(world: World) -> None:
    world.start(exit_after=600)
    for _ in range(3):
        world.step()
    world.account.account.deposit("AAA", Decimal(20))
    world.kill()
    restore(world, None)
    world.start(exit_after=10**8)
    assert Trade.session.query(Trade).all() == []
    world.step()
    world.step()
    assert told(world, "journal") == []
    assert len(told(world, "belong to no trade")) == 1


def test_an_entry_that_rests_is_a_trade_again(world: World) -> None:
    world.start(test_entry_price=99.0)
    world.step()
    world.kill()
    restore(world, None)
    world.start(test_entry_price=99.0)
    (trade,) = Trade.get_open_trades()
    assert [order.ft_is_open for order in trade.orders] == [True]
    world.step(later=60)
    assert len([order for order in world.orders if order.open]) == 1


def test_a_stop_that_rests_belongs_to_the_trade_again(world: World) -> None:
    world.start(on_exchange=True)
    world.step()
    world.step()
    world.kill()
    restore(world, None)
    world.start(on_exchange=True)
    world.step()
    (stop,) = world.account.settling.open()
    (trade,) = Trade.get_open_trades()
    assert [order.order_id for order in trade.open_sl_orders] == [str(stop.id)]
    assert trade.amount == 3.32
    agree(world)


def test_a_trade_that_was_deleted_by_hand_keeps_its_pair_from_entries(world: World) -> None:
    """The database is newer than what it does not know: somebody wanted it so."""
    world.start(exchange={"name": "binance", "pair_whitelist": ["AAA/USDT", "BBB/USDT"]})
    world.step()
    world.step(later=60)
    trades = {trade.pair: trade for trade in Trade.get_open_trades()}
    first = min(trades.values(), key=lambda one: one.id)
    pair = first.pair
    first.delete()
    world.kill()
    world.start(exchange={"name": "binance", "pair_whitelist": ["AAA/USDT", "BBB/USDT"]})
    for _ in range(2):
        world.step()
    assert len(world.filled("BUY")) == 2
    (text,) = told(world, "that the database does not know")
    assert states(world)[0] == "stray"
    entry = world.journal()[0]
    assert f"{pair}: the journal has orders" in text
    assert f"--settle {entry.client_id} --as done" in text
    # Sold by hand, it is free again.
    coin = pair.split("/")[0]
    account = world.account.account
    account.deposit(coin, -account.free[coin])
    world.bots[-1].wallets.update()
    world.step()
    world.step()
    assert len(told(world, f"{pair}: explained; entries go on")) == 1
    assert world.bots[-1].strategy.guards._upkeep.refusal(pair) == ""
    assert states(world)[0] == "done"


def test_a_lost_journal_is_no_trouble(world: World) -> None:
    world.start(exit_after=900)
    world.step()
    world.kill()
    for path in (world.home / "user_data").glob("regimeswitch-orders-*"):
        path.unlink()
    world.start(exit_after=900)
    for _ in range(3):
        world.step()
    assert Trade.session.query(Trade).first().exit_reason == "long enough"
    assert told(world, "journal") == []
    agree(world)
