"""Runs a case of any scene."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from regimeswitch_lab.fault_matrix.cases import Case
from regimeswitch_lab.fault_matrix.judge import judge, judge_killed
from regimeswitch_lab.fault_matrix.killed import killed_case
from regimeswitch_lab.fault_matrix.model_cases import model_case
from regimeswitch_lab.fault_matrix.run import market_case
from regimeswitch_lab.fault_matrix.verdict import Verdict


def _unseen(done: int) -> None:
    """Progress that nobody watches."""


def run_case(
    case: Case,
    home: Path,
    candles: Path,
    guards: bool,
    progress: Callable[[int], None] = _unseen,
) -> Verdict:
    """Run a case and judge what it left behind.

    :param home: a folder of the case's own, which is not there yet
    :param candles: of :func:`regimeswitch_lab.fault_matrix.scene.write_candles`
    :param progress: called with the number of kills done, in a case that has some
    """
    began = time.monotonic()
    home.mkdir(parents=True)
    if case.scene == "kill":
        verdict = judge_killed(case, killed_case(case, home, guards, progress))
    elif case.scene == "model":
        verdict = model_case(case, home, guards)
    else:
        verdict = judge(case, market_case(case, home, candles, guards))
    verdict.seconds = time.monotonic() - began
    return verdict
