"""The matrix: endpoint x fault x moment, in live and dry-run mode, as data."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from regimeswitch_lab.exchange.faults.fault_rules import AFTER, BEFORE, CANDLES, FAILURES, Fault
from regimeswitch_lab.fault_matrix.cases import (
    API,
    CANDLE,
    EXIT,
    KILLS,
    ORDER,
    PATIENCE,
    SYMBOL,
    Case,
    kill_case,
)
from regimeswitch_lab.fault_matrix.cases_changes import change_cases
from regimeswitch_lab.fault_matrix.cases_connection import connection_cases
from regimeswitch_lab.fault_matrix.cases_exits import exit_cases
from regimeswitch_lab.fault_matrix.cases_orders import order_cases


LIMITS = ("429", "418", "-1003 in 200", "-1003 in 400")
LOST = (*FAILURES, "time-out", "reset", "truncated", "html", "empty")
SOME_LOST = ("500", "504", "-1007", "time-out", "reset", "html", "empty")
KILL_SEEDS = 3
MODEL_FAULTS = (
    *("disk full", "read-only", "training raises", "training too long"),
    *("corrupted", "half-written", "missing", "other settings"),
)
CORE = (
    "live entry 504 after acceptance",
    "live entry time-out after acceptance",
    "live entry reset before acceptance",
    "live entry 418 before acceptance",
    "live exit reset after acceptance",
    "live stop 504 after acceptance",
    "live cancel of a resting order reset after acceptance",
    "dry-run order book 429",
    "dry-run klines html",
    "dry-run candle zero",
    "dry-run candle spike",
    "live exchange away for ten minutes",
)


def _requests(
    target: str,
    verb: str,
    path: str,
    kinds: Iterable[str],
    *,
    live: bool = True,
    moment: str = BEFORE,
    times: int = 2,
    at: tuple[int, int] = (0, CANDLE),
    variant: str = "",
) -> Iterator[Case]:
    """Cases of one endpoint and one moment.

    :param at: when the trouble begins and ends
    """
    for kind in kinds:
        symbol = "" if path.endswith("account") else SYMBOL
        late = 2 * PATIENCE if kind == "slow" else 0.0
        fault = Fault(kind, verb, path, symbol, moment, times=times, seconds=late)
        lost = "" if verb == "GET" else f" {moment} acceptance"
        name = f"{'live' if live else 'dry-run'} {target} {kind}{lost}"
        yield Case(name, "market", live, (fault,), *at, variant)


def _entries() -> Iterator[Case]:
    yield from _requests("entry", "POST", ORDER, LOST, moment=AFTER)
    plain = ("500", "503", "-1007", "time-out", "reset")
    yield from _requests("entry", "POST", ORDER, plain, moment=BEFORE)
    yield from _requests("entry", "POST", ORDER, LIMITS, moment=BEFORE, times=1)
    for kind in ("504", "reset"):
        (case,) = _requests("entry", "POST", ORDER, [kind], moment=AFTER)
        silent = Fault("503", "GET", ORDER, SYMBOL)
        name = f"{case.name}, then silence"
        yield replace(case, name=name, faults=(*case.faults, silent), ends=2 * CANDLE)


def _exits() -> Iterator[Case]:
    at = (EXIT, EXIT + CANDLE)
    yield from _requests("exit", "POST", ORDER, SOME_LOST, moment=AFTER, at=at)
    yield from _requests("exit", "POST", ORDER, ("500", "reset"), moment=BEFORE, at=at)
    yield from _requests("exit", "POST", ORDER, ("429", "418"), times=1, at=at)


def _stops_and_cancels() -> Iterator[Case]:
    lost = ("504", "time-out", "reset")
    # The stop follows its entry in the next loop.
    at = (30, CANDLE)
    yield from _requests("stop", "POST", ORDER, lost, moment=AFTER, at=at, variant="stop")
    yield from _requests("stop", "POST", ORDER, ("500",), at=at, variant="stop")
    for variant, begins in (("stop", EXIT), ("resting", 0)):
        name, at = f"cancel of a {variant} order", (begins, begins + CANDLE)
        yield from _requests(name, "DELETE", ORDER, lost, moment=AFTER, at=at, variant=variant)
        yield from _requests(name, "DELETE", ORDER, ("500",), at=at, variant=variant)


def _questions(live: bool) -> Iterator[Case]:
    """Requests that change nothing."""
    book = ("429", "418", "-1003 in 200", "500", "time-out", "truncated", "html", "slow")
    candles = ("429", "418", "500", "time-out", "truncated", "html", "empty", "stale")
    yield from _requests("order book", "GET", f"{API}depth", book, live=live, times=20)
    # A candle is asked for once; while it fails, in every loop again.
    yield from _requests("klines", "GET", f"{API}klines", candles, live=live, times=40)
    if live:
        account = ("429", "500", "truncated")
        yield from _requests("account", "GET", f"{API}account", account, times=6)
        asked = ("429", "500", "time-out", "html")
        yield from _requests("order query", "GET", ORDER, asked, times=6, variant="resting")
    yield from _slow_exit(live)


def _slow_exit(live: bool) -> Iterator[Case]:
    """One pair is not answered about while positions of both are to be closed."""
    mode = "live" if live else "dry-run"
    for what, path in (("order book", "depth"), ("klines", "klines")):
        silent = Fault("time-out", "GET", f"{API}{path}", SYMBOL)
        name = f"{mode} {what} of one pair silent"
        yield Case(name, "market", live, (silent,), EXIT, EXIT + CANDLE)


def _candles(live: bool) -> Iterator[Case]:
    mode = "live" if live else "dry-run"
    for kind in CANDLES:
        if kind != "stale":
            yield Case(f"{mode} candle {kind}", "market", live, (Fault(kind, symbol=SYMBOL),))


def _others() -> Iterator[Case]:
    gone = Fault("missing pair", symbol=SYMBOL)
    yield Case("live pair missing", faults=(gone,), begins=-CANDLE, ends=CANDLE)
    for seconds in (20, -20):
        fault = Fault("drift", seconds=float(seconds))
        yield Case(f"live clock {seconds:+} s off", faults=(fault,), begins=-60, ends=600)
    lost = Fault("websocket")
    yield Case("dry-run websocket lost", "websocket", False, (lost,), begins=-600, ends=900)
    for live in (True, False):
        mode = "live" if live else "dry-run"
        for kind in ("503", "reset"):
            name = f"{mode} exchange away at the start, {kind}"
            yield Case(name, "start", live, (Fault(kind),), ends=90)
        name = f"{mode} exchange away for ten minutes"
        yield Case(name, "market", live, (Fault("502"),), -60, 540)
        for at, begins in (("entry", 0), ("exit", EXIT)):
            name = f"{mode} disk full at the {at}"
            yield Case(name, "disk", live, (), begins, begins + CANDLE, what="database")


def _kills() -> Iterator[Case]:
    for seed in range(1, KILL_SEEDS + 1):
        yield kill_case(KILLS, seed)


def all_cases() -> list[Case]:
    """The whole matrix."""
    cases = [*_entries(), *_exits(), *_stops_and_cancels(), *exit_cases()]
    for live in (True, False):
        cases += [*_questions(live), *_candles(live)]
    cases += [*_others(), *_kills(), *order_cases(), *connection_cases(), *change_cases()]
    cases += [Case(f"dry-run model {what}", "model", False, what=what) for what in MODEL_FAULTS]
    return cases
