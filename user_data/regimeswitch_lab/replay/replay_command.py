"""``regimeswitch replay``: does a bot decide as a backtest does? Candle by candle.

The real bot is led through history under a moved clock, then plain ``freqtrade backtesting`` runs
on the same candles, trained from scratch, and both are compared. With ``--live`` no bot is run:
what a running bot has stored is checked against the models that served it.
"""

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from regimeswitch.bot.bot_settings import is_learning
from regimeswitch.bot.freqai.backtest_range import seconds_before
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch.market.warmup import BASE_TIMEFRAME
from regimeswitch.settings import SettingsError
from regimeswitch.settings.modes import POSITION, SIGNAL
from regimeswitch_lab.bot_config import BotConfig, load_sound_config, section
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.exchange.market.candle_store import CandleError
from regimeswitch_lab.exchange.market.visible_market import open_market
from regimeswitch_lab.inputs import InputError, write_json
from regimeswitch_lab.options import FINDING, OK, Subparsers, number, option, refusing, whole
from regimeswitch_lab.ranges import OPEN, read_range
from regimeswitch_lab.replay import stage
from regimeswitch_lab.replay.compare import compare_decisions
from regimeswitch_lab.replay.deals import compare_deals
from regimeswitch_lab.replay.plan import SABOTAGES
from regimeswitch_lab.replay.replay_metrics import replay_figures
from regimeswitch_lab.replay.replay_tables import print_replay, print_served
from regimeswitch_lab.sameness import require_bot


WORK = Path(".replay")
DAY = timeframe_seconds("1d")
UNTRAINED_HOURS = 24.0
"""Between trainings of a bot that has none: FreqAI's keys must be sound all the same."""
MORE_TRADES: dict[str, dict[str, Any]] = {
    POSITION: {"regimeswitch": {"risk": {"max_hold_candles": 24}}},
    SIGNAL: {
        "regimeswitch": {"entries": {"require_edge": False}, "risk": {"max_hold_candles": 24}}
    },
}


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "replay",
        help="does a bot decide as a backtest does? candle by candle",
        description="Lead the real bot through stored candles under a moved clock, run plain "
        "freqtrade backtesting on the same candles, and compare every decision.",
    )
    option(parser, "--config")
    option(parser, "--datadir")
    option(parser, "--pairs", help="e.g. BTC/USDT ETH/USDT (default: the config's)")
    option(parser, "--timerange")
    option(parser, "--count", old="--candles")
    parser.add_argument(
        "--restarts", type=whole(0), default=0, help="end and start the bot that often"
    )
    parser.add_argument(
        "--retrain-hours", type=number(1), help="between trainings (freqai.live_retrain_hours)"
    )
    parser.add_argument(
        "--loop-seconds",
        type=whole(1, stage.CANDLE_SECONDS),
        default=15,
        help="between looks at an open position (15)",
    )
    parser.add_argument(
        "--more-trades",
        action="store_true",
        help="enter by thresholds alone and hold two hours at most, for more to compare",
    )
    parser.add_argument("--sabotage", choices=SABOTAGES, default="", help="a fault to be found")
    option(parser, "--work", default=WORK, help=f"logs, models ({WORK})")
    parser.add_argument(
        "--live", type=Path, metavar="DATABASE", help="check a running bot instead of replaying"
    )
    option(parser, "--userdir", help="for --live")
    option(parser, "--export")
    parser.set_defaults(run=run)


@refusing("replay", InputError, SettingsError, CandleError, stage.ReplayError, OSError)
def run(args: argparse.Namespace) -> int:
    """Replay, or check a running bot; 0 when nothing differs, 1 when something does."""
    console = Console(stderr=True)
    figures = check_served(args) if args.live else replayed(args, console)
    if args.export:
        write_json(args.export, figures)
    (print_served if args.live else print_replay)(figures)
    return FINDING if figures["decision_diffs"] or figures["trade_diffs"] else OK


def check_served(args: argparse.Namespace) -> dict[str, Any]:
    """The figures of a check of a running bot; freqtrade is loaded only for this."""
    from regimeswitch_lab.replay.served import served_figures

    load_sound_config(args.config, os.environ)
    return served_figures(args)


