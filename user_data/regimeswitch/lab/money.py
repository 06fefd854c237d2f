"""``regimeswitch money``: what the models earn in freqtrade's own backtester, against rivals."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.exceptions import OperationalException
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from regimeswitch.bot.timeranges import Span, definite_range, seconds_before
from regimeswitch.candles import OHLCV, timeframe_seconds
from regimeswitch.lab.backtests import BacktestError, run_backtest
from regimeswitch.lab.botconfig import BotConfig, load_sound_config
from regimeswitch.lab.inputs import InputError, write_json
from regimeswitch.lab.moneyfigures import (
    balance_figures,
    buy_and_hold,
    daily_returns,
    deflated_sharpe,
    trade_figures,
    trial_spread,
)
from regimeswitch.lab.options import whole
from regimeswitch.lab.ranges import read_range, time_inside
from regimeswitch.lab.sameness import CLASSIFIER, require_bot, require_own_strategy
from regimeswitch.lab.screen import screen
from regimeswitch.lab.stock import USUAL
from regimeswitch.settings import FEATURE_VERSION, SettingsError


HOLD = "buy_and_hold"
TRIALS = 60
"""Settings tried in research; docs/research.md lists them."""
USUAL_FEE = 0.001
"""Of buy and hold where the config names no fee."""
FIGURES_VERSION = 2
"""Raise it when kept figures would come out differently."""
PLAIN: dict[str, Any] = {"entries": {"require_edge": False}}
VARIANTS: dict[str, dict[str, Any]] = {
    "gated": {},
    "gated_thresholds": {"regimeswitch": PLAIN},
    "single": {
        "regimeswitch": {
            **PLAIN,
            "models": {"sub_models": "none"},
            "evidence": {"gate": False},
        }
    },
    "stock": {"regimeswitch": PLAIN, "freqai": {"model_training_parameters": USUAL}},
    HOLD: {},
}
_Result = tuple[dict[str, Any], pd.Series]
LABELS = {
    "gated": "RegimeSwitch",
    "gated_thresholds": "RegimeSwitch, thresholds",
    "single": "one model, thresholds",
    "stock": "stock, thresholds",
    HOLD: "buy and hold",
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "money", help="freqtrade backtests of the models, rivals and buy and hold, as one table"
    )
    parser.add_argument("--datadir", type=Path, required=True, help="folder of candle files")
    parser.add_argument("--pairs", nargs="+", required=True, help="e.g. BTC/USDT ETH/USDT")
    parser.add_argument(
        "--timerange", required=True, help="YYYYMMDD-YYYYMMDD, either may be absent"
    )
    parser.add_argument(
        "--config", type=Path, nargs="+", default=[Path("config.json")], help="freqtrade configs"
    )
    parser.add_argument(
        "--step-days",
        type=whole(1),
        help="days between two trainings (freqai.backtest_period_days)",
    )
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), help=" ".join(VARIANTS))
    parser.add_argument("--trials", type=whole(1), default=TRIALS, help=f"for deflation ({TRIALS})")
    parser.add_argument("--jobs", type=whole(1), default=1, help="backtests side by side (1)")
    parser.add_argument("--work", type=Path, default=Path(".money"), help="keeps runs (.money)")
    parser.add_argument("--export", type=Path, help="write the figures as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run all variants, print the table, write what was asked for."""
    console = Console(stderr=True)
    try:
        figures = money(args, console)
        if args.export:
            write_json(args.export, figures)
    except (InputError, SettingsError, OSError) as error:
        console.print(f"regimeswitch money: {error}", highlight=False, markup=False, soft_wrap=True)
        return 2
    except BacktestError as error:
        console.print(f"regimeswitch money: {error}", highlight=False, markup=False, soft_wrap=True)
        return 1
    screen().print(table_of(figures))
    return 0


