"""One message to the people who watch a bot, and how several become one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from regimeswitch.settings.message_settings import MessageKind


SHOWN_PAIRS = 10
"""Pairs that a message lists by name."""
SHOWN_LINES = 12
MAX_CHARACTERS = 3_500
"""Of one message; Telegram takes 4,096 (https://core.telegram.org/bots/api#sendmessage)."""
_PAIR = re.compile(r"(?P<pair>[^\s:]+/[^\s:]+(?::[^\s:]+)?): (?P<rest>.+)", re.DOTALL)


class Level(Enum):
    """What a message asks of its reader."""

    INFO = "Info"
    WARNING = "Warning"
    ACTION = "Action needed"


@dataclass(frozen=True)
class Message:
    """Something that has happened.

    :ivar kind: key of ``regimeswitch.messages`` that it goes by
    :ivar text: without the pair
    :ivar pairs: that it is about; none = not about pairs
    :ivar urgent: leaves as a warning of freqtrade, which needs no ``allow_custom_messages``
    """

    kind: MessageKind
    level: Level
    text: str
    pairs: tuple[str, ...] = ()
    urgent: bool = False

    @property
    def line(self) -> str:
        """What has happened, without the level."""
        return f"{listed(self.pairs)}: {self.text}" if self.pairs else self.text


def split_pair(text: str) -> tuple[str, str]:
    """The pair that a text begins with, and the rest.

    >>> split_pair("BTC/USDT: candles are late")
    ('BTC/USDT', 'candles are late')
    >>> split_pair("BTC/USDT:USDT: candles are late")
    ('BTC/USDT:USDT', 'candles are late')
    >>> split_pair("the clock: is late")
    ('', 'the clock: is late')
    """
    found = _PAIR.match(text)
    return (found["pair"], found["rest"]) if found else ("", text)


def listed(pairs: Sequence[str]) -> str:
    """Pairs in a row, shortened after :data:`SHOWN_PAIRS`.

    >>> listed(["A/B", "C/B"])
    'A/B, C/B'
    """
    shown = ", ".join(pairs[:SHOWN_PAIRS])
    more = len(pairs) - SHOWN_PAIRS
    return f"{shown} and {more} more" if more > 0 else shown


def joined(messages: Iterable[Message]) -> list[Message]:
    """One message per kind, level and way out, in the order of their first; nothing is said twice.

    Messages that differ by the pair alone become one line that lists the pairs.

    >>> late = [Message("outage", Level.WARNING, "no candles", (pair,)) for pair in ("A/B", "C/B")]
    >>> [one.text for one in joined(late)]
    ['Warning: A/B, C/B: no candles']
    """
    groups: dict[tuple[MessageKind, Level, bool], list[Message]] = {}
    for one in messages:
        groups.setdefault((one.kind, one.level, one.urgent), []).append(one)
    return [_one(group) for group in groups.values()]


def _one(group: Sequence[Message]) -> Message:
    """The message that stands for a group; its text is the whole of it."""
    pairs_of: dict[str, dict[str, None]] = {}
    for one in group:
        pairs_of.setdefault(one.text, {}).update(dict.fromkeys(one.pairs))
    first = group[0]
    lines = [
        Message(first.kind, first.level, text, tuple(pairs)).line
        for text, pairs in pairs_of.items()
    ]
    pairs = tuple(dict.fromkeys(pair for one in group for pair in one.pairs))
    return Message(first.kind, first.level, _text(first.level, lines), pairs, first.urgent)


def _text(level: Level, lines: Sequence[str]) -> str:
    label = level.value
    if len(lines) == 1:
        return _cut(f"{label}: {lines[0]}", 0)
    shown = list(lines[:SHOWN_LINES])
    while len(shown) > 1 and sum(map(len, shown)) > MAX_CHARACTERS:
        shown.pop()
    more = len(lines) - len(shown)
    return _cut("\n".join([f"{label}:", *(f"- {line}" for line in shown)]), more)


def _cut(text: str, more: int) -> str:
    if len(text) > MAX_CHARACTERS:
        text = f"{text[:MAX_CHARACTERS]} ..."
    return f"{text}\n- {more} more, see the log" if more else text
