"""Keys of the section ``regimeswitch`` that have a new name; the old one is still accepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any


RENAMED: dict[str, dict[str, str]] = {
    "models": {"pair_trees": "pair_finetune_trees"},
    "entries": {"leave_regimes": "exit_regimes"},
    "risk": {
        "take_atr": "take_profit_atr",
        "size_most": "max_size_ratio",
        "daily_loss": "max_daily_loss",
        "peak_loss": "max_drawdown",
    },
}
"""New names by part of the section and old name."""
ACCEPTED_UNTIL = "0.3.0"
"""The first version that refuses the old names."""


def old_names(section: Any) -> Iterator[tuple[str, str, str]]:
    """Old names that a section uses: its part, the old and the new name.

    An old name beside the new one is not among them: it is a mistake, see :func:`new_name`.

    :param section: the section ``regimeswitch`` as parsed; what is no object has none
    """
    for part, names in RENAMED.items():
        given = section.get(part) if isinstance(section, Mapping) else None
        if isinstance(given, Mapping):
            found = [(old, new) for old, new in names.items() if old in given and new not in given]
            yield from ((part, old, new) for old, new in found)


def new_name(path: Sequence[str]) -> str | None:
    """What the key at a path of the section is called now; None where it has no new name."""
    part, *keys = path
    return RENAMED.get(part, {}).get(".".join(keys))


def with_new_names(section: Mapping[str, Any]) -> dict[str, Any]:
    """A section under the new names; what is given under both stays under both.

    >>> with_new_names({"risk": {"daily_loss": 0.05, "max_pair": 1}})
    {'risk': {'max_daily_loss': 0.05, 'max_pair': 1}}

    :param section: the section ``regimeswitch`` as parsed
    """
    return _translated(section, [(part, {old: new}) for part, old, new in old_names(section)])


def with_hashed_names(section: Any) -> Any:
    """A section under the names that hashes are made of: a rename changes no hash of settings.

    Models on disk and lines of the ledger of trials are found by such hashes.

    >>> with_hashed_names({"models": {"pair_finetune_trees": 40}})
    {'models': {'pair_trees': 40}}

    :param section: the section ``regimeswitch``, whole or in part, under old or new names; what is
        no object is returned as it is
    """
    if not isinstance(section, Mapping):
        return section
    hashed = {part: {new: old for old, new in names.items()} for part, names in RENAMED.items()}
    return _translated(section, hashed.items())


def with_names_of(section: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """What comes on top of a configuration, under the names that the configuration uses.

    :param section: what comes on top, under the new names
    :param given: the section ``regimeswitch`` of the configuration
    """
    return _translated(section, [(part, {new: old}) for part, old, new in old_names(given)])


def deprecated_properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Old names as properties of a JSON schema, so that editors say which name is the new one.

    :param properties: of a part of the section
    """
    found: dict[str, Any] = {}
    for names in RENAMED.values():
        for old, new in names.items():
            if new in properties:
                what = f"old name of {new}, accepted until {ACCEPTED_UNTIL}"
                found[old] = {**properties[new], "deprecated": True, "description": what}
    return found


def _translated(
    section: Mapping[str, Any], parts: Iterable[tuple[str, Mapping[str, str]]]
) -> dict[str, Any]:
    """A copy of a section in which keys of some parts have other names, in the same order."""
    result = dict(section)
    for part, names in parts:
        given = result.get(part)
        if isinstance(given, Mapping):
            result[part] = {names.get(key, key): value for key, value in given.items()}
    return result
