"""What in a configuration is nobody else's business: keys, tokens, passwords, chat ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any


Path = tuple[str, ...]

_NAMES = re.compile(
    r"key|uid|login|.*secret.*|.*password.*|passphrase|.*token|.*api_?key|.*private_?key|"
    r"jwt_secret_key|.*wallet_?address|.*account_?id|.*chat_?id|authorized_users|.*webhook_?url|"
    r"twofa",
    re.IGNORECASE,
)
_ADDRESS_SECTIONS = ("webhook", "discord")
# user:password@host, as in the address of a proxy or of a database.
_CREDENTIALS = re.compile(r"://[^/@\s]*:[^/@\s]+@")


def confidential(config: Mapping[str, Any]) -> list[Path]:
    """Where in a configuration something confidential stands; empty values do not count."""
    return list(_walk(config, ()))


def without_confidential(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A copy without them, and the names of what was taken out, as ``exchange.key``."""
    found = confidential(config)
    return _without(config, (), set(found)), [".".join(path) for path in found]


def _walk(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _walk(inner, (*path, str(name)))
        return
    if value in ("", None, [], False) or not path:
        return
    if _NAMES.fullmatch(_last_name(path)) or (path[0] in _ADDRESS_SECTIONS and path[-1] == "url"):
        yield path
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _walk(inner, (*path, str(number)))
    elif isinstance(value, str) and _CREDENTIALS.search(value):
        yield path


def _last_name(path: Path) -> str:
    """The name that a value stands under; items of a list stand under the list's name."""
    return next((name for name in reversed(path) if not name.isdigit()), "")


def _without(value: Any, path: Path, found: set[Path]) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _without(inner, (*path, str(name)), found)
            for name, inner in value.items()
            if (*path, str(name)) not in found
        }
    if isinstance(value, list):
        items = [(number, inner) for number, inner in enumerate(value)]
        return [
            _without(inner, (*path, str(number)), found)
            for number, inner in items
            if (*path, str(number)) not in found
        ]
    return value
