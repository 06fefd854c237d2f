"""What is asked of a bot whose models were troubled: served, trained again, and told."""

from __future__ import annotations

import re
from datetime import datetime

from regimeswitch_lab.fault_matrix.verdict import Verdict


WARNING = re.compile(r"^(\S+ \S+) \S+ (?:WARNING|ERROR|CRITICAL) (.*)$", re.MULTILINE)


def judge_model(
    verdict: Verdict, served: list[bool], trained: list[int], log: str, since: datetime
) -> None:
    """Served in the end by a newer model, and the trouble was told.

    :param served: whether there was a prediction, by loop
    :param trained: end of the training of the model in use, by loop
    :param since: no trouble began before
    """
    if not any(served[:2]):
        verdict.why.append("nothing was served before the fault")
    if len(served) == 8 and not served[-1]:
        verdict.why.append("nothing is served after the fault")
    if trained and trained[-1] <= trained[0]:
        verdict.why.append("nothing was trained after the fault")
    before, after = warnings_of(log, since)
    if not after - before:
        verdict.why.append("the trouble was not told")


def warnings_of(log: str, since: datetime) -> tuple[set[str], set[str]]:
    """What a log warns of before a moment and after it, whoever does."""
    found: tuple[set[str], set[str]] = set(), set()
    for moment, text in WARNING.findall(log):
        found[moment >= f"{since:%Y-%m-%d %H:%M:%S}"].add(text)
    return found
