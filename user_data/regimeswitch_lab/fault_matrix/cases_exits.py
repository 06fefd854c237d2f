"""Cases of exits that are due and cannot be made for a while, and of stops that do not protect."""

from collections.abc import Iterator

from regimeswitch_lab.exchange.faults.fault_rules import BREAK, MISSING, Fault
from regimeswitch_lab.fault_matrix.cases import API, CANDLE, EXIT, ORDER, SYMBOL, Case


GAP, RELISTED = "gap", "relisted"
"""Variants: AAA opens a tenth lower while it is held, with a stop on the exchange; markets are
read again every five minutes, so that a pair that is missing has no market."""
REFUSED = (
    *("-2015", "-2014", "-1022", "-1013 notional", "-1013 lot size", "-1013 market closed"),
    "-2010",
)
BOOK = f"{API}depth"
WHILE_DUE = (EXIT, EXIT + CANDLE)


def exit_cases() -> Iterator[Case]:
    """All of this module."""
    yield from _refused()
    yield from _without_a_price()
    yield from _stops()


def _refused() -> Iterator[Case]:
    for kind in REFUSED:
        fault = Fault(kind, "POST", ORDER, SYMBOL)
        yield Case(f"live exit {kind}", faults=(fault,), begins=EXIT, ends=EXIT + CANDLE)
    closed = Fault(BREAK, symbol=SYMBOL)
    yield Case("live exit on a break", faults=(closed,), begins=EXIT, ends=EXIT + CANDLE)


def _without_a_price() -> Iterator[Case]:
    begins, ends = WHILE_DUE
    for live in (True, False):
        mode = "live" if live else "dry-run"
        for kind in ("empty", "html", "418"):
            fault = Fault(kind, "GET", BOOK, SYMBOL)
            name = f"{mode} exit without a price, {kind}"
            yield Case(name, live=live, faults=(fault,), begins=begins, ends=ends)
    gone = Fault(MISSING, symbol=SYMBOL)
    yield Case("live exit of a missing pair", faults=(gone,), begins=begins, ends=ends)
    name = "live exit of a pair without a market"
    yield Case(name, faults=(gone,), begins=240, ends=EXIT + 120, variant=RELISTED)


def _stops() -> Iterator[Case]:
    for kind in ("-2015", "-2010"):
        fault = Fault(kind, "POST", ORDER, SYMBOL)
        yield Case(f"live stop {kind}", faults=(fault,), begins=30, variant="stop")
    yield Case("live stop jumped over", begins=CANDLE, variant=GAP)
