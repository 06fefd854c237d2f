"""The answers of an exchange that fails: refusals, failures, and what is no answer at all."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from email.utils import formatdate

from aiohttp import web

from regimeswitch_lab.exchange.account.order_errors import (
    filter_failure,
    insufficient_balance,
    no_such_order,
    unknown_order,
)
from regimeswitch_lab.exchange.faults.fault_candles import bad_candles
from regimeswitch_lab.exchange.faults.fault_rules import (
    AFTER,
    ANOTHER,
    BREAK,
    CANDLES,
    ENDLESS,
    LISTING,
    MISSING,
    UNSEEN,
    Fault,
)
from regimeswitch_lab.exchange.http.api_errors import (
    ApiError,
    bad_key,
    bad_key_format,
    bad_signature,
    too_late,
)
from regimeswitch_lab.exchange.http.handlers import Handler, compact, refusal
from regimeswitch_lab.exchange.http.request_limits import banned, too_much_weight


PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
# Status and body of what a failing exchange answers; JSON where Binance's own servers speak, a
# page where something in front of them does.
REFUSED = {
    "-1013 notional": filter_failure("NOTIONAL"),
    "-1013 lot size": filter_failure("LOT_SIZE"),
    "-1013 market closed": ApiError(-1013, "Market is closed."),
    "-1021": too_late(),
    "-1022": bad_signature(),
    "-2010": insufficient_balance(),
    "-2011": unknown_order(),
    "-2013": no_such_order(),
    "-2014": bad_key_format(),
    "-2015": bad_key(),
    "-2026": ApiError(-2026, "Order was canceled or expired with no executed qty and archived."),
}
FAILED: dict[str, tuple[int, ApiError | str]] = {
    **{kind: (error.status, error) for kind, error in REFUSED.items()},
    "403": (403, PAGE.format("403 Forbidden")),
    "451": (451, ApiError(0, "Service unavailable from a restricted location.")),
    "500": (500, ApiError(-1000, "An unknown error occurred while processing the request.")),
    "502": (502, PAGE.format("502 Bad Gateway")),
    "503": (503, ApiError(-1008, "Server is currently overloaded with other requests.")),
    "504": (504, PAGE.format("504 Gateway Time-out")),
    "-1006": (400, ApiError(-1006, "An unexpected response was received. Execution unknown.")),
    "-1007": (408, ApiError(-1007, "Timeout waiting for the backend. Execution unknown.")),
    UNSEEN: (504, PAGE.format("504 Gateway Time-out")),
    "html": (200, PAGE.format("Security check")),
    "empty": (200, ""),
}
NEVER_MS = 9_999_999_999_999
"""The end of a ban that nobody means: 20 November 2286."""
NOT_TOLD = ("time-out", "reset")
# How often a client that has gone is noticed.
LOOK_SECONDS = 0.02


def limit_answer(kind: str, until: int, now: int) -> web.Response:
    """A refusal for the number of requests, up to a moment in epoch milliseconds."""
    response = _limit_answer(kind, until, now)
    # By the exchange's clock as all of it: that of this machine may be off.
    response.headers["Date"] = formatdate(now // 1000, usegmt=True)
    return response


def _limit_answer(kind: str, until: int, now: int) -> web.Response:
    if kind == "429":
        return refusal(too_much_weight(until - now))
    ban = banned(NEVER_MS if kind == ENDLESS else until, now)
    if kind in ("418", ENDLESS):
        return refusal(ban)
    return web.json_response(ban.body(), status=int(kind[-3:]), dumps=compact)


async def failed(fault: Fault, request: web.Request, handler: Handler, now: int) -> web.Response:
    """The answer of a fault.

    :raises ConnectionResetError: when there is none
    """
    if fault.kind == MISSING:
        return await _without_pair(fault, request, handler)
    if fault.kind == BREAK:
        return await _on_break(fault, request, handler)
    if fault.kind in (*CANDLES, "truncated", "slow"):
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        response = await real_answer(request, handler)
        return response if fault.kind == "slow" else _changed(fault, response, now)
    if fault.kind == ANOTHER:
        return _of_another(await real_answer(request, handler))
    if fault.moment == AFTER and fault.kind != UNSEEN:
        await real_answer(request, handler)
    if fault.kind in NOT_TOLD:
        await _no_answer(fault.kind, request)
    status, body = FAILED[fault.kind]
    if isinstance(body, ApiError):
        return web.json_response(body.body(), status=status, dumps=compact)
    return web.Response(text=body, status=status, content_type="text/html")


async def real_answer(request: web.Request, handler: Handler) -> web.Response:
    """The answer of the exchange as it is."""
    response = await handler(request)
    assert isinstance(response, web.Response)
    return response


def _of_another(response: web.Response) -> web.Response:
    """The same, but for the numbers: what a mix-up between two requests would answer."""
    told = json.loads(response.text or "")
    if isinstance(told, dict) and "orderId" in told:
        told["orderId"] += 1_000_000
        for name in ("clientOrderId", "origClientOrderId"):
            if name in told:
                told[name] = f"x{told[name]}"[:36]
    return web.json_response(told, status=response.status, dumps=compact)


def _changed(fault: Fault, response: web.Response, now: int) -> web.Response:
    text = response.text or ""
    if fault.kind == "truncated":
        text = text[: len(text) // 2]
    elif response.status == 200:
        since = fault.since or now
        text = compact(bad_candles(fault.kind, json.loads(text), since, now))
    return web.Response(text=text, status=response.status, content_type="application/json")


async def _without_pair(fault: Fault, request: web.Request, handler: Handler) -> web.Response:
    """A pair that is gone: not listed, and unknown to every other request."""
    if request.path != LISTING:
        return refusal(ApiError(-1121, "Invalid symbol."))
    response = await real_answer(request, handler)
    info = json.loads(response.text or "")
    info["symbols"] = [one for one in info["symbols"] if one["symbol"] != fault.symbol]
    return web.json_response(info, dumps=compact)


async def _on_break(fault: Fault, request: web.Request, handler: Handler) -> web.Response:
    """A pair that is listed but not traded; its candles, book and open orders stay."""
    if request.path != LISTING:
        return refusal(REFUSED["-1013 market closed"])
    response = await real_answer(request, handler)
    info = json.loads(response.text or "")
    for one in info["symbols"]:
        if one["symbol"] == fault.symbol:
            one["status"] = "BREAK"
    return web.json_response(info, dumps=compact)


async def _no_answer(kind: str, request: web.Request) -> None:
    """Never answer, or cut the connection as a crash does, without a farewell."""
    transport = request.transport
    while kind == "time-out" and transport is not None and not transport.is_closing():
        await asyncio.sleep(LOOK_SECONDS)
    if transport is not None and not transport.is_closing():
        line = transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    raise ConnectionResetError(f"the exchange gave no answer: {kind}")
