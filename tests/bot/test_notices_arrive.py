"""Notices of the guards reach people with freqtrade's default settings of its channels."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from freqtrade.enums import RPCMessageType
from freqtrade.rpc.telegram import Telegram

from guarded import ORDER, World, running_world
from receivers import Receiver
from regimeswitch.bot.messages.channels import channels, complaint
from regimeswitch.bot.messages.message import Level
from regimeswitch.bot.messages.messenger import SILENT, Messenger
from regimeswitch_lab.exchange.faults.fault_rules import Fault


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

DUE = "exit of AAA/USDT is due and not made"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running_world(tmp_path, monkeypatch) as found:
        yield found


def troubled(world: World, **sections: Any) -> None:
    """An exit that is refused for an hour."""
    world.start(exit_after=300, **sections)
    world.step()
    world.fail(Fault("-2015", verb="POST", path=ORDER))
    for later in (0, 0, 60):
        world.step(later)


WEBHOOKS = {
    "as the documentation has it": {"webhookstatus": {"value1": "Status: {status}"}},
    "warnings": {"warning": {"text": "{status}"}},
    "messages of the strategy alone": {
        "strategy_msg": {"text": "{msg}"},
        "allow_custom_messages": True,
    },
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_a_webhook_gets_it_by_freqtrades_own_module(
    world: World, receiver: Receiver, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.INFO)
    section = {"enabled": True, "url": receiver.url, **WEBHOOKS[name]}
    troubled(world, webhook=section)
    assert len([text for text in receiver.texts() if DUE in text]) == 1
    assert "warnings of the guards go to webhook" in caplog.text


def test_discord_gets_it_once_it_is_enabled(world: World, receiver: Receiver) -> None:
    fields = [{"Warning": "{status}"}]
    section = {"enabled": True, "webhook_url": receiver.url, "warning": fields}
    troubled(world, discord=section)
    assert len([text for text in receiver.texts() if DUE in text]) == 1


def test_a_webhook_that_takes_nothing_is_named_at_the_start(
    world: World, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    world.start(webhook={"enabled": True, "url": receiver.url})
    assert "notices of the guards: webhook is on, but takes no warnings" in caplog.text
    assert "webhook.warning" in caplog.text


def test_telegram_shows_it_with_default_settings() -> None:
    # As freqtrade makes it, without the connection to Telegram.
    module = Telegram.__new__(Telegram)
    module._config = {"telegram": {"enabled": True, "allow_custom_messages": False}}
    message: Any = {"type": RPCMessageType.WARNING, "status": f"{DUE}: it's so"}
    assert module._message_loudness(message) == "on"
    assert DUE in module.compose_message(message)


SECTIONS = [
    ({}, [], False),
    ({"telegram": {"enabled": False}}, [], False),
    ({"telegram": {"enabled": True}}, [("telegram", True, False)], False),
    (
        {"telegram": {"enabled": True, "notification_settings": {"warning": "off"}}},
        [("telegram", False, False)],
        True,
    ),
    (
        {
            "telegram": {
                "enabled": True,
                "allow_custom_messages": True,
                "notification_settings": {"warning": "off"},
            }
        },
        [("telegram", False, True)],
        False,
    ),
    ({"discord": {"enabled": True}}, [("discord", False, False)], True),
    ({"discord": {"enabled": True, "allow_custom_messages": True}}, [("discord", False, False)], 1),
    ({"webhook": {"enabled": True, "webhookexit": {"a": "b"}}}, [("webhook", False, False)], True),
    (
        {"webhook": {"enabled": True}, "telegram": {"enabled": True}},
        [("telegram", True, False), ("webhook", False, False)],
        False,
    ),
]


@pytest.mark.parametrize(("config", "expected", "complains"), SECTIONS)
def test_which_channels_take_warnings(
    config: dict[str, Any], expected: list[tuple[str, bool, bool]], complains: bool
) -> None:
    found = [(one.name, one.warnings, one.custom) for one in channels(config)]
    assert found == expected
    assert bool(complaint(config)) == bool(complains)


class Manager:
    """Stands for freqtrade's manager of messages."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.registered_modules: list[Any] = []

    def send_msg(self, message: Any) -> None:
        self.sent.append(message)

    def process_msg_queue(self, queue: Any) -> None:
        self.sent += list(queue)
        queue.clear()


def test_warnings_leave_at_the_end_of_the_loop_and_information_as_a_custom_message() -> None:
    manager, queue = Manager(), []
    provider: Any = SimpleNamespace(
        _DataProvider__rpc=manager,
        send_msg=lambda text, always_send: queue.append(text),
    )
    strategy: Any = SimpleNamespace(dp=provider, config={})
    messenger = Messenger.of(strategy)
    assert Messenger.of(strategy) is messenger
    alarms = messenger.alarms("guard")
    with time_machine.travel("2025-01-01 00:15+00:00", tick=False) as clock:
        alarms.set("money", "costs `money`")
        alarms.set("candle", "costs nothing", level=Level.INFO)
        clock.shift(1800)
        alarms.clear("candle", "is over")
    assert manager.sent == []
    manager.process_msg_queue(queue)
    text = "Warning: costs 'money' (since 2025-01-01 00:15 UTC)"
    since = "since 2025-01-01 00:15 UTC"
    assert manager.sent == [
        {"type": RPCMessageType.WARNING, "status": text, SILENT: False},
        f"Info:\n- costs nothing ({since})\n- is over ({since}, for 30 min)",
    ]
