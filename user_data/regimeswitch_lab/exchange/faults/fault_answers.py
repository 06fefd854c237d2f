"""The answers of an exchange that fails: refusals, failures, no answer at all, and bad candles."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from aiohttp import web

from regimeswitch_lab.exchange.faults import fault_rules
from regimeswitch_lab.exchange.faults.fault_rules import Fault
from regimeswitch_lab.exchange.http.handlers import Handler, compact, refusal
from regimeswitch_lab.exchange.http.request_limits import banned, too_much_weight
from regimeswitch_lab.exchange.requests import api_errors


PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
# Status and body of what a failing exchange answers; JSON where Binance's own servers speak, a
# page where something in front of them does.
REFUSED = {
    "-1013 notional": api_errors.filter_failure("NOTIONAL"),
    "-1013 lot size": api_errors.filter_failure("LOT_SIZE"),
    "-1013 market closed": api_errors.ApiError(-1013, "Market is closed."),
    "-1021": api_errors.too_late(),
    "-1022": api_errors.bad_signature(),
    "-2010": api_errors.insufficient_balance(),
    "-2011": api_errors.unknown_order(),
    "-2013": api_errors.no_such_order(),
    "-2014": api_errors.bad_key_format(),
    "-2015": api_errors.bad_key(),
    "-2026": api_errors.ApiError(
        -2026, "Order was canceled or expired with no executed qty and archived."
    ),
}
FAILED: dict[str, tuple[int, api_errors.ApiError | str]] = {
    **{kind: (error.status, error) for kind, error in REFUSED.items()},
    "403": (403, PAGE.format("403 Forbidden")),
    "451": (451, api_errors.ApiError(0, "Service unavailable from a restricted location.")),
    "500": (
        500,
        api_errors.ApiError(-1000, "An unknown error occurred while processing the request."),
    ),
    "502": (502, PAGE.format("502 Bad Gateway")),
    "503": (503, api_errors.ApiError(-1008, "Server is currently overloaded with other requests.")),
    "504": (504, PAGE.format("504 Gateway Time-out")),
    "-1006": (
        400,
        api_errors.ApiError(-1006, "An unexpected response was received. Execution unknown."),
    ),
    "-1007": (
        408,
        api_errors.ApiError(-1007, "Timeout waiting for the backend. Execution unknown."),
    ),
    fault_rules.UNSEEN: (504, PAGE.format("504 Gateway Time-out")),
    "html": (200, PAGE.format("Security check")),
    "empty": (200, ""),
}
NEVER_MS = 9_999_999_999_999
"""The end of a ban that nobody means: 20 November 2286."""
NOT_TOLD = ("time-out", "reset")
# How often a client that has gone is noticed.
LOOK_SECONDS = 0.02
Line = list[Any]
DAY_MS = 86_400_000
# Opening and closing time of a line, and the prices between them.
OPENED, CLOSED = 0, 6
PRICES = (1, 2, 3, 4)
HIGH, LOW, CLOSE = 2, 3, 4


def limit_answer(kind: str, until: int, now: int) -> web.Response:
    """A refusal for the number of requests, up to a moment in epoch milliseconds."""
    response = _limit_answer(kind, until, now)
    # By the exchange's clock as all of it: that of this machine may be off.
    response.headers["Date"] = formatdate(now // 1000, usegmt=True)
    return response


def _limit_answer(kind: str, until: int, now: int) -> web.Response:
    if kind == "429":
        return refusal(too_much_weight(until - now))
    ban = banned(NEVER_MS if kind == fault_rules.ENDLESS else until, now)
    if kind in ("418", fault_rules.ENDLESS):
        return refusal(ban)
    return web.json_response(ban.body(), status=int(kind[-3:]), dumps=compact)


async def failed(fault: Fault, request: web.Request, handler: Handler, now: int) -> web.Response:
    """The answer of a fault.

    :raises ConnectionResetError: when there is none
    """
    if fault.kind == fault_rules.MISSING:
        return await _without_pair(fault, request, handler)
    if fault.kind == fault_rules.BREAK:
        return await _on_break(fault, request, handler)
    if fault.kind in (*fault_rules.CANDLES, "truncated", "slow"):
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        response = await real_answer(request, handler)
        return response if fault.kind == "slow" else _changed(fault, response, now)
    if fault.kind == fault_rules.ANOTHER:
        return _of_another(await real_answer(request, handler))
    if fault.moment == fault_rules.AFTER and fault.kind != fault_rules.UNSEEN:
        await real_answer(request, handler)
    if fault.kind in NOT_TOLD:
        await _no_answer(fault.kind, request)
    status, body = FAILED[fault.kind]
    if isinstance(body, api_errors.ApiError):
        return web.json_response(body.body(), status=status, dumps=compact)
    return web.Response(text=body, status=status, content_type="text/html")


async def real_answer(request: web.Request, handler: Handler) -> web.Response:
    """The answer of the exchange as it is."""
    response = await handler(request)
    assert isinstance(response, web.Response)
    return response


def _of_another(response: web.Response) -> web.Response:
    """The same, but for the numbers: what a mix-up between two requests would answer."""
    content = json.loads(response.text or "")
    if isinstance(content, dict) and "orderId" in content:
        content["orderId"] += 1_000_000
        for name in ("clientOrderId", "origClientOrderId"):
            if name in content:
                content[name] = f"x{content[name]}"[:36]
    return web.json_response(content, status=response.status, dumps=compact)


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
    if request.path != fault_rules.LISTING:
        return refusal(api_errors.ApiError(-1121, "Invalid symbol."))
    response = await real_answer(request, handler)
    info = json.loads(response.text or "")
    info["symbols"] = [one for one in info["symbols"] if one["symbol"] != fault.symbol]
    return web.json_response(info, dumps=compact)


async def _on_break(fault: Fault, request: web.Request, handler: Handler) -> web.Response:
    """A pair that is listed but not traded; its candles, book and open orders stay."""
    if request.path != fault_rules.LISTING:
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


def bad_candles(kind: str, lines: list[Line], since: int, now: int) -> list[Line]:
    """An answer with a bad candle in it.

    :param kind: one of :data:`~regimeswitch_lab.exchange.faults.fault_rules.CANDLES`
    :param lines: the candles of the answer, as Binance lists them
    :param since: the bad candle is the last one that was over then; stale: nothing newer is sent
    :param now: the present, epoch milliseconds
    """
    assert kind in fault_rules.CANDLES
    if kind == "stale":
        return [line for line in lines if line[OPENED] < since]
    if kind in ("future", "forming"):
        return [*lines, _later(kind, lines[-1])] if lines and lines[-1][CLOSED] > now else lines
    found = [line for line in lines if line[CLOSED] < since]
    if not found:
        return lines
    return [new for line in lines for new in (_bad(kind, line) if line is found[-1] else [line])]


def _later(kind: str, last: Line) -> Line:
    """A candle that has not begun yet; the forming one before it then looks as if it were over."""
    length = last[CLOSED] + 1 - last[OPENED]
    ahead = DAY_MS if kind == "future" else length
    close = last[CLOSE]
    return [last[OPENED] + ahead, *[close] * 4, "1", last[CLOSED] + ahead, "1", 1, "1", "1", "0"]


def _bad(kind: str, line: Line) -> list[Line]:
    if kind == "duplicated":
        return [line, _scaled(line, lambda place, price: price * 1.03)]
    if kind in ("nan", "null"):
        word = None if kind == "null" else "NaN"
        return [[word if place in PRICES else one for place, one in enumerate(line)]]
    return [_scaled(line, CHANGES[kind])]


def _inverted(place: int, price: float) -> float:
    return price * {HIGH: 0.97, LOW: 1.03}.get(place, 1.0)


CHANGES: dict[str, Callable[[int, float], float]] = {
    "zero": lambda place, price: 0.0,
    "negative": lambda place, price: -price,
    "inverted": _inverted,
    "spike": lambda place, price: price * 10 if place in (HIGH, CLOSE) else price,
}


def _scaled(line: Line, change: Callable[[int, float], float]) -> Line:
    return [
        f"{change(place, float(one)):.8f}" if place in PRICES else one
        for place, one in enumerate(line)
    ]
