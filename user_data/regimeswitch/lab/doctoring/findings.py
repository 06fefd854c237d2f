"""What a check finds: how bad it is, what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args


Severity = Literal["serious", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    :ivar kind: a stable name, e.g. ``candles.gap``
    :ivar where: file, key, pair or address
    :ivar mend: what to do
    """

    severity: Severity
    kind: str
    what: str
    where: str
    mend: str


def joined(findings: Iterable[Finding]) -> list[Finding]:
    """What is the same in several places, e.g. an outage of the exchange in all pairs, once."""
    places: dict[Finding, list[str]] = {}
    for finding in findings:
        places.setdefault(replace(finding, where=""), []).append(finding.where)
    return [replace(finding, where=", ".join(where)) for finding, where in places.items()]


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first; within a severity in the order in which they were found."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
