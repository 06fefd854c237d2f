"""Cases of the connection: slow and used-up, clocks that are set, refusals unread, long bans."""

from collections.abc import Iterator
from typing import Any

from regimeswitch_lab.exchange.faults.fault_rules import ENDLESS, Fault
from regimeswitch_lab.fault_matrix.cases import API, CANDLE, EXIT, ORDER, PATIENCE, SYMBOL, Case


AT_ONCE = EXIT + 30
"""An exit that is made in the loop in which it is due; the next loop is 60 s later."""
SHORT: dict[str, Any] = {"safety": {"slow_seconds": 0.2}}
"""An entry waits half as long for its price as the exchange client does."""
BY_TICKER: tuple[tuple[str, dict[str, Any]], ...] = (
    ("entry_pricing", {"use_order_book": False}),
    ("exit_pricing", {"use_order_book": False}),
)


def _slow() -> Iterator[Case]:
    """An answer that comes late, but in time for the exchange client."""
    late = PATIENCE * 0.75
    for what, path, config in (("book", "depth", ()), ("ticker", "ticker/24hr", BY_TICKER)):
        fault = Fault("slow", "GET", f"{API}{path}", SYMBOL, seconds=late)
        yield Case(
            f"live exit with a slow {what}",
            faults=(fault,),
            begins=EXIT,
            ends=EXIT + CANDLE,
            exit_by=AT_ONCE,
            config=(("regimeswitch", SHORT), *config),
        )
    lost = Fault("time-out", "GET", f"{API}depth", SYMBOL, times=1)
    yield Case(
        "live exit with one lost book",
        faults=(lost,),
        begins=EXIT,
        ends=EXIT + CANDLE,
        exit_by=AT_ONCE,
    )


def _weight() -> Iterator[Case]:
    """Others use nearly all of the minute's weight."""
    for what, config in (("book", ()), ("ticker", BY_TICKER)):
        yield Case(
            f"live exit by {what} with 95 % of the weight used",
            faults=(Fault("weight", seconds=5700.0),),
            begins=EXIT - 60,
            ends=EXIT + CANDLE,
            exit_by=AT_ONCE,
            config=config,
        )


def _clocks() -> Iterator[Case]:
    for seconds in (20, -20, 3600):
        yield Case(
            f"live exit with the clock {seconds:+} s off",
            faults=(Fault("drift", seconds=float(seconds)),),
            begins=EXIT - 60,
            ends=EXIT + 240,
            exit_by=AT_ONCE,
        )
    for what, verb, begins, variant in (
        ("entry", "POST", 0, ""),
        ("exit", "POST", EXIT, ""),
        ("cancel of a resting order", "DELETE", 0, "resting"),
    ):
        yield Case(
            f"live {what} -1021 once",
            faults=(Fault("-1021", verb, ORDER, SYMBOL, times=1),),
            begins=begins,
            ends=begins + CANDLE,
            variant=variant,
            exit_by=AT_ONCE if not variant else 0,
        )


def _refused_unread() -> Iterator[Case]:
    for kind in ("403", "451"):
        for what, verb, path, begins in (
            ("entry", "POST", ORDER, 0),
            ("exit", "POST", ORDER, EXIT),
            ("order book", "GET", f"{API}depth", EXIT),
        ):
            fault = Fault(kind, verb, path, SYMBOL, times=2)
            yield Case(f"live {what} {kind}", faults=(fault,), begins=begins, ends=begins + CANDLE)
        everything = (Fault(kind),)
        yield Case(f"live everything {kind}", faults=everything, begins=-60, ends=2 * CANDLE)


def _bans() -> Iterator[Case]:
    for kind in ("418", "-1003 in 200"):
        ban = (Fault(kind, "GET", f"{API}depth", SYMBOL, times=1),)
        yield Case(
            f"live restart during a ban, {kind}", faults=ban, ends=2 * CANDLE, restart=CANDLE // 2
        )
    for path, begins in (("depth", 0), ("order", EXIT)):
        endless = (Fault(ENDLESS, "", f"{API}{path}", SYMBOL, times=1),)
        yield Case(
            f"live ban until 2286 at {path}", faults=endless, begins=begins, ends=begins + 150
        )
    for ahead in (-3600, 3600):
        ban = (Fault("418", "GET", f"{API}depth", SYMBOL, times=1),)
        yield Case(
            f"live clock set by {ahead:+} s during a ban",
            faults=ban,
            ends=60,
            clock=(30, CANDLE - 30, ahead),
        )


def connection_cases() -> list[Case]:
    """All of them."""
    return [*_slow(), *_weight(), *_clocks(), *_refused_unread(), *_bans()]
