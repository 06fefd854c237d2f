"""What each answer of the exchange means for the request, entries, exits and the next try.

One table. Code decides by it, messages are made from it, and so is the table in ``docs/faults.md``
(:mod:`regimeswitch.bot.meaningtable` writes it). Codes, texts and HTTP statuses are those of
Binance's pages "Error codes", "Filters" and "General API information" (HTTP return codes).
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import ccxt


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
        # Some of ccxt's errors have the words of an answer and not its code.
        return code in self.codes or (code == 0 and bool(self.words))

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


NOT_HELD = "as usual"
ONE_LESS = "this one is not made; others as usual"
EACH_LOOP = "in every loop while it is due"

ANSWERS = (
    Meaning(
        "-1015",
        "too many new orders",
        "refused unread: the account's count of new orders is used up",
        "pause for ten seconds, or for `Retry-After`",
        "are tried in every loop; the exchange may refuse them until the count falls",
        "after ten seconds, or after `Retry-After`",
        "the exchange takes no new orders until {until} UTC",
        pause=Pause.ORDERS,
        codes=(-1015,),
    ),
    Meaning(
        "418",
        "banned",
        "refused unread: this address is banned for going on after 429",
        "pause",
        "cannot leave either; a stop-loss on the exchange works meanwhile",
        "at the end of the ban, with one `ping` first; an end in more than three days is not "
        "believed: one `ping` after 1, 2, 4 ... up to 60 minutes",
        "the exchange takes no requests until {until} UTC",
        exits_leave=False,
        pause=Pause.LIMIT,
        statuses=(418,),
    ),
    Meaning(
        "429",
        "too many requests",
        "refused unread: the request weight of the minute is used up",
        "pause",
        "cannot leave either: going on makes a ban of a warning",
        "after `Retry-After`, otherwise in the next minute",
        "the exchange takes no requests until {until} UTC",
        exits_leave=False,
        pause=Pause.LIMIT,
        statuses=(429,),
    ),
    Meaning(
        "-1003",
        "too many requests, or banned",
        "refused unread, as 429 or, where the text names an end, as 418",
        "pause",
        "cannot leave either: going on makes a ban of a warning",
        "at the end that the text names, otherwise in the next minute",
        "the exchange takes no requests until {until} UTC",
        exits_leave=False,
        pause=Pause.LIMIT,
        codes=(-1003,),
    ),
    Meaning(
        "403",
        "refused by the firewall",
        "refused unread by what stands in front of the exchange",
        "pause",
        "cannot leave either; a stop-loss on the exchange works meanwhile",
        "one `ping` after 10 s, then after twice as long each time, 10 minutes at most",
        "the exchange's firewall refuses this address (403); nothing is sent until {until} UTC",
        exits_leave=False,
        pause=Pause.GROWING,
        statuses=(403,),
    ),
    Meaning(
        "451",
        "refused for the location",
        "refused unread: the exchange serves nobody at this address",
        "pause",
        "cannot leave from this address; sell by hand, or run the bot elsewhere",
        "one `ping` after 10 s, then after twice as long each time, 10 minutes at most",
        "the exchange refuses the location of this address (451); nothing is sent until {until} "
        "UTC",
        exits_leave=False,
        pause=Pause.GROWING,
        statuses=(451,),
    ),
    Meaning(
        "5xx",
        "failure of the exchange",
        "unknown: it may have been carried out, whatever code comes with it",
        "pause until requests are answered",
        "are tried in every loop; a sale whose answer is lost is asked for by its id first",
        "a question in the next loop; an order only once its outcome is known",
        "no response of the exchange ({what})",
        unknown=True,
        statuses=tuple(range(500, 600)),
    ),
    Meaning(
        "-1000 -1001 -1006 -1007 -1008",
        "failure behind the exchange's door",
        "unknown: the exchange itself does not know",
        "pause until requests are answered",
        "are tried in every loop; a sale whose answer is lost is asked for by its id first",
        "a question in the next loop; an order only once its outcome is known",
        "no response of the exchange ({what})",
        unknown=True,
        codes=(-1000, -1001, -1006, -1007, -1008),
    ),
    Meaning(
        "-1021",
        "clocks differ",
        "not carried out: the timestamp of a signed request is outside of its window",
        "pause while the clocks differ by more than `safety.clock_drift_seconds`",
        "go on: signed requests carry the exchange's time",
        "at once: the difference is measured, and the request signed and sent once more",
        "this clock differs from the exchange's by {seconds} s",
        pause=Pause.CLOCK,
        codes=(-1021,),
    ),
    Meaning(
        "-1022",
        "signature refused",
        "not carried out: the secret is not that of the key",
        "none can be made",
        "cannot leave until the secret is right; sell by hand",
        EACH_LOOP,
        "{what}: the exchange refuses the signature; look at exchange.secret",
        exits_leave=False,
        codes=(-1022,),
    ),
    Meaning(
        "-2014 -2015",
        "key refused",
        "not carried out: key revoked or misspelled, address not on its list, or no permission to "
        "trade",
        "none can be made",
        "cannot leave until the key is right; sell by hand",
        EACH_LOOP,
        "{what}: the exchange refuses the key; look at its address list and its permissions",
        exits_leave=False,
        codes=(-2014, -2015, -2008, -1002, -1099),
    ),
    Meaning(
        "-1013 NOTIONAL",
        "below the smallest value",
        "not carried out: amount times price is below the pair's smallest order (or above its "
        "largest)",
        ONE_LESS,
        "what is left is dust: it cannot be sold until its value has grown",
        EACH_LOOP,
        "{what}: worth less than the smallest order of the pair",
        codes=(-1013,),
        words=("NOTIONAL", "Price * QTY is zero or less"),
    ),
    Meaning(
        "-1013 LOT_SIZE",
        "amount refused",
        "not carried out: the amount is too small, too large, or no whole number of steps",
        ONE_LESS,
        "what is left may be dust: less than one step cannot be sold",
        EACH_LOOP,
        "{what}: the pair takes no order of this amount",
        codes=(-1013,),
        words=("LOT_SIZE", "Invalid quantity"),
    ),
    Meaning(
        "-1013 PRICE_FILTER",
        "price refused",
        "not carried out: the price is outside of what the pair allows, or too far from the market",
        ONE_LESS,
        "the price is asked for anew",
        EACH_LOOP,
        "{what}: the pair takes no order at this price",
        codes=(-1013,),
        words=("PRICE_FILTER", "PERCENT_PRICE", "Invalid price"),
    ),
    Meaning(
        "-1013 MAX_NUM_ORDERS",
        "too many open orders",
        "not carried out: the account has as many open orders as it may",
        ONE_LESS,
        "wait until an order is over or cancelled",
        EACH_LOOP,
        "{what}: too many open orders",
        codes=(-1013,),
        words=("MAX_NUM",),
    ),
    Meaning(
        "-1013 MAX_POSITION",
        "position limit",
        "not carried out: the account may not hold more of the coin",
        ONE_LESS,
        NOT_HELD,
        EACH_LOOP,
        "{what}: the account may not hold more of this coin",
        codes=(-1013, -2010),
        words=("MAX_POSITION",),
    ),
    Meaning(
        "-1013 market closed",
        "pair not trading",
        "not carried out: the pair is on a break, halted or taken off",
        "none of the pair",
        "of the pair cannot leave until it trades again; other pairs as usual",
        EACH_LOOP,
        "{what}: the pair is not traded now",
        exits_leave=False,
        codes=(-1013, -2010, -1121),
        words=("Market is closed", "Invalid symbol"),
    ),
    Meaning(
        "-1013",
        "order refused",
        "not carried out: the exchange does not take an order like this",
        ONE_LESS,
        "this one is not made",
        EACH_LOOP,
        "{what}: the exchange refuses the order",
        codes=(-1013,),
    ),
    Meaning(
        "-2010 balance",
        "too little balance",
        "not carried out: the account has less than the order needs",
        ONE_LESS,
        "what the account has is sold, what is missing is booked and told",
        EACH_LOOP,
        "{what}: the account has too little",
        codes=(-2010,),
        words=("insufficient balance",),
    ),
    Meaning(
        "-2010 trigger",
        "price is past it already",
        "not carried out: a stop would trigger at once, or a maker order would take",
        ONE_LESS,
        "freqtrade's own exit sells in the same loop",
        EACH_LOOP,
        "{what}: the market is already past this price",
        codes=(-2010,),
        words=("would trigger immediately", "would immediately match"),
    ),
    Meaning(
        "-2010 restricted",
        "not allowed on this account",
        "not carried out: the account may not trade, or not this pair",
        "none can be made",
        "cannot leave; ask the exchange's support, sell by hand",
        EACH_LOOP,
        "{what}: the exchange does not let this account trade",
        exits_leave=False,
        codes=(-2010, -2011, -1010),
        words=(
            *("disabled on this account", "may not place or cancel", "not permitted for this"),
            *("restricted for this", "Rest API trading is not enabled"),
        ),
    ),
    Meaning(
        "-2010",
        "order refused",
        "not carried out: the matching engine refuses the order",
        ONE_LESS,
        "this one is not made",
        EACH_LOOP,
        "{what}: the exchange refuses the order",
        codes=(-2010, -1010),
    ),
    Meaning(
        "-2011",
        "cancel refused",
        "not carried out: the order is over already, or never was",
        NOT_HELD,
        "go on with what has become of the order, which is asked for",
        "none: the order's state decides",
        "{what}: nothing to cancel; the order is asked for",
        codes=(-2011,),
    ),
    Meaning(
        "-2013",
        "no such order",
        "an answer to a question: not there now; after an order without an answer it may still "
        "show up",
        "of the pair wait until it is known",
        "of the pair wait for an unknown sale only",
        "with growing pauses, then in every loop",
        "{what}: the exchange does not know the order",
        codes=(-2013,),
    ),
    Meaning(
        "-2026",
        "order archived",
        "an answer to a question: cancelled or expired without a fill, more than 90 days ago",
        "of the pair wait until trades and balances have settled it",
        NOT_HELD,
        "none: trades and balances decide",
        "{what}: the order is archived",
        codes=(-2026,),
    ),
)
"""Answers, in the order in which they are looked through."""

UNREADABLE = Meaning(
    "unreadable",
    "no answer of the exchange",
    "unknown: HTML, a half answer or an empty one, with whatever status",
    "pause until requests are answered",
    "are tried in every loop; a sale whose answer is lost is asked for by its id first",
    "a question in the next loop; an order only once its outcome is known",
    "no response of the exchange ({what})",
    unknown=True,
)
SILENT = Meaning(
    "no response",
    "time-out, reset, connection refused",
    "unknown: it may have been carried out",
    "pause until requests are answered",
    "are tried in every loop; a sale whose answer is lost is asked for by its id first",
    "a question in the next loop; an order only once its outcome is known",
    "no response of the exchange ({what})",
    unknown=True,
)
OTHER = Meaning(
    "any other code",
    "refused",
    "not carried out",
    ONE_LESS,
    "this one is not made",
    EACH_LOOP,
    "{what}: the exchange refuses the request",
)
KEPT_BACK = Meaning(
    "not sent",
    "kept back by the guards",
    "not carried out: it has not left this machine",
    "wait for what the message names",
    "wait for what the message names",
    "once that is over",
    "{what}",
)
"""A request that the guards themselves keep back; the error's text says why."""
TABLE = (*ANSWERS, OTHER, UNREADABLE, SILENT)
"""Every row, as in the page."""

