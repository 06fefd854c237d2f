"""``regimeswitch prove``: does switching help on these candles? Walk-forward, without a bot."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import delayed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from regimeswitch.bot.trial_ledger import (
    LedgerError,
    append,
    candles_hash,
    ledger_beside,
    settings_hash,
)
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch.market.feature_blocks import FeaturePlan
from regimeswitch.market.warmup import BASE_TIMEFRAME, startup_candles
from regimeswitch.model.learners import LearnerError
from regimeswitch.settings import Settings, SettingsError
from regimeswitch.settings.renamed import with_hashed_names
from regimeswitch_lab.bot_config import load_sound_config, section
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.dask_cluster import cluster_or_processes
from regimeswitch_lab.inputs import InputError, write_json
from regimeswitch_lab.options import option, whole
from regimeswitch_lab.prove.candidates import Recipe
from regimeswitch_lab.prove.dataset import PairData, pair_data, with_common_features
from regimeswitch_lab.prove.proof import proof
from regimeswitch_lab.prove.proof_table import print_proof
from regimeswitch_lab.prove.utility import Asking, ValidationRange, check_utility, utility
from regimeswitch_lab.prove.utility_proof import ADDITIONS, TRAIN_DAYS
from regimeswitch_lab.prove.utility_table import print_utility
from regimeswitch_lab.prove.walk_forward import check_windows, walk, windows_between
from regimeswitch_lab.ranges import OPEN, range_text, read_range, time_inside
from regimeswitch_lab.sameness import require_plain_models
from regimeswitch_lab.side_by_side import WorkersError, side_by_side


STEP_DAYS = 30
REFUSED = (InputError, SettingsError, LearnerError, LedgerError, OSError, WorkersError)


@dataclass(frozen=True)
class Plan:
    """What a config and the command line ask for.

    :ivar features: which features there are
    """

    settings: Settings
    folder: CandleFolder
    features: FeaturePlan
    training_parameters: dict[str, Any]
    freqai: dict[str, Any]
    train_days: int
    step_days: int

    @property
    def timeframe(self) -> str:
        """The base timeframe."""
        return self.features.timeframe

    @property
    def recipe(self) -> Recipe:
        """What the models are made of."""
        shares = self.settings.models.rows == "shared"
        given = section(self.freqai, "feature_parameters")
        return Recipe(
            self.settings,
            self.training_parameters,
            shares,
            self.timeframe,
            float(given.get("weight_factor") or 0),
            int(given.get("label_period_candles") or 0),
        )


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "prove", help="walk-forward: does switching beat one model on these candles?"
    )
    parser.add_argument("--datadir", type=Path, required=True, help="folder of candle files")
    parser.add_argument("--pairs", nargs="+", required=True, help="e.g. BTC/USDT ETH/USDT")
    parser.add_argument(
        "--timerange", required=True, help="tested range, YYYYMMDD-YYYYMMDD, either may be absent"
    )
    parser.add_argument(
        "--config",
        type=Path,
        nargs="+",
        default=[],
        help="freqtrade configs (the defaults)",
    )
    parser.add_argument(
        "--train-days", type=whole(1), help=f"of each window (config or {TRAIN_DAYS})"
    )
    parser.add_argument(
        "--step-days", type=whole(1), default=STEP_DAYS, help=f"between trainings ({STEP_DAYS})"
    )
    parser.add_argument(
        "--jobs",
        type=whole(1),
        default=os.cpu_count() or 1,
        help="windows side by side (all cores)",
    )
    option(parser, "--cluster")
    parser.add_argument(
        "--work", type=Path, default=Path(".prove"), help="keeps finished windows (.prove)"
    )
    parser.add_argument("--ledger", type=Path, help="of trials (trials.jsonl beside --work)")
    parser.add_argument(
        "--utility",
        nargs="*",
        choices=ADDITIONS,
        help="instead: what models add to the money of the rule, over the whole range, in position "
        f"mode: {' and '.join(ADDITIONS)} (both)",
    )
    parser.add_argument("--export", type=Path, help="write the figures as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Walk forward, print the figures and the verdict, write what was asked for."""
    console = Console(stderr=True)
    try:
        figures = proved(args, console)
        if args.utility is None:
            _note(args, figures)
        if args.export:
            write_json(args.export, figures)
    except REFUSED as error:
        console.print(f"regimeswitch prove: {error}", highlight=False, markup=False, soft_wrap=True)
        return 2
    if args.utility is None:
        print_proof(figures)
    else:
        print_utility(figures)
    return 0


