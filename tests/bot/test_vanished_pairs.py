"""A pair that the exchange lists no more, with a position open: the others go on, guards too."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade

from guarded import QUIET_CANDLES, World, running_world
from regimeswitch.bot.connection.health import Outages
from regimeswitch.bot.isolation import Apart
from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.messages.message import Message
from regimeswitch.bot.trading.marked_equity import DAILY, LossLimits
from regimeswitch.settings import load_settings
from regimeswitch_lab.exchange.faults.fault_rules import Fault
from traders import QUIET


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

TWO_PAIRS: dict[str, Any] = {
    "exchange": {
        "name": "binance",
        "pair_whitelist": ["AAA/USDT", "BBB/USDT"],
        "markets_refresh_interval": 5,
    }
}
GONE = Fault("missing pair", symbol="AAAUSDT")
LOW = (90.0, 90.0, 90.0, 90.0)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch, [QUIET] * 80) as found:
        yield found


def open_pairs() -> set[str]:
    return {trade.pair for trade in Trade.get_open_trades()}


def test_the_other_pairs_exit_is_made_and_the_position_is_named(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.start(exit_after=600, **TWO_PAIRS)
    world.step()
    assert open_pairs() == {"AAA/USDT", "BBB/USDT"}
    world.fail(GONE)
    for later in (0, 0, 0, 60):
        world.step(later)
    assert not [one for one in caplog.records if "KeyError" in one.getMessage()]
    sold = Trade.get_trades_proxy(pair="BBB/USDT", is_open=False)
    assert [trade.exit_reason for trade in sold] == ["long enough"]
    (told,) = [text for text in world.messages if "is due and not made" in text]
    assert "exit of AAA/USDT is due and not made (long enough): the exchange does" in told
    assert "3.32 AAA worth 332.00 USDT" in told


def test_every_guard_looks_though_one_fails(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(outages: Outages, *arguments: Any) -> None:
        raise KeyError("AAA/USDT")

    with monkeypatch.context() as patched:
        patched.setattr(Outages, "look", fails)
        bot = world.start(exit_after=300)
        world.step()
        world.step(60)
        assert world.orders == []
        named = [text for text in world.messages if "the guard of limits and outages" in text]
        assert len(named) == 1
        assert "KeyError: 'AAA/USDT'" in named[0]
        assert len([one for one in caplog.records if one.exc_info]) == 1
        refused = bot.strategy.guards.refusal("AAA/USDT", datetime.now(UTC))
        assert "the guard of limits and outages" in refused
    for _ in range(3):
        world.step()
    assert len(world.filled("SELL")) >= 1
    assert [text for text in world.messages if "works again" in text]


def test_a_question_that_fails_is_a_no(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(outages: Outages, pair: str) -> str:
        raise ValueError("no idea")

    world.start()
    monkeypatch.setattr(Outages, "reason", fails)
    world.step()
    assert world.orders == []


def test_a_failing_part_is_said_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[Message] = []
    apart = Apart(Alarms(sent.append))
    troubled = [True]

    def part() -> None:
        if troubled[0]:
            raise RuntimeError("broken")

    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            apart.run("the part", part)
    assert apart.reason == "the part failed (RuntimeError: broken)"
    assert len(caplog.records) == 1
    troubled[0] = False
    apart.run("the part", part)
    assert apart.reason == ""
    assert [one.text[:16] for one in sent] == ["the part failed ", "the part: works "]


def test_a_question_about_one_pair_keeps_back_no_other() -> None:
    sent: list[Message] = []
    apart = Apart(Alarms(sent.append))

    def asked() -> None:
        raise RuntimeError("no idea")

    apart.run("the question", asked, question=True)
    assert apart.reason == ""
    (message,) = sent
    assert message.text.startswith(
        "the question failed (RuntimeError: no idea); not bought, tried again in each loop"
    )


def test_loss_limits_count_the_vanished_pair_by_its_last_price(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # AAA falls in the third candle and vanishes; BBB falls later, when the bot has started again.
    own, other = ([*[QUIET] * (QUIET_CANDLES + fall), *[LOW] * 40] for fall in (3, 7))
    with running_world(tmp_path, monkeypatch, own, other) as world:
        _falls_and_vanishes(world)


def _falls_and_vanishes(world: World) -> None:
    settings = load_settings({"risk": {"max_daily_loss": 0.05}})
    bot = world.start(stoploss=-0.5, **TWO_PAIRS)
    limits = LossLimits(bot.strategy, settings)
    for _ in range(4):
        world.step()
        limits.look(datetime.now(UTC))
    assert open_pairs() == {"AAA/USDT", "BBB/USDT"}
    assert limits.refusal(datetime.now(UTC)) == ""
    world.fail(GONE)
    world.step()
    world.kill()
    bot = world.start(stoploss=-0.5, **TWO_PAIRS)
    limits = LossLimits(bot.strategy, settings)
    for _ in range(4):
        world.step()
        limits.look(datetime.now(UTC))
    assert limits.refusal(datetime.now(UTC)) == DAILY


def test_a_pair_whose_candles_cannot_be_read_ends_no_limit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings({"risk": {"max_daily_loss": 0.05}})
    bot = world.start(**TWO_PAIRS)
    world.step()
    limits = LossLimits(bot.strategy, settings)
    limits.look(datetime.now(UTC))
    read = bot.strategy.dp.get_pair_dataframe

    def fails(pair: str, *arguments: Any) -> Any:
        if pair == "AAA/USDT":
            raise KeyError(pair)
        return read(pair, *arguments)

    monkeypatch.setattr(bot.strategy.dp, "get_pair_dataframe", fails)
    for _ in range(2):
        world.step()
        limits.look(datetime.now(UTC))
        assert limits.refusal(datetime.now(UTC)) == ""