def money(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    """The figures of the command, as exported."""
    unknown = sorted(set(args.variants) - set(VARIANTS))
    if unknown:
        raise InputError(f"--variants {' '.join(unknown)}: known are {', '.join(VARIANTS)}")
    config = load_sound_config(args.config, os.environ)
    require_own_strategy(config, "money")
    require_bot(config)
    folder = config.candles(args.datadir)
    stored = {pair: folder.candles(pair, config.timeframe) for pair in dict.fromkeys(args.pairs)}
    args.timerange = _definite(args.timerange, config, list(stored.values()))
    candles = {
        pair: frame[time_inside(frame["date"], args.timerange)] for pair, frame in stored.items()
    }
    key = _key(args, config, stored)
    with Progress(console=console) as progress, ThreadPoolExecutor(args.jobs) as pool:
        task = progress.add_task("backtests", total=len(args.variants))

        def one(name: str) -> _Result:
            result = _variant(name, args, config, candles, args.work / key)
            progress.advance(task)
            return result

        # The two forms of the product share their models: one trains, the other follows.
        last = [name for name in args.variants if name == "gated_thresholds"]
        waves = [[name for name in args.variants if name not in last], last]
        done = {name: result for wave in waves for name, result in _together(wave, one, pool)}
    spread = trial_spread([returns for _, returns in done.values()])
    variants = {
        name: {
            **done[name][0],
            "deflated_sharpe": deflated_sharpe(done[name][1], args.trials, spread),
        }
        for name in VARIANTS
        if name in done
    }
    return {
        "timerange": args.timerange,
        "pairs": list(candles),
        "trials": args.trials,
        "variants": variants,
    }


def _definite(given: str, config: BotConfig, stored: list[pd.DataFrame]) -> str:
    """The range with both ends, the same for backtests and buy and hold."""
    read_range(given)
    step = timeframe_seconds(config.timeframe)
    ends = [[int(frame["date"].iloc[row].timestamp()) for row in (0, -1)] for frame in stored]
    spans = [Span(first, last + step) for first, last in ends]
    try:
        return definite_range(given, spans, seconds_before(config.merged, config.settings))
    except OperationalException as error:
        raise InputError(str(error)) from None


def _together(
    names: list[str], one: Callable[[str], _Result], pool: ThreadPoolExecutor
) -> list[tuple[str, _Result]]:
    return list(zip(names, pool.map(one, names), strict=True))


def _variant(
    name: str,
    args: argparse.Namespace,
    config: BotConfig,
    candles: Mapping[str, pd.DataFrame],
    work: Path,
) -> _Result:
    work.mkdir(parents=True, exist_ok=True)
    kept, balance_file = work / f"{name}.figures.json", work / f"{name}.balance.feather"
    if kept.is_file() and balance_file.is_file():
        return json.loads(kept.read_text()), daily_returns(pd.read_feather(balance_file))
    dates = pd.concat([frame["date"] for frame in candles.values()])
    days = (dates.max() - dates.min()).total_seconds() / 86400
    if name == HOLD:
        fee = float(config.merged.get("fee", USUAL_FEE))
        balance = buy_and_hold(candles, config.wallet, fee)
        held = {"trades": len(candles), "exposure": 1.0, "profit_factor": None}
        of_trades = {**held, "trades_per_pair_and_week": 7 / days}
    else:
        result = run_backtest(
            args.config,
            _overlay(name, len(candles), config.wallet, args.step_days),
            args.datadir,
            list(candles),
            args.timerange,
            work / ("gated" if name == "gated_thresholds" else name),
            work / f"{name}.log",
            "LightGBMClassifier" if name == "stock" else CLASSIFIER,
        )
        balance = result.balance
        of_trades = trade_figures(result.trades, len(candles), days)
    figures = {**of_trades, **balance_figures(balance)}
    balance.to_feather(balance_file)
    kept.write_text(json.dumps(figures))
    return figures, daily_returns(balance)


def _overlay(name: str, pairs: int, wallet: float, step_days: int | None) -> dict[str, Any]:
    # A number: coins of a table would be in the balance without ever being traded.
    overlay = {**VARIANTS[name], "max_open_trades": pairs, "dry_run_wallet": wallet}
    freqai = dict(overlay.get("freqai", {}))
    if step_days:
        freqai["backtest_period_days"] = step_days
    return {**overlay, "freqai": freqai}


def _key(args: argparse.Namespace, config: BotConfig, stored: Mapping[str, pd.DataFrame]) -> str:
    """Hash of all that decides the figures."""
    versions = [FEATURE_VERSION, FIGURES_VERSION]
    parts = [versions, config.merged, args.pairs, args.timerange, args.step_days, VARIANTS]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode())
    for frame in stored.values():
        digest.update(pd.util.hash_pandas_object(frame[OHLCV], index=False).to_numpy().tobytes())
    return digest.hexdigest()[:16]


def table_of(figures: Mapping[str, Any]) -> Table:
    """The figures as a table, one row per figure."""
    table = Table(
        title=f"{len(figures['pairs'])} pairs, {figures['timerange']}, after fees",
        caption=f"deflated Sharpe: probability, after {figures['trials']} trials",
    )
    table.add_column("")
    for name in figures["variants"]:
        table.add_column(LABELS[name], justify="right")
    rows = {
        "trades": "{:,}",
        "trades_per_pair_and_week": "{:.2f}",
        "exposure": "{:.1%}",
        "profit": "{:+.1%}",
        "cagr": "{:+.1%}",
        "sharpe": "{:.2f}",
        "sortino": "{:.2f}",
        "calmar": "{:.2f}",
        "max_drawdown": "{:.1%}",
        "profit_factor": "{:.2f}",
        "deflated_sharpe": "{:.2f}",
    }
    for key, form in rows.items():
        values = [variant[key] for variant in figures["variants"].values()]
        cells = ["-" if value is None else form.format(value) for value in values]
        table.add_row(key.replace("_", " "), *cells)
    return table
