"""Who may trade: the account's key and secret, and the signature of a request."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal

from regimeswitch_lab.exchange.http.api_errors import (
    bad_key,
    bad_key_format,
    bad_signature,
    missing_parameter,
    too_early,
    too_late,
    window_too_long,
)
from regimeswitch_lab.exchange.http.request_form import Form
from regimeswitch_lab.exchange.http.time_parameters import MICROSECONDS


KEY_HEADER = "X-MBX-APIKEY"
SIGNATURE = "signature"
WINDOW_DEFAULT_MS, WINDOW_MAX_MS = 5000, 60_000
AHEAD_MS = 1000
DRIFT: ContextVar[int] = ContextVar("drift", default=0)
"""How far the clock that a request is judged by is ahead of the market's, milliseconds."""


@dataclass(frozen=True)
class Credentials:
    """Key and secret of the account; dummies that are worth nothing outside this exchange."""

    key: str = field(default_factory=lambda: secrets.token_hex(32))
    secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)


def octets(text: str) -> bytes:
    """The bytes of a text that came by HTTP, whatever they are."""
    return text.encode(errors="surrogateescape")


def signed_text(query: str, body: str) -> str:
    """What a signature is made of: query and body as they were sent, without the signature."""
    return "".join(
        "&".join(part for part in text.split("&") if not part.startswith(f"{SIGNATURE}="))
        for text in (query, body)
    )


def signature(secret: str, text: str) -> str:
    """The HMAC-SHA256 of a text, in hexadecimal."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def check_key(credentials: Credentials, key: str | None) -> None:
    """Refuse a request without the account's key.

    :raises ApiError: as Binance answers
    """
    if not key:
        raise bad_key_format()
    if not hmac.compare_digest(octets(key), octets(credentials.key)):
        raise bad_key()


def check_signature(credentials: Credentials, form: Form, text: str, now: int) -> None:
    """Refuse a request that is not signed, or not for now.

    :param form: its parameters
    :param text: see :func:`signed_text`
    :param now: the exchange's clock in epoch milliseconds
    :raises ApiError: as Binance answers
    """
    given = form.text(SIGNATURE)
    if given is None:
        raise missing_parameter(SIGNATURE)
    stamp = form.whole("timestamp")
    if stamp is None:
        raise missing_parameter("timestamp")
    # Microseconds are not rounded: the window may be a part of a millisecond.
    moment = Decimal(stamp) / 1000 if stamp >= MICROSECONDS else Decimal(stamp)
    window = form.window()
    if window is not None and window > WINDOW_MAX_MS:
        raise window_too_long()
    if moment >= now + AHEAD_MS:
        raise too_early()
    if now - moment > (WINDOW_DEFAULT_MS if window is None else window):
        raise too_late()
    expected = signature(credentials.secret, text)
    if not hmac.compare_digest(given.lower().encode(), expected.encode()):
        raise bad_signature()
