"""``regimeswitch money``: what the positions earned, against what a person would have done."""

import argparse
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.exceptions import OperationalException
from rich.console import Console
from rich.progress import Progress

from regimeswitch.bot import trial_ledger
from regimeswitch.bot.freqai.backtest_range import Span, definite_range, seconds_before
from regimeswitch.bot.overrides import full_stake
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch.market.warmup import startup_candles
from regimeswitch.settings import FEATURE_VERSION, Settings, SettingsError, load_settings
from regimeswitch.settings.modes import POSITION, SIGNAL
from regimeswitch.settings.renamed import with_hashed_names
from regimeswitch_lab.bot_config import BotConfig, load_sound_config, section
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.commands.regime_picture import check_picture
from regimeswitch_lab.inputs import InputError, NoCandlesError, write_json
from regimeswitch_lab.money import tested
from regimeswitch_lab.money.backtests import BacktestError
from regimeswitch_lab.money.book import Days
from regimeswitch_lab.money.bootstrap import versus
from regimeswitch_lab.money.compared import (
    COMPUTED,
    CONSTANT,
    HOLD,
    REGIMESWITCH,
    Variant,
    by_pair,
    by_regime,
    by_year,
    compared,
    figures_of,
    of_trades,
)
from regimeswitch_lab.money.mode_overlay import in_mode
from regimeswitch_lab.money.money_chart import draw_money
from regimeswitch_lab.money.money_metrics import deflated_sharpe, trial_spread
from regimeswitch_lab.money.money_table import LABELS, print_money
from regimeswitch_lab.money.position_signals import PositionMarket, read_market
from regimeswitch_lab.money.simulated_account import Terms
from regimeswitch_lab.money.stored import StoredCandles
from regimeswitch_lab.options import OK, Subparsers, option, refusing, whole
from regimeswitch_lab.ranges import read_range
from regimeswitch_lab.sameness import require_bot, require_own_strategy


USUAL_FEE = 0.001
"""Where the config names no fee."""
FIGURES_VERSION = 3
"""Raise it when kept backtests would come out differently."""
UNKNOWN_KEYS = {
    "minimal_roi": "a take-profit",
    "trailing_stop": "a trailing stop",
    "available_capital": "a capital beside the wallet",
}
"""Keys of freqtrade that change positions and that are not simulated."""


@dataclass(frozen=True)
class MoneyPlan:
    """What a config and the command line ask for.

    :ivar settings: of position mode
    :ivar given: section ``regimeswitch`` as configured
    """

    config: BotConfig
    settings: Settings
    given: Mapping[str, Any]
    pairs: tuple[str, ...]
    variants: tuple[str, ...]
    timerange: str
    stored: StoredCandles
    terms: Terms


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "money", help="what the positions earned, against rivals, holding and chance"
    )
    option(parser, "--datadir", required=True)
    option(parser, "--pairs", required=True)
    option(parser, "--timerange", required=True)
    option(parser, "--config")
    parser.add_argument("--timeframe", help="base timeframe, over the config")
    parser.add_argument(
        "--variants", nargs="+", help=f"{' '.join(LABELS)} (those that train no model)"
    )
    parser.add_argument(
        "--with-models",
        action="store_true",
        help=f"{', '.join(tested.SIGNALS)} too: freqtrade backtests with trainings, hours",
    )
    parser.add_argument(
        "--confirm", action="store_true", help="freqtrade's own backtest of the positions, too"
    )
    option(parser, "--step-days", help="days between two trainings (freqai.backtest_period_days)")
    parser.add_argument("--trials", type=whole(1), help="for deflation (the ledger's and before)")
    option(parser, "--jobs", default=1, help="backtests side by side (1)")
    option(parser, "--work", default=Path(".money"), help="keeps runs (.money)")
    option(parser, "--ledger")
    parser.add_argument("--chart", type=Path, help="draw equity, fall, exposure (.png, .svg)")
    option(parser, "--export")
    parser.set_defaults(run=run)


@refusing(
    "money", InputError, SettingsError, trial_ledger.LedgerError, OSError, finding=(BacktestError,)
)
def run(args: argparse.Namespace) -> int:
    """Compare, print the tables, write what was asked for."""
    console = Console(stderr=True)
    figures = money(args, console)
    if args.export:
        write_json(args.export, figures)
    print_money(figures)
    return OK


