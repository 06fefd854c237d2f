"""What is tried: the checks that every bot makes at its start, and bots of this release that run.

The bots are those of the fault matrix, with the faults whose handling leans on most of freqtrade's
internals; FreqAI's merge of features is compared with the quick one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from regimeswitch_lab.fault_matrix.matrix import all_cases


SHOWN_REASONS = 3
BY_BOTS = {
    "an entry whose answer is lost is placed once": "live entry 504 after acceptance",
    "an order that is found late is given to a trade": (
        "live entry 504 after acceptance, then silence"
    ),
    "an exit whose answer is lost is placed once": "live exit reset after acceptance",
    "a stop whose answer is lost is placed once": "live stop 504 after acceptance",
    "a cancellation whose answer is lost is looked up": (
        "live cancel of a resting order reset after acceptance"
    ),
    "nothing is asked during a ban": "live entry 418 before acceptance",
    "candles that cannot be read are asked for again": "dry-run klines html",
    "a bad candle is not traded on": "dry-run candle spike",
    "candle streams are not listened to": "dry-run websocket lost",
    "a training that fails costs no model": "dry-run model training raises",
}
"""What a bot has to get right, and the case of the fault matrix that shows it."""


@dataclass(frozen=True)
class TrialOutcome:
    """What came of one check.

    :ivar part: of the bot: connection, candles, trades, orders, models
    :ivar why: it failed; empty where it passed
    """

    part: str
    name: str
    why: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether all is as it should be."""
        return not self.why


def inspected() -> list[TrialOutcome]:
    """The checks of a bot's start; nothing is run."""
    from regimeswitch.bot.compatibility.supported import CHECKS, Subject

    subject = Subject()
    return [
        timed(check.part, check.name, lambda: [one.what for one in check.run(subject)])  # noqa: B023
        for check in CHECKS
    ]


def part_of(case: str) -> str:
    """The part of the bot that a case of the fault matrix tries."""
    if " model " in case:
        return "models"
    if any(word in case for word in ("candle", "klines", "websocket")):
        return "candles"
    return "connection" if "418" in case else "orders"


def tried(name: str, home: Path, candles: Path) -> TrialOutcome:
    """Run the bot of one check.

    :param name: of :data:`BY_BOTS`
    :param home: a new folder
    :param candles: of :func:`regimeswitch_lab.fault_matrix.scene.write_candles`
    """
    (case,) = [one for one in all_cases() if one.name == BY_BOTS[name]]

    def run() -> list[str]:
        from regimeswitch_lab.fault_matrix.run import run_case

        return run_case(case, home, candles, guards=True).why[:SHOWN_REASONS]

    return timed(part_of(case.name), name, run)


def compared() -> TrialOutcome:
    """Whether features that are joined quickly are those that FreqAI merges."""

    def run() -> list[str]:
        from regimeswitch_lab.doctor.contract_merging import differences

        return differences()

    return timed("models", "features are joined as FreqAI merges them", run)


def timed(part: str, name: str, run: Callable[[], list[str]]) -> TrialOutcome:
    """Run a check; whatever a freqtrade of another kind may raise is why it failed."""
    began = time.monotonic()
    try:
        why = run()
    except Exception as error:
        why = [f"{type(error).__name__}: {error}"]
    return TrialOutcome(part, name, why, round(time.monotonic() - began, 1))
