"""Notices about the state of a running bot: one when a state begins, one when it is over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping


logger = logging.getLogger(__name__)

Send = Callable[[str], None]


class Alarms:
    """Logs and notifies each change once.

    A notice is a warning, which reaches people whatever their settings of custom messages are,
    unless it is said to be ``info``: something that costs no money.

    :param send: takes a warning for the people who watch the bot
    :param inform: takes what is no warning; None = as a warning
    """

    def __init__(self, send: Send, inform: Send | None = None) -> None:
        self._send, self._inform = send, inform or send
        self._raised: dict[str, str] = {}
        self._unimportant: set[str] = set()

    @property
    def raised(self) -> Mapping[str, str]:
        """What is wrong now: key and text."""
        return dict(self._raised)

    def set(self, key: str, text: str, *, info: bool = False) -> None:
        """A state holds; notified unless it has been already.

        :param info: costs no money; its end is no warning either
        """
        if key not in self._raised:
            self._notify(key, text, info)
        self._raised[key] = text

    def clear(self, key: str, text: str) -> None:
        """A state is over; notified only where its beginning was, and in the same way."""
        if self._raised.pop(key, None) is not None:
            self._notify(key, text, key in self._unimportant)

    def tell(self, key: str, text: str, *, info: bool = False) -> None:
        """Something that has no end; notified again only when the text has changed.

        :param info: costs no money
        """
        if self._raised.get(key) != text:
            self._raised[key] = text
            self._notify(key, text, info)

    def _notify(self, key: str, text: str, info: bool) -> None:
        logger.warning(text)
        if info:
            self._unimportant.add(key)
            self._inform(text)
        else:
            self._unimportant.discard(key)
            self._send(text)
