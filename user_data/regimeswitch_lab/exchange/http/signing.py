"""Who may ask what: handlers that anyone reaches, and those that want the owner's signature."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from decimal import Decimal

from aiohttp import web

from regimeswitch_lab.exchange.account.trading_account import Credentials, Trading
from regimeswitch_lab.exchange.http.handlers import Handler
from regimeswitch_lab.exchange.requests import api_errors
from regimeswitch_lab.exchange.requests.request_form import MICROSECONDS, Form


KEY_HEADER = "X-MBX-APIKEY"
SIGNATURE = "signature"
WINDOW_DEFAULT_MS, WINDOW_MAX_MS = 5000, 60_000
AHEAD_MS = 1000
DRIFT: ContextVar[int] = ContextVar("drift", default=0)
"""How far the clock that a request is judged by is ahead of the market's, milliseconds."""
FormHandler = Callable[[Form], Awaitable[web.Response]]
SIGNED_NAMES = (SIGNATURE, "timestamp", "recvWindow")
UNIT_HEADER, SBE_HEADER = "X-MBX-TIME-UNIT", "X-MBX-SBE"


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
        raise api_errors.bad_key_format()
    if not hmac.compare_digest(octets(key), octets(credentials.key)):
        raise api_errors.bad_key()


def check_signature(credentials: Credentials, form: Form, text: str, now: int) -> None:
    """Refuse a request that is not signed, or not for now.

    :param form: its parameters
    :param text: see :func:`signed_text`
    :param now: the exchange's clock in epoch milliseconds
    :raises ApiError: as Binance answers
    """
    given = form.text(SIGNATURE)
    if given is None:
        raise api_errors.missing_parameter(SIGNATURE)
    stamp = form.whole("timestamp")
    if stamp is None:
        raise api_errors.missing_parameter("timestamp")
    # Microseconds are not rounded: the window may be a part of a millisecond.
    moment = Decimal(stamp) / 1000 if stamp >= MICROSECONDS else Decimal(stamp)
    window = form.window()
    if window is not None and window > WINDOW_MAX_MS:
        raise api_errors.window_too_long()
    if moment >= now + AHEAD_MS:
        raise api_errors.too_early()
    if now - moment > (WINDOW_DEFAULT_MS if window is None else window):
        raise api_errors.too_late()
    expected = signature(credentials.secret, text)
    if not hmac.compare_digest(given.lower().encode(), expected.encode()):
        raise api_errors.bad_signature()


def check_headers(request: web.Request) -> None:
    """Refuse answers in another form than JSON with milliseconds: there is no other here.

    :raises ApiError: with Binance's code
    """
    if SBE_HEADER in request.headers:
        raise api_errors.ApiError(-1155, "SBE is not enabled.")
    check_unit(request.headers.get(UNIT_HEADER, "MILLISECOND"))


def check_unit(unit: str) -> None:
    """Refuse times in another unit than milliseconds.

    :raises ApiError: with Binance's code
    """
    if unit.upper() == "MICROSECOND":
        raise api_errors.ApiError(-1020, "MICROSECOND is not supported by the embedded exchange.")
    if unit.upper() != "MILLISECOND":
        text = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
        raise api_errors.ApiError(-1194, text)


def public(handler: FormHandler, names: Sequence[str] = ()) -> Handler:
    """A handler that anyone reaches.

    :param names: the parameters that it has
    """

    async def checked(request: web.Request) -> web.StreamResponse:
        check_headers(request)
        form = Form(request.raw_path.partition("?")[2])
        form.only(names)
        return await handler(form)

    return checked


def signed(trading: Trading, handler: FormHandler, names: Sequence[str] | None = None) -> Handler:
    """A handler that is only called for requests of the account's owner.

    :param names: the parameters that it has; None leaves out the others, as Binance's sapi does
    """

    async def checked(request: web.Request) -> web.StreamResponse:
        check_key(trading.credentials, request.headers.get(KEY_HEADER))
        check_headers(request)
        # Bytes that are no text belong to no valid signature, so they need not survive.
        query, body = (
            raw.decode(errors="replace")
            for raw in (octets(request.raw_path.partition("?")[2]), await request.read())
        )
        form = Form(query, body)
        if names is not None:
            form.only((*names, *SIGNED_NAMES))
        now = trading.market.clock() + DRIFT.get()
        check_signature(trading.credentials, form, signed_text(query, body), now)
        return await handler(form)

    return checked
