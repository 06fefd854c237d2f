"""``regimeswitch pretrain``: trains the windows of a backtest side by side.

Models and predictions lie then where ``freqtrade backtesting`` looks for them, which finds them and
trains nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from freqtrade.exceptions import FreqtradeException
from joblib import delayed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from regimeswitch.bot.freqai.backtest_windows import StoredWindow
from regimeswitch.settings import SettingsError
from regimeswitch_lab.dask_cluster import cluster_or_processes
from regimeswitch_lab.exchange.market.candle_store import CandleError
from regimeswitch_lab.exchange.server import ServerError
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.offline.freqtrade_arguments import FreqtradeCall, UsageError, read_call
from regimeswitch_lab.offline.offline_command import check_layers
from regimeswitch_lab.options import FINDING, OK, Subparsers, option, refusing
from regimeswitch_lab.pretrain.backtest_config import backtest_config
from regimeswitch_lab.pretrain.window_tasks import (
    PreparedRun,
    forget_trainer,
    logged_lines,
    missing_tasks,
    train_windows,
)
from regimeswitch_lab.pretrain.window_trainer import LOCKS, TrainedWindows
from regimeswitch_lab.side_by_side import WorkersError


SHOWN_FAILURES = 3


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line.

    :param subparsers: what ``ArgumentParser.add_subparsers`` returned
    """
    parser = subparsers.add_parser(
        "pretrain",
        help="train the windows of a FreqAI backtest side by side",
        description="Train the windows of a backtest side by side into FreqAI's model folder, "
        "where freqtrade backtesting with the same arguments then finds them. A run that was "
        "stopped goes on where it was.",
        epilog="example: regimeswitch pretrain --jobs 4 -- freqtrade backtesting "
        "--timerange 20260101-",
    )
    option(
        parser,
        "--jobs",
        default=os.cpu_count() or 1,
        help="windows side by side, each in a process of its own (all cores)",
    )
    option(parser, "--cluster")
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="what freqtrade and the models log, window by window (USERDIR/logs/pretrain.log)",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- freqtrade ARGS")
    parser.set_defaults(run=run)


@refusing(
    "pretrain",
    *(InputError, UsageError, SettingsError, FreqtradeException, CandleError, ServerError),
    *(WorkersError, OSError),
)
def run(args: argparse.Namespace) -> int:
    """Train what is missing, and say what there is.

    :return: 1 where a training failed
    """
    call = _call(args.command)
    check_layers(call)
    began = time.monotonic()
    with logged_lines() as lines:
        config = backtest_config(call)
    with logged_lines() as more:
        prepared = PreparedRun(uuid.uuid4().hex, config)
        trainer = prepared.trainer()
    windows = trainer.windows()
    home = Path(trainer.model.full_path)
    log = args.log or Path(config["user_data_dir"]) / "logs" / "pretrain.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    workers = cluster_or_processes(args.cluster, args.jobs, home)
    tasks = missing_tasks(windows, trainer.model.shares, workers.count)
    total, missing = sum(map(len, windows.values())), sum(task.windows for task in tasks)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    failures: list[str] = []
    with (
        log.open("w", encoding="utf-8") as stream,
        Progress(*columns, TimeRemainingColumn(), console=console) as progress,
    ):
        stream.writelines(f"{line}\n" for line in (*lines, *more))
        bar = progress.add_task(f"windows of {len(windows)} pairs", total=total)
        progress.advance(bar, total - missing)
        done: TrainedWindows
        for done in workers.results(delayed(train_windows)(prepared, task) for task in tasks):
            stream.writelines(f"{line}\n" for line in done.log)
            stream.flush()
            failures += done.failures
            progress.advance(bar, done.task.windows)
    forget_trainer()
    with logged_lines():
        trainer.list_newest(windows)
    shutil.rmtree(home / LOCKS, ignore_errors=True)
    _say(windows, missing, failures, time.monotonic() - began, home, log)
    return FINDING if failures else OK


def _call(words: Sequence[str]) -> FreqtradeCall:
    """The backtest's command line, from what stands behind ``--``."""
    command = list(words[1:] if words[:1] == ["--"] else words)
    if not command or Path(command[0]).stem != "freqtrade":
        raise UsageError(
            "write the command of the backtest after --, e.g. regimeswitch pretrain -- freqtrade "
            "backtesting --timerange 20260101-"
        )
    return read_call(command[1:])


def _say(
    windows: dict[str, list[StoredWindow]],
    missing: int,
    failures: list[str],
    seconds: float,
    home: Path,
    log: Path,
) -> None:
    total = sum(map(len, windows.values()))
    trained = missing - len(failures)
    print(
        f"{total} windows of {len(windows)} pairs: {trained} trained in {seconds:.0f} s, "
        f"{total - missing} were there. freqtrade backtesting with the same arguments finds them "
        f"in {home}; log: {log}"
    )
    if failures:
        several = "trainings" if len(failures) > 1 else "training"
        told = "\n".join(failures[:SHOWN_FAILURES])
        print(
            f"regimeswitch pretrain: {len(failures)} {several} failed; a backtest would try them "
            f"again and open nothing in their windows:\n{told}",
            file=sys.stderr,
        )
