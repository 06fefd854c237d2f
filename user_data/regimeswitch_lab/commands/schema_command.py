"""``regimeswitch schema``: a whole config as JSON schema for editors, or our section as a page."""

import argparse
import json
import types
import typing
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from regimeswitch.settings import Settings
from regimeswitch.settings.renamed import ACCEPTED_UNTIL, RENAMED
from regimeswitch_lab.options import Subparsers


HEAD = """# Configuration

Section `"regimeswitch"` of config.json. Every key has a default, so the section may be empty.
An unknown key or a value out of range is refused with one message that names it.

This page is written by `regimeswitch schema --markdown > docs/configuration.md`;
`regimeswitch schema` prints the JSON schema of a whole config, freqtrade's by reference;
config.json names it in `$schema`, so that an editor knows every key, its meaning and its range.
`regimeswitch schema --section` prints that of this section alone.
"""
SCHEMA_FILE = "user_data/regimeswitch/config.schema.json"
"""Where the schema lies, as config.json names it in ``$schema``: beside its code."""
SCHEMA_ID = "urn:regimeswitch:config"
FREQTRADE_SCHEMA = "https://schema.freqtrade.io/schema.json"
"""freqtrade's own schema of a config, https://www.freqtrade.io/en/stable/configuration/."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"

OLD_NAMES = f"""
## Old names

These keys of version 0.1.0 have a new name and mean the same: trades, models and identifiers stay
as they are. The old name is accepted until version {ACCEPTED_UNTIL}, in files and in environment
variables, with a warning; both at once are refused.

| old name | new name |
|---|---|
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "schema", help="JSON schema of a config, or our section as a page"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="the reference page instead")
    form.add_argument(
        "--section", action="store_true", help='the schema of the section "regimeswitch" alone'
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the schema or the page."""
    if args.markdown:
        print(reference(), end="")
    else:
        section = Settings.model_json_schema()
        print(json.dumps(section if args.section else config_schema(), indent=4))
    return 0


def config_schema() -> dict[str, object]:
    """A whole config: freqtrade's schema by reference, and our section with all its keys."""
    section = Settings.model_json_schema(ref_template="#/$defs/{model}")
    definitions = section.pop("$defs")
    return {
        "$schema": DIALECT,
        "$id": SCHEMA_ID,
        "title": "freqtrade config with the section regimeswitch",
        "allOf": [{"$ref": FREQTRADE_SCHEMA}],
        "properties": {"regimeswitch": section},
        "$defs": definitions,
    }


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