_CODE = re.compile(r"""["']code["']\s*:\s*(-?\d+)""")
_STATUS = re.compile(r"(?:^|\s)(?:binance\w*|https?://\S+) ([345]\d\d)\b")
_BY_KIND = (
    (ccxt.InsufficientFunds, "-2010 balance"),
    (ccxt.MarketClosed, "-1013 market closed"),
    (ccxt.OrderImmediatelyFillable, "-2010 trigger"),
    (ccxt.OrderNotFound, "-2013"),
    (ccxt.InvalidNonce, "-1021"),
    (ccxt.AuthenticationError, "-2014 -2015"),
    (ccxt.DDoSProtection, "429"),
    (ccxt.RateLimitExceeded, "429"),
)
"""What an error of ccxt says where its text says nothing."""
MAX_CHAIN = 10


def row(key: str) -> Meaning:
    """A row by its key.

    :raises KeyError: where there is none
    """
    found = {one.key: one for one in (*TABLE, KEPT_BACK)}
    return found[key]


def meaning(status: int, code: int, text: str = "") -> Meaning:
    """What an answer that is no success means.

    :param status: HTTP status, 0 where it is not known
    :param code: Binance's code, 0 without one
    :param text: the body, by which answers of one code are told apart
    """
    for one in ANSWERS:
        if one.fits(status, code, text):
            return one
    return OTHER if code else UNREADABLE


def meaning_of(error: BaseException) -> Meaning:
    """What an error means, whoever raised it: the guards, ccxt, or freqtrade around one of these.

    Errors that passed the guards know it. Of others the text is read, in which ccxt leaves the
    exchange's answer, then their kind.
    """
    chain = list(_chain(error))
    for one in chain:
        known = getattr(one, "meaning", None)
        if isinstance(known, Meaning):
            return known
    for one in chain:
        found = _read(str(one))
        if found is not None:
            return found
    for one in chain:
        for kind, key in _BY_KIND:
            if isinstance(one, kind):
                return row(key)
        if isinstance(one, ccxt.NetworkError | OSError):
            return SILENT
    return OTHER


def _read(text: str) -> Meaning | None:
    code, status = _CODE.search(text), _STATUS.search(text)
    found = meaning(int(status[1]) if status else 0, int(code[1]) if code else 0, text)
    return None if found is UNREADABLE and status is None else found


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it, the outermost first."""
    current: BaseException | None = error
    for _ in range(MAX_CHAIN):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__
