"""``regimeswitch prove``: does switching help on these candles? Walk-forward, without a bot."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import delayed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from regimeswitch.candles import timeframe_seconds
from regimeswitch.lab.candidates import Recipe
from regimeswitch.lab.dataset import TIMEFRAME, PairData, pair_data
from regimeswitch.lab.inputs import InputError, config_of, write_json
from regimeswitch.lab.proof import proof
from regimeswitch.lab.prooftable import print_proof
from regimeswitch.lab.sidebyside import side_by_side
from regimeswitch.lab.walkforward import check_windows, walk, windows_between
from regimeswitch.learners import LearnerError
from regimeswitch.settings import Settings, SettingsError, load_settings
from regimeswitch.warmup import startup_candles


TRAIN_DAYS = 120
STEP_DAYS = 30


@dataclass(frozen=True)
class Plan:
    """What a config and the command line ask for."""

    settings: Settings
    timeframes: list[str]
    periods: list[int]
    training_parameters: dict[str, Any]
    train_days: int
    step_days: int


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "prove", help="walk-forward: does switching beat one model on these candles?"
    )
    parser.add_argument("--datadir", type=Path, required=True, help="folder of candle files")
    parser.add_argument("--pairs", nargs="+", required=True, help="e.g. BTC/USDT ETH/USDT")
    parser.add_argument("--timerange", required=True, help="tested range, YYYYMMDD-YYYYMMDD")
    parser.add_argument("--config", type=Path, help="freqtrade config; default: the defaults")
    parser.add_argument("--train-days", type=int, help=f"of each window (config or {TRAIN_DAYS})")
    parser.add_argument("--step-days", type=int, help=f"between trainings ({STEP_DAYS})")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="windows side by side (all cores)"
    )
    parser.add_argument(
        "--work", type=Path, default=Path(".prove"), help="keeps finished windows (.prove)"
    )
    parser.add_argument("--export", type=Path, help="write the figures as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Walk forward, print the figures and the verdict, write what was asked for."""
    console = Console(stderr=True)
    try:
        figures = proved(args, console)
        if args.export:
            write_json(args.export, figures)
    except (InputError, SettingsError, LearnerError, OSError) as error:
        console.print(f"regimeswitch prove: {error}", highlight=False, markup=False)
        return 2
    print_proof(figures)
    return 0


def proved(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    """The figures of the command, as exported."""
    plan = _plan(args)
    begin, until = _candle_numbers(args.timerange)
    windows = windows_between(begin, until, plan.train_days, plan.step_days)
    recipe = Recipe(plan.settings, plan.training_parameters, plan.settings.models.rows == "shared")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        pairs = _all_pairs(args, plan, progress)
        check_windows(pairs, windows)
        task = progress.add_task("windows", total=len(windows))
        answered, findings = walk(
            pairs, windows, recipe, args.work, args.jobs, lambda: progress.advance(task)
        )
    return {
        "timerange": args.timerange,
        "horizon": plan.settings.labels.horizon,
        "train_days": plan.train_days,
        "step_days": plan.step_days,
        "windows": len(windows),
        "rows": plan.settings.models.rows,
        "settings": plan.settings.model_dump(mode="json"),
        **proof(pairs, answered, findings, plan.settings.labels.fee),
    }


def _plan(args: argparse.Namespace) -> Plan:
    config = config_of(args.config) if args.config else {}
    freqai = config.get("freqai", {})
    features = freqai.get("feature_parameters", {})
    # A window is one thread: sub-models side by side would only contend.
    section = config.get("regimeswitch", {})
    settings = load_settings(section)
    startup_candles(settings, features, config.get("timeframe") or TIMEFRAME)
    settings = settings.model_copy(
        update={"models": settings.models.model_copy(update={"jobs": 1})}
    )
    plan = Plan(
        settings,
        [TIMEFRAME, *(t for t in features.get("include_timeframes", ["1h"]) if t != TIMEFRAME)],
        list(features.get("indicator_periods_candles", [12, 36])),
        dict(freqai.get("model_training_parameters", {})),
        int(args.train_days or freqai.get("train_period_days", TRAIN_DAYS)),
        int(args.step_days or STEP_DAYS),
    )
    for name, value in (
        ("--train-days", plan.train_days),
        ("--step-days", plan.step_days),
        ("--jobs", args.jobs),
    ):
        if value < 1:
            raise InputError(f"{name} {value} must be 1 or more")
    return plan


def _candle_numbers(timerange: str) -> tuple[int, int]:
    begin, _, until = timerange.partition("-")
    stamps = pd.to_datetime(pd.Series([begin, until]), format="%Y%m%d", errors="coerce", utc=True)
    if stamps.isna().any() or stamps[0] >= stamps[1]:
        raise InputError(
            f"--timerange {timerange!r} is not a range with a beginning and an end; write "
            "YYYYMMDD-YYYYMMDD"
        )
    first, last = (int(stamp.timestamp()) // timeframe_seconds(TIMEFRAME) for stamp in stamps)
    return first, last


def _all_pairs(args: argparse.Namespace, plan: Plan, progress: Progress) -> list[PairData]:
    names = list(dict.fromkeys(args.pairs))
    task = progress.add_task("features", total=len(names))
    tasks = (
        delayed(pair_data)(args.datadir, pair, plan.settings, plan.timeframes, plan.periods)
        for pair in names
    )
    result = []
    for data in side_by_side(tasks, args.jobs):
        result.append(data)
        progress.advance(task)
    return result
