"""How notices leave the bot: as freqtrade's warnings, which need no permission.

Messages of a strategy (``dp.send_msg``) are dropped by every module of freqtrade's RPC without
``allow_custom_messages``. Warnings, as freqtrade sends them itself, are not: Telegram has them on,
a webhook has them under ``warning`` or ``webhookstatus``, Discord under ``warning``
(https://www.freqtrade.io/en/stable/webhook-config/, .../telegram-usage/).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from freqtrade.strategy import IStrategy


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
