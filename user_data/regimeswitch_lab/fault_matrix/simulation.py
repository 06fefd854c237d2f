"""One seed of the simulation, run and judged; where it fails, its shortest schedule."""

import gc
import os
import time
from functools import cache
from pathlib import Path

from regimeswitch_lab.fault_matrix.schedule import Schedule
from regimeswitch_lab.fault_matrix.simulate import run_schedule
from regimeswitch_lab.fault_matrix.simulation_judge import judge_run
from regimeswitch_lab.fault_matrix.simulation_market import name_of
from regimeswitch_lab.fault_matrix.verdict import CaseVerdict
from regimeswitch_lab.stop_signals import temporary_folder


MEMORY = Path("/dev/shm")
"""Where a folder is not written through to a disk, on systems that have it."""


def run_seed(
    schedule: Schedule, home: Path | None, markets: Path, guards: bool, *, shorten: bool
) -> CaseVerdict:
    """Run a schedule and judge it.

    :param home: a folder of the seed's own, which is not there yet; None = none is kept
    :param markets: of :func:`regimeswitch_lab.fault_matrix.simulation_market.write_markets`
    :param shorten: leave out of a schedule that fails what it fails without
    """
    _settle()
    began = time.monotonic()
    verdict = _run(schedule, home, markets, guards)
    if shorten and not verdict.survived:
        verdict.schedule = str(_shortened(schedule, markets, guards))
    verdict.seconds = time.monotonic() - began
    return verdict


@cache
def _settle() -> None:
    """What is loaded by now stays; looking through it again and again would take seconds."""
    gc.collect()
    gc.freeze()


def _run(schedule: Schedule, home: Path | None, markets: Path, guards: bool) -> CaseVerdict:
    candles = markets / name_of(schedule)
    if home is None:
        beside = MEMORY if os.access(MEMORY, os.W_OK) else None
        with temporary_folder("regimeswitch-seed-", beside) as temporary:
            traces = run_schedule(schedule, temporary, candles, guards)
            return judge_run(schedule, traces, candles)
    home.mkdir(parents=True)
    return judge_run(schedule, run_schedule(schedule, home, candles, guards), candles)


def _shortened(schedule: Schedule, markets: Path, guards: bool) -> Schedule:
    """A schedule without what its failing does not need, one trouble after the other."""
    for trouble in schedule.troubles:
        less = schedule.without(trouble)
        if less.troubles and not _run(less, None, markets, guards).survived:
            schedule = less
    return schedule