def proved(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    """The figures of the command, as exported."""
    plan = _plan(args)
    workers = cluster_or_processes(args.cluster, args.jobs, args.work)
    # A mistake in it is reported before minutes of features.
    dates = pd.concat([plan.folder.candles(pair, plan.timeframe)["date"] for pair in args.pairs])
    time_inside(dates.sort_values(), args.timerange)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        pairs = _all_pairs(args, plan, progress)
        begin, until = _candle_numbers(args.timerange, pairs, plan)
        windows = windows_between(begin, until, plan.train_days, plan.step_days, plan.timeframe)
        check_windows(pairs, windows, plan.timeframe)
        if args.utility is not None:
            span = ValidationRange(begin, until, plan.train_days, args.step_days, plan.timeframe)
            asking = Asking(plan.recipe, plan.freqai, plan.folder, pairs, span)
            return utility(args, asking, workers, progress)
        task = progress.add_task("windows", total=len(windows))
        answered, findings = walk(
            pairs, windows, plan.recipe, args.work, workers, lambda: progress.advance(task)
        )
    return {
        "timerange": range_text(*(n * timeframe_seconds(plan.timeframe) for n in (begin, until))),
        "timeframe": plan.timeframe,
        "horizon": plan.settings.labels.horizon,
        "train_days": plan.train_days,
        "step_days": plan.step_days,
        "windows": len(windows),
        "rows": plan.settings.models.rows,
        "settings": plan.settings.model_dump(mode="json"),
        **proof(pairs, answered, findings, plan.settings.labels.fee, plan.timeframe),
    }


def _note(args: argparse.Namespace, figures: dict[str, Any]) -> None:
    """A line of the ledger of trials."""
    folder = load_sound_config(args.config, os.environ).candles(args.datadir)
    base = figures["timeframe"]
    frames = (folder.candles(pair, base) for pair in args.pairs)
    decided = [with_hashed_names(figures["settings"])]
    decided += [figures[name] for name in ("train_days", "step_days", "rows")]
    decided += [base] if base != BASE_TIMEFRAME else []
    models = figures["summary"]["models"]
    result = {f"skill of {name}": models[name]["skill"]["median"] for name in ("blended", "single")}
    append(
        args.ledger or ledger_beside(args.work),
        "prove",
        settings_hash(decided),
        candles_hash(frames),
        args.pairs,
        str(figures["timerange"]),
        result,
    )


def _plan(args: argparse.Namespace) -> Plan:
    config = load_sound_config(args.config, os.environ)
    if args.utility is not None:
        check_utility(config.settings)
    require_plain_models(config)
    freqai = section(config.merged, "freqai")
    features = section(freqai, "feature_parameters")
    # A window is one thread: sub-models side by side would only contend.
    settings, base = config.settings, config.timeframe
    startup_candles(settings, features, base)
    settings = settings.model_copy(
        update={"models": settings.models.model_copy(update={"jobs": 1})}
    )
    train_days = args.train_days or config.train_days
    return Plan(
        settings,
        config.candles(args.datadir),
        FeaturePlan.of(features, base),
        section(freqai, "model_training_parameters"),
        freqai,
        TRAIN_DAYS if train_days is None else train_days,
        args.step_days,
    )


def _candle_numbers(timerange: str, pairs: Sequence[PairData], plan: Plan) -> tuple[int, int]:
    """First and last candle of the tested range, the last one excluded.

    Without a start it begins as soon as every pair has complete features for a whole training;
    it ends with the last candle at the latest.

    :raises InputError: when no candle lies in it
    """
    start, stop = read_range(timerange)
    seconds = timeframe_seconds(plan.timeframe)
    per_day, train_days = 86_400 // seconds, plan.train_days
    first = min(int(data.time[0]) for data in pairs)
    last = max(int(data.time[-1]) for data in pairs) + 1
    until = min(last, -(-(OPEN if stop is None else stop) // seconds))
    if start is None:
        begin = max(_complete_from(data) for data in pairs) + train_days * per_day
        begin = -(-begin // per_day) * per_day
    else:
        begin = -(-start // seconds)
    if begin >= until or until <= first:
        known = range_text(first * seconds, last * seconds)
        needed = "" if start is not None else f", and {train_days} days of them are for training"
        raise InputError(
            f"--timerange {timerange!r} holds no candles; they reach from "
            f"{known.replace('-', ' to ')}{needed}"
        )
    return begin, until


def _complete_from(data: PairData) -> int:
    usable = np.flatnonzero(data.usable)
    return int(data.time[usable[0]] if len(usable) else data.time[-1] + 1)


def _all_pairs(args: argparse.Namespace, plan: Plan, progress: Progress) -> list[PairData]:
    names = list(dict.fromkeys(args.pairs))
    task = progress.add_task("features", total=len(names))
    tasks = (delayed(pair_data)(plan.folder, pair, plan.settings, plan.features) for pair in names)
    result = []
    for data in side_by_side(tasks, args.jobs):
        result.append(data)
        progress.advance(task)
    return with_common_features(result) if plan.recipe.shares else result
