"""Orders whose answer is lost: a real live bot neither loses one nor places it twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from freqtrade.persistence import Trade

from guarded import ORDER, World, agree, running_world
from regimeswitch.exchange.faults import AFTER, Fault


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


def test_without_the_guards_the_same_lost_answer_buys_twice(world: World) -> None:
    world.start(regimeswitch={"safety": {"guards": False}})
    world.fail(lost("500"))
    for _ in range(2):
        world.step()
    assert len(world.filled("BUY")) == 2
    assert len(Trade.get_open_trades()) == 1
