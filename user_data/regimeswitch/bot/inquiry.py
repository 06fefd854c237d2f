"""What has become of an order whose answer was lost: asked for by our own id until it is known."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import ccxt

from regimeswitch.bot.alarms import Alarms
from regimeswitch.bot.answers import NoAnswer, Withheld
from regimeswitch.bot.journal import ABSENT, Entry, Journal


logger = logging.getLogger(__name__)

Order = dict[str, Any]

WINDOW_MS = 4000
"""The exchange takes no order that reaches it later than this after it was signed."""
SURE_SECONDS = 5.0
"""The window and a second of difference between the clocks, from the moment at which the answer was
given up: what is not there then will not come."""
SURE_DENIALS = 3
FIRST_PAUSE = 0.2


class NotPlaced(ccxt.ExchangeError):
    """An order that is certainly not on the exchange."""


@dataclass
class Question:
    """An order without an answer, and what asking for it has told so far.

    :ivar began: when its answer was given up, epoch seconds; a clock from the moment of writing it
        down would count the wait for the rate limit, after which it was signed
    :ivar denials: how often the exchange did not know it
    :ivar waited: seconds that were spent on it
    :ivar pointless: nothing may be asked in this loop
    """

    entry: Entry
    began: float = field(default_factory=lambda: time.time())
    denials: int = 0
    waited: float = 0.0
    pointless: bool = False

    @property
    def surely_absent(self) -> bool:
        """Whether it cannot be there any more."""
        since = max(self.waited, time.time() - self.began)
        return self.denials >= SURE_DENIALS and since >= SURE_SECONDS


class Inquiry:
    """Asks for the orders of one bot.

    :param fetch: ``fetch_order`` of the exchange client
    :param limit: how long one order may hold up the bot's loop, seconds
    """

    def __init__(
        self, fetch: Callable[..., Order], journal: Journal, limit: float, alarms: Alarms
    ) -> None:
        self._fetch, self._journal, self._limit, self._alarms = fetch, journal, limit, alarms
        self._open: dict[str, Question] = {}

    def unknown(self, pair: str, side: str = "") -> bool:
        """Whether an order of a pair waits for its answer.

        :param side: buy or sell, empty for either
        """
        entries = [question.entry for question in self._open.values()]
        return any(entry.pair == pair and side in ("", entry.side) for entry in entries)

    def until_known(self, entry: Entry) -> Order:
        """Ask until it is known, or until the loop must go on.

        :raises NotPlaced: it is certainly not there
        :raises NoAnswer: unknown; it counts as such until :meth:`once` finds out
        """
        question = self._open.setdefault(entry.client_id, Question(entry))
        for pause in pauses(self._limit):
            time.sleep(pause)
            question.waited += pause
            order = self._ask(question)
            if order is not None:
                return order
            if question.surely_absent:
                self._give_up(entry)
                raise NotPlaced(f"{described(entry)} is not on the exchange")
            if question.pointless:
                break
        kind = "order" if entry.side == "buy" else "sale"
        self._alarms.set(
            entry.client_id,
            f"{described(entry)}: its outcome is unknown; no further {kind} of {entry.pair} until "
            "it is known",
        )
        raise NoAnswer(f"{described(entry)}: its outcome is unknown")

    def once(self, entry: Entry) -> Order | None:
        """One more try; None while it is unknown, and where it turns out to be absent."""
        question = self._open.setdefault(entry.client_id, Question(entry))
        order = self._ask(question)
        if order is None and question.surely_absent:
            logger.warning(f"{described(entry)} is not on the exchange")
            self._give_up(entry)
        return order

    def close(self, entry: Entry, state: str) -> None:
        """Nothing is left to find out about an order."""
        self._settled(entry)
        self._note(entry, lambda: self._journal.close(entry.client_id, state))

    def found(self, entry: Entry, order: Order) -> None:
        """Note the exchange's id; a failure costs no more than asking again after a restart."""
        self._settled(entry)
        self._note(entry, lambda: self._journal.known(entry.client_id, str(order["id"])))

    def _ask(self, question: Question) -> Order | None:
        entry, question.pointless = question.entry, False
        try:
            order = self._fetch("", entry.pair, {"origClientOrderId": entry.client_id})
        except ccxt.OrderNotFound:
            question.denials += 1
            return None
        except ccxt.BaseError as error:
            logger.warning(f"{described(entry)}: nothing heard of it ({error})")
            question.pointless = isinstance(error, Withheld)
            return None
        logger.warning(f"{described(entry)} is on the exchange as {order['id']}")
        self.found(entry, order)
        return order

    def _give_up(self, entry: Entry) -> None:
        self.close(entry, ABSENT)

    def _settled(self, entry: Entry) -> None:
        self._open.pop(entry.client_id, None)
        self._alarms.clear(entry.client_id, f"{described(entry)}: its outcome is known now")

    def _note(self, entry: Entry, write: Callable[[], None]) -> None:
        try:
            write()
        except sqlite3.Error as error:
            logger.error(f"{described(entry)}: not noted in {self._journal.path}: {error}")


def pauses(limit: float) -> Iterator[float]:
    """Longer and longer pauses that last ``limit`` seconds together."""
    pause, left = FIRST_PAUSE, limit
    while left > 0:
        yield min(pause, left)
        left -= pause
        pause *= 2


def described(entry: Entry) -> str:
    """An order in a message."""
    what = "stop" if entry.stop else entry.side
    return f"{entry.pair} {what} {entry.amount:g} ({entry.client_id})"
