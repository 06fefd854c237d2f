"""What each answer of the exchange means for the request, entries, exits and the next try.

One table (:mod:`regimeswitch.bot.connection.response_table`), by which code decides. Here an answer
or an error finds its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import ccxt

from regimeswitch.bot.connection.response_rows import Meaning, Pause, State
from regimeswitch.bot.connection.response_states import STATES
from regimeswitch.bot.connection.response_table import (
    ANSWERS,
    KEPT_BACK,
    OTHER,
    SILENT,
    TABLE,
    UNREADABLE,
)


__all__ = ["Meaning", "Pause", "State", "meaning", "meaning_of", "row"]

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
    found = {one.key: one for one in (*TABLE, *STATES, KEPT_BACK)}
    return found[key]


def meaning(status: int, code: int, text: str = "") -> Meaning:
    """What an answer that is no success means.

    :param status: HTTP status, 0 where it is not known
    :param code: Binance's code, 0 without one
    :param text: the body, by which answers of one code are distinguished
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
