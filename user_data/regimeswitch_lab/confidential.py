"""What in a configuration is nobody else's business: keys, tokens, passwords, chat ids."""

import re
from collections.abc import Iterator, Mapping
from typing import Any


Path = tuple[str, ...]

_NAMES = re.compile(
    r"key|uid|login|auth|pass|pwd|.*_pass|.*_pwd|.*secret.*|.*passw.*|passphrase|.*token|.*tokens|"
    r".*api_?key|.*private_?key|.*_key_?id|jwt_secret_key|.*wallet_?address|.*account_?id|"
    r".*chat_?id|topic_?id|authorized_users|.*webhook_?url|twofa|.*otp|.*seed_?phrase|.*mnemonic|"
    r".*cookies?|.*headers?|.*authorization|.*bearer.*|.*credentials?|.*signature|dsn|.*_dsn|"
    r"session|session_?id|ntfy.*|.*_topic",
    re.IGNORECASE,
)
_ADDRESS_SECTIONS = ("webhook", "discord")
# user:password@host and token@host, as in the address of a proxy or of a database; a key among the
# parameters of an address; addresses of notifiers, whose path is the secret.
_CREDENTIALS = re.compile(
    r"://[^/@\s]+@"
    r"|[?&#;][\w.-]*(?:key|token|secret|sig|auth|pass|pwd|code|session)[\w.-]*=[^&\s]"
    r"|://(?:hooks\.slack\.com|ntfy\.|api\.telegram\.org/bot|(?:\w+\.)?discord(?:app)?\.com/api)",
    re.IGNORECASE,
)
LEAST_SHOWN = 4
"""Characters of a secret that are looked for in a text; shorter ones stand in many words."""


def is_confidential_name(name: str) -> bool:
    """Whether a key by itself says that its value is nobody else's business."""
    return _NAMES.fullmatch(name) is not None


def confidential(config: Mapping[str, Any]) -> list[Path]:
    """Where in a configuration something confidential stands; empty values do not count.

    What is not known to be harmless is more: see :mod:`regimeswitch_lab.harmless`.
    """
    return list(_walk(config, ()))


def hidden(text: str, config: Mapping[str, Any]) -> str:
    """A text for people, without any confidential value of a configuration in it."""
    values = {one for place in confidential(config) for one in _texts(_at(config, place))}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "(hidden)")
    return text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif len(str(value)) >= LEAST_SHOWN and not isinstance(value, bool):
        yield str(value)


def _at(value: Any, place: Path) -> Any:
    for name in place:
        if isinstance(value, list):
            value = value[int(name)]
        else:
            value = next(inner for key, inner in value.items() if str(key) == name)
    return value


def _walk(value: Any, path: Path) -> Iterator[Path]:
    if value in ("", None, [], {}, False, True):
        return
    if isinstance(value, Mapping):
        if path and _NAMES.fullmatch(path[-1]):
            yield path
            return
        for name, inner in value.items():
            yield from _walk(inner, (*path, str(name)))
        return
    if not path:
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
