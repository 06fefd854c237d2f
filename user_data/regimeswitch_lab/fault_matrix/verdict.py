"""What was found in a case, and the figures and the table of all of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from regimeswitch_lab.screen import screen, table_of


COUNTS = (
    "duplicate_orders",
    "orphans_unreported",
    "lost_trades",
    "trades_on_bad_candles",
    "requests_during_ban",
    "exits_untold",
)
# As short as a terminal wants them.
HEADINGS = ("double", "orphans", "lost", "bad candle", "in a ban", "unnotified")


@dataclass
class CaseVerdict:
    """What was found.

    :ivar counts: by :data:`COUNTS`
    :ivar why: one line per finding
    :ivar schedule: what the bot met, in a few words; empty where the name says it
    """

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    why: list[str] = field(default_factory=list)
    seconds: float = 0.0
    schedule: str = ""

    @property
    def survived(self) -> bool:
        """Whether nothing was found."""
        return not self.why

    def find(self, count: str, why: str, number: int = 1) -> None:
        """Note a finding."""
        self.counts[count] += number
        self.why.append(why)


def figures_of(verdicts: Sequence[CaseVerdict], guards: bool, seconds: float) -> dict[str, Any]:
    """The figures, as exported."""
    sums: Counter[str] = Counter()
    for verdict in verdicts:
        sums.update(verdict.counts)
    return {
        "cases": len(verdicts),
        "survived": sum(verdict.survived for verdict in verdicts),
        **{name: sums[name] for name in COUNTS},
        "failures": [
            {"case": verdict.name, "why": "; ".join(verdict.why)}
            | ({"schedule": verdict.schedule} if verdict.schedule else {})
            for verdict in verdicts
            if not verdict.survived
        ],
        "guards": guards,
        "seconds": round(seconds, 1),
    }


def print_verdicts(verdicts: Sequence[CaseVerdict], figures: dict[str, Any]) -> None:
    """What was found in each kind of case, the sums, and the reasons."""
    console = screen()
    title = "Faults" if figures["guards"] else "Faults, without guards"
    groups: dict[str, list[CaseVerdict]] = {}
    for verdict in verdicts:
        groups.setdefault(_group(verdict.name), []).append(verdict)
    rows = [[name, *_cells(members)] for name, members in groups.items()]
    table = table_of(title, ["cases", "run", "survived", *HEADINGS], rows)
    table.add_section()
    table.add_row("all", *_cells(verdicts))
    console.print(table)
    for failure in figures["failures"]:
        console.print(f"{failure['case']}: {failure['why']}", highlight=False, markup=False)
        if "schedule" in failure:
            console.print(f"    {failure['schedule']}", highlight=False, markup=False)


def _group(name: str) -> str:
    """Mode and what it happened to."""
    words = name.split()
    return " ".join(words[:2])


def _cells(verdicts: Sequence[CaseVerdict]) -> list[str]:
    sums: Counter[str] = Counter()
    for verdict in verdicts:
        sums.update(verdict.counts)
    survived = sum(verdict.survived for verdict in verdicts)
    return [str(len(verdicts)), str(survived), *(str(sums[name]) for name in COUNTS)]
