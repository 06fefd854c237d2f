"""What has become of an order whose answer was lost: asked for by our own id until it is known."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import ccxt

from regimeswitch.bot.connection.responses import NoAnswer, Withheld
from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.messages.message import Level
from regimeswitch.bot.orders.absence import Trace, Traces, is_denial
from regimeswitch.bot.orders.journal import ABSENT, STRAY, Entry, Journal
from regimeswitch.settings.safety_settings import SafetySettings


logger = logging.getLogger(__name__)

Order = dict[str, Any]

WINDOW_MS = 4000
"""The exchange takes no order that reaches it later than this after it was signed."""
SURE_SECONDS = 5.0
"""The window and a second of difference between the clocks, from the moment at which the answer was
given up. Enough for a sale whose coins are free: they are not sold twice."""
SURE_DENIALS = 3
FIRST_PAUSE = 0.2
LOOK_SECONDS = 60.0
"""How often an order that is denied is looked for elsewhere, apart from the first and last time."""
SALE_SECONDS = 10.0
"""The same of a sale, which ought not to wait."""
DOUBT_FACTOR = 12
"""A doubt that nothing dissolves ends after so many times ``order_absent_seconds``."""


class NotPlaced(ccxt.ExchangeError):
    """An order that is not on the exchange, as far as can be asked."""


@dataclass
class Question:
    """An order without an answer, and what asking for it has found so far.

    :ivar began: when its answer was given up, epoch seconds; a clock from the moment of writing it
        down would count the wait for the rate limit, after which it was signed
    :ivar denials: how often the exchange did not know it
    :ivar waited: seconds that were spent on it
    :ivar pointless: nothing may be asked in this loop
    :ivar looked: when it was looked for elsewhere, epoch seconds; 0 = not yet
    :ivar trace: what was found there
    """

    entry: Entry
    began: float = field(default_factory=lambda: time.time())
    denials: int = 0
    waited: float = 0.0
    pointless: bool = False
    looked: float = 0.0
    trace: Trace | None = None

    @property
    def age(self) -> float:
        """Seconds since its answer was given up; a clock that was set back does not lessen it."""
        return max(self.waited, time.time() - self.began)

    def denied_for(self, seconds: float) -> bool:
        """Whether it was denied often enough, and this long after it was given up."""
        return self.denials >= SURE_DENIALS and self.age >= seconds


class Inquiry:
    """Asks for the orders of one bot.

    :param client: the exchange client before anything of it is replaced
    """

    def __init__(
        self, client: Any, journal: Journal, safety: SafetySettings, alarms: Alarms
    ) -> None:
        self._fetch, self._journal, self._alarms = client.fetch_order, journal, alarms
        self._limit, self._absent = safety.order_wait_seconds, safety.order_absent_seconds
        self.traces = Traces(client, journal)
        self._open: dict[str, Question] = {}

    def unknown(self, pair: str, side: str = "") -> bool:
        """Whether an order of a pair waits for its answer.

        :param side: buy or sell, empty for either
        """
        entries = [question.entry for question in self._open.values()]
        return any(entry.pair == pair and side in ("", entry.side) for entry in entries)

    def until_known(self, entry: Entry) -> Order:
        """Ask until it is known, or until the loop must go on.

        :raises NotPlaced: it is not there
        :raises NoAnswer: unknown; it counts as such until :meth:`once` finds out
        """
        question = self._open.setdefault(entry.client_id, Question(entry))
        for pause in pauses(self._limit):
            time.sleep(pause)
            question.waited += pause
            order = self._ask(question)
            if order is not None:
                return order
            if self._is_absent(question):
                self._settle(question, ABSENT)
                raise NotPlaced(f"{described(entry)} is not on the exchange")
            # A buy waits for minutes, but not here.
            if question.pointless or (entry.side == "buy" and question.denied_for(SURE_SECONDS)):
                break
        self._alarms.set(entry.client_id, self._unknown_outcome(question))
        raise NoAnswer(f"{described(entry)}: its outcome is unknown")

    def once(self, entry: Entry) -> Order | None:
        """One more try; None while it is unknown, and where it turns out to be absent."""
        question = self._open.get(entry.client_id) or self._of_earlier_process(entry)
        order = self._ask(question)
        if order is None and self._is_absent(question):
            logger.warning(f"{described(entry)} is not on the exchange")
            self._settle(question, ABSENT)
        elif order is None and question.denied_for(DOUBT_FACTOR * self._absent):
            self._give_up(question)
        elif order is None:
            self._alarms.set(entry.client_id, self._unknown_outcome(question))
        return order

    def _of_earlier_process(self, entry: Entry) -> Question:
        """A process that has ended sends nothing more; what it sent was signed by then."""
        began = min(entry.sent_ms / 1000 + self._limit, time.time())
        return self._open.setdefault(entry.client_id, Question(entry, began))

    def at_start(self, entry: Entry) -> Order | None:
        """As :meth:`until_known`, for an order of an earlier process; None where it is absent.

        :raises NoAnswer: unknown
        """
        self._of_earlier_process(entry)
        try:
            return self.until_known(entry)
        except NotPlaced:
            return None

    def close(self, entry: Entry, state: str) -> None:
        """Nothing is left to find out about an order."""
        self._settled(entry)
        self._note(entry, lambda: self._journal.close(entry.client_id, state))

    def found(self, entry: Entry, order: Order) -> None:
        """Note the exchange's id; a failure costs no more than asking again after a restart."""
        self._settled(entry)
        self._note(entry, lambda: self._journal.known(entry.client_id, str(order["id"])))

    def keep(self, entries: list[Entry]) -> None:
        """Forget questions about orders that were settled elsewhere, as by hand.

        :param entries: what is open in the journal
        """
        still = {entry.client_id for entry in entries}
        for name, question in list(self._open.items()):
            # A sale that could not be written down is in no journal, and unknown all the same.
            if name not in still and self._journal.state(name):
                self._settled(question.entry)

    def unwritten(self) -> list[Entry]:
        """Orders without an answer that could not be written down, as sales with a full disk."""
        open_ones = self._open.items()
        return [one.entry for name, one in open_ones if not self._journal.state(name)]

    def ask_for(self, entry: Entry) -> Order | None:
        """An order by our own id; None where the exchange denies it.

        :raises ccxt.BaseError: where there is no response
        """
        try:
            order: Order = self._fetch(entry.order_id, entry.pair, self._by_own_id(entry))
        except ccxt.BaseError as error:
            if is_denial(error):
                return None
            raise
        if trouble := other_order(order, entry):
            raise NoAnswer(f"an answer about another order ({trouble})")
        return order

    def _by_own_id(self, entry: Entry) -> dict[str, str]:
        return {} if entry.order_id else {"origClientOrderId": entry.client_id}

    def _ask(self, question: Question) -> Order | None:
        entry, question.pointless = question.entry, False
        try:
            order = self.ask_for(entry)
            if order is None:
                question.denials += 1
                order = self._look(question)
        except ccxt.BaseError as error:
            logger.warning(f"{described(entry)}: no response ({error})")
            question.pointless = isinstance(error, Withheld)
            return None
        if order is not None:
            logger.warning(f"{described(entry)} is on the exchange as {order['id']}")
            self.found(entry, order)
        return order

    def _look(self, question: Question) -> Order | None:
        """Look for it elsewhere: once it is denied for good, and then now and then."""
        now = time.time()
        last = question.denied_for(self._needed(question.entry))
        often = SALE_SECONDS if question.entry.side == "sell" else LOOK_SECONDS
        fresh = question.looked > 0 and now - question.looked < often
        if not question.denied_for(SURE_SECONDS) or (fresh and not last):
            return None
        if fresh and question.trace is not None and question.trace.doubt:
            return None
        question.trace = None
        question.trace = self.traces.of(question.entry)
        question.looked = now
        return question.trace.order

    def _needed(self, entry: Entry) -> float:
        """How long an order is to be denied before that is believed, seconds."""
        return SURE_SECONDS if entry.side == "sell" else self._absent

    def _is_absent(self, question: Question) -> bool:
        """Whether everything that can be asked has denied it, for long enough."""
        trace = question.trace
        if trace is None or trace.traded or not question.denied_for(self._needed(question.entry)):
            return False
        # A sale is held up by no doubt about coins for longer than a buy by anything.
        patient = question.entry.side == "sell" and question.denied_for(self._absent)
        return not trace.doubt or patient

    def _give_up(self, question: Question) -> None:
        """Nothing will ever say more: no pair is blocked by it for ever."""
        entry, trace = question.entry, question.trace
        doubt = trace.doubt if trace is not None else "nothing else could be asked"
        traded = trace is not None and trace.traded
        self._settle(question, STRAY if traded else ABSENT)
        self._alarms.tell(
            f"given up {entry.client_id}",
            f"{described(entry)}: the exchange denies it, but {doubt}; it is in no trade, look "
            "after it yourself",
            level=Level.ACTION,
        )

    def _unknown_outcome(self, question: Question) -> str:
        entry = question.entry
        kind = "buy" if entry.side == "buy" else "sale"
        text = f"{described(entry)}: its outcome is unknown; no further {kind} of {entry.pair} "
        if question.denials:
            return (
                f"{text}until it shows up, or is denied by everything for {self._absent:g} s; "
                "regimeswitch orders settles it by hand"
            )
        return f"{text}until it is known"

    def _settle(self, question: Question, state: str) -> None:
        self.close(question.entry, state)

    def _settled(self, entry: Entry) -> None:
        self._open.pop(entry.client_id, None)
        self._alarms.clear(entry.client_id, f"{described(entry)}: its outcome is known now")

    def _note(self, entry: Entry, write: Callable[[], None]) -> None:
        try:
            write()
        except sqlite3.Error as error:
            logger.error(f"{described(entry)}: not noted in {self._journal.path}: {error}")


def other_order(order: Order, entry: Entry) -> str:
    """In what an answer differs from the order that was meant; empty where it fits."""
    wanted = {"clientOrderId": entry.client_id, "symbol": entry.pair, "side": entry.side}
    if entry.order_id:
        wanted["id"] = entry.order_id
    differing = [
        f"{name} {order[name]}, not {value}"
        for name, value in wanted.items()
        if order.get(name) is not None and str(order[name]) != value
    ]
    return ", ".join(differing)


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
