"""Handlers that only the owner of the account reaches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from regimeswitch.exchange.answers import Handler
from regimeswitch.exchange.form import Form
from regimeswitch.exchange.signing import (
    DRIFT,
    KEY_HEADER,
    check_key,
    check_signature,
    octets,
    signed_text,
)
from regimeswitch.exchange.trading import Trading


Signed = Callable[[Form], Awaitable[web.Response]]


def signed(trading: Trading, handler: Signed) -> Handler:
    """A handler that is only called for requests of the account's owner."""

    async def checked(request: web.Request) -> web.StreamResponse:
        check_key(trading.credentials, request.headers.get(KEY_HEADER))
        # Bytes that are no text belong to no valid signature, so they need not survive.
        query, body = (
            raw.decode(errors="replace")
            for raw in (octets(request.raw_path.partition("?")[2]), await request.read())
        )
        form = Form(query, body)
        now = trading.market.clock() + DRIFT.get()
        check_signature(trading.credentials, form, signed_text(query, body), now)
        return await handler(form)

    return checked
