"""What an answer of the exchange says about the request: carried out, not carried out, unknown.

The exchange client's own errors say little about the one thing that counts for an order. Here a
failure is :class:`NoAnswer` (nobody knows), :class:`Withheld` (certainly not) or the exchange's own
refusal. Neither of the two makes freqtrade pause between its retries.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import ccxt


UNKNOWN_CODES = (-1000, -1001, -1006, -1007)
"""Binance's errors after which an order may have been carried out."""
TOO_MANY_REQUESTS, TOO_MANY_ORDERS, BAD_TIME = -1003, -1015, -1021
DEFAULT_BAN = 120.0
MINUTE = 60.0
WEIGHT_HEADER, WAIT_HEADER = "x-mbx-used-weight-1m", "retry-after"
_BAN_END = re.compile(r"until (\d{13})")


class NoAnswer(ccxt.ExchangeNotAvailable):
    """A request that may have been carried out: time-out, reset, 5XX, unreadable answer."""


class Withheld(ccxt.ExchangeNotAvailable):
    """A request that was certainly not carried out: not sent, or refused unread."""


@dataclass(frozen=True)
class Answer:
    """What came back over the wire.

    :param code: Binance's error code, 0 without one
    :param used_weight: of the minute, None where the answer does not tell
    :param retry_after: seconds, None where the answer does not tell
    :param ban_end: epoch seconds, 0 without a ban
    """

    status: int
    code: int
    used_weight: int | None
    retry_after: float | None
    ban_end: float

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: str) -> Self:
        """From status, headers and text."""
        lower = {name.lower(): value for name, value in headers.items()}
        end = _BAN_END.search(body)
        return cls(
            status=status,
            code=_code(body),
            used_weight=_number(lower.get(WEIGHT_HEADER)),
            retry_after=_number(lower.get(WAIT_HEADER)),
            ban_end=int(end.group(1)) / 1000 if end else 0.0,
        )

    @property
    def refused_unread(self) -> bool:
        """Whether the exchange wants fewer requests or orders."""
        return self.status in (418, 429) or self.code in (TOO_MANY_REQUESTS, TOO_MANY_ORDERS)

    @property
    def uncertain(self) -> bool:
        """Whether nobody knows what became of the request."""
        return self.status >= 500 or self.code == 0 or self.code in UNKNOWN_CODES

    def wait_until(self, now: float) -> float:
        """When requests are welcome again, epoch seconds; never in the past."""
        if self.retry_after is not None:
            return max(self.ban_end, now + max(self.retry_after, 1.0))
        if self.ban_end > now:
            return self.ban_end
        return now + DEFAULT_BAN if self.status == 418 else (now // MINUTE + 1) * MINUTE


def checked(response: Any, url: str) -> Any:
    """The decoded answer; an order's answer must be one.

    :raises NoAnswer: when it cannot be read
    """
    path = url.split("?")[0].rsplit("/", 1)[-1]
    if not isinstance(response, dict | list):
        raise NoAnswer(f"{path}: unreadable answer {str(response)[:60]!r}")
    if path == "order" and not (isinstance(response, dict) and response.get("orderId")):
        raise NoAnswer(f"{path}: answer without an order {str(response)[:60]!r}")
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
    return int(text) if text is not None and text.strip().isdigit() else None
