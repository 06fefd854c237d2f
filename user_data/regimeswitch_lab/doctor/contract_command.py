"""``regimeswitch contract``: does RegimeSwitch fit the freqtrade that is installed?

First what every bot looks at when it starts: parameters and places of all that is wrapped. Then
bots of this release on the embedded exchange, each with a fault that the guards have to get right.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joblib import delayed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from regimeswitch_lab.inputs import InputError, write_json
from regimeswitch_lab.options import FINDING, OK, Subparsers, option, refusing
from regimeswitch_lab.screen import screen, table_of
from regimeswitch_lab.side_by_side import side_by_side


if TYPE_CHECKING:
    from regimeswitch_lab.doctor.contract_trials import TrialOutcome

JOBS = 2
CLOCK = "time_machine"


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "contract",
        help="does RegimeSwitch fit the installed freqtrade?",
        description="Look at all that is used of the internals of the installed freqtrade and "
        "ccxt, then run bots on the embedded exchange with faults that the guards must get right.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="only look, as a bot does at its start; run no bots"
    )
    option(parser, "--jobs", default=JOBS, help=f"bots side by side ({JOBS})")
    option(parser, "--export", help="write the outcomes as JSON")
    parser.set_defaults(run=run)


@refusing("contract", InputError, OSError)
def run(args: argparse.Namespace) -> int:
    """Check; 0 when everything fits, 1 when something does not, 2 on bad usage."""
    console = Console(stderr=True)
    if not args.quick and importlib.util.find_spec(CLOCK) is None:
        raise InputError(
            "bots are run under a moved clock, and the package time-machine is not installed; "
            "install it (pip install time-machine), or look without bots: --quick"
        )
    began = time.monotonic()
    outcomes = list(all_outcomes(args.quick, args.jobs, console))
    figures = figures_of(outcomes, args.quick, time.monotonic() - began)
    if args.export:
        write_json(args.export, figures)
    print_outcomes(outcomes, figures)
    return OK if figures["passed"] == figures["checks"] else FINDING


def all_outcomes(quick: bool, jobs: int, console: Console) -> Iterator[TrialOutcome]:
    """What came of each check, as they come."""
    # freqtrade takes seconds to load.
    from regimeswitch_lab.doctor.contract_trials import BY_BOTS, compared, inspected, tried, written
    from regimeswitch_lab.fault_matrix.scene import write_candles

    yield from inspected()
    if quick:
        return
    yield compared()
    yield written()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        tempfile.TemporaryDirectory(prefix="regimeswitch-contract-") as folder,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        work = Path(folder)
        candles = write_candles(work / "candles")
        tasks = (
            delayed(tried)(name, work / f"{number:02}", candles)
            for number, name in enumerate(BY_BOTS, 1)
        )
        task = progress.add_task("bots", total=len(BY_BOTS))
        for outcome in side_by_side(tasks, min(jobs, len(BY_BOTS))):
            progress.advance(task)
            yield outcome


def figures_of(outcomes: list[TrialOutcome], quick: bool, seconds: float) -> dict[str, Any]:
    """What is exported."""
    import ccxt
    import freqtrade

    from regimeswitch.bot.compatibility.supported import is_tested

    return {
        "freqtrade": freqtrade.__version__,
        "ccxt": ccxt.__version__,
        "python": platform.python_version(),
        "tested": is_tested(),
        "quick": quick,
        "checks": len(outcomes),
        "passed": sum(outcome.passed for outcome in outcomes),
        "failures": [
            {"part": outcome.part, "check": outcome.name, "why": outcome.why}
            for outcome in outcomes
            if not outcome.passed
        ],
        "seconds": round(seconds, 1),
    }


def print_outcomes(outcomes: list[TrialOutcome], figures: dict[str, Any]) -> None:
    """The table, the reasons, and the verdict."""
    console = screen()
    rows = [
        [one.part, one.name, "passed" if one.passed else "[bold red]FAILED[/]"] for one in outcomes
    ]
    table = table_of(None, ["part", "check", "result"], rows, words=3)
    console.print(table)
    for failure in figures["failures"]:
        why = "; ".join(failure["why"])
        console.print(f"{failure['check']}: FAILED: {why}", highlight=False, markup=False)
    console.print(verdict(figures), highlight=False, markup=False)


def verdict(figures: dict[str, Any]) -> str:
    """One line about the release."""
    release = (
        f"freqtrade {figures['freqtrade']} with ccxt {figures['ccxt']}, Python {figures['python']}"
    )
    failed = figures["checks"] - figures["passed"]
    if failed:
        return (
            f"{release}: {failed} of {figures['checks']} checks failed; do not trade live with it"
        )
    known = "tested with this release" if figures["tested"] else "not a release that was tested"
    return f"{release}: {known}; all {figures['checks']} checks passed here"
