"""Cases of the matrix: orders that show up late, coins that leave, databases that are older."""

from collections.abc import Iterator

from regimeswitch_lab.exchange.faults.fault_rules import AFTER, BEFORE, Fault
from regimeswitch_lab.fault_matrix.cases import (
    CANDLE,
    EXIT,
    ORDER,
    SYMBOL,
    Case,
    Transfer,
)


AT = {"entry": (0, ""), "exit": (EXIT, ""), "stop": (30, "stop")}
"""When an order is sent, and the variant of its trade."""
LATE = (15, 180)


def order_cases() -> Iterator[Case]:
    """All of them."""
    yield from _late()
    yield from _never()
    yield from _of_another()
    yield from _left()
    yield from _restarts()


def _late() -> Iterator[Case]:
    """Accepted, and shown nowhere for a while; or shown everywhere but where it is asked for."""
    for what, (begins, variant) in AT.items():
        for seconds in LATE:
            fault = Fault("unseen", "POST", ORDER, SYMBOL, times=1, seconds=seconds)
            name = f"live {what} unseen for {seconds} s"
            yield Case(name, faults=(fault,), begins=begins, ends=EXIT + CANDLE, variant=variant)
    for what in ("entry", "exit"):
        begins, variant = AT[what]
        lost = Fault("504", "POST", ORDER, SYMBOL, AFTER, times=1)
        denied = Fault("-2013", "GET", ORDER, SYMBOL)
        name = f"live {what} 504 after acceptance, then denied for 180 s"
        yield Case(name, faults=(lost, denied), begins=begins, ends=begins + 180, variant=variant)


def _never() -> Iterator[Case]:
    """Questions that can never be answered."""
    for what in ("entry", "exit"):
        begins, variant = AT[what]
        lost = Fault("504", "POST", ORDER, SYMBOL, BEFORE, times=1)
        archived = Fault("-2026", "GET", ORDER, SYMBOL)
        name = f"live {what} 504 before acceptance, then -2026"
        ends = begins + CANDLE
        yield Case(name, faults=(lost, archived), begins=begins, ends=ends, variant=variant)
    cut = Fault("504", "DELETE", ORDER, SYMBOL, AFTER, times=1)
    denied = Fault("-2013", "GET", ORDER, SYMBOL, skip=4)
    name = "live cancel of a resting order 504 after acceptance, then denied"
    yield Case(name, faults=(cut, denied), ends=CANDLE, variant="resting")


def _of_another() -> Iterator[Case]:
    """Answers about an order that was not meant."""
    for what in ("entry", "exit"):
        begins, variant = AT[what]
        fault = Fault("another order", "POST", ORDER, SYMBOL, times=1)
        name = f"live {what} answered with another order"
        yield Case(name, faults=(fault,), begins=begins, ends=begins + CANDLE, variant=variant)
    for verb, what in (("GET", "order query"), ("DELETE", "cancel of a resting order")):
        fault = Fault("another order", verb, ORDER, SYMBOL, times=2)
        name = f"live {what} answered with another order"
        yield Case(name, faults=(fault,), variant="resting")


def _left() -> Iterator[Case]:
    """Coins that leave between entry and exit."""
    for share, name in ((-0.5, "half the coins"), (-1.0, "all coins"), (-0.99, "all but dust")):
        gone = Transfer(CANDLE, "AAA", share)
        yield Case(f"live account {name} left before the exit", transfers=(gone,))


def _restarts() -> Iterator[Case]:
    ghost = "live start entry cancelled while the bot was down"
    yield Case(ghost, "restart", ends=90, variant="resting", what="entry cancelled")
    for what, begins in (("bought", -60), ("sold", CANDLE)):
        name = f"live start database older than what was {what}"
        yield Case(name, "restart", begins=begins, ends=begins + EXIT, what="older database")
