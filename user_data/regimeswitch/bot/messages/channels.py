"""How notices leave the bot: as freqtrade's warnings, which need no permission.

Messages of a strategy (``dp.send_msg``) are dropped by every module of freqtrade's RPC without
``allow_custom_messages``. Warnings, as freqtrade sends them itself, are not: Telegram has them on,
a webhook has them under ``warning`` or ``webhookstatus``, Discord under ``warning``
(https://www.freqtrade.io/en/stable/webhook-config/, .../telegram-usage/).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from freqtrade.enums import RPCMessageType
from freqtrade.strategy import IStrategy

from regimeswitch.bot.patches import install


logger = logging.getLogger(__name__)

MODULES = ("telegram", "discord", "webhook")
"""Sections of freqtrade's configuration that reach people by themselves, each with ``enabled``."""
_HOW = {
    "telegram": 'telegram.notification_settings.warning: set it to "on"',
    "webhook": 'webhook.warning: add e.g. {"text": "{status}"}',
    "discord": 'discord.warning: add e.g. [{"Warning": "{status}"}]',
}
_HOW_CUSTOM = "allow_custom_messages: set it to true"


@dataclass(frozen=True)
class Channel:
    """A way to people.

    :ivar name: of the section
    :ivar warnings: whether freqtrade's warnings go there
    :ivar custom: whether messages of a strategy go there
    """

    name: str
    warnings: bool
    custom: bool

    @property
    def remedy(self) -> str:
        """What to set for warnings."""
        return _HOW.get(self.name, "")

    @property
    def remedy_custom(self) -> str:
        """What to set for messages that are no warnings."""
        return f"{self.name}.{_HOW_CUSTOM}"


def channels(config: Mapping[str, Any]) -> list[Channel]:
    """The channels that a configuration turns on."""
    found = []
    for name in MODULES:
        section = config.get(name) or {}
        if section.get("enabled", False):
            custom = bool(section.get("allow_custom_messages", False)) and _takes_custom(
                name, section
            )
            found.append(Channel(name, _takes_warnings(name, section), custom))
    return found


def _takes_warnings(name: str, section: Mapping[str, Any]) -> bool:
    if name == "telegram":
        return bool((section.get("notification_settings") or {}).get("warning", "on") != "off")
    if name == "webhook":
        return bool(section.get("warning") or section.get("webhookstatus"))
    return name != "discord" or bool(section.get("warning"))


def _takes_custom(name: str, section: Mapping[str, Any]) -> bool:
    return name not in ("webhook", "discord") or bool(section.get("strategy_msg"))


def complaint(config: Mapping[str, Any]) -> str:
    """Why warnings of the guards would reach nobody, and what to set; empty where they would."""
    found = channels(config)
    reached = [one for one in found if one.warnings or one.custom]
    if reached or not found:
        return ""
    remedies = "; ".join(one.remedy for one in found if one.remedy)
    names = ", ".join(one.name for one in found)
    return f"{names} is on, but takes no warnings: notices stand in the log alone ({remedies})"


class Messenger:
    """Sends notices of one bot.

    Warnings leave at the end of the loop, after the exits: a webhook that hangs holds up none.

    :param strategy: whose data provider knows freqtrade's RPC manager
    """

    def __init__(self, strategy: IStrategy) -> None:
        self._dp: Any = strategy.dp
        self._rpc: Any = getattr(strategy.dp, "_DataProvider__rpc", None)
        self._channels = {one.name: one for one in channels(strategy.config)}
        self._waiting: deque[str] = deque()
        if self._rpc is not None:
            install("messages", self._rpc, process_msg_queue=self._processing)

    def _processing(self, process: Callable[..., None]) -> Callable[..., None]:
        def process_msg_queue(queue: deque[str]) -> None:
            self.flush()
            process(queue)

        return process_msg_queue

    def warn(self, text: str) -> None:
        """A warning, at the end of this loop."""
        if self._rpc is None:
            self.inform(text)
        else:
            self._waiting.append(text)

    def inform(self, text: str) -> None:
        """A message of the strategy; only channels with ``allow_custom_messages`` take it."""
        self._dp.send_msg(text, always_send=True)

    def flush(self) -> None:
        """Send what waits; also at the start of a loop, where the last one did not come so far."""
        while self._waiting:
            # Telegram shows it as code, which a backtick would end.
            text = self._waiting.popleft().replace("`", "'")
            self._rpc.send_msg({"type": RPCMessageType.WARNING, "status": text})
            for module in self._rpc.registered_modules:
                channel = self._channels.get(module.name)
                if channel is not None and channel.custom and not channel.warnings:
                    _send_custom(module, text)


def _send_custom(module: Any, text: str) -> None:
    """To a channel that takes messages of a strategy, but no warnings."""
    try:
        module.send_msg({"type": RPCMessageType.STRATEGY_MSG, "msg": text})
    except Exception:
        # A channel that fails must not end the loop; freqtrade's manager does the same.
        logger.exception(f"{module.name} could not send a notice")


def report_channels(strategy: IStrategy) -> None:
    """One line at the start: where notices go, or that they go nowhere."""
    found = channels(strategy.config)
    reached = [one.name for one in found if one.warnings or one.custom]
    problem = complaint(strategy.config)
    if problem:
        logger.warning(f"notices of the guards: {problem}")
    elif not found:
        logger.warning(
            "notices of the guards stand in the log alone: none of telegram, webhook, discord is on"
        )
    else:
        silent = [one for one in found if not one.custom]
        rest = (
            f"; messages that are no warnings stay in the log without "
            f"{', '.join(f'{one.name}.allow_custom_messages' for one in silent)}"
            if silent
            else ""
        )
        logger.info(f"warnings of the guards go to {', '.join(reached)}{rest}")
