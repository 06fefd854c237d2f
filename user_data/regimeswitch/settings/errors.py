"""Mistakes in the settings, in words that say what to change."""

import difflib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from regimeswitch.settings.renamed import new_name


def explain(
    detail: dict[str, Any], root: type[BaseModel], written: Mapping[tuple[str, str], str]
) -> str:
    """One mistake in words: key, value, what is allowed, a typical value or the nearest key.

    :param detail: one of pydantic's ``ValidationError.errors()``
    :param root: the model of the section ``regimeswitch``
    :param written: old names of keys that the user has written, by part and new name
    """
    path = [str(part) for part in detail["loc"]]
    as_written = list(path)
    if len(path) > 1:
        as_written[1] = written.get((path[0], path[1]), path[1])
    # A key may be any text of a JSON file: a line break in it must not break the message.
    name = ".".join(["regimeswitch", *(ascii(part)[1:-1] for part in as_written)])
    if detail["type"] == "extra_forbidden" and new_name(path):
        return f"{name}: the old name of {new_name(path)}, and both are given; take {path[-1]} out"
    if detail["type"] == "extra_forbidden":
        known = list(_section_at(root, path[:-1]).model_fields)
        near = difflib.get_close_matches(path[-1], known, n=1, cutoff=0.5)
        hint = f'did you mean "{near[0]}"?' if near else f"known keys: {', '.join(known)}"
        return f"{name}: unknown key; {hint}"
    message = str(detail["msg"]).removeprefix("Value error, ")
    value = detail["input"]
    shown = "" if isinstance(value, Mapping) else f" (got {value!r})"
    return f"{name}: {message}{shown}{_typical(root, path)}"


def _section_at(root: type[BaseModel], path: list[str]) -> type[BaseModel]:
    section = root
    for part in path:
        field = section.model_fields.get(part)
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            break
        section = kind
    return section


def _typical(root: type[BaseModel], path: list[str]) -> str:
    field = _section_at(root, path[:-1]).model_fields.get(path[-1]) if path else None
    if field is None or (
        isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    ):
        return ""
    default = field.get_default(call_default_factory=True)
    return f"; typical: {json.dumps(default, default=str)}; {field.description}"
