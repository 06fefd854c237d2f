"""What all commands share: their usual options, their exit codes, and how they refuse.

Numbers out of range are refused by argparse, with the option's name. Zero is never taken for "not
given".
"""

import argparse
import functools
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias


OK, FINDING, USAGE = 0, 1, 2
"""Exit codes: success, a finding, bad usage or input that cannot be used."""
LARGEST_PORT = 65_535
Run = Callable[[argparse.Namespace], int]
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What ``ArgumentParser.add_subparsers`` returns."""


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """A type for ``add_argument``: whole numbers of a range.

    :param least: smallest allowed number
    :param most: largest allowed number; None = no limit
    """
    allowed = f"{least} or more" if most is None else f"{least} to {most}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number; write it like {least}, allowed is {allowed}"
            ) from None
        if number < least or (most is not None and number > most):
            raise argparse.ArgumentTypeError(f"{text} must be {allowed}")
        return number

    return read


def number(least: float) -> Callable[[str], float]:
    """A type for ``add_argument``: finite numbers from ``least`` on."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a number; write it like {least:g}, allowed is {least:g} or more"
            )
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} must be {least:g} or more")
        return value

    return read


def port_number(text: str) -> int:
    """A type for ``add_argument``: a port; 0 stands for a free one."""
    return whole(0, LARGEST_PORT)(text)


USUAL: dict[str, dict[str, Any]] = {
    "--config": {
        "type": Path,
        "nargs": "+",
        "default": [Path("config.json")],
        "help": "freqtrade configs",
    },
    "--datadir": {"type": Path, "metavar": "DIR", "help": "folder of candle files"},
    "--pairs": {"nargs": "+", "help": "e.g. BTC/USDT ETH/USDT"},
    "--timerange": {"help": "YYYYMMDD-YYYYMMDD, either may be absent"},
    "--userdir": {"type": Path, "default": Path("user_data"), "help": "(user_data)"},
    "--db-url": {"help": "the bot's database, sqlite:///FILE"},
    "--ledger": {"type": Path, "help": "of trials (trials.jsonl beside --work)"},
    "--count": {"type": whole(1), "help": "at most this many candles of the range"},
    "--step-days": {"type": whole(1)},
    "--jobs": {"type": whole(1)},
    "--cluster": {
        "metavar": "ADDRESS",
        "help": "of a Dask scheduler, tcp://HOST:PORT, whose workers do it instead of --jobs",
    },
    "--work": {"type": Path},
    "--shift-to-now": {"action": "store_true"},
    "--export": {"type": Path, "help": "write the figures as JSON"},
}
"""Options of several commands, by name: how :func:`option` adds them."""


def option(parser: argparse.ArgumentParser, name: str, *, old: str = "", **changes: Any) -> None:
    """Add an option of :data:`USUAL`.

    :param old: its former spelling, taken for one release with a line that names the new one
    :param changes: what is different in this command
    """
    words = {**USUAL[name], **changes}
    if not old:
        parser.add_argument(name, **words)
        return
    action = parser.add_argument(name, old, action=_Renamed, **words)
    # Help and refusals name the new spelling alone.
    action.option_strings = [name]


class _Renamed(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if option_string not in self.option_strings:
            warning = f"{option_string} is now {self.option_strings[0]}; the next release drops it"
            print(f"{parser.prog}: {warning}", file=sys.stderr)
        setattr(namespace, self.dest, values)


def refusing(
    command: str, *usage: type[Exception], finding: Sequence[type[Exception]] = ()
) -> Callable[[Run], Run]:
    """A command whose errors are one line on standard error and an exit code.

    :param usage: what is raised on bad usage, or input that cannot be used: exit code 2
    :param finding: what else is raised: exit code 1
    """

    def refused(run: Run) -> Run:
        @functools.wraps(run)
        def said(args: argparse.Namespace) -> int:
            try:
                return run(args)
            except BrokenPipeError:
                # Whoever read the output has enough; see the command line.
                raise
            except (*usage, *finding) as error:
                print(f"regimeswitch {command}: {error}", file=sys.stderr)
                return USAGE if isinstance(error, usage) else FINDING

        return said

    return refused
