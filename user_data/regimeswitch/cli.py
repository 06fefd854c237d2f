"""The command line ``regimeswitch``: each command is a module in :mod:`regimeswitch.lab`.

Exit codes: 0 success, 1 a finding, 2 bad usage or input that cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from regimeswitch import __version__
from regimeswitch.lab import dryrun, market, money, offline, prove, regimes, replay, schema, serve


COMMANDS = (offline, serve, dryrun, market, regimes, prove, money, replay, schema)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="regimeswitch",
        description="Regimes, evidence, markets and an offline exchange for Freqtrade.",
    )
    parser.add_argument("--version", action="version", version=f"regimeswitch {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    args = build_parser().parse_args(argv)
    return int(args.run(args))


if __name__ == "__main__":
    sys.exit(main())
