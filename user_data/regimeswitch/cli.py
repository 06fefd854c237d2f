"""The command line ``regimeswitch``: each command is a module in :mod:`regimeswitch.lab`.

Exit codes: 0 success, 1 a finding, 2 bad usage or input that cannot be used.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Sequence

from regimeswitch import __version__


# Command and module. Only the module that is asked for is imported: freqtrade and the learners
# take seconds to load.
COMMANDS = {
    "offline": "offline",
    "dry-run": "dryrun",
    "wait": "wait",
    "exchange": "serve",
    "market": "market",
    "regimes": "regimes",
    "prove": "prove",
    "money": "money",
    "replay": "replay",
    "faults": "faults",
    "schema": "schema",
    "contract": "contract",
    "doctor": "doctor",
    "backup": "backup",
    "restore": "restore",
}


def build_parser(commands: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of the given commands."""
    parser = argparse.ArgumentParser(
        prog="regimeswitch",
        description="Regimes, evidence, markets and an offline exchange for Freqtrade.",
    )
    parser.add_argument("--version", action="version", version=f"regimeswitch {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in commands:
        importlib.import_module(f"regimeswitch.lab.{COMMANDS[command]}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    known = [word for word in words[:1] if word in COMMANDS]
    args = build_parser(known or COMMANDS).parse_args(words)
    return int(args.run(args))


if __name__ == "__main__":
    sys.exit(main())
