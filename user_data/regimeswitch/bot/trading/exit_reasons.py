"""Why an exit is not made, and what comes next, in words: from the table of answers."""

from __future__ import annotations

import re
from dataclasses import dataclass

import ccxt
from freqtrade.exceptions import PricingError

from regimeswitch.bot.connection.response_meanings import meaning_of
from regimeswitch.bot.connection.response_table import KEPT_BACK
from regimeswitch.bot.connection.responses import Withheld


FINAL = (
    *("-1022", "-2014 -2015", "-1013 NOTIONAL", "-1013 LOT_SIZE", "-1013 market closed"),
    "-2010 restricted",
)
"""Rows of the table that the next loop alone will not change."""
MAX_CHAIN = 10
NEXT = "Tried again in each loop"
_SHORT = "Not enough amount to exit trade"
_UNTIL = re.compile(r"until (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")


@dataclass(frozen=True)
class Held:
    """What is held of a pair.

    :ivar coin: base currency
    :ivar amount: coins of the trade
    :ivar price: the last one that is known
    :ivar quote: quote currency
    :ivar owned: coins of the account, free and locked
    :ivar least: value of the smallest order, 0 where it is not known
    :ivar listed: whether the exchange still has the pair
    """

    pair: str
    coin: str = ""
    amount: float = 0.0
    price: float = 0.0
    quote: str = ""
    owned: float = 0.0
    least: float = 0.0
    listed: bool = True

    @property
    def is_dust(self) -> bool:
        """Whether it is worth less than the smallest order."""
        return self.amount * self.price < self.least

    def __str__(self) -> str:
        worth = f"{self.amount:.8g} {self.coin} worth {self.amount * self.price:.2f} {self.quote}"
        return f"{worth} (dust: the smallest order is {self.least:g})" if self.is_dust else worth


@dataclass(frozen=True)
class Reason:
    """Why an exit is not made.

    :ivar why: what stands in its way
    :ivar then: what is tried next
    :ivar final: another loop alone will not change it
    """

    why: str
    then: str
    final: bool = False


def reason_of(error: Exception | None, held: Held) -> Reason:
    """Why, by the last error of a pair's exit and what is held of it.

    :param error: of freqtrade, or ccxt; None where freqtrade did not get so far as to ask
    """
    if not held.listed or _has(error, ccxt.BadSymbol):
        return Reason(
            f"the exchange does not list {held.pair} any more",
            f"{NEXT}; if it stays so, convert or withdraw the coins by hand",
            final=True,
        )
    if (error is None or _SHORT in str(error)) and held.owned < held.amount:
        return Reason(
            f"the account has {held.owned:.8g} {held.coin}, the rest has left it without an order "
            "of this bot",
            f"{NEXT}, with what is there",
        )
    if error is None:
        return Reason(
            "freqtrade placed no order that lasted, see its log (an amount, or what it leaves, "
            "below the smallest order; an order cancelled unfilled)",
            NEXT,
        )
    if isinstance(error, PricingError):
        return Reason(f"there is no price of it: {error}", NEXT)
    return _by_answer(error)


def _by_answer(error: Exception) -> Reason:
    cause = _root(error)
    found, text = meaning_of(error), str(cause)
    if isinstance(cause, Withheld):
        return Reason(text, "Tried again in the first loop after that")
    until = _UNTIL.search(text)
    own_words = found.unknown or found.key == KEPT_BACK.key
    why = found.reason(
        what=text if own_words else "the order",
        until=until[1] if until else "it allows them again",
        seconds="?",
    )
    then = f"Exits: {found.exits}; next try: {found.next_try}"
    return Reason(why, then, final=found.key in FINAL)


def _root(error: BaseException) -> BaseException:
    """What led to an error: the exchange client's own, where there is one."""
    current = error
    for _ in range(MAX_CHAIN):
        if isinstance(current, ccxt.BaseError) or current.__cause__ is None:
            break
        current = current.__cause__
    return current


def _has(error: BaseException | None, kind: type[BaseException]) -> bool:
    return error is not None and isinstance(_root(error), kind)
