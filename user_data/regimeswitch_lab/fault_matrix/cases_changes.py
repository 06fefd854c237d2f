"""Cases of open positions that grow or shrink: the same troubles as at entries and exits.

The positions of all slots are changed, one candle after their entry; that of the second slot meets
the trouble.
"""

from collections.abc import Iterator

from regimeswitch_lab.exchange.faults.fault_rules import AFTER, BEFORE, Fault
from regimeswitch_lab.fault_matrix.cases import (
    CANDLE,
    EXIT,
    KILLS,
    ORDER,
    SYMBOL,
    Case,
    Transfer,
    kill_case,
)


GROW, SHRINK, RESTING, STOP, AFTERWARDS = "grow", "shrink", "resting", "stop", "afterwards"
"""Words of a variant: the position grows, or shrinks; by an order that rests; it has a stop on the
exchange; an addition becomes known after the exit, and its coins are sold for themselves."""
SHARE = 0.5
"""Of the first stake, by which a position grows or shrinks."""
WHAT = {GROW: "addition", SHRINK: "reduction"}
AT = (CANDLE, 2 * CANDLE)
OLDER = "older database"
LOST = ("504", "-1007", "time-out", "reset", "html")


def change_cases() -> Iterator[Case]:
    """All of them."""
    for variant in WHAT:
        yield from _lost(variant)
        yield from _late(variant)
        yield from _rests(variant)
    yield from _stops()
    yield from _others()


def changes_of(variant: str) -> list[tuple[int, float]]:
    """When a position is changed, seconds after its entry is due, and by which share of it."""
    words = variant.split()
    shares = [sign * SHARE for word, sign in ((GROW, 1), (SHRINK, -1)) if word in words]
    return [(CANDLE, share) for share in shares]


def _case(variant: str, words: str, *faults: Fault, ends: int = AT[1]) -> Case:
    kind = WHAT[variant.split()[0]]
    name = f"live {kind} {words}"
    return Case(name, faults=faults, begins=AT[0], ends=ends, variant=variant)


def _lost(variant: str) -> Iterator[Case]:
    for kind in LOST:
        fault = Fault(kind, "POST", ORDER, SYMBOL, AFTER, times=2)
        yield _case(variant, f"{kind} after acceptance", fault)
    for kind in ("500", "reset"):
        fault = Fault(kind, "POST", ORDER, SYMBOL, BEFORE, times=2)
        yield _case(variant, f"{kind} before acceptance", fault)
    for kind in ("429", "418", "-2010", "-2015"):
        times = 1 if kind in ("429", "418") else 0
        yield _case(variant, kind, Fault(kind, "POST", ORDER, SYMBOL, times=times))
    lost, silent = (
        Fault("504", "POST", ORDER, SYMBOL, AFTER, times=1),
        Fault("503", "GET", ORDER, SYMBOL),
    )
    # Nothing is known of it yet when the exit is due.
    ends = EXIT + 120
    name = "504 after acceptance, then silence"
    yield _case(f"{variant} {AFTERWARDS}", name, lost, silent, ends=ends)


def _late(variant: str) -> Iterator[Case]:
    for seconds in (15, 180):
        fault = Fault("unseen", "POST", ORDER, SYMBOL, times=1, seconds=seconds)
        yield _case(variant, f"unseen for {seconds} s", fault, ends=EXIT + CANDLE)
    lost = Fault("504", "POST", ORDER, SYMBOL, AFTER, times=1)
    denied = Fault("-2013", "GET", ORDER, SYMBOL)
    name = "504 after acceptance, then denied for 180 s"
    yield _case(variant, name, lost, denied, ends=AT[0] + 180)
    other = Fault("another order", "POST", ORDER, SYMBOL, times=1)
    yield _case(variant, "answered with another order", other)


def _rests(variant: str) -> Iterator[Case]:
    for kind in ("504", "reset"):
        fault = Fault(kind, "DELETE", ORDER, SYMBOL, AFTER, times=2)
        yield _case(f"{variant} {RESTING}", f"that rests, cancel {kind} after acceptance", fault)
    fault = Fault("504", "GET", ORDER, SYMBOL)
    yield _case(f"{variant} {RESTING}", "that rests and cannot be asked for", fault)


def _stops() -> Iterator[Case]:
    """With a stop on the exchange, which is cancelled for the change and placed anew."""
    for variant in WHAT:
        with_stop = f"{variant} {STOP}"
        cut = Fault("504", "DELETE", ORDER, SYMBOL, AFTER, times=2)
        yield _case(with_stop, "beside a stop, cancel of it 504 after acceptance", cut)
        lost = Fault("reset", "POST", ORDER, SYMBOL, AFTER, times=2)
        yield _case(with_stop, "beside a stop, reset after acceptance", lost)


def _others() -> Iterator[Case]:
    for variant, kind in WHAT.items():
        name = f"live {kind} after half the coins left"
        gone = Transfer(AT[0] - 150, "AAA", -0.5)
        yield Case(name, variant=variant, transfers=(gone,))
        older = f"live {kind} that an older database does not know"
        yield Case(
            older, "restart", begins=AT[0] - 30, ends=AT[1] - 60, variant=variant, what=OLDER
        )
        killed = kill_case(KILLS, 4)
        yield Case(f"live {kind} {killed.name[5:]}", "kill", variant=variant, what=killed.what)
