"""The exchange's clock: how far this machine's is from it, and timestamps that are right anyway.

Binance refuses a signed request that is more than a second ahead of its clock, or older than its
window (-1021; "General API information", Timing security). ccxt signs with its option
``timeDifference``, so a machine whose clock is off can still sell.
"""

from __future__ import annotations

import time
from typing import Any


CORRECTED_SECONDS = 0.5
"""Smaller differences are left alone: timestamps are right enough, and no measurement is exact."""
MAX_TRIP = 2.0
"""A measurement that took longer says nothing: it may be off by half of that."""
EVERY = 300.0
"""How often the clock is asked for while nothing is wrong, seconds."""


class ExchangeClock:
    """What is known of the exchange's clock.

    :ivar difference: this clock minus the exchange's, seconds
    :ivar doubted: whether it has to be measured at once
    """

    def __init__(self) -> None:
        self.difference = 0.0
        self.doubted = True
        self._clients: list[Any] = []
        self._measured = 0.0
        self._lead = 0.0

    def follow(self, client: Any) -> None:
        """Correct the timestamps of an exchange client."""
        self._clients.append(client)
        self._correct()

    @property
    def is_due(self) -> bool:
        """Whether it is time to measure: by a clock that nobody sets, or as this one was set."""
        return self.doubted or self.was_set or time.monotonic() - self._measured >= EVERY

    @property
    def was_set(self) -> bool:
        """Whether this clock has been set since the last measurement."""
        return abs(_lead() - self._lead) > CORRECTED_SECONDS

    def now(self) -> float:
        """The present of the exchange, epoch seconds."""
        return time.time() - self.difference

    def take(self, theirs: float, seconds: float) -> bool:
        """A measurement that has just come in; whether it was good enough.

        :param theirs: the exchange's clock, epoch seconds
        :param seconds: how long the request took
        """
        if seconds > MAX_TRIP:
            return False
        self.difference = time.time() - seconds / 2 - theirs
        self.doubted, self._measured, self._lead = False, time.monotonic(), _lead()
        self._correct()
        return True

    def _correct(self) -> None:
        off = self.difference if abs(self.difference) > CORRECTED_SECONDS else 0.0
        for client in self._clients:
            client.options["timeDifference"] = round(off * 1000)


def _lead() -> float:
    """This clock less the one that nobody sets; constant until somebody sets it."""
    return time.time() - time.monotonic()