def replayed(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    """The figures of a replay, as exported."""
    scene = scene_of(args)
    own = stage.prepare(scene)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # The backtest takes the second core meanwhile.
    with (
        ThreadPoolExecutor(max_workers=1) as beside,
        Progress(*columns, TimeRemainingColumn(), console=console) as progress,
    ):
        expected = beside.submit(stage.run_backtest, scene, own)
        task = progress.add_task("candles", total=scene.count)
        began = time.monotonic()
        live = stage.run_bot(scene, own, lambda done: progress.update(task, completed=done))
        minutes = (time.monotonic() - began) / 60
        progress.update(task, description="backtest")
        backtest = expected.result()
    return compared(scene, live, backtest) | {"candles_per_minute": round(scene.count / minutes, 1)}


def compared(scene: stage.Scene, live: stage.Side, backtest: stage.Side) -> dict[str, Any]:
    """The figures of two finished sides."""
    decisions = compare_decisions(
        live.records,
        backtest.records,
        scene.start * 1000,
        scene.stop * 1000,
        1000 * scene.killed_at,
    )
    folder = scene.candles
    symbols = open_market(folder.path, data_format=folder.data_format).symbols()
    lots = {pair: 10.0 ** -symbols[pair.replace("/", "")].amount_decimals for pair in scene.pairs}
    deals = compare_deals(
        live.deals, backtest.deals, scene.wallet, lots, pd.Timestamp(scene.stop, unit="s", tz="UTC")
    )
    return replay_figures(scene, live, decisions, deals)


def scene_of(args: argparse.Namespace) -> stage.Scene:
    """What the command line asks for.

    :raises InputError: when something is missing or out of its range
    """
    if args.datadir is None or args.timerange is None:
        raise InputError("--datadir and --timerange are needed, e.g. --timerange 20241201-20241218")
    config = load_sound_config(args.config, os.environ)
    config.require_default_timeframe("replay")
    require_bot(config)
    state = config.merged.get("initial_state", "stopped")
    if state != "running":
        raise InputError(
            f'initial_state is "{state}": this bot would decide nothing; set it to "running"'
        )
    pairs = args.pairs or config.pairs
    if not pairs:
        raise InputError("the config's exchange.pair_whitelist names no pair; name some by --pairs")
    folder = config.candles(args.datadir)
    learns = is_learning(config.merged, config.settings)
    before = seconds_before(config.merged, config.settings)
    train_days = _train_days(config) if learns else None
    start, stop = _bounds(args, train_days, before, folder, pairs)
    if (stop - start) // stage.CANDLE_SECONDS < 2 * (args.restarts + 1):
        raise InputError(f"--restarts {args.restarts} needs at least two candles between restarts")
    return stage.Scene(
        configs=args.config,
        candles=folder,
        pairs=pairs,
        start=start,
        stop=stop,
        work=args.work.resolve(),
        restarts=args.restarts,
        retrain_hours=_retrain_hours(args, config) if learns else UNTRAINED_HOURS,
        loop_seconds=args.loop_seconds,
        sabotage=args.sabotage,
        wallet=config.wallet,
        extra=MORE_TRADES[config.settings.entries.mode] if args.more_trades else {},
        trains=learns,
    )


def _train_days(config: BotConfig) -> int:
    days = config.train_days
    if days is None:
        raise InputError("the config has no freqai.train_period_days; replay is of a FreqAI bot")
    return days


def _retrain_hours(args: argparse.Namespace, config: BotConfig) -> float:
    hours = args.retrain_hours
    if hours is None:
        hours = float(section(config.merged, "freqai").get("live_retrain_hours", 0))
    if hours < 1 or hours * 3600 % stage.CANDLE_SECONDS:
        raise InputError(
            f"--retrain-hours {hours:g}: give whole candles and at least an hour, e.g. 24; both "
            "sides then train at the same moments"
        )
    return float(hours)


def _rounded_up(moment: int, step: int) -> int:
    return -(-moment // step) * step


def _bounds(
    args: argparse.Namespace,
    train_days: int | None,
    before: int,
    folder: CandleFolder,
    pairs: list[str],
) -> tuple[int, int]:
    """First opening and last closing time, epoch seconds, inside what the candles allow.

    :param train_days: of a training; None = nothing is trained
    :param before: of every pair's candles, seconds, that lie before a start that is not given
    """
    start, stop = read_range(args.timerange)
    spans = [folder.candles(pair, BASE_TIMEFRAME)["date"].iloc[[0, -1]] for pair in pairs]
    begins = [int(dates.iloc[0].timestamp()) for dates in spans]
    if start is None:
        start = _rounded_up(max(begins) + before, DAY)
    start = _rounded_up(start, stage.CANDLE_SECONDS)
    late = max(range(len(pairs)), key=lambda place: begins[place])
    needed = before if train_days is None else train_days * DAY
    if begins[late] + needed > start:
        what = "the warm-up of the rule" if train_days is None else f"{train_days} days of training"
        raise InputError(
            f"{pairs[late]}: candles begin at {spans[late].iloc[0]:%Y-%m-%d}; with {what} start at "
            f"{pd.Timestamp(_rounded_up(begins[late] + needed, DAY), unit='s'):%Y%m%d} or later"
        )
    # The bot also needs the candle after the last one, to trade at its open.
    last = min(int(dates.iloc[-1].timestamp()) for dates in spans)
    stop = min(OPEN if stop is None else stop // stage.CANDLE_SECONDS * stage.CANDLE_SECONDS, last)
    if args.count is not None:
        stop = min(stop, start + args.count * stage.CANDLE_SECONDS)
    if stop - start < stage.CANDLE_SECONDS:
        raise InputError(f"--timerange {args.timerange!r} holds no candle of {', '.join(pairs)}")
    return start, stop
