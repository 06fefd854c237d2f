"""Coins that leave the account without an order while a trade is open."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from freqtrade.persistence import Trade

from guarded import DEPOSIT, World, exact, running_world
from regimeswitch.bot.orders.shortages import LEFT, RECORD


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch) as found:
        yield found


def leave(world: World, share: str) -> Decimal:
    """A share of the coins leaves; how much that was."""
    account = world.account.account
    amount = account.free["AAA"] * Decimal(share)
    account.deposit("AAA", -amount)
    return amount


def told(world: World, text: str) -> list[str]:
    return [one for one in world.messages if text in one]


def balances(world: World) -> tuple[Decimal, Decimal]:
    """What the orders of the database leave of coins and of money."""
    coins, money = Decimal(0), DEPOSIT
    for trade in Trade.session.query(Trade).all():
        for order in trade.orders:
            sign = 1 if order.side == "buy" else -1
            coins += sign * exact(order.filled or 0) - exact(order.ft_fee_base or 0)
            money -= sign * exact(order.cost or 0) if order.filled else 0
        money -= exact(trade.fee_close_cost or 0)
    return coins, money


def agrees(world: World) -> bool:
    held = world.account.account
    return balances(world) == (held.free["AAA"], held.free["USDT"])


def test_half_the_coins_are_sold_and_the_other_half_is_booked(world: World) -> None:
    world.start(exit_after=900)
    world.step()
    gone = leave(world, "0.5")
    for _ in range(3):
        world.step()
    trade = Trade.session.query(Trade).first()
    assert (trade.is_open, trade.exit_reason) == (False, "long enough")
    assert [order.ft_order_tag for order in trade.orders] == ["quiet", LEFT, "long enough"]
    _, left, sale = trade.orders
    assert exact(left.filled) == gone
    assert (left.cost, left.order_id) == (0.0, "coins_left-1-1")
    assert sale.filled == pytest.approx(float(gone), abs=0.01)
    assert trade.get_custom_data(RECORD)[0]["amount"] == float(gone)
    (text,) = told(world, "have left the account")
    assert f"{gone.normalize():f} AAA of trade 1" in text
    assert "its exits go on with them" in text
    assert agrees(world)
    # Bought and sold at 100: what is lost are two fees of what was sold.
    assert trade.close_profit_abs == pytest.approx(-2 * 0.001 * float(gone) * 100, abs=0.05)


def test_a_trade_without_any_coins_is_closed_and_its_slot_is_free(world: World) -> None:
    world.start(max_open_trades=1, exit_after=10**8)
    world.step()
    leave(world, "1")
    world.step()
    world.step()
    trade = Trade.session.query(Trade).first()
    assert (trade.is_open, trade.exit_reason) == (False, LEFT)
    assert trade.close_profit_abs == pytest.approx(0, abs=0.01)
    assert len(told(world, "have left the account")) == 1
    assert "nothing is left; the trade is closed" in told(world, "have left the account")[0]
    assert agrees(world)
    asked = len(world.orders)
    world.step()
    assert len(world.filled("BUY")) == 2
    assert len(world.orders) == asked + 1
    assert not told(world, "belong to no trade")


def test_dust_is_named_as_dust(world: World) -> None:
    world.start(exit_after=900)
    world.step()
    leave(world, "0.99")
    for _ in range(3):
        world.step()
    trade = Trade.session.query(Trade).first()
    assert (trade.is_open, trade.exit_reason) == (False, LEFT)
    (text,) = told(world, "have left the account")
    assert "AAA are dust, less than an order may be" in text
    assert world.filled("SELL") == []
    assert balances(world)[0] == world.account.account.free["AAA"]


def test_coins_that_come_back_belong_to_no_trade(world: World) -> None:
    world.start(exit_after=10**8)
    world.step()
    gone = leave(world, "0.5")
    world.step()
    world.step()
    (trade,) = Trade.get_open_trades()
    kept = trade.amount
    world.account.account.deposit("AAA", gone)
    for later in (70, 140, 210):
        world.step(later=later)
    (trade,) = Trade.get_open_trades()
    assert trade.amount == kept
    assert len(told(world, "belong to no trade")) == 1
    assert len(told(world, "have left the account")) == 1


def test_coins_of_another_bot_hide_no_more_than_they_are(world: World) -> None:
    """Of an account that two bots share, only what is missing in any case is missed."""
    world.account.account.free["AAA"] = Decimal(3)
    world.start(exit_after=10**8)
    world.step()
    world.account.account.deposit("AAA", Decimal(-2))
    world.step()
    world.step()
    (trade,) = Trade.get_open_trades()
    assert trade.amount > 3
    assert not told(world, "have left the account")


def test_coins_locked_by_a_stop_on_the_exchange_are_there(world: World) -> None:
    world.start(on_exchange=True, exit_after=10**8)
    for _ in range(3):
        world.step()
        world.step(later=70)
    assert not told(world, "have left the account")
    assert len(world.account.settling.open()) == 1


def test_a_stop_that_was_cancelled_for_a_withdrawal_is_set_anew_for_the_rest(world: World) -> None:
    world.start(on_exchange=True, exit_after=10**8)
    world.step()
    world.step()
    (stop,) = world.account.settling.open()
    world.account.cancel(stop)
    leave(world, "0.5")
    for later in (30, 60, 90, 120):
        world.step(later=later)
    (trade,) = Trade.get_open_trades()
    (anew,) = world.account.settling.open()
    assert anew.kind == "STOP_LOSS_LIMIT"
    assert float(anew.quantity) == trade.amount < 2
    assert [order.order_id for order in trade.open_sl_orders] == [str(anew.id)]
    assert len(told(world, "have left the account")) == 1


def test_coins_that_left_while_the_bot_was_down(world: World) -> None:
    world.start(exit_after=1200)
    world.step()
    world.kill()
    leave(world, "0.5")
    world.start(exit_after=600)
    for _ in range(3):
        world.step()
    assert Trade.session.query(Trade).first().exit_reason == "long enough"
    assert len(told(world, "have left the account")) == 1
    assert agrees(world)


def test_a_pair_that_is_not_listed_any_more_is_no_error(world: World) -> None:
    bot = world.start(exit_after=10**8)
    world.step()
    leave(world, "0.5")
    upkeep = bot.strategy.guards._upkeep
    del bot.exchange.markets["AAA/USDT"]
    for _ in range(3):
        upkeep.loop({"AAA/USDT": 100.0})
    assert len(told(world, "x")) == 0
    (trade,) = Trade.get_open_trades()
    assert trade.amount < 2
