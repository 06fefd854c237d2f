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
from typing import TextIO

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
    find_windows,
    forget_trainer,
    list_windows,
    logged_lines,
    missing_tasks,
    prepare_windows,
    train_windows,
)
from regimeswitch_lab.pretrain.window_trainer import LOCKS, TrainedWindows, TrainingTask
from regimeswitch_lab.side_by_side import Workers, WorkersError


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
    userdir = Path(config["user_data_dir"])
    workers = cluster_or_processes(args.cluster, args.jobs, userdir)
    prepared = PreparedRun(uuid.uuid4().hex, config)
    with workers.readying(delayed(prepare_windows)(prepared)):
        (found,) = workers.results([delayed(find_windows)(prepared)])
        windows: dict[str, list[StoredWindow]] = found.windows
        tasks = missing_tasks(windows, found.shares, workers.count)
        log = args.log or userdir / "logs" / "pretrain.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as stream:
            stream.writelines(f"{line}\n" for line in (*lines, *found.log))
            total = sum(map(len, windows.values()))
            failures = _trained(workers, prepared, tasks, total, stream)
        list(workers.results([delayed(list_windows)(prepared, windows)]))
    forget_trainer()
    home = found.home
    shutil.rmtree(home / LOCKS, ignore_errors=True)
    missing = sum(task.windows for task in tasks)
    print(
        f"{total} windows of {len(windows)} pairs: {missing - len(failures)} trained in "
        f"{time.monotonic() - began:.0f} s, {total - missing} were there. freqtrade backtesting "
        f"with the same arguments finds them in {home}; log: {log}"
    )
    _say_failed(failures)
    return FINDING if failures else OK


def _trained(
    workers: Workers,
    prepared: PreparedRun,
    tasks: Sequence[TrainingTask],
    total: int,
    log: TextIO,
) -> list[str]:
    """Have the tasks done, with a bar on standard error; what failed.

    :param total: windows of all pairs, those that are there included
    :param log: gets what is logged
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console, failures = Console(stderr=True), list[str]()
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        there = total - sum(task.windows for task in tasks)
        bar = progress.add_task("windows", total=total, completed=there)
        done: TrainedWindows
        for done in workers.results(delayed(train_windows)(prepared, task) for task in tasks):
            log.writelines(f"{line}\n" for line in done.log)
            log.flush()
            failures += done.failures
            progress.advance(bar, done.task.windows)
    return failures


def _call(words: Sequence[str]) -> FreqtradeCall:
    """The backtest's command line, from what stands behind ``--``."""
    command = list(words[1:] if words[:1] == ["--"] else words)
    if not command or Path(command[0]).stem != "freqtrade":
        raise UsageError(
            "write the command of the backtest after --, e.g. regimeswitch pretrain -- freqtrade "
            "backtesting --timerange 20260101-"
        )
    return read_call(command[1:])


def _say_failed(failures: Sequence[str]) -> None:
    if not failures:
        return
    several = "trainings" if len(failures) > 1 else "training"
    reported = "\n".join(failures[:SHOWN_FAILURES])
    print(
        f"regimeswitch pretrain: {len(failures)} {several} failed; a backtest would try them again "
        f"and open nothing in their windows:\n{reported}",
        file=sys.stderr,
    )
