"""What a check finds: how bad it is, what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args


Severity = Literal["serious", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    :ivar kind: a stable name, e.g. ``candles.gap``
    :ivar where: file, key, pair or address
    :ivar fix: what to do
    :ivar explains: places, keys and beginnings of kinds (``identifier.``) of findings that follow
        from this one
    """

    severity: Severity
    kind: str
    what: str
    where: str
    fix: str
    explains: tuple[str, ...] = ()

    def changed(self, change: Callable[[str], str]) -> Finding:
        """The same with other texts, e.g. without secrets."""
        what, where, fix = change(self.what), change(self.where), change(self.fix)
        return replace(self, what=what, where=where, fix=fix)

    def figures(self) -> dict[str, str]:
        """As exported."""
        return {
            "severity": self.severity,
            "kind": self.kind,
            "what": self.what,
            "where": self.where,
            "fix": self.fix,
        }


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first; within a severity in the order in which they were found."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
