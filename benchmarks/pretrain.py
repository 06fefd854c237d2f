"""Time of ``regimeswitch pretrain`` with one worker and with several, and of a training under load.

Several pairs and windows of a synthetic market are trained with one worker and with ``--workers``
of them, in turn, each time into a fresh folder. Prints the seconds on the clock, their ratio of
medians, and whether the stored predictions are equal bit by bit. ``--dask`` does it on a scheduler
and worker processes of this machine instead of ``--jobs``. ``--load`` trains one window quietly and
one while as many other processes as there are cores do nothing but compute.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from regimeswitch_lab.dask_cluster import DaskCluster
from regimeswitch_lab.inputs import HOME, InputError
from regimeswitch_lab.offline.freqtrade_arguments import read_call
from regimeswitch_lab.pretrain.backtest_config import backtest_config
from regimeswitch_lab.pretrain.window_tasks import (
    PreparedRun,
    logged_lines,
    missing_tasks,
    train_windows,
)
from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market


PAIRS = [f"{coin}/USDT" for coin in ("BTC", "ETH", "SOL", "ADA", "XRP", "LINK")]
END = datetime(2025, 1, 1, tzinfo=UTC)
WARM_UP_DAYS = 110


class Bench:
    """A market and the command line of its backtest.

    :param folder: of everything that is written
    """

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.folder, self.runs = folder, 0
        tested = args.windows * args.window_days
        days = WARM_UP_DAYS + args.train_days + tested
        write_market(synthetic_market(args.pairs, days, END, seed=1), folder / "market")
        freqai = {"train_period_days": args.train_days, "backtest_period_days": args.window_days}
        overlay = folder / "windows.json"
        overlay.write_text(json.dumps({"freqai": freqai}))
        timerange = f"{END - timedelta(days=tested):%Y%m%d}-{END:%Y%m%d}"
        self.command = [
            *("freqtrade", "backtesting", "--config", str(args.config), "--config", str(overlay)),
            *("--datadir", str(folder / "market"), "--timerange", timerange),
            *("--strategy-path", str(HOME / "strategies")),
            *("--freqaimodel-path", str(HOME / "freqaimodels"), "--pairs", *args.pairs),
        ]

    def fresh(self) -> tuple[Path, list[str]]:
        """An empty user folder, and the command line with it."""
        self.runs += 1
        userdir = self.folder / f"run{self.runs}"
        userdir.mkdir()
        return userdir, [*self.command, "--userdir", str(userdir)]

    def seconds(self, who: list[str]) -> tuple[float, dict[str, bytes]]:
        """Time on the clock of one run, and the predictions that it stored.

        :param who: options of pretrain
        """
        userdir, line = self.fresh()
        begin = time.perf_counter()
        command = [sys.executable, "-m", "regimeswitch_lab", "pretrain", *who, "--", *line]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took = time.perf_counter() - begin
        files = userdir.glob("models/*/backtesting_predictions/*.feather")
        return took, {path.name: path.read_bytes() for path in files}


@contextlib.contextmanager
def processes(*commands: list[str]) -> Iterator[None]:
    """Other processes as long as it lasts."""
    begun = [
        subprocess.Popen(one, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for one in commands
    ]
    try:
        yield
    finally:
        for process in begun:
            process.kill()
            process.wait()


@contextlib.contextmanager
def dask(folder: Path, workers: int) -> Iterator[list[str]]:
    """The option for a scheduler of this machine with so many workers."""
    file = folder / f"scheduler-{time.time_ns()}.json"
    python = [sys.executable, "-m"]
    scheduler = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0"]
    place = ["--scheduler-file", str(file)]
    with processes(
        [*python, "distributed.cli.dask_scheduler", *scheduler, *place],
        *[[*python, "distributed.cli.dask_worker", *worker, *place]] * workers,
    ):
        while not file.is_file():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        while workers_at(address, folder) < workers:
            time.sleep(0.1)
        yield ["--cluster", address]


def workers_at(address: str, folder: Path) -> int:
    """How many workers a scheduler has."""
    try:
        return DaskCluster.at(address, folder).count
    except InputError:
        return 0


def side_by_side(bench: Bench, args: argparse.Namespace) -> dict[str, Any]:
    """One worker and several, in turn."""
    counts = (1, args.workers)
    took: dict[int, list[float]] = {count: [] for count in counts}
    known: dict[str, bytes] = {}
    equal = True
    for _ in range(args.repeat):
        for count in counts:
            if args.dask:
                with dask(bench.folder, count) as who:
                    seconds, found = bench.seconds(who)
            else:
                seconds, found = bench.seconds(["--jobs", str(count)])
            known = known or found
            equal &= found == known
            took[count].append(seconds)
            print(f"{count} workers: {seconds:.1f} s, {len(found)} windows", flush=True)
    ratio = median(took[1]) / median(took[args.workers])
    print(
        f"{args.workers} workers are {ratio:.2f} times as fast as one; predictions equal: {equal}"
    )
    return {"seconds": took, "pretrain_ratio": ratio, "equal": equal, "windows": len(known)}


def under_load(bench: Bench, args: argparse.Namespace) -> dict[str, Any]:
    """One training quietly and one beside a process on every core, in turn."""
    _, line = bench.fresh()
    with logged_lines():
        run = PreparedRun("benchmark", backtest_config(read_call(line[1:])))
        trainer = run.trainer()
    tasks = missing_tasks(trainer.windows(), trainer.model.shares, 1)
    # The first one pays for the features of all.
    train_windows(run, tasks.pop(0))
    took: dict[str, list[float]] = {"quiet": [], "loaded": []}
    busy = [[sys.executable, "-c", "while True: pass"]] * (os.cpu_count() or 1)
    for number, task in enumerate(tasks[: 2 * args.repeat]):
        name = ("quiet", "loaded")[number % 2]
        with processes(*(busy if name == "loaded" else [])):
            begin = time.perf_counter()
            train_windows(run, task)
            took[name].append(time.perf_counter() - begin)
        print(f"{name}: {took[name][-1]:.1f} s", flush=True)
    ratio = median(took["loaded"]) / median(took["quiet"])
    print(f"under load a training takes {ratio:.2f} times as long")
    return {"training_seconds": took, "load_ratio": ratio}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=HOME.parent / "config.json")
    parser.add_argument("--pairs", nargs="+", default=PAIRS)
    parser.add_argument("--windows", type=int, default=10)
    parser.add_argument("--window-days", type=int, default=7)
    parser.add_argument("--train-days", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--dask", action="store_true")
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--export", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, Path(folder))
        found = under_load(bench, args) if args.load else side_by_side(bench, args)
    if args.export:
        args.export.write_text(json.dumps({"pairs": args.pairs, **found}, indent=2))


if __name__ == "__main__":
    main()
