"""Messages about the state of a running bot: one when a state begins, one when it is over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping


logger = logging.getLogger(__name__)


class Alarms:
    """Tells each change once, to the log and to the bot's messages.

    :param send: takes a message for the people who watch the bot
    """

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send
        self._raised: dict[str, str] = {}

    @property
    def raised(self) -> Mapping[str, str]:
        """What is wrong now: key and text."""
        return dict(self._raised)

    def set(self, key: str, text: str) -> None:
        """A state holds; told unless it has been told already."""
        if key not in self._raised:
            self._tell(text)
        self._raised[key] = text

    def clear(self, key: str, text: str) -> None:
        """A state is over; told only where its beginning was."""
        if self._raised.pop(key, None) is not None:
            self._tell(text)

    def tell(self, key: str, text: str) -> None:
        """Something that has no end; told again only when the text has changed."""
        if self._raised.get(key) != text:
            self._raised[key] = text
            self._tell(text)

    def _tell(self, text: str) -> None:
        logger.warning(text)
        self._send(text)
