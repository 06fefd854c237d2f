"""What a command that was stopped has kept: one line, by command."""

import argparse
import signal
from collections.abc import Callable


Args = argparse.Namespace
NOTHING = "nothing was changed"


def stopped_line(command: str, number: int, kept: str) -> str:
    """What is said of a command that a signal has ended."""
    reason = f"stopped by {signal.Signals(number).name}"
    return f"regimeswitch{f' {command}' if command else ''}: {reason}; {kept}"


def kept_by(command: str, args: Args | None) -> str:
    """What is kept of a command that was stopped.

    :param args: None when the command line was not read to its end
    """
    return NOTHING if args is None or command not in KEPT else KEPT[command](args)


def _account(args: Args) -> str:
    if args.state:
        return f"the account is kept in {args.state}"
    return "the account is gone, which --state FILE would keep"


def _offline(args: Args) -> str:
    live = f"; {_account(args)}" if args.live else ""
    return f"what freqtrade has written to its user folder is kept{live}"


def _dry_run(args: Args) -> str:
    if args.userdir:
        return f"trades and models are kept in {args.userdir}"
    return "trades and models are gone, which --userdir DIR would keep"


def _exchange(args: Args) -> str:
    return _account(args) if args.balance or args.state else "nothing had to be kept"


def _replay(args: Args) -> str:
    return NOTHING if args.live else f"the logs are in {args.work}; it begins anew next time"


def _faults(args: Args) -> str:
    if args.work:
        return f"logs and databases of the cases are in {args.work}"
    return "nothing is kept, which --work DIR would do"


KEPT: dict[str, Callable[[Args], str]] = {
    "offline": _offline,
    "dry-run": _dry_run,
    "wait": lambda args: "freqtrade was not started",
    "exchange": _exchange,
    "market": lambda args: f"the files that are whole are kept in {args.out}",
    "pretrain": lambda args: "windows that are done are kept, and not trained again the next time",
    "prove": lambda args: f"finished windows are kept in {args.work}, and used the next time",
    "money": lambda args: f"finished backtests are kept in {args.work}, and used the next time",
    "replay": _replay,
    "faults": _faults,
    "backup": lambda args: "no archive was written, and the bot was not touched",
}
"""The commands that are not here change nothing before they are done."""
