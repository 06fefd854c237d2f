"""``regimeswitch schema``: the JSON schema of the config section, for editors."""

from __future__ import annotations

import argparse
import json

from regimeswitch.settings import Settings


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("schema", help='JSON schema of the section "regimeswitch"')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the schema."""
    print(json.dumps(Settings.model_json_schema(), indent=4))
    return 0
