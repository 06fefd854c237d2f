"""Which place each kind of file may have in an archive, and what its content must be.

A kind decides what a file may do once it lies in user_data, so a file is held against its kind: a
program is not placed as parameters or candles, whatever the list calls it.
"""

import re
from collections import Counter
from pathlib import PurePath, PurePosixPath

from regimeswitch_lab.backup.archive_names import CODE_ENDS, clash_of, fault_of
from regimeswitch_lab.backup.manifest import NAME, ArchiveError, ArchiveMember, Kind, Manifest


CONFIG_PLACE = "restored-config.json"
ORDERS = "regimeswitch-orders-*.sqlite"
MESSAGES = "regimeswitch-messages-*.json"
ASIDE = "before-restore-"
"""How a folder begins that a restore has put older data into."""
JOURNALS = (".sqlite", ".db", ".jsonl", ".journal")
NO_JOURNALS = {
    *("data", "models", "backtest_results", "hyperopt_results", "plot", "notebooks", "logs"),
    *("strategies", "freqaimodels", "hyperopts", "regimeswitch"),
}
"""Folders of user_data that hold none: code, candles, models, results."""
CODE_BEARING: frozenset[Kind] = frozenset({"models", "predictions"})
"""Kinds that FreqAI unpickles: who writes them runs code in the bot."""
RUN_PARAMETERS = "run_params.json"
"""FreqAI writes its section of the configuration there and never reads it."""
_PARAMETERS = re.compile(r"strategies/[^\W\d]\w*\.json")
_CANDLES = re.compile(r"data/[\w.-]+/[\w.+-]+-\d{1,4}[smhdwMy]\.feather")


def check_manifest(manifest: Manifest) -> None:
    """Whether every name stays in the folder and every place is one of the member's kind.

    :raises ArchiveError: naming the first that does not
    """
    names = [member.name for member in manifest.members]
    for name in names:
        if fault := fault_of(name):
            raise ArchiveError(f"it names the file {name!r}, which {fault}")
    twice = next((name for name, count in Counter(names).items() if count > 1), "")
    if twice:
        raise ArchiveError(f"its list names {twice!r} twice")
    if clash := clash_of([NAME, *names]):
        raise ArchiveError(f"{clash[0]!r} and {clash[1]!r} in it are one file on some systems")
    for identifier in manifest.identifiers:
        if "/" in identifier or fault_of(identifier):
            raise ArchiveError(f"its identifier {identifier!r} is no name of a folder")
    for member in manifest.members:
        if fault := _fault_of_place(member, manifest):
            raise ArchiveError(f"{member.name!r} in it {fault}")
    _check_parts(manifest)


def _check_parts(manifest: Manifest) -> None:
    kinds = Counter(member.kind for member in manifest.members)
    for kind in ("database", "config"):
        if kinds[kind] != 1:
            raise ArchiveError(f"it has {kinds[kind]} files of the kind {kind} and not one")
    if kinds["messages"] > 1:
        raise ArchiveError(f"it has {kinds['messages']} files of sent messages and not one")
    journals = [member.name for member in manifest.members if member.kind == "journal"]
    if manifest.orders and manifest.orders not in journals:
        raise ArchiveError(f"its journal of orders {manifest.orders!r} is no journal in it")
    if bool(manifest.identifiers) != any(kinds[kind] for kind in CODE_BEARING):
        raise ArchiveError(f"its identifiers {manifest.identifiers!r} and its models do not agree")
    if set(manifest.trades) != {"all", "open"}:
        raise ArchiveError(f"its trades {manifest.trades!r} are not those of all and open")


def _fault_of_place(member: ArchiveMember, manifest: Manifest) -> str:
    """Why a file may not lie where it would; empty when it may."""
    name = member.name
    if PurePosixPath(name).suffix.casefold() in CODE_ENDS:
        return "is a program, and an archive has data alone"
    fits = {
        "config": name == CONFIG_PLACE,
        "parameters": _PARAMETERS.fullmatch(name) is not None,
        "candles": _CANDLES.fullmatch(name) is not None,
        "database": name == manifest.database and is_database_place(name),
        "journal": is_journal_place(name),
        "messages": PurePosixPath(name).parent == PurePosixPath()
        and PurePath(name).match(MESSAGES),
        "models": _is_of_models(name, manifest.identifiers),
        "predictions": _is_of_models(name, manifest.identifiers) and name.endswith(".pkl"),
    }
    if not fits[member.kind]:
        return f"is in no place of the kind {member.kind}"
    if name == manifest.orders and not PurePath(name).match(ORDERS):
        return "is not named as a journal of orders is"
    return ""


def is_database_place(name: str) -> bool:
    """Whether an archive may have its database there: beside the journals, and no program."""
    return not (
        fault_of(name)
        or _is_elsewhere(name)
        or PurePosixPath(name).suffix.casefold() in {*CODE_ENDS, ".json"}
    )


def is_journal_place(name: str) -> bool:
    """Whether an archive may have a journal there."""
    return is_database_place(name) and PurePosixPath(name).suffix in JOURNALS


def is_model_file(name: str) -> bool:
    """Whether a file beside a model belongs to it; FreqAI's copy of the configuration does not."""
    suffix = PurePosixPath(name).suffix.casefold()
    return not fault_of(name) and suffix not in CODE_ENDS and name != RUN_PARAMETERS


def _is_elsewhere(name: str) -> bool:
    first = PurePosixPath(name).parts[0]
    return first.casefold() in NO_JOURNALS or first.startswith(ASIDE)


def _is_of_models(name: str, identifiers: list[str]) -> bool:
    parts = PurePosixPath(name).parts
    return parts[0] == "models" and parts[1] in identifiers and len(parts) in (3, 4)
