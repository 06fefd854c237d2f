"""``regimeswitch trials``: what has been tried, and how often."""

import argparse
from pathlib import Path
from typing import Any

from rich.table import Table

from regimeswitch.bot.trial_ledger import KNOWN, NAME, LedgerError, Trial, counted, trials_of
from regimeswitch_lab.inputs import InputError, write_json
from regimeswitch_lab.options import OK, Subparsers, option, refusing
from regimeswitch_lab.screen import screen, table_of


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser("trials", help="the ledger of what has been tried, as a table")
    option(
        parser,
        "--ledger",
        default=Path(NAME),
        help=f"beside --work of money and prove, or in the user folder of hyperopt ({NAME})",
    )
    option(parser, "--export", help="write the entries as JSON")
    parser.set_defaults(run=run)


@refusing("trials", InputError, LedgerError, OSError)
def run(args: argparse.Namespace) -> int:
    """Print the ledger, write what was asked for."""
    trials = trials_of(args.ledger)
    if args.export:
        write_json(args.export, exported(trials))
    shown = screen()
    if trials:
        shown.print(_table(trials))
    count = counted(trials)
    shown.print(
        f"{count} settings tried in {len(trials)} runs of {args.ledger}; {KNOWN:,} were tried "
        f"before: the deflated Sharpe ratio counts {KNOWN + count:,}.",
        highlight=False,
    )
    return OK


def exported(trials: list[Trial]) -> dict[str, Any]:
    """The ledger as exported."""
    entries = [vars(one) | {"pairs": list(one.pairs)} for one in trials]
    return {"entries": entries, "settings": counted(trials), "before": KNOWN}


def _table(trials: list[Trial]) -> Table:
    """One row for each entry."""
    headings = ["time", "command", "settings", "candles", "pairs", "window", "result"]
    rows = []
    for one in trials:
        figures = ", ".join(f"{name} {_text(value)}" for name, value in one.result.items())
        cells = (one.time, one.command, one.settings, one.candles, len(one.pairs), one.window)
        rows.append([*cells, figures])
    table = table_of("Trials", headings, rows, words=len(headings))
    for column in table.columns:
        column.no_wrap = column.header in ("settings", "candles")
    return table


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