def money(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    """The figures of the command, as exported."""
    if args.chart:
        check_picture(args.chart, "--chart")
    asked = plan(args)
    left_out = [pair for pair in dict.fromkeys(args.pairs) if pair not in asked.pairs]
    if left_out:
        console.print(f"no candles of {', '.join(left_out)}: left out", highlight=False)
    market = read_market(asked.stored, asked.pairs, asked.config.timeframe, asked.settings)
    found, days = compared(market, asked.settings, asked.terms)
    variants = dict(found.variants)
    confirmed = _tested(args, asked, market, days, variants, console)
    chosen = {name: variants[name] for name in LABELS if name in asked.variants}
    result: dict[str, Any] = {
        "timerange": asked.timerange,
        "timeframe": asked.config.timeframe,
        "pairs": list(asked.pairs),
        "cost": asked.terms.cost,
    }
    ledger = args.ledger or trial_ledger.ledger_beside(args.work)
    _note(ledger, asked, figures_of(variants[REGIMESWITCH], days, asked.terms.cost))
    tried = trial_ledger.counted(trial_ledger.trials_of(ledger))
    trials = args.trials or trial_ledger.KNOWN + tried
    result["trials"] = {"before": trial_ledger.KNOWN, "ledger": tried, "counted": trials}
    result["variants"] = _figures(chosen, variants, days, asked.terms.cost, trials)
    result["placebo"] = found.placebo
    result["years"] = by_year(chosen, days)
    result["regimes"] = by_regime(market, chosen, asked.terms)
    own = variants[REGIMESWITCH].trades
    result["by_pair"] = by_pair(market, own or [], asked.terms)
    if confirmed:
        result["confirmed"] = confirmed
    if args.chart:
        draw_money(chosen, LABELS, days, args.chart)
    return result


def _figures(
    chosen: Mapping[str, Variant],
    variants: Mapping[str, Variant],
    days: Days,
    cost: float,
    trials: int,
) -> dict[str, Any]:
    returns = {
        name: variant.curve.returns
        for name, variant in variants.items()
        if name in chosen or name in (CONSTANT, HOLD)
    }
    against = versus(returns, (HOLD, CONSTANT))
    series = {name: pd.Series(values) for name, values in returns.items()}
    spread = trial_spread([series[name] for name in chosen])
    return {
        name: {
            **figures_of(variant, days, cost),
            "deflated_sharpe": deflated_sharpe(series[name], trials, spread),
            **{f"vs_{reference}": found[name] for reference, found in against.items()},
        }
        for name, variant in chosen.items()
    }


def plan(args: argparse.Namespace, *, with_additions: bool = False) -> MoneyPlan:
    """Read and check the configuration and the command line.

    :param with_additions: what models add to the rule is computed by the caller
    :raises InputError: or SettingsError, before there is any work
    """
    config = load_sound_config(args.config, os.environ).with_options({"timeframe": args.timeframe})
    require_own_strategy(config, "money")
    require_bot(config)
    names = _names(args)
    given = section(config.merged, "regimeswitch")
    settings = load_settings(
        tested.merged(tested.merged(given, in_mode(given, POSITION)), tested.UNTRAINED)
    )
    _require_known(config, settings, with_additions)
    folder = config.candles(args.datadir)
    spans = _spans(folder, args.pairs, config.timeframe)
    pairs = tuple(spans)
    warm_up = startup_candles(settings, None, config.timeframe)
    trained = [name for name in names if name in tested.SIGNALS]
    timerange = _definite(args.timerange, list(spans.values()), config, settings, bool(trained))
    start, stop = read_range(timerange)
    assert start is not None and stop is not None
    fee = config.merged.get("fee")
    terms = Terms(
        config.wallet,
        float(config.merged["tradable_balance_ratio"]),
        float(USUAL_FEE if fee is None else fee) + settings.entries.slippage,
        len(pairs),
        full_stake(config.merged),
    )
    stored = StoredCandles(folder, start, stop, warm_up)
    return MoneyPlan(config, settings, given, pairs, names, timerange, stored, terms)


def _names(args: argparse.Namespace) -> tuple[str, ...]:
    names = args.variants or list(COMPUTED)
    unknown = sorted(set(names) - set(LABELS))
    if unknown:
        raise InputError(f"--variants {' '.join(unknown)}: known are {', '.join(LABELS)}")
    return tuple(dict.fromkeys([*names, *(tested.SIGNALS if args.with_models else ())]))


def _require_known(config: BotConfig, settings: Settings, with_additions: bool) -> None:
    found = [f"{key} ({what})" for key, what in UNKNOWN_KEYS.items() if config.merged.get(key)]
    if settings.entries.short:
        found.append("regimeswitch.entries.short (short positions)")
    if not with_additions and settings.entries.veto != "none":
        found.append("regimeswitch.entries.veto (`regimeswitch prove --utility` does)")
    if not with_additions and settings.risk.size_from != "volatility":
        found.append("regimeswitch.risk.size_from (`regimeswitch prove --utility` does)")
    if config.merged.get("stoploss") is not None and not settings.stop_multiple:
        found.append("stoploss without risk.stop_daily_atr (a fixed stop-loss)")
    if found:
        raise InputError(
            f"money does not simulate {', '.join(found)}; take it out of the config, or ask "
            "`freqtrade backtesting`"
        )


def _spans(folder: CandleFolder, pairs: Iterable[str], timeframe: str) -> dict[str, Span]:
    """First and last candle of each pair; one whose file is empty is left out.

    :raises InputError: when a file is missing or unreadable, or all are empty
    """
    step = timeframe_seconds(timeframe)
    found: dict[str, Span] = {}
    empty: list[str] = []
    for pair in dict.fromkeys(pairs):
        try:
            dates = folder.candles(pair, timeframe)["date"]
        except NoCandlesError as error:
            empty.append(str(error))
            continue
        first, last = (int(dates.iloc[row].timestamp()) for row in (0, -1))
        found[pair] = Span(first, last + step)
    if not found:
        raise InputError("; ".join(empty))
    return found


def _definite(
    timerange: str, spans: Sequence[Span], config: BotConfig, settings: Settings, trained: bool
) -> str:
    """The range with both ends, the same for all variants."""
    read_range(timerange)
    try:
        before = seconds_before(config.merged, settings)
        if trained:
            given = section(config.merged, "regimeswitch")
            signal = load_settings(tested.merged(given, in_mode(given, SIGNAL)))
            startup_candles(signal, _features(config), config.timeframe)
            before = max(before, seconds_before(config.merged, signal))
        return definite_range(timerange, spans, before)
    except OperationalException as error:
        raise InputError(str(error)) from None


def _features(config: BotConfig) -> dict[str, Any]:
    return section(section(config.merged, "freqai"), "feature_parameters")


def _tested(
    args: argparse.Namespace,
    plan: MoneyPlan,
    market: PositionMarket,
    days: Days,
    variants: dict[str, Variant],
    console: Console,
) -> dict[str, Any]:
    """Put the variants of freqtrade's backtester among the others; what it says of ours."""
    names = [name for name in plan.variants if name in tested.SIGNALS]
    if not names and not args.confirm:
        return {}
    tester = _tester(args, plan)
    asked = [*([REGIMESWITCH] if args.confirm else []), *names]
    with Progress(console=console) as progress, ThreadPoolExecutor(args.jobs) as pool:
        task = progress.add_task("backtests", total=len(asked))

        def one(name: str) -> Any:
            result = tester.run(name, args.step_days)
            progress.advance(task)
            return result

        done = dict(zip(asked, pool.map(one, asked), strict=True))
    for name in names:
        variants[name] = of_trades(tested.trades_of(done[name], market), days, plan.terms)
    if not args.confirm:
        return {}
    theirs = float(done[REGIMESWITCH].balance["total_quote"].iloc[-1])
    ours = float(variants[REGIMESWITCH].curve.equity[-1])
    own = variants[REGIMESWITCH].trades
    return {
        "trades": tested.agreement(own or [], tested.trades_of(done[REGIMESWITCH], market)),
        "final_equity": {"ours": ours, "freqtrade": theirs},
        "difference": theirs / ours - 1,
    }


def _tester(args: argparse.Namespace, plan: MoneyPlan) -> tested.Tester:
    # A number: coins of a table would be in the balance without ever being traded.
    decided = {
        "max_open_trades": len(plan.pairs),
        "dry_run_wallet": plan.terms.wallet,
        "fee": plan.terms.cost,
        "timeframe": plan.config.timeframe,
    }
    parts = [FEATURE_VERSION, FIGURES_VERSION, plan.config.merged, decided, tested.SIGNALS]
    parts += [plan.pairs, plan.timerange, args.step_days, _candles(plan)]
    folder = args.work / trial_ledger.settings_hash(parts)
    return tested.Tester(
        args.config, plan.given, decided, args.datadir, plan.pairs, plan.timerange, folder
    )


def _candles(plan: MoneyPlan) -> str:
    return trial_ledger.candles_hash(
        plan.stored.candles(pair, plan.config.timeframe) for pair in plan.pairs
    )


def _note(ledger: Path, plan: MoneyPlan, figures: Mapping[str, Any]) -> None:
    own = with_hashed_names(plan.settings.model_dump(mode="json"))
    parts = [own, plan.config.timeframe, plan.terms.cost]
    names = ("sharpe", "calmar", "cagr", "max_drawdown", "trades")
    result = {name: figures[name] for name in names}
    trial_ledger.append(
        ledger,
        "money",
        trial_ledger.settings_hash(parts),
        _candles(plan),
        plan.pairs,
        plan.timerange,
        result,
    )
