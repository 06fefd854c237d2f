"""One cause, one finding: what follows from another is left out, what is the same joined."""

from collections.abc import Callable
from dataclasses import replace

from regimeswitch_lab.doctor.findings import Finding


DATA = ("candles.", "labels.", "regimes.")
"""Kinds of findings in candles: of the same kind and fix they have one cause in many places."""
SHOWN = 4
"""Places whose own figures are listed where figures differ."""
_DAMAGE = ("gap", "zero", "negative", "inverted", "spike")


def without_consequences(findings: list[Finding]) -> list[Finding]:
    """The findings that do not follow from another one."""
    return [
        one
        for one in findings
        if not any(follows(one, cause) for cause in findings for follows in RULES)
    ]


def _explained(one: Finding, cause: Finding) -> bool:
    """The cause says so itself."""
    key = one.where.rpartition(".")[2]
    return one is not cause and any(
        name in (one.where, key) or ("." in name and one.kind.startswith(name))
        for name in cause.explains
    )


def _spoiled(one: Finding, cause: Finding) -> bool:
    """What is said of labels, regimes and length where the candles themselves are wrong."""
    if not cause.kind.startswith("candles.") or cause.severity == "info":
        return False
    what = cause.kind.removeprefix("candles.")
    pair = cause.where.partition(" ")[0]
    touched = one.where in (pair, "all pairs together")
    if what in ("short", "timeframe", "unreadable"):
        touched = touched or any(f"{pair} " in f"{place} " for place in cause.where.split(", "))
        lesson = one.kind.startswith(("labels.", "regimes.")) and touched
        length = one.kind in ("candles.short", "candles.uneven") and one.where == cause.where
        return lesson or (length and one.kind != cause.kind and what != "unreadable")
    if what == "duplicate":
        return one.kind == "candles.order" and one.where == cause.where
    return what in _DAMAGE and one.kind == "labels.missing" and one.where == pair


def _few_because_seldom(one: Finding, cause: Finding) -> bool:
    """Rows of a regime that hardly occurs."""
    if one.kind != "regimes.few_rows" or cause.kind != "regimes.seldom":
        return False
    regime = cause.what.split()[0]
    return f" {regime}," in one.what


RULES: list[Callable[[Finding, Finding], bool]] = [
    _explained,
    _spoiled,
    _few_because_seldom,
]


def joined(findings: list[Finding]) -> list[Finding]:
    """What is the same in several places, once, e.g. an outage of the exchange in all pairs."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        groups.setdefault(_sameness(finding), []).append(finding)
    return [_one(group) for group in groups.values()]


def _sameness(finding: Finding) -> tuple[str, ...]:
    key = (finding.severity, finding.kind)
    if _downloads(finding):
        return key
    if finding.kind.startswith(DATA):
        return (*key, finding.fix)
    return (*key, finding.fix, finding.what)


def _downloads(finding: Finding) -> bool:
    """Whether a file is to be downloaded; one in another format is there already."""
    return finding.kind == "candles.missing" and "dataformat_ohlcv" not in finding.fix


def _one(group: list[Finding]) -> Finding:
    first = group[0]
    if len(group) == 1:
        return first
    places = list(dict.fromkeys(one.where for one in group))
    details = list(dict.fromkeys(one.what for one in group))
    if _downloads(first):
        pairs, timeframes = (
            " ".join(dict.fromkeys(words))
            for words in zip(*(place.split(" ") for place in places), strict=True)
        )
        fix = f"freqtrade download-data --pairs {pairs} --timeframes {timeframes}"
        first = replace(first, fix=f"run `{fix}` or name another --datadir")
        details = [f"{len(group)} files are missing"]
    elif len(details) > 1 and len(places) > 1:
        details = [f"{one.where}: {one.what}" for one in group]
    more = [f"and {len(details) - SHOWN} more"] if len(details) > SHOWN else []
    return replace(first, what="; ".join([*details[:SHOWN], *more]), where=", ".join(places))
