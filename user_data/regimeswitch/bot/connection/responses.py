"""What an answer of the exchange says about the request: carried out, not carried out, unknown.

The exchange client's own errors say little about the one thing that counts for an order. Here a
failure is :class:`NoAnswer` (nobody knows), :class:`Withheld` (certainly not) or the exchange's own
refusal; each has its row of the table of answers. None makes freqtrade pause between its retries.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self

import ccxt

from regimeswitch.bot.connection.response_meanings import Meaning, Pause, meaning
from regimeswitch.bot.connection.response_table import KEPT_BACK, SILENT, UNREADABLE


DEFAULT_BAN = 120.0
MINUTE = 60.0
WEIGHT_HEADER, WAIT_HEADER, DATE_HEADER = "x-mbx-used-weight-1m", "retry-after", "date"
_BAN_END = re.compile(r"until (\d{13,18})\b")
_NUMBER = re.compile(r"\d{1,15}")


class NoAnswer(ccxt.ExchangeNotAvailable):
    """A request that may have been carried out: time-out, reset, 5XX, unreadable answer.

    :param meaning: its row of the table of answers
    """

    def __init__(self, text: str, meaning: Meaning = SILENT) -> None:
        super().__init__(text)
        self.meaning = meaning


class Withheld(ccxt.ExchangeNotAvailable):
    """A request that was certainly not carried out: not sent, or refused unread.

    :param meaning: its row of the table of answers, which says why it was refused
    """

    def __init__(self, text: str, meaning: Meaning = KEPT_BACK) -> None:
        super().__init__(text)
        self.meaning = meaning


@dataclass(frozen=True)
class Answer:
    """What came back over the wire.

    :param code: Binance's error code, 0 without one
    :param meaning: its row, should it be no success
    :param used_weight: of the minute, None where the answer does not say
    :param retry_after: seconds, None where the answer does not say
    :param ban_end: epoch seconds of the exchange, 0 without a ban
    :param date: the exchange's clock, epoch seconds; 0 where the answer does not say
    """

    status: int
    code: int
    meaning: Meaning
    used_weight: int | None
    retry_after: float | None
    ban_end: float
    date: float

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: str) -> Self:
        """From status, headers and text."""
        lower = {name.lower(): value for name, value in headers.items()}
        end, code = _BAN_END.search(body), _code(body)
        date = _moment(lower.get(DATE_HEADER))
        return cls(
            status=status,
            code=code,
            # A success is not searched for words.
            meaning=meaning(status, code, body) if code or status >= 400 else UNREADABLE,
            used_weight=_number(lower.get(WEIGHT_HEADER)),
            retry_after=_wait(lower.get(WAIT_HEADER), date),
            ban_end=int(end.group(1)) / 1000 if end else 0.0,
            date=date,
        )

    @property
    def refused_unread(self) -> bool:
        """Whether the exchange wants to be left alone, or fewer orders."""
        return self.meaning.pause in (Pause.LIMIT, Pause.GROWING, Pause.ORDERS)

    @property
    def uncertain(self) -> bool:
        """Whether nobody knows what became of the request."""
        return self.meaning.unknown

    def wait(self, now: float) -> float:
        """For how long no request is welcome, seconds, at least one.

        A time given in seconds goes first: an end is by the exchange's clock.

        :param now: by the exchange's clock as far as it is known, epoch seconds
        """
        if self.retry_after is not None:
            return max(self.retry_after, 1.0)
        now = self.date or now
        if self.ban_end > now:
            return max(self.ban_end - now, 1.0)
        return DEFAULT_BAN if self.status == 418 else MINUTE - now % MINUTE


def checked(response: Any, url: str) -> Any:
    """The decoded answer; an order's answer must be one.

    :raises NoAnswer: when it cannot be read
    """
    path = url.split("?")[0].rsplit("/", 1)[-1]
    if not isinstance(response, dict | list):
        raise NoAnswer(f"{path}: unreadable answer {str(response)[:60]!r}", UNREADABLE)
    if path == "order" and not (isinstance(response, dict) and response.get("orderId")):
        text = f"{path}: answer without an order {str(response)[:60]!r}"
        raise NoAnswer(text, UNREADABLE)
    return response


def _code(body: str) -> int:
    """Binance's error code; 0 for what is no error answer of Binance."""
    if '"code"' not in body[:1000]:
        return 0
    try:
        found = json.loads(body)
    except ValueError:
        return 0
    code = found.get("code") if isinstance(found, dict) else None
    return code if isinstance(code, int) else 0


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text.strip()) else None


def _wait(text: str | None, date: float) -> float | None:
    """``Retry-After`` in seconds, which may name a moment instead."""
    moment = _moment(text)
    return max(moment - date, 0.0) if moment and date else _number(text)


def _moment(text: str | None) -> float:
    """A date of HTTP in epoch seconds; 0 for what is none."""
    try:
        found: datetime | None = parsedate_to_datetime(text) if text else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    return found.timestamp() if found is not None else 0.0
