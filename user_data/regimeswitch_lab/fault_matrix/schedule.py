"""Schedules of the simulation: what goes wrong with one bot, and when, drawn from a seed.

A schedule is data: whoever has the seed has all of it, and it can be run without one of its
troubles to see whether that one matters. Times are seconds from the start of the bot.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from regimeswitch_lab.exchange.faults.fault_rules import (
    AFTER,
    BEFORE,
    BREAK,
    BROKEN,
    CANDLES,
    FAILURES,
    LIMITS,
    MISSING,
    ORDER_PATH,
    UNSEEN,
    WEIGHT,
    Fault,
)
from regimeswitch_lab.fault_matrix.cases import API, CANDLE, Transfer
from regimeswitch_lab.fault_matrix.scene import BASES


EVERY, HOLD, OFFSET = 3 * CANDLE, 450, CANDLE
"""Seconds from entry to entry, from an entry to its exit, and from the start to the first entry."""
TROUBLED, LAST = 2, 3
"""The first slots are troubled; the bot settles in the next, and the last must be as usual."""
OFF = OFFSET + TROUBLED * EVERY - CANDLE
"""Nothing goes wrong any more from here on."""
END = OFFSET + (LAST + 1) * EVERY
ALL = ""


@dataclass(frozen=True)
class Step:
    """The clock of the bot's machine is off for a time.

    :ivar at: when it is set wrong
    :ivar until: when it is set right again
    :ivar seconds: how far it is ahead of the true time
    """

    at: int
    until: int
    seconds: int


@dataclass(frozen=True)
class Kill:
    """The bot's process ends at a request, as by ``kill -9``, and is started again later.

    :ivar verb: HTTP method of the requests that are counted; empty = all
    :ivar path: their path; empty = all
    :ivar number: at the how many-th of them, from 1
    :ivar moment: before it is sent, or after its answer has come
    :ivar down: candles until it is started again
    """

    verb: str
    path: str
    number: int
    moment: str
    down: int


Trouble = Fault | Transfer | Step | Kill


@dataclass(frozen=True)
class Schedule:
    """What a bot meets.

    :ivar seed: of which it was drawn
    :ivar discount: how far below the market entries are placed while there is trouble, fraction;
        0 = they cross
    :ivar stop: whether there is a stop-loss on the exchange
    :ivar thin: whether a level of the book has less than an entry wants
    :ivar changes: when positions grow or shrink, seconds after the moment of their entry, and by
        which share of their first stake
    :ivar falls: how the first pair's price falls through its stop in the first slot: "" (not),
        slide, or gap, which jumps over the limit of the stop too
    """

    seed: int
    discount: float = 0.0
    stop: bool = False
    thin: bool = False
    falls: str = ""
    troubles: tuple[Trouble, ...] = ()
    changes: tuple[tuple[int, float], ...] = ()

    def faults(self, begin_ms: int) -> list[Fault]:
        """The faults of the exchange, by its clock.

        :param begin_ms: start of the bot, epoch milliseconds
        """
        found = [one for one in self.troubles if isinstance(one, Fault)]
        return [
            replace(one, since=begin_ms + one.since * 1000, until=begin_ms + one.until * 1000)
            for one in found
        ]

    def without(self, trouble: Trouble) -> Schedule:
        """The same with one trouble less."""
        left = list(self.troubles)
        left.remove(trouble)
        return replace(self, troubles=tuple(left))

    def __str__(self) -> str:
        market = [
            f"entries rest {self.discount:.1%} below" if self.discount else "entries cross",
            "stop on the exchange" if self.stop else "",
            "thin book" if self.thin else "",
            f"price falls, {self.falls}" if self.falls else "",
            *(f"{share:+.0%} after {seconds} s" for seconds, share in self.changes),
        ]
        lines = [", ".join(word for word in market if word), *map(description, self.troubles)]
        return "; ".join(lines)


def description(trouble: Trouble) -> str:
    """A trouble in a few words."""
    match trouble:
        case Fault():
            what = " ".join(word for word in (trouble.verb, trouble.path, trouble.symbol) if word)
            lost = f" {trouble.moment} acceptance" if trouble.verb in ("POST", "DELETE") else ""
            long = f" for {trouble.seconds:g} s" if trouble.seconds else ""
            times = f" {trouble.times} times" if trouble.times else ""
            skip = f" after {trouble.skip} more" if trouble.skip else ""
            when = f"{trouble.since} to {trouble.until} s"
            return f"{when}: {trouble.kind}{long}{times}{skip} on {what or 'all requests'}{lost}"
        case Transfer():
            return f"{trouble.at} s: {trouble.share:+.0%} of the free {trouble.asset}"
        case Step():
            return f"{trouble.at} to {trouble.until} s: clock {trouble.seconds:+d} s off"
        case Kill():
            what = f"{trouble.verb} {trouble.path}".strip() or "any"
            place = f"{trouble.moment} request {trouble.number} ({what})"
            return f"killed {place}, down for {trouble.down} candles"


GARBAGE = tuple(kind for kind in BROKEN if kind != "slow")
NOT_ALLOWED = ("403", "451", "-1021", "-1022", "-2014", "-2015")
PLACING = (
    *(*FAILURES, *GARBAGE, *LIMITS, *NOT_ALLOWED, "-2010"),
    *("-1013 notional", "-1013 lot size", "-1013 market closed"),
)
# Verb, path, what a request of it may meet, and how often it is drawn against the others.
TARGETS: tuple[tuple[str, str, tuple[str, ...], float], ...] = (
    ("POST", ORDER_PATH, PLACING, 4),
    ("POST", ORDER_PATH, (*FAILURES, *GARBAGE), 4),
    ("DELETE", ORDER_PATH, (*FAILURES, *GARBAGE, *LIMITS, *NOT_ALLOWED, "-2011"), 2),
    ("GET", ORDER_PATH, (*FAILURES, *GARBAGE, *LIMITS, *NOT_ALLOWED, "-2013", "-2026", "slow"), 3),
    ("GET", f"{API}account", (*FAILURES, *GARBAGE, *LIMITS, *NOT_ALLOWED, "slow"), 2),
    ("GET", f"{API}myTrades", (*FAILURES, *GARBAGE, *LIMITS, *NOT_ALLOWED, "slow"), 1),
    ("GET", f"{API}allOrders", (*FAILURES, *GARBAGE, *NOT_ALLOWED, "slow"), 0.5),
    ("GET", f"{API}openOrders", (*FAILURES, *GARBAGE, *NOT_ALLOWED, "slow"), 0.5),
    ("GET", f"{API}depth", (*FAILURES, *GARBAGE, *LIMITS, "403", "slow"), 2),
    ("GET", f"{API}klines", (*FAILURES, *GARBAGE, *LIMITS, "403", "slow"), 1),
    ("GET", f"{API}klines", CANDLES, 1),
    ("GET", f"{API}exchangeInfo", (*FAILURES, *GARBAGE, "slow"), 0.5),
    ("GET", f"{API}time", (*FAILURES, *GARBAGE, "slow"), 0.5),
    (ALL, ALL, ("500", "503", "reset", "time-out", *LIMITS, "403", "451", "slow"), 3),
)
SIGNED = (*NOT_ALLOWED[2:], "-2010", "-2011", "-2013", "-2026")
# Where trouble tends to begin: around starts, entries, exits.
ANCHORS = (0, OFFSET, OFFSET + HOLD, OFFSET + EVERY, OFFSET + EVERY + HOLD)
CHANGES = (
    *((), ()),
    *(((100, 0.5),), ((100, -0.8),)),
    ((100, 0.5), (300, -0.5)),
)
"""Of positions: none, growing, shrinking (more than a thin level of the book takes), both."""
Draw = Callable[[random.Random, int], Trouble]


def draw(seed: int) -> Schedule:
    """The schedule of a seed: one to three troubles at once, and in a half of them kills."""
    chance = random.Random(seed)
    stop = chance.random() < 0.4
    kinds, weights = zip(*KINDS, strict=True)
    chosen = chance.choices(kinds, weights, k=chance.choice((1, 2, 3, 3, 3)))
    kills = chance.choice((0, 0, 1, 2))
    # At once: all around the same moment, or the same trade of which one meets two.
    (around,) = chance.choices(ANCHORS, (1, 3, 3, 3, 3))
    # Of its own: what was drawn before there were changes stays as it was.
    beside = random.Random(f"changes {seed}")
    changes = beside.choice(CHANGES)
    if changes and beside.random() < 0.5:
        around = OFFSET + beside.choice(changes)[0] + beside.choice((0, EVERY))
    return Schedule(
        seed=seed,
        discount=chance.choice((0.0, 0.0, 0.05, 0.001)),
        stop=stop,
        thin=chance.random() < 0.4,
        falls=chance.choice(("", "", "slide", "gap")) if stop else "",
        troubles=(
            *(kind(chance, around) for kind in chosen),
            *(_kill(chance) for _ in range(kills)),
        ),
        changes=changes,
    )


def schedules(first: int, count: int) -> Iterator[Schedule]:
    """The schedules of some seeds, one after the other."""
    return (draw(seed) for seed in range(first, first + count))


def _period(chance: random.Random, around: int, shortest: int = 30) -> tuple[int, int]:
    # Most of what a bot does is done in the first loop after a candle's close.
    sooner = chance.choice((-60, -5, -5, chance.randint(0, 200)))
    begins = min(max(around + sooner, 0), OFF - shortest)
    longest = max(chance.choice((100, 300, 900, OFF)), shortest)
    return begins, min(begins + chance.randint(max(shortest, longest // 3), longest), OFF)


def _answer(chance: random.Random, around: int) -> Trouble:
    """A kind of answers that goes wrong."""
    ((verb, path, kinds, _),) = chance.choices(TARGETS, [often for *_, often in TARGETS])
    kind = chance.choice(kinds)
    since, until = _period(chance, around)
    seconds = 0.0
    if kind == "slow":
        seconds = float(chance.choice((2, 6, 15)))
    elif kind in LIMITS:
        seconds = float(chance.choice((20, 90, 240)))
    pair = path.rsplit("/", 1)[-1] in ("order", "depth", "klines", "myTrades")
    changes = verb in ("POST", "DELETE") and kind not in (*NOT_ALLOWED, *SIGNED, *LIMITS)
    return Fault(
        kind,
        verb,
        path,
        chance.choice((ALL, *_SYMBOLS)) if pair else ALL,
        AFTER if changes and "-1013" not in kind and chance.random() < 0.7 else BEFORE,
        skip=chance.choice((0, 0, 0, 1)),
        times=1 if kind in LIMITS else chance.choice((1, 3, 9, 0)),
        since=since,
        until=until,
        seconds=seconds,
    )


_SYMBOLS = tuple(f"{base}USDT" for base in BASES)


def _late(chance: random.Random, around: int) -> Trouble:
    """An order that shows up late."""
    since, until = _period(chance, around)
    symbol, times = chance.choice((ALL, *_SYMBOLS)), chance.choice((1, 2))
    late = float(chance.choice((3, 15, 60, 180)))
    return Fault(
        UNSEEN, "POST", ORDER_PATH, symbol, times=times, since=since, until=until, seconds=late
    )


def _closed(chance: random.Random, around: int) -> Trouble:
    """A pair on a break, or gone."""
    since, until = _period(chance, around, 120)
    return Fault(
        chance.choice((BREAK, MISSING)), symbol=chance.choice(_SYMBOLS), since=since, until=until
    )


def _step(chance: random.Random, around: int) -> Trouble:
    at, until = _period(chance, around, 60)
    return Step(at, until, chance.choice((2, -2, 20, -20, 90, -90, 3600, -3600)))


def _weight(chance: random.Random, around: int) -> Trouble:
    """Request weight that others behind the same address use."""
    since, until = _period(chance, around, 60)
    used = float(chance.choice((4900, 5500, 5990)))
    return Fault(WEIGHT, since=since, until=until, seconds=used)


def _transfer(chance: random.Random, around: int) -> Trouble:
    at = min(around + chance.randint(1, HOLD), OFF)
    return Transfer(at, chance.choice(BASES), chance.choice((-1.0, -0.5, -0.1)))


def _kill(chance: random.Random) -> Kill:
    verb, path, most = chance.choice(
        ((ALL, ALL, 300), (ALL, ALL, 40), ("POST", ORDER_PATH, 6), ("DELETE", ORDER_PATH, 3))
    )
    number, moment = chance.randint(1, most), chance.choice((BEFORE, AFTER))
    return Kill(verb, path, number, moment, chance.choice((0, 0, 1, 2, 5)))


KINDS: tuple[tuple[Draw, float], ...] = (
    (_answer, 6),
    (_late, 2),
    (_closed, 1),
    (_step, 1),
    (_weight, 0.5),
    (_transfer, 2),
)
"""What is drawn, and how often against each other."""
