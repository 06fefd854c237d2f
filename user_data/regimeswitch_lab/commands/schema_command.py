"""``regimeswitch schema``: the config section as JSON schema for editors, or as a page to read."""

from __future__ import annotations

import argparse
import json
import types
import typing
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from regimeswitch.settings import Settings
from regimeswitch.settings.renamed import ACCEPTED_UNTIL, RENAMED


HEAD = """# Configuration

Section `"regimeswitch"` of config.json. Every key has a default, so the section may be empty.
An unknown key or a value out of range is refused with one message that names it.

This page is written by `regimeswitch schema --markdown > docs/configuration.md`;
`regimeswitch schema` prints the JSON schema for editors.
"""

OLD_NAMES = f"""
## Old names

These keys of version 0.1.0 have a new name and mean the same: trades, models and identifiers stay
as they are. The old name is accepted until version {ACCEPTED_UNTIL}, in files and in environment
variables, with a warning; both at once are refused.

| old name | new name |
|---|---|
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("schema", help='the config section "regimeswitch" described')
    parser.add_argument("--markdown", action="store_true", help="the reference page instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the schema or the page."""
    if args.markdown:
        print(reference(), end="")
    else:
        print(json.dumps(Settings.model_json_schema(), indent=4))
    return 0


def reference() -> str:
    """The reference page, one table per section."""
    parts = [HEAD]
    for name, field in Settings.model_fields.items():
        section = typing.cast(type[BaseModel], field.annotation)
        parts.append(f"\n## {name}\n\n{_first_line(section)}\n\n")
        parts.append("| key | default | allowed | meaning |\n|---|---|---|---|\n")
        parts.extend(_row(key, inner) for key, inner in section.model_fields.items())
    parts.append(OLD_NAMES)
    for name, renamed in RENAMED.items():
        parts.extend(f"| `{name}.{old}` | `{name}.{new}` |\n" for old, new in renamed.items())
    return "".join(parts)


def _row(key: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        default = default.model_dump()
    allowed = ", ".join(_allowed(field)) or _type_name(field.annotation)
    return f"| `{key}` | `{json.dumps(default)}` | {allowed} | {field.description} |\n"


def _allowed(field: FieldInfo) -> Iterator[str]:
    if typing.get_origin(field.annotation) is typing.Literal:
        yield from (f"`{value}`" for value in typing.get_args(field.annotation))
    for limit in field.metadata:
        for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
            if hasattr(limit, name):
                yield f"{sign} {getattr(limit, name)}"


def _type_name(kind: object) -> str:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "numbers by regime"
    if isinstance(kind, types.GenericAlias):
        return str(typing.get_origin(kind).__name__)
    return {bool: "true, false", str: "text"}.get(typing.cast(type, kind), "")


def _first_line(section: type[BaseModel]) -> str:
    return str(section.__doc__).strip().splitlines()[0]
