"""Exits that are due and cannot be made: said once, with what is held, why, and what comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from freqtrade.exceptions import ExchangeError
from freqtrade.persistence import Trade
from freqtrade.strategy import IStrategy

from guarded import ORDER, World, agree, running_world
from regimeswitch.bot.trading.exit_reasons import Held, reason_of
from regimeswitch_lab.exchange.faults.fault_rules import Fault


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

DUE, MADE = "exit of AAA/USDT is due and not made", "exit of AAA/USDT is made"
BOOK = "/api/v3/depth"
TWO_PAIRS: dict[str, Any] = {
    "exchange": {
        "name": "binance",
        "pair_whitelist": ["AAA/USDT", "BBB/USDT"],
        "markets_refresh_interval": 5,
    }
}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch) as found:
        yield found


def notices(world: World, words: str) -> list[str]:
    return [text for text in world.messages if words in text]


REFUSED = {
    "-2015": "refuses the key",
    "-1013 notional": "worth less than the smallest order",
    "break": "not traded now",
    "500": "does not answer",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_exit_is_said_once_and_so_is_its_end(world: World, kind: str) -> None:
    world.start(exit_after=600)
    world.step()
    verb, path = ("", "") if kind == "break" else ("POST", ORDER)
    world.fail(Fault(kind, verb=verb, path=path, symbol="AAAUSDT"))
    for later in (0, 0, 60, 120):
        world.step(later)
    (told,) = notices(world, DUE)
    assert REFUSED[kind] in told
    assert "3.32 AAA worth 332.00 USDT" in told
    assert "(long enough)" in told
    assert notices(world, MADE) == []
    world.fail()
    # A refused address is asked with growing pauses.
    for _ in range(4):
        world.step()
    assert len(notices(world, DUE)) == 1
    assert len(notices(world, MADE)) == 1
    assert world.filled("SELL")
    agree(world)


@pytest.mark.parametrize("kind", ["418"])
def test_an_exit_without_a_price_is_due_by_the_last_one(world: World, kind: str) -> None:
    world.start(exit_after=600)
    world.step()
    world.fail(Fault(kind, verb="GET", path=BOOK, symbol="AAAUSDT"))
    for later in (0, 0, 60, 120):
        world.step(later)
    (told,) = notices(world, DUE)
    assert "3.32 AAA" in told
    world.fail()
    for _ in range(3):
        world.step()
    assert len(notices(world, MADE)) == 1
    assert world.filled("SELL")


def test_a_position_without_a_price_is_said_before_anything_is_due(world: World) -> None:
    world.start()
    world.step()
    world.fail(Fault("500", verb="GET", path=BOOK, symbol="AAAUSDT"))
    for later in (0, 60, 120):
        world.step(later)
    assert notices(world, DUE) == []
    (told,) = notices(world, "stops and exits cannot be looked at")
    assert "AAA/USDT: " in told
    world.fail()
    world.step()
    world.step()
    assert len(notices(world, "looked at again")) == 1


def test_what_is_left_of_coins_that_left_is_sold_and_no_exit_stays_due(world: World) -> None:
    world.start(exit_after=600)
    world.step()
    account = world.account.account
    account.deposit("AAA", -account.free["AAA"] * Decimal("0.5"))
    for later in (0, 0, 60, 120):
        world.step(later)
    assert len(notices(world, "have left the account without")) == 1
    assert len(world.filled("SELL")) == 1
    assert len(notices(world, DUE)) == len(notices(world, MADE)) <= 1


def test_a_strategy_that_declines_its_exit_has_none_due(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def declined(self: IStrategy, pair: str, trade: Trade, **options: Any) -> bool:
        return False

    monkeypatch.setattr(IStrategy, "confirm_trade_exit", declined)
    world.start(exit_after=600)
    for later in (0, 0, 0, 60, 120):
        world.step(later)
    assert world.filled("SELL") == []
    assert notices(world, DUE) == []


def test_a_partial_exit_that_is_refused_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sells_some(self: IStrategy, trade: Trade, current_time: Any, **options: Any) -> Any:
        return -100.0 if trade.nr_of_successful_exits == 0 else None

    monkeypatch.setattr(IStrategy, "adjust_trade_position", sells_some)
    world.start(position_adjustment_enable=True)
    world.fail(Fault("-2015", verb="POST", path=ORDER, skip=1))
    for later in (0, 0, 60):
        world.step(later)
    (told,) = notices(world, "reduction of AAA/USDT is wanted and not made")
    assert "(partial exit): the order: the exchange refuses the key" in told
    assert notices(world, DUE) == []
    world.fail()
    for later in (0, 60):
        world.step(later)
    assert len(notices(world, "reduction of AAA/USDT is made")) == 1
    (sold,) = world.filled("SELL")
    assert sold.executed < world.filled("BUY")[0].executed


def selling(stake: float) -> Callable[..., float]:
    def adjust(self: IStrategy, trade: Trade, current_time: Any, **options: Any) -> float:
        return -stake

    return adjust


def test_a_reduction_that_is_too_small_for_an_order_is_not_due(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """freqtrade leaves it alone; nothing stood in its way."""
    monkeypatch.setattr(IStrategy, "adjust_trade_position", selling(0.001))
    world.start(position_adjustment_enable=True)
    for later in (0, 0, 60, 60, 60, 60):
        world.step(later)
    assert world.filled("SELL") == []
    assert notices(world, "reduction of") == notices(world, DUE) == []


def test_an_exit_is_said_as_one_where_a_reduction_was_in_the_way_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(IStrategy, "adjust_trade_position", selling(50.0))
    world.start(position_adjustment_enable=True, exit_after=600)
    world.fail(Fault("-2015", verb="POST", path=ORDER, skip=1))
    for later in (0, 0, 60, 0, 60):
        world.step(later)
    assert len(notices(world, "reduction of AAA/USDT is wanted and not made")) == 1
    assert len(notices(world, "reduction of AAA/USDT is not due any more")) == 1
    assert len(notices(world, DUE)) == 1


def test_a_forced_exit_that_is_refused_is_said(world: World) -> None:
    bot = world.start()
    world.step()
    world.fail(Fault("-2015", verb="POST", path=ORDER))
    with pytest.raises(ExchangeError):
        bot.rpc._rpc._rpc_force_exit("all")
    world.step()
    (told,) = notices(world, DUE)
    assert "refuses the key" in told


def test_dust_is_named_as_such() -> None:
    held = Held("AAA/USDT", "AAA", 0.03, 100.0, "USDT", owned=0.03, least=5.0)
    assert str(held) == "0.03 AAA worth 3.00 USDT (dust: the smallest order is 5)"
    reason = reason_of(None, replace(held, owned=0.0))
    assert "the account has 0 AAA" in reason.why
