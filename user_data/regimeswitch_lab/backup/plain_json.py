"""JSON of an archive, read with limits: its author is not known."""

import json
from typing import Any

from regimeswitch_lab.backup.archive_errors import ArchiveError


MAX_BYTES = 8 << 20
"""Of one JSON text. The list of a bot with 500 pairs has 1.5 MB."""
MAX_DEPTH = 40


def read_json(text: bytes, name: str) -> Any:
    """Parse a text that may be made to harm.

    :param name: of the file, for messages
    :raises ArchiveError: when it is no JSON, too large, or nested too deeply
    """
    if len(text) > MAX_BYTES:
        raise ArchiveError(f"{name} is larger than {MAX_BYTES >> 20} MB")
    try:
        content = json.loads(text)
    except RecursionError:
        raise ArchiveError(f"{name} is nested too deeply") from None
    except ValueError as error:
        raise ArchiveError(f"{name} cannot be read ({error})") from None
    if _depth_exceeds(content, MAX_DEPTH):
        raise ArchiveError(f"{name} is nested more than {MAX_DEPTH} deep")
    return content


def read_object(text: bytes, name: str) -> dict[str, Any]:
    """As :func:`read_json`, one JSON object."""
    content = read_json(text, name)
    if not isinstance(content, dict):
        raise ArchiveError(f"{name} holds no JSON object")
    return content


def _depth_exceeds(content: Any, limit: int) -> bool:
    level = [content]
    for _ in range(limit):
        inside = [one for one in level if isinstance(one, (dict, list))]
        if not inside:
            return False
        level = [
            value
            for one in inside
            for value in (one.values() if isinstance(one, dict) else one)
            if isinstance(value, (dict, list))
        ]
    return bool(level)
