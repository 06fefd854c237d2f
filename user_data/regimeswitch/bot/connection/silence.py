"""While the exchange takes no requests: for how long, and how it is asked whether it does again.

By the monotonic clock of this machine: one that is set back does not make an hour of a minute, and
one that is set forward does not end a ban early.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from regimeswitch.bot.connection.ban_file import MAX_BAN, BanFile
from regimeswitch.bot.connection.response_meanings import row
from regimeswitch.bot.connection.response_rows import Meaning, Pause, State
from regimeswitch.bot.connection.response_table import ENDLESS


FIRST_PAUSE, MAX_PAUSE = 10.0, 600.0
"""Of answers without an end, seconds; each pause is twice as long as the one before."""
FIRST_DOUBT, MAX_DOUBT = 60.0, 3600.0
"""Of bans whose end cannot be meant."""
MINUTE = 60.0
"""A pause up to this long is over when it is over; after a longer one a single request asks."""
DAY = 86_400.0


class Silence:
    """When requests may be sent again.

    :ivar file: where bans are kept for the next start and for other bots; None in a test
    """

    def __init__(self) -> None:
        self.file: BanFile | None = None
        self._until = self._ended = 0.0
        self._pause = 0.0
        self._unproven = False
        self._state: State | None = None
        self._taken: set[tuple[str, float]] = set()

    @property
    def state(self) -> State | None:
        """Why nothing may be sent now; None when it may."""
        return self._state if time.monotonic() < self._until else None

    @property
    def left(self) -> float:
        """Seconds until the next request may be sent."""
        return max(self._until - time.monotonic(), 0.0)

    @property
    def wants_proof(self) -> bool:
        """Whether one small request has to be answered before any other is sent."""
        return self._unproven and time.monotonic() >= self._until

    def begin(self, meaning: Meaning, seconds: float, host: str) -> None:
        """The exchange has refused a request unread.

        :param seconds: how long it wants to be left alone; of no account where that grows
        """
        values, limited = {}, meaning.pause is Pause.LIMIT
        if limited and seconds <= MAX_BAN:
            unproven = seconds > MINUTE
        elif time.monotonic() < self._until:
            # On its way when the first was refused.
            return
        else:
            unproven = True
            if limited:
                meaning, values = ENDLESS, {"days": f"{seconds / DAY:,.0f}"}
            longest = MAX_DOUBT if limited else MAX_PAUSE
            seconds = self._longer(FIRST_DOUBT if limited else FIRST_PAUSE, longest)
        if self._wait(meaning, seconds, unproven, **values) and self.file is not None:
            self.file.write(host, meaning.key, seconds)

    def _longer(self, first: float, longest: float) -> float:
        """The next pause: twice the last one, unless that was long ago."""
        lately = self._pause and time.monotonic() - self._ended < longest
        return min(max(2 * self._pause, first), longest) if lately else first

    def _wait(self, meaning: Meaning, seconds: float, unproven: bool, **values: str) -> bool:
        until = time.monotonic() + seconds
        if until <= self._until:
            return False
        self._until = self._ended = until
        self._pause = 0.0 if meaning.pause is Pause.LIMIT else seconds
        self._unproven = unproven
        self._state = State(meaning, {"until": in_words(seconds), **values})
        return True

    def unanswered(self) -> None:
        """The one small request got no answer: not asked again at once."""
        if self._state is not None and time.monotonic() >= self._until:
            self._until = time.monotonic() + FIRST_PAUSE
            values = {**self._state.values, "until": in_words(FIRST_PAUSE)}
            self._state = State(self._state.meaning, values)

    def over(self, host: str) -> None:
        """A request was answered."""
        self._unproven = False
        if self.file is not None:
            self.file.remove(host)

    def hear_of_others(self, host: str) -> None:
        """Take over what another bot of this machine, or the one before this, was answered."""
        ban = self.file.read(host) if self.file is not None else None
        if ban is None or self.file is None or ban.by == self.file.by:
            return
        if (ban.by, ban.until) in self._taken:
            return
        self._taken.add((ban.by, ban.until))
        try:
            meaning = row(ban.why)
        except KeyError:
            # A file of another release.
            meaning = row("418")
        if "until" in meaning.said:
            values = {"days": "?"} if meaning is ENDLESS else {}
            self._wait(meaning, ban.left, True, **values)


def in_words(seconds: float) -> str:
    """A moment so many seconds from now, UTC."""
    return f"{datetime.fromtimestamp(time.time() + seconds, UTC):%Y-%m-%d %H:%M:%S}"
