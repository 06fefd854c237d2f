"""A stop on the exchange whose limit the price has jumped over is sold at market; so is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade

from guarded import ORDER, QUIET_CANDLES, World, agree, running_world
from regimeswitch_lab.exchange.faults.fault_rules import Fault
from traders import QUIET


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

GAP = (90.0, 90.2, 89.8, 90.0)
JUMPED = "has jumped over the limit of the stop"
UNGUARDED: dict[str, Any] = {"regimeswitch": {"safety": {"guards": False}}}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The price opens at 90 in the fourth candle and stays there; stop 96, limit 95.04."""
    path = [*[QUIET] * (QUIET_CANDLES + 4), *[GAP] * 40]
    with running_world(tmp_path, monkeypatch, path) as found:
        yield found


def notices(world: World, words: str) -> list[str]:
    return [text for text in world.messages if words in text]


def held(world: World) -> None:
    """Bought and with a stop on the exchange, then over the jump."""
    world.step()
    world.step(60)
    (stop,) = world.account.settling.open()
    assert stop.kind == "STOP_LOSS_LIMIT"
    for later in (0, 0, 0):
        world.step(later)


def test_a_stop_that_was_jumped_over_is_sold_at_market_after_the_wait(world: World) -> None:
    world.start(on_exchange=True)
    held(world)
    world.step(10)
    assert world.filled("SELL") == []
    world.step(40)
    world.step(60)
    first = Trade.session.query(Trade).first()
    assert (first.is_open, first.exit_reason) == (False, "emergency_exit")
    (sold,) = world.filled("SELL")
    assert sold.kind == "MARKET"
    assert len(notices(world, JUMPED)) == 1
    agree(world)


def test_without_the_guards_it_rests_for_ever(world: World) -> None:
    world.start(on_exchange=True, **UNGUARDED)
    held(world)
    for _ in range(5):
        world.step()
    assert world.filled("SELL") == []
    assert Trade.session.query(Trade).first().is_open


def test_a_stop_that_is_refused_is_said_and_the_bot_sells_below_it(world: World) -> None:
    world.start(on_exchange=True)
    world.step()
    world.fail(Fault("-2015", verb="POST", path=ORDER))
    for later in (60, 120, 0, 0):
        world.step(later)
    (told,) = notices(world, "AAA/USDT: its stop on the exchange is not placed")
    assert "refuses the key" in told
    # In the loop of the jump the stop is refused once more, the sale is not.
    world.fail(Fault("-2015", verb="POST", path=ORDER, times=1))
    world.step()
    assert world.faults.hits[0] == 1
    first = Trade.session.query(Trade).first()
    assert (first.is_open, first.exit_reason) == (False, "stop_loss")
    agree(world)


def test_without_the_guards_nobody_sells_below_a_refused_stop(world: World) -> None:
    world.start(on_exchange=True, **UNGUARDED)
    world.step()
    world.fail(Fault("-2015", verb="POST", path=ORDER, times=4))
    for later in (60, 0, 0, 0):
        world.step(later)
    assert world.faults.hits[0] == 4
    assert Trade.session.query(Trade).first().is_open
