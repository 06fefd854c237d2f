"""Sends the messages of one bot, joined, at the end of each loop."""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from freqtrade.enums import RPCMessageType, RunMode
from freqtrade.strategy import IStrategy

from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.messages.channels import channels
from regimeswitch.bot.messages.message import Message, joined
from regimeswitch.bot.messages.sent_file import SentFile, sent_path
from regimeswitch.bot.patches import install
from regimeswitch.settings import MessageSettings, load_settings
from regimeswitch.settings.message_settings import MessageKind


logger = logging.getLogger(__name__)

_ATTRIBUTE = "_regimeswitch_messenger"
IN_MEMORY = ("sqlite://", "sqlite:///:memory:")
"""Databases that end with the process, and with them whatever was sent."""
_MARKS = re.compile(r"([_*`\[])")
SILENT = "regimeswitch_silent"
"""Field of a message: whether Telegram is to make no sound for it."""


class Messenger:
    """Collects what happens in a loop and sends it after the exits.

    A webhook that hangs holds up none of them. :meth:`of` gives the one of a bot.

    :param strategy: whose data provider knows freqtrade's RPC manager
    """

    def __init__(self, strategy: IStrategy) -> None:
        self._dp: Any = strategy.dp
        self._rpc: Any = getattr(strategy.dp, "_DataProvider__rpc", None)
        self._settings = _settings_of(strategy.config)
        self._channels = {one.name: one for one in channels(strategy.config)}
        self._waiting: deque[Message] = deque()
        self._loop = 0
        self.sent = SentFile(_path_of(strategy))
        self._alarms = Alarms(self.post, sent=self.sent, loop=lambda: self._loop)
        if self._rpc is not None:
            self._install()

    @classmethod
    def of(cls, strategy: IStrategy) -> Self:
        """The messenger of a bot, made once: what it sends in one loop is joined."""
        known: Self | None = vars(strategy).get(_ATTRIBUTE)
        if known is None or known._dp is not strategy.dp:
            known = cls(strategy)
            setattr(strategy, _ATTRIBUTE, known)
        return known

    def alarms(self, kind: MessageKind) -> Alarms:
        """States of the bot, for messages of one kind."""
        return self._alarms.of(kind)

    def _install(self) -> None:
        install("messages", self._rpc, process_msg_queue=self._processing)
        for module in self._modules:
            if module.name == "telegram":
                let_be_silent(module)

    def _processing(self, process: Callable[..., None]) -> Callable[..., None]:
        def process_msg_queue(queue: deque[str]) -> None:
            self.flush()
            process(queue)

        return process_msg_queue

    def post(self, message: Message) -> None:
        """Something has happened; it leaves at the end of this loop. For any thread."""
        self._waiting.append(message)

    def flush(self) -> None:
        """Send what waits; also at the start of a loop, where the last one did not come so far."""
        self._loop += 1
        waiting = []
        while self._waiting:
            waiting.append(self._waiting.popleft())
        for message in joined(waiting):
            wanted = self._settings.of(message.kind)
            if wanted == "off":
                logger.info(
                    f"not sent, regimeswitch.messages.{message.kind} is off: {message.text}"
                )
            elif message.urgent and self._rpc is not None:
                self._warn(message, wanted == "silent")
            else:
                self._inform(message, wanted == "silent")
        self.sent.save()

    def _warn(self, message: Message, silent: bool) -> None:
        # Telegram shows it as code, which a backtick would end.
        text = message.text.replace("`", "'")
        self._rpc.send_msg({"type": RPCMessageType.WARNING, "status": text, SILENT: silent})
        for module in filter(self._is_custom, self._modules):
            if not self._channels[module.name].warnings:
                _send_custom(module, text, silent)

    def _inform(self, message: Message, silent: bool) -> None:
        """A message of the strategy; only channels with ``allow_custom_messages`` take it."""
        takers = [] if self._rpc is None else [*filter(self._is_custom, self._modules)]
        if not takers:
            self._dp.send_msg(message.text, always_send=True)
            return
        logger.info(message.text)
        for module in takers:
            _send_custom(module, message.text, silent)

    @property
    def _modules(self) -> list[Any]:
        modules: list[Any] = self._rpc.registered_modules
        return modules

    def _is_custom(self, module: Any) -> bool:
        channel = self._channels.get(module.name)
        return channel is not None and channel.custom


def _settings_of(config: Any) -> MessageSettings:
    return load_settings(config.get("regimeswitch")).messages


def _path_of(strategy: IStrategy) -> Path | None:
    """Where it is kept what was sent: beside a database that outlives the process."""
    config = strategy.config
    running = getattr(strategy.dp, "runmode", None) in (RunMode.DRY_RUN, RunMode.LIVE)
    if not running or str(config["db_url"]) in IN_MEMORY:
        return None
    return sent_path(Path(config["user_data_dir"]), str(config["db_url"]))


def _send_custom(module: Any, text: str, silent: bool) -> None:
    """To one channel, as a message of the strategy.

    Telegram reads it as Markdown, and refuses a text in which a mark is not closed
    (https://core.telegram.org/bots/api#markdown-style).
    """
    if module.name == "telegram":
        text = _MARKS.sub(r"\\\1", text)
    try:
        module.send_msg({"type": RPCMessageType.STRATEGY_MSG, "msg": text, SILENT: silent})
    except Exception:
        # A channel that fails must not end the loop; freqtrade's manager does the same.
        logger.exception(f"{module.name} could not send a message")


def let_be_silent(module: Any) -> None:
    """freqtrade decides by the type of a message; what it has off or silent stays so.

    :param module: freqtrade's Telegram of a running bot
    """

    def quiet(loudness: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], str]:
        def quiet_where_wanted(message: dict[str, Any]) -> str:
            found = str(loudness(message))
            return "silent" if found == "on" and message.get(SILENT) else found

        return quiet_where_wanted

    install("telegram", module, _message_loudness=quiet)
