"""Handlers that get the parameters of a request: anyone's, or only those of the account's owner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.http.api_errors import ApiError
from regimeswitch_lab.exchange.http.handlers import Handler
from regimeswitch_lab.exchange.http.request_form import Form
from regimeswitch_lab.exchange.http.signing import (
    DRIFT,
    KEY_HEADER,
    SIGNATURE,
    check_key,
    check_signature,
    octets,
    signed_text,
)


FormHandler = Callable[[Form], Awaitable[web.Response]]
SIGNED_NAMES = (SIGNATURE, "timestamp", "recvWindow")
UNIT_HEADER, SBE_HEADER = "X-MBX-TIME-UNIT", "X-MBX-SBE"


def check_headers(request: web.Request) -> None:
    """Refuse answers in another form than JSON with milliseconds: there is no other here.

    :raises ApiError: with Binance's code
    """
    if SBE_HEADER in request.headers:
        raise ApiError(-1155, "SBE is not enabled.")
    check_unit(request.headers.get(UNIT_HEADER, "MILLISECOND"))


def check_unit(unit: str) -> None:
    """Refuse times in another unit than milliseconds.

    :raises ApiError: with Binance's code
    """
    if unit.upper() == "MICROSECOND":
        raise ApiError(-1020, "MICROSECOND is not supported by the embedded exchange.")
    if unit.upper() != "MILLISECOND":
        text = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
        raise ApiError(-1194, text)


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
