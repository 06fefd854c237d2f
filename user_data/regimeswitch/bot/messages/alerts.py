"""States of a running bot: one message when something begins, one when it is over.

What begins in one loop, of one kind and for one cause, is one event, whatever the number of pairs:
it is over when it is over for all of them. What has been sent outlives the process
(:mod:`regimeswitch.bot.messages.sent_file`), so that a restart repeats nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from regimeswitch.bot.messages.message import Level, Message, split_pair
from regimeswitch.bot.messages.sent_file import EVENT, MAX_EVENTS, SentFile
from regimeswitch.settings.message_settings import MessageKind


logger = logging.getLogger(__name__)

Post = Callable[[Message], None]

CONFIRM = timedelta(minutes=10)
"""A state from before a restart that is not seen again for so long after it is over, unsaid."""
REPEAT = timedelta(hours=24)
"""The same event without an end is sent again after so long, by whatever process."""


@dataclass(frozen=True)
class _State:
    """One thing that holds.

    :ivar text: without the pair
    :ivar event: states with one number began as one event
    :ivar cause: what the event is one of, see :meth:`Alarms.set`
    :ivar since: epoch seconds
    """

    text: str
    pair: str
    kind: MessageKind
    level: str
    event: int
    cause: str
    since: float


@dataclass(frozen=True)
class _End:
    text: str
    state: _State


class Alarms:
    """Logs each change at once and posts it as a message; for one thread or several.

    :param post: takes messages; joining those of one loop is its business
    :param kind: of messages
    :param sent: what earlier processes have sent
    :param loop: number of the bot's loop
    """

    def __init__(
        self,
        post: Post,
        kind: MessageKind = "guard",
        sent: SentFile | None = None,
        loop: Callable[[], int] = lambda: 0,
    ) -> None:
        self._post, self._kind = post, kind
        self._book = _Book(sent or SentFile(), loop)

    def of(self, kind: MessageKind) -> Alarms:
        """The same states, for messages of another kind."""
        result = copy(self)
        result._kind = kind
        return result

    def shares(self, other: Alarms) -> bool:
        """Whether both know the same states."""
        return self._book is other._book

    @property
    def raised(self) -> Mapping[str, str]:
        """What is wrong now: key and text."""
        return {key: _whole(one.pair, one.text) for key, one in self._book.states.items()}

    def set(
        self,
        key: str,
        text: str,
        *,
        level: Level = Level.WARNING,
        cause: str = "",
        joins: bool = False,
    ) -> None:
        """A state holds; sent unless it has been already.

        :param text: what has happened, what changes, what to do; one that begins with a pair and a
            colon is joined with those of other pairs
        :param level: ``INFO`` costs no money, and neither does its end
        :param cause: what begins in one loop with one cause is one event; empty = the text. A state
            that goes on for another cause is another event
        :param joins: where an event with this cause goes on already, this is a part of it, which is
            logged alone
        """
        pair, rest = split_pair(text)
        with self._book.lock:
            self._look_again(key)
            before = self._book.states.get(key)
            if before is not None and cause in ("", before.cause):
                return
            if before is not None:
                self._send_ends(self._book.remove(key, None))
            event, goes_on = self._book.event_of(self._kind, cause or rest, joins)
            now = _now()
            state = _State(rest, pair, self._kind, level.name, event, cause or rest, now)
            self._book.put(key, state)
            logger.warning(text)
            if not goes_on:
                self._send(level, f"{rest} (since {_moment(now)})", pair, level is not Level.INFO)

    def holds(self, cause: str) -> bool:
        """Whether an event with this cause goes on."""
        return any(one.cause == cause for one in self._book.states.values())

    def clear(self, key: str, text: str) -> None:
        """A state is over; sent where its beginning was, when the whole event is over."""
        with self._book.lock:
            self._look_again(key)
            if key in self._book.states:
                logger.warning(text)
                _, rest = split_pair(text)
                self._send_ends(self._book.remove(key, rest))

    def tell(self, key: str, text: str, *, level: Level = Level.WARNING) -> None:
        """Something that has no end; sent again when the text has changed, or a day later."""
        with self._book.lock:
            if not self._book.is_new(key, text, level):
                return
            logger.warning(text)
            pair, rest = split_pair(text)
            self._send(level, rest, pair, level is not Level.INFO)

    def hand_over(self, other: Alarms) -> None:
        """Say by others what holds, and what happened before anybody could be notified."""
        with self._book.lock:
            for key, (text, level) in self._book.events.items():
                other.tell(key, text, level=level)
            for key, one in self._book.states.items():
                other.set(key, _whole(one.pair, one.text), level=Level[one.level])

    def _look_again(self, key: str) -> None:
        self._send_ends(self._book.confirm(key))

    def _send_ends(self, ends: list[_End]) -> None:
        for end in ends:
            since = end.state.since
            text = f"{end.text} (since {_moment(since)}, for {_lasted(since)})"
            pairs, urgent = _pairs(end.state.pair), end.state.level != Level.INFO.name
            self._post(Message(end.state.kind, Level.INFO, text, pairs, urgent))

    def _send(self, level: Level, text: str, pair: str, urgent: bool) -> None:
        self._post(Message(self._kind, level, text, _pairs(pair), urgent))


class _Book:
    """The states that hold, in memory and on disk, and the events they belong to."""

    def __init__(self, sent: SentFile, loop: Callable[[], int]) -> None:
        self._sent, self._loop = sent, loop
        self.lock = threading.RLock()
        read = ((key, _read(line)) for key, line in sent.states.items())
        self.states = {key: state for key, state in read if state is not None}
        self.events: dict[str, tuple[str, Level]] = {}
        self._unconfirmed = set(self.states)
        self._confirm_until = _now() + CONFIRM.total_seconds()
        self._ends: dict[int, list[_End]] = {}
        self._begun: dict[tuple[MessageKind, str], tuple[int, int]] = {}
        self._last = max((one.event for one in self.states.values()), default=0)

    def __getstate__(self) -> dict[str, Any]:
        """Without its lock: hyperopt hands strategies to its workers."""
        return {name: value for name, value in vars(self).items() if name != "lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.lock = threading.RLock()

    def confirm(self, key: str) -> list[_End]:
        """A state of an earlier process is looked at again; those that are not are dropped.

        :return: ends of events that nothing else was left of
        """
        self._unconfirmed.discard(key)
        if not self._unconfirmed or _now() < self._confirm_until:
            return []
        dropped, self._unconfirmed = self._unconfirmed, set()
        return [end for old in dropped for end in self.remove(old, None)]

    def event_of(self, kind: MessageKind, cause: str, joins: bool) -> tuple[int, bool]:
        """The event that a state begins or is a part of, and whether it had begun before."""
        loop = self._loop()
        number, begun = self._begun.get((kind, cause), (0, -1))
        alike = (one for one in self.states.values() if (one.kind, one.cause) == (kind, cause))
        holding = {one.event for one in alike}
        if number in holding and begun == loop:
            return number, False
        if joins and holding:
            return max(holding), True
        self._last += 1
        self._begun[kind, cause] = (self._last, loop)
        return self._last, False

    def put(self, key: str, state: _State) -> None:
        """A state begins to hold."""
        self.states[key] = state
        self._sent.put_state(key, asdict(state))

    def remove(self, key: str, text: str | None) -> list[_End]:
        """A state is over.

        :param text: what is said of it; None = nothing
        :return: all ends of its event where it was the last of it
        """
        state = self.states.pop(key)
        self._sent.put_state(key, None)
        ends = self._ends.setdefault(state.event, [])
        if text is not None:
            ends.append(_End(text, state))
        if any(one.event == state.event for one in self.states.values()):
            return []
        return self._ends.pop(state.event)

    def is_new(self, key: str, text: str, level: Level) -> bool:
        """Whether something without an end was not sent lately."""
        now = _now()
        match self._sent.mark(f"{EVENT}{key}"):
            case [str(known), int() | float() as moment]:
                if known == text and 0 <= now - moment < REPEAT.total_seconds():
                    return False
        self._sent.put_mark(f"{EVENT}{key}", [text, now])
        self.events[key] = (text, level)
        while len(self.events) > MAX_EVENTS:
            del self.events[next(iter(self.events))]
        return True


def _read(line: Any) -> _State | None:
    """A state of the file; None where it is none, as of another release."""
    try:
        state = _State(**line)
        Level[state.level]
        return state if isinstance(state.event, int) and state.since >= 0 else None
    except (TypeError, KeyError):
        return None


def _pairs(pair: str) -> tuple[str, ...]:
    return (pair,) if pair else ()


def _whole(pair: str, text: str) -> str:
    return f"{pair}: {text}" if pair else text


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _lasted(since: float) -> str:
    return spell(timedelta(seconds=max(_now() - since, 0)))


def spell(time: timedelta) -> str:
    """A time in its two largest units.

    >>> spell(timedelta(minutes=95)), spell(timedelta(seconds=20)), spell(timedelta(days=3))
    ('1 h 35 min', 'less than a minute', '3 d 0 h')
    """
    minutes = int(time.total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 1440:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"
