"""One row of the table of answers; see :mod:`regimeswitch.bot.connection.response_meanings`."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Pause(Enum):
    """What the bot waits for after an answer."""

    NONE = "nothing"
    LIMIT = "the end that the answer names, or the next minute"
    GROWING = "twice as long each time"
    ORDERS = "the window of the order count"
    CLOCK = "the difference of the clocks to be measured"


@dataclass(frozen=True)
class Meaning:
    """One row.

    :param key: what the row is called in the table, e.g. ``-1013 NOTIONAL``
    :param name: the answer in a few words
    :param means: what it says about the request
    :param entries: what holds for entries
    :param exits: what holds for exits
    :param next_try: when the request, or the next of its kind, is sent again
    :param said: the message, with fields in braces such as ``{until}`` or ``{what}``
    :param unknown: nobody knows whether the request was carried out; False = certainly not
    :param exits_leave: whether an exit can be sent at all while this holds
    :param pause: what is waited for before anything is sent again
    :param statuses: HTTP statuses that mean this
    :param codes: Binance's codes that mean this
    :param words: texts of which one is in the answer, where a code means several things
    """

    key: str
    name: str
    means: str
    entries: str
    exits: str
    next_try: str
    said: str
    unknown: bool = False
    exits_leave: bool = True
    pause: Pause = Pause.NONE
    statuses: tuple[int, ...] = ()
    codes: tuple[int, ...] = ()
    words: tuple[str, ...] = ()

    def fits(self, status: int, code: int, text: str) -> bool:
        """Whether an answer is of this row.

        :param status: HTTP status, 0 where it is not known
        :param code: Binance's code, 0 without one
        :param text: the body, or an error's text
        """
        if not (self.statuses or self.codes or self.words):
            return False
        if self.words and not any(word in text for word in self.words):
            return False
        if self.statuses:
            return status in self.statuses
        # Some of ccxt's errors have the words of an answer, and neither its code nor its status.
        return code in self.codes or (code == 0 and status == 0 and bool(self.words))

    @property
    def holds(self) -> str:
        """What holds for entries and for exits, as messages say it."""
        return f"entries: {self.entries}; exits: {self.exits}"

    def reason(self, **values: str) -> str:
        """What is said, without what follows from it.

        :raises KeyError: for a field of ``said`` without a value
        """
        return self.said.format(**values)

    def message(self, **values: str) -> str:
        """What is said, with what holds for entries and exits and when the next try is."""
        return f"{self.reason(**values)}; {self.holds}; next try: {self.next_try}"

    @property
    def said_plainly(self) -> str:
        """What is said, with the names of its fields in capitals."""
        fields = {name for _, name, _, _ in string.Formatter().parse(self.said) if name}
        return self.said.format(**{name: name.upper() for name in fields})


@dataclass(frozen=True)
class State:
    """Something that holds now: a row with what its message needs.

    :param values: for the fields of the row's ``said``
    """

    meaning: Meaning
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """What is said, alone."""
        return self.meaning.reason(**self.values)

    @property
    def message(self) -> str:
        """What is said, with what follows from it."""
        return self.meaning.message(**self.values)
