"""Messages of real bots at a stand-in of Telegram and at a webhook: one per event, none twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from guarded import World, running_world
from heldpairs import POSITION, position_frame
from movedbots import MovedBot
from receivers import BotApi, Receiver, settled
from regimeswitch.settings import load_settings
from regimeswitch_lab.exchange.faults.fault_rules import Fault


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

KLINES = "/api/v3/klines"
COINS = [f"C{number:02}" for number in range(18)]
PAIRS = [f"{coin}/USDT" for coin in ("AAA", "BBB", *COINS)]
WEBHOOK = {
    "warning": {"text": "{status}"},
    "strategy_msg": {"text": "{msg}"},
    "allow_custom_messages": True,
}


@pytest.fixture
def world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bot_api: BotApi, receiver: Receiver
) -> Iterator[World]:
    """Twenty pairs; its bots end before those that listen to them."""
    with running_world(tmp_path, monkeypatch, more=COINS) as found:
        yield found


def started(world: World, api: BotApi, hook: Receiver, **messages: str) -> None:
    world.start(
        exchange={"name": "binance", "pair_whitelist": PAIRS},
        max_open_trades=0,
        telegram=api.section(allow_custom_messages=True),
        webhook={"enabled": True, "url": hook.url, **WEBHOOK},
        regimeswitch={"messages": messages},
    )


def of_guards(texts: Callable[[], list[str]]) -> list[str]:
    """Without what freqtrade itself sends: these say since when."""
    return [text for text in settled(texts) if "(since " in text]


def test_an_outage_of_twenty_pairs_is_two_messages(
    world: World, bot_api: BotApi, receiver: Receiver
) -> None:
    started(world, bot_api, receiver)
    world.step()
    world.fail(Fault("reset"))
    for _ in range(5):
        world.step()
    world.fail()
    for _ in range(4):
        world.step()
    for texts in (bot_api.texts, receiver.texts):
        begin, end = of_guards(texts)
        assert "Warning: the exchange does not answer" in begin
        assert "next try" in begin
        assert "the exchange answers again; entries and exits go on" in end
        assert "for 25 min" in end
        # Each pair's candles were late meanwhile, which belongs to it.
        assert "AAA/USDT, BBB/USDT, C00/USDT" in end
        assert "and 10 more: candles are there again" in end
    assert bot_api.refused == []


def test_late_candles_of_twenty_pairs_are_two_messages_over_a_restart(
    world: World, bot_api: BotApi, receiver: Receiver
) -> None:
    started(world, bot_api, receiver)
    world.step()
    world.fail(Fault("stale", path=KLINES, since=world.account.market.clock()))
    for _ in range(3):
        world.step()
    assert len(of_guards(bot_api.texts)) == 1
    world.kill()
    started(world, bot_api, receiver)
    for _ in range(2):
        world.step()
    assert len(of_guards(bot_api.texts)) == 1
    world.kill()
    world.fail()
    started(world, bot_api, receiver)
    for _ in range(2):
        world.step()
    for texts in (bot_api.texts, receiver.texts):
        begin, end = of_guards(texts)
        assert "and 10 more: candles end at" in begin
        assert "and 10 more: candles are there again" in end


def test_kinds_are_silent_or_off_as_wanted(
    world: World, bot_api: BotApi, receiver: Receiver
) -> None:
    started(world, bot_api, receiver, outage="silent")
    world.step()
    world.fail(Fault("reset"))
    world.step()
    world.fail()
    world.step()
    assert len(of_guards(bot_api.texts)) == 2
    sounds = [one.get("disable_notification") for one in bot_api.got if "since" in one["text"]]
    assert sounds == ["true", "true"]
    world.kill()
    started(world, bot_api, receiver, outage="off")
    world.fail(Fault("reset"))
    world.step()
    assert len(of_guards(bot_api.texts)) == len(of_guards(receiver.texts)) == 2


def test_six_switches_are_six_messages_over_a_restart(
    bot_api: BotApi,
    receiver: Receiver,
    moved_bot: Callable[..., MovedBot],
    market: Path,
    tmp_path: Path,
) -> None:
    told = position_frame(market, "ETH/USDT", "5m", load_settings(POSITION)).set_index("date")
    regime = told["regime"]
    switches = told.index[(told["regime_age"] == 0) & (told.index > told.index[20 * 288])][-6:]
    assert len(switches) == 6
    config: dict[str, Any] = {
        "regimeswitch": deepcopy(POSITION),
        "telegram": bot_api.section(allow_custom_messages=True),
        "webhook": {"enabled": True, "url": receiver.url, **WEBHOOK},
    }
    config["regimeswitch"]["messages"] = {"daily_summary": "on"}
    step = switches[0] - told.index[told.index.get_loc(switches[0]) - 1]

    def bot_at(moment: Any) -> MovedBot:
        url = f"sqlite:///{tmp_path / 'bot.sqlite'}"
        return moved_bot(config, ["ETH/USDT"], moment.to_pydatetime(), db_url=url)

    bot = bot_at(switches[0] - 4 * step)
    bot.step()
    for number, switch in enumerate(switches):
        if number == 3:
            bot = bot_at(switch - 4 * step)
        bot.step((switch - bot.now) // step)
        bot.step()
        bot.step()
    for texts in (bot_api.texts, receiver.texts):
        sent = [text for text in settled(texts) if ": regime " in text]
        assert len(sent) == 6
        for text, switch in zip(sent, switches, strict=True):
            before = regime.iloc[told.index.get_loc(switch) - 1]
            assert f"regime {before} -> {regime[switch]} at {switch:%Y-%m-%d %H:%M} UTC" in text
    assert bot_api.refused == []
    # Entries: freqtrade's message and ours; ours has what the other lacks.
    entries = [text for text in receiver.texts() if "entered in bull with" in text]
    assert entries
    assert all("stop at" in text and "of a slot" in text for text in entries)
    summaries = [text for text in receiver.texts() if "(UTC)" in text]
    assert summaries
    assert any("the rules without models would have earned" in text for text in summaries)
    days = [text.split("(UTC)")[0] for text in summaries]
    assert len(days) == len(set(days))
