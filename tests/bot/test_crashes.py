"""A bot that dies between journal, exchange and database: the next one puts them right."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from freqtrade.enums import CandleType, State
from freqtrade.freqtradebot import FreqtradeBot
from freqtrade.persistence import Trade
from freqtrade.rpc import RPC

from guarded import World, agree, running_world


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]


class Killed(BaseException):
    """Stands for SIGKILL: nothing of freqtrade catches it."""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch) as found:
        yield found


def die_at_order(bot: FreqtradeBot, *, accepted: bool) -> None:
    """The process ends when it sends its next order, or before it reads the answer."""
    session = bot.exchange._api.session
    request = session.request

    def dying(method: str, url: str, **rest: Any) -> Any:
        if method != "POST":
            return request(method, url, **rest)
        if accepted:
            request(method, url, **rest)
        raise Killed

    session.request = dying


def die_before_database(bot: FreqtradeBot) -> None:
    """The process ends when the answer is there and the trade is not written."""

    def dying(**_: object) -> float:
        raise Killed

    bot.exchange.get_fee = dying


def killed(world: World) -> None:
    with pytest.raises(Killed):
        world.step()
    world.kill()


def test_killed_before_sending_nothing_is_lost(world: World) -> None:
    die_at_order(world.start(), accepted=False)
    killed(world)
    assert [entry.state for entry in world.journal()] == ["sent"]
    world.start()
    assert [entry.state for entry in world.journal()] == ["sent"], "it may be on its way"
    for _ in range(2):
        world.step()
    assert world.journal()[0].state == "absent"
    assert len(world.filled("BUY")) == 1
    agree(world)


@pytest.mark.parametrize("answered", [False, True])
def test_killed_after_a_buy_the_next_bot_has_its_trade(world: World, answered: bool) -> None:
    bot = world.start()
    if answered:
        die_before_database(bot)
    else:
        die_at_order(bot, accepted=True)
    killed(world)
    assert len(world.filled("BUY")) == 1
    world.start(exit_after=600)
    (trade,) = Trade.get_open_trades()
    assert (trade.amount, trade.enter_tag, trade.open_rate) == (3.32, "quiet", 100)
    assert trade.stop_loss == 96
    world.step()
    assert len([text for text in world.messages if "was in no trade" in text]) == 1
    agree(world)
    for _ in range(3):
        world.step()
    first = Trade.session.query(Trade).first()
    assert (first.is_open, first.exit_reason) == (False, "long enough")
    agree(world)


def test_killed_after_a_forced_buy_the_trade_keeps_its_own_tag(world: World) -> None:
    bot = world.start(force_entry_enable=True)
    bot.state = State.RUNNING
    # Its candles are there, no signal has been looked for yet.
    bot.dataprovider.refresh([("AAA/USDT", "5m", CandleType.SPOT)])
    die_at_order(bot, accepted=True)
    with pytest.raises(Killed):
        RPC(bot)._rpc_force_entry("AAA/USDT", None, enter_tag="by hand")
    world.kill()
    world.start()
    (trade,) = Trade.get_open_trades()
    assert trade.enter_tag == "by hand"


def test_killed_after_a_sale_the_next_bot_closes_the_trade(world: World) -> None:
    bot = world.start(exit_after=600)
    world.step()
    world.step()
    die_at_order(bot, accepted=True)
    killed(world)
    world.start(exit_after=600)
    first = Trade.session.query(Trade).first()
    assert (first.is_open, first.exit_reason, first.close_rate) == (False, "recovered", 100)
    assert len(world.filled("SELL")) == 1
    agree(world)


def test_killed_after_a_stop_the_next_bot_has_the_stop(world: World) -> None:
    bot = world.start(on_exchange=True)
    world.step()
    die_at_order(bot, accepted=True)
    killed(world)
    (stop,) = world.account.settling.open()
    world.start(on_exchange=True)
    (trade,) = Trade.get_open_trades()
    assert [order.order_id for order in trade.open_sl_orders] == [str(stop.id)]
    world.step()
    assert world.account.settling.open() == [stop]
    agree(world)


def test_coins_of_no_trade_are_notified_once_and_kept(world: World) -> None:
    world.account.account.free["AAA"] = Decimal(2)
    world.start(exit_after=600)
    for _ in range(6):
        world.step()
    told = [text for text in world.messages if "belong to no trade" in text]
    assert len(told) == 1
    assert told[0].startswith("Action needed: 2 AAA")
    assert len(world.filled("SELL")) >= 1
    assert world.account.account.free["AAA"] >= 2


def test_a_sale_takes_no_coins_of_others(world: World) -> None:
    """Whatever freqtrade asks for: only what open trades own is sold."""
    world.account.account.free["AAA"] = Decimal(2)
    bot = world.start()
    world.step()
    (trade,) = Trade.get_open_trades()
    trade.is_open = False
    Trade.commit()
    with pytest.raises(Exception, match="coins that belong to no trade are not sold"):
        bot.exchange.create_order(
            pair="AAA/USDT", ordertype="market", side="sell", amount=2.0, rate=100.0, leverage=1.0
        )
    assert world.filled("SELL") == []
