"""Faults of an exchange, as data: which answers go wrong, when, how often, and how."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields


BEFORE, AFTER = "before", "after"
ENDLESS = "418 until 2286"
LIMITS = ("429", "418", ENDLESS, "-1003 in 200", "-1003 in 400")
FAILURES = ("500", "502", "503", "504", "-1006", "-1007")
REFUSALS = (
    *("-1013 notional", "-1013 lot size", "-1013 market closed", "-1021", "-1022", "-2010"),
    *("-2011", "-2013", "-2014", "-2015", "-2026", "403", "451"),
)
"""Requests that are certainly not carried out."""
BROKEN = ("time-out", "reset", "truncated", "html", "empty", "slow")
CANDLES = (
    *("stale", "zero", "negative", "inverted", "spike", "nan", "null"),
    *("duplicated", "future", "forming"),
)
CANDLE_PATHS = ("/api/v3/klines", "/api/v3/uiKlines")
LISTING, ORDER_PATH = "/api/v3/exchangeInfo", "/api/v3/order"
MISSING, BREAK, UNSEEN, ANOTHER = "missing pair", "break", "unseen", "another order"
WEIGHT = "weight"
ASIDE = ("websocket", "drift", WEIGHT)
"""What spoils no answer."""
OTHERS = (MISSING, BREAK, UNSEEN, ANOTHER, *ASIDE)
KINDS = (*LIMITS, *FAILURES, *REFUSALS, *BROKEN, *CANDLES, *OTHERS)


class FaultError(ValueError):
    """A fault that cannot be; the text names the key, the value and what is allowed."""


@dataclass(frozen=True)
class Fault:
    """One fault.

    :ivar kind: one of :data:`KINDS`
    :ivar verb: HTTP method it is about; empty = all
    :ivar path: path it is about, e.g. ``/api/v3/order``; empty = all
    :ivar symbol: pair it is about, e.g. BTCUSDT; empty = all
    :ivar moment: before the request is accepted, or after, when only the answer is lost
    :ivar skip: requests that are left alone first
    :ivar times: answers that go wrong; 0 = all
    :ivar since: from this moment on, epoch milliseconds of the exchange; 0 = from the beginning
    :ivar until: up to this moment; 0 = without an end
    :ivar seconds: how late a slow answer is, how long a limit holds (0 = to ``until``), how far
        the clock is off, how long an unseen order is shown nowhere; of ``weight``, what the
        minute's weight is said to be
    """

    kind: str
    verb: str = ""
    path: str = ""
    symbol: str = ""
    moment: str = BEFORE
    skip: int = 0
    times: int = 0
    since: int = 0
    until: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        for name, allowed in (("kind", KINDS), ("moment", (BEFORE, AFTER))):
            value = getattr(self, name)
            if value not in allowed:
                raise FaultError(f"fault {name} {value!r}: use one of {', '.join(allowed)}")

    def concerns(self, verb: str, path: str, symbol: str, now: int) -> bool:
        """Whether a request of this moment is one that the fault is about."""
        if self.kind in CANDLES and path not in CANDLE_PATHS:
            return False
        if self.kind == BREAK and path != LISTING and (verb, path) != ("POST", ORDER_PATH):
            return False
        listing = self.kind in (MISSING, BREAK) and path == LISTING
        return (
            self.verb in ("", verb)
            and self.path in ("", path)
            and (self.symbol in ("", symbol) or listing)
            and self.since <= now
            and (not self.until or now < self.until)
        )


def written(faults: list[Fault]) -> list[dict[str, object]]:
    """Faults as JSON."""
    return [asdict(fault) for fault in faults]


def read_faults(lines: object) -> list[Fault]:
    """Faults from their JSON.

    :raises FaultError: when something is no fault
    """
    if not isinstance(lines, list):
        raise FaultError("faults are a list of objects")
    return [read_fault(line) for line in lines]


def read_fault(line: object) -> Fault:
    """One fault from its JSON.

    :raises FaultError: when it is none
    """
    if not isinstance(line, Mapping) or "kind" not in line:
        raise FaultError(f"fault {line!r}: write an object with a kind")
    defaults = {one.name: one.default for one in fields(Fault)} | {"kind": ""}
    for name, value in line.items():
        if name not in defaults:
            raise FaultError(f"fault key {name!r}: use {', '.join(defaults)}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        right = isinstance(value, str) if isinstance(defaults[name], str) else number and value >= 0
        if name == "seconds" and number:
            right = True
        if not right:
            raise FaultError(f"fault {name} {value!r}: a {type(defaults[name]).__name__} is wanted")
    return Fault(**line)
