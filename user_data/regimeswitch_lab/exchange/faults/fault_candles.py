"""Candles as an exchange should never send them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from regimeswitch_lab.exchange.faults.fault_rules import CANDLES


Line = list[Any]
DAY_MS = 86_400_000
# Opening and closing time of a line, and the prices between them.
OPENED, CLOSED = 0, 6
PRICES = (1, 2, 3, 4)
HIGH, LOW, CLOSE = 2, 3, 4


def bad_candles(kind: str, lines: list[Line], since: int, now: int) -> list[Line]:
    """An answer with a bad candle in it.

    :param kind: one of :data:`~regimeswitch_lab.exchange.faults.fault_rules.CANDLES`
    :param lines: the candles of the answer, as Binance lists them
    :param since: the bad candle is the last one that was over then; stale: nothing newer is told
    :param now: the present, epoch milliseconds
    """
    assert kind in CANDLES
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
