"""``regimeswitch faults``: a real bot against an exchange that fails, case by case.

Each case is freqtrade's own bot in live or dry-run mode under a moved clock, against the embedded
exchange with one fault. It is judged from outside: the account and its orders against the bot's
database, what was asked during a ban, and whether the bot trades as before once the fault is over.
"""

import argparse
import contextlib
import difflib
import time
from collections.abc import Iterator
from pathlib import Path

from joblib import delayed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from regimeswitch_lab.fault_matrix.cases import Case, kill_case
from regimeswitch_lab.fault_matrix.matrix import CORE, all_cases
from regimeswitch_lab.fault_matrix.schedule import schedules
from regimeswitch_lab.fault_matrix.verdict import CaseVerdict, figures_of, print_verdicts
from regimeswitch_lab.inputs import InputError, write_json
from regimeswitch_lab.offline.overlay import no_settings_around
from regimeswitch_lab.options import FINDING, OK, Subparsers, option, refusing, whole
from regimeswitch_lab.side_by_side import side_by_side
from regimeswitch_lab.stop_signals import temporary_folder


JOBS = 2


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "faults",
        help="a real bot against an exchange that fails, case by case",
        description="Run freqtrade's own bot against the embedded exchange, one fault a case, and "
        "judge from outside what became of its orders and trades.",
    )
    parser.add_argument("--cases", nargs="+", metavar="NAME", help="only these (see --list)")
    parser.add_argument("--core", action="store_true", help="only the core of 12 cases")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument(
        "--without-guards",
        action="store_true",
        help="safety.guards off: what freqtrade alone does with the same faults",
    )
    parser.add_argument(
        "--kills",
        type=whole(1),
        metavar="N",
        help="instead of the matrix: kill a live bot N times at random moments",
    )
    parser.add_argument(
        "--simulate",
        type=whole(1),
        metavar="SEEDS",
        help="instead of the matrix: as many schedules of several faults at once, drawn from seeds",
    )
    parser.add_argument(
        "--seed", type=whole(0), default=1, help="of --kills, and the first of --simulate (1)"
    )
    option(parser, "--jobs", default=JOBS, help=f"cases side by side ({JOBS})")
    option(parser, "--work", help="keep logs and databases in this folder")
    option(parser, "--export")
    parser.set_defaults(run=run)


@refusing("faults", InputError, OSError)
def run(args: argparse.Namespace) -> int:
    """Run cases; 0 when all were survived, 1 when one was not."""
    console = Console(stderr=True)
    cases = chosen(args)
    if args.list:
        print("\n".join(case.name for case in cases))
        return OK
    began = time.monotonic()
    with workplace(args.work) as work, no_settings_around():
        verdicts = list(judged(cases, work, args, console))
    figures = figures_of(verdicts, not args.without_guards, time.monotonic() - began)
    if args.export:
        write_json(args.export, figures)
    print_verdicts(verdicts, figures)
    return OK if figures["survived"] == figures["cases"] else FINDING


def chosen(args: argparse.Namespace) -> list[Case]:
    """The cases that are asked for.

    :raises InputError: when one is not there, or --kills is not alone
    """
    for name in ("kills", "simulate"):
        others = args.cases or args.core or (args.kills is not None and args.simulate is not None)
        if getattr(args, name) is not None and others:
            raise InputError(f"--{name} is a run of its own; leave the other choices of cases out")
    if args.kills is not None:
        return [kill_case(args.kills, args.seed)]
    if args.simulate is not None:
        return []
    known = {case.name: case for case in all_cases()}
    names = args.cases or (CORE if args.core else list(known))
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            fix = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(f"--cases {name!r} is no case; {fix}--list has them all")
    return [known[name] for name in names]


@contextlib.contextmanager
def workplace(given: Path | None) -> Iterator[Path]:
    """A folder of this run's own.

    :raises InputError: when the given one holds something
    """
    if given is None:
        with temporary_folder("regimeswitch-faults-") as temporary:
            yield temporary
        return
    if given.exists() and any(given.iterdir()):
        raise InputError(f"--work {given} is not empty; name a new folder or remove it")
    given.mkdir(parents=True, exist_ok=True)
    yield given.resolve()


def judged(
    cases: list[Case], work: Path, args: argparse.Namespace, console: Console
) -> Iterator[CaseVerdict]:
    """Verdicts, as they come."""
    if args.simulate is not None:
        yield from simulated(work, args, console)
        return
    # freqtrade takes seconds to load, and not every use of the command needs it.
    from regimeswitch_lab.fault_matrix.run import run_case
    from regimeswitch_lab.fault_matrix.scene import write_candles

    candles, guards = write_candles(work / "candles"), not args.without_guards
    tasks = (
        delayed(run_case)(case, work / f"{number:03}", candles, guards)
        for number, case in enumerate(cases, 1)
    )
    if args.kills is not None:
        with progress_bar(console) as progress:
            task = progress.add_task("kills", total=args.kills)
            yield run_case(
                cases[0],
                work / "001",
                candles,
                guards,
                lambda done: progress.update(task, completed=done),
            )
        return
    yield from shown(side_by_side(tasks, min(args.jobs, len(cases))), len(cases), console)


def simulated(work: Path, args: argparse.Namespace, console: Console) -> Iterator[CaseVerdict]:
    """Verdicts on seeds, as they come."""
    from regimeswitch_lab.fault_matrix.simulation import run_seed
    from regimeswitch_lab.fault_matrix.simulation_market import write_markets

    guards, markets = not args.without_guards, write_markets(work / "candles")
    tasks = (
        delayed(run_seed)(
            schedule,
            work / f"{schedule.seed}" if args.work else None,
            markets,
            guards,
            shorten=guards,
        )
        for schedule in schedules(args.seed, args.simulate)
    )
    jobs = min(args.jobs, args.simulate)
    yield from shown(side_by_side(tasks, jobs), args.simulate, console)


def progress_bar(console: Console) -> Progress:
    """How far it has come."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console)


def shown(verdicts: Iterator[CaseVerdict], count: int, console: Console) -> Iterator[CaseVerdict]:
    """The same verdicts; progress is shown, and what was not survived is said at once."""
    with progress_bar(console) as progress:
        task = progress.add_task("cases", total=count)
        for verdict in verdicts:
            if not verdict.survived:
                console.print(f"{verdict.name}: {verdict.why[0]}", highlight=False, markup=False)
            progress.advance(task)
            yield verdict
