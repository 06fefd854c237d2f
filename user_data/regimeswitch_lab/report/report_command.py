"""``regimeswitch report``: one page about a backtest or a bot, which opens from disk."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from freqtrade.data.btanalysis import get_latest_backtest_filename
from rich.console import Console

from regimeswitch.settings import SettingsError
from regimeswitch_lab.bot_config import load_sound_config
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.options import OK, Subparsers, option, refusing
from regimeswitch_lab.report.backtest_file import read_backtest
from regimeswitch_lab.report.bot_database import read_database
from regimeswitch_lab.report.candle_history import read_histories
from regimeswitch_lab.report.guard_counts import read_guards
from regimeswitch_lab.report.model_parts import read_models
from regimeswitch_lab.report.page import contents, render
from regimeswitch_lab.report.report_source import Source
from regimeswitch_lab.report.shadow_accounts import shadow_accounts
from regimeswitch_lab.report.summary import SummaryAnswer


ZIP, SQLITE = b"PK\x03\x04", b"SQLite format 3\x00"


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "report", help="one page about a backtest or a bot: charts and tables by regime"
    )
    parser.add_argument(
        "source",
        type=Path,
        metavar="BACKTEST.zip|DATABASE",
        help="result of freqtrade backtesting, a folder of them (the last one), or a bot's SQLite "
        "database",
    )
    parser.add_argument(
        "--brief", action="store_true", help="print the answers of the first screen as well"
    )
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="(report.html)")
    option(parser, "--datadir", help="folder of candle files (data/EXCHANGE beside the result)")
    parser.add_argument(
        "--models",
        type=Path,
        help="folder of one FreqAI identifier (models/IDENTIFIER beside the result)",
    )
    option(
        parser,
        "--config",
        help="the bot's configs, for a database; a backtest brings its own (config.json)",
    )
    option(parser, "--userdir", help="the bot's, for a database")
    parser.add_argument(
        "--capital", type=_positive, help="of a live bot at its beginning, stake currency"
    )
    parser.add_argument(
        "--log", type=Path, help="the bot's log file, for a database: counts what paused entries"
    )
    parser.set_defaults(run=run)


@refusing("report", InputError, SettingsError, OSError)
def run(args: argparse.Namespace) -> int:
    """Read, compute, write the page and say where it is."""
    console = Console(stderr=True)
    source = read_source(args)
    histories = read_histories(source, args.datadir)
    models = read_models(source, histories, args.models)
    guards = read_guards(source, args.userdir, args.log)
    shadows, shadow_note = shadow_accounts(source, histories, args.models)
    shown = contents(source, histories, models, guards, shadows, shadow_note)
    _write(args.out, render(shown))
    for note in [*source.notes, *histories.notes]:
        console.print(f"{note.missing} {note.remedy}", highlight=False, markup=False)
    if args.brief:
        _answer(shown["answers"])
    print(f"report: {args.out}" if args.brief else args.out)
    return OK


def _answer(answers: Sequence[SummaryAnswer]) -> None:
    """The first screen of the page, one line a question."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for answer in answers:
        console.print(answer.question, style="bold", end=" ")
        console.print(" ".join(answer.sentences))


def read_source(args: argparse.Namespace) -> Source:
    """What the report is about, by what the file begins with.

    :raises InputError: when it is neither a result nor a database
    """
    path = _newest(args.source) if args.source.is_dir() else args.source
    try:
        with path.open("rb") as file:
            begin = file.read(len(SQLITE))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from None
    if begin.startswith(ZIP):
        return read_backtest(path)
    if begin == SQLITE:
        config = load_sound_config(args.config, os.environ)
        now = pd.Timestamp.now("UTC").floor("min")
        return read_database(path, config, args.capital, args.userdir, now)
    raise InputError(
        f"{path} is neither a result of `freqtrade backtesting` (a zip) nor a bot's SQLite "
        "database; name a backtest-result-*.zip, or the file of the bot's db_url"
    )


def _newest(folder: Path) -> Path:
    """The result that freqtrade wrote last into a folder of results."""
    try:
        return Path(folder, get_latest_backtest_filename(folder))
    except ValueError as error:
        raise InputError(
            f"{folder} holds no result of `freqtrade backtesting` ({error}); name the folder "
            "backtest_results of the user folder, or a file"
        ) from None


def _write(out: Path, page: str) -> None:
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--out {out} cannot be written ({error.strerror})") from None


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} must be a number above 0")
    return value
