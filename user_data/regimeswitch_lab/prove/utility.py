"""``regimeswitch prove --utility``: from the command line to figures and the ledger of trials."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import delayed
from rich.progress import Progress

from regimeswitch.bot.trial_ledger import (
    KNOWN,
    append,
    candles_hash,
    counted,
    ledger_beside,
    trials_of,
)
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch.settings import Settings
from regimeswitch.settings.modes import POSITION
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.money import money_command
from regimeswitch_lab.money.book import Floats, days_of
from regimeswitch_lab.money.compared import Variant, figures_of
from regimeswitch_lab.money.money_metrics import deflated_sharpe, trial_spread
from regimeswitch_lab.money.position_signals import read_market
from regimeswitch_lab.prove.candidates import Recipe, Window
from regimeswitch_lab.prove.dataset import PairData
from regimeswitch_lab.prove.utility_forecasts import (
    REGIMES,
    Asked,
    SizeData,
    size_data,
    walk,
)
from regimeswitch_lab.prove.utility_proof import (
    ADDITIONS,
    RULE,
    SIZE,
    UTILITY,
    proof_hash,
    with_addition,
)
from regimeswitch_lab.prove.utility_variants import size_scores, variants_of
from regimeswitch_lab.prove.utility_verdict import (
    DIFFERENCES,
    deflated_difference,
    differences,
    judged,
)
from regimeswitch_lab.prove.walk_forward import windows_between
from regimeswitch_lab.ranges import range_text
from regimeswitch_lab.side_by_side import Workers, side_by_side


def check_utility(settings: Settings) -> None:
    """Refuse what has nothing that models could add to, or is not computed.

    :raises InputError: naming the key
    """
    if settings.entries.mode != POSITION:
        raise InputError(
            'entries.mode "signal": prove --utility judges what models add to positions; set it '
            'to "position"'
        )
    if settings.models.rows != "shared":
        raise InputError(
            f'models.rows "{settings.models.rows}": prove --utility trains on the rows of all '
            'pairs; set it to "shared"'
        )
    if settings.models.sub_models == "none":
        raise InputError(
            'models.sub_models "none": there is no model that could add anything; set it to '
            '"warm_start" or "separate"'
        )
    if settings.risk.rebalance_band and settings.risk.veto_scale:
        raise InputError(
            f"risk.rebalance_band {settings.risk.rebalance_band} with risk.veto_scale "
            f"{settings.risk.veto_scale}: what a veto leaves of an entry is not simulated where "
            "positions are re-sized; set one of them to 0"
        )


@dataclass(frozen=True)
class ValidationRange:
    """The range that is judged.

    :ivar begin: its first candle, counted since 1970; ``until``: the one after the last
    :ivar train_days: length of a training; ``step_days``: between two of them
    :ivar timeframe: the base timeframe
    """

    begin: int
    until: int
    train_days: int
    step_days: int
    timeframe: str

    @property
    def timerange(self) -> str:
        """As freqtrade writes it."""
        seconds = timeframe_seconds(self.timeframe)
        return range_text(self.begin * seconds, self.until * seconds)


@dataclass(frozen=True)
class Asking:
    """What a config and the candles say.

    :ivar recipe: of the models, with the settings as configured
    :ivar freqai: section ``freqai``
    """

    recipe: Recipe
    freqai: Mapping[str, Any]
    folder: CandleFolder
    pairs: Sequence[PairData]
    span: ValidationRange


def utility(
    args: argparse.Namespace, asking: Asking, workers: Workers, progress: Progress
) -> dict[str, Any]:
    """The figures, as exported; each addition becomes a line of the ledger."""
    additions = [name for name in ADDITIONS if not args.utility or name in args.utility]
    settings, pairs, span = asking.recipe.settings, asking.pairs, asking.span
    sizes = _sizes(args, asking) if SIZE in additions else _nothing(pairs)
    asked = _walked(args, asking, sizes, additions, workers, progress)
    planned = money_command.plan(_as_money(args, span), with_additions=True)
    market = read_market(planned.stored, planned.pairs, span.timeframe, planned.settings)
    days, terms = days_of(market), planned.terms
    variants = variants_of(market, days, terms, settings, pairs, asked, additions)
    returns = {name: one.curve.returns for name, one in variants.items()}
    found = differences(returns, RULE)
    ledger = args.ledger or ledger_beside(args.work)
    before = counted(trials_of(ledger))
    verdicts = _verdicts(asking, additions, returns, found, ledger)
    trials = KNOWN + before + len(additions)
    figures = {name: figures_of(one, days, terms.cost) for name, one in variants.items()}
    tried = _tried(ledger, [one["settings"] for one in verdicts.values()])
    _note(ledger, asking, verdicts, found)
    return {
        "timerange": span.timerange,
        "pairs": [data.pair for data in pairs],
        "windows": len(_windows(span)),
        "train_days": span.train_days,
        "step_days": span.step_days,
        "timeframe": span.timeframe,
        "settings": settings.model_dump(mode="json"),
        "trials": {"before": KNOWN, "ledger": before, "counted": trials, "additions": tried},
        "variants": _exported(variants, figures, found, trials),
        "sizes": size_scores(pairs, sizes, asked, span.timeframe) if SIZE in additions else {},
        "additions": verdicts,
    }


def _windows(span: ValidationRange) -> list[Window]:
    days = (span.train_days, span.step_days)
    return windows_between(span.begin, span.until, *days, span.timeframe)


def _walked(
    args: argparse.Namespace,
    asking: Asking,
    sizes: Sequence[SizeData],
    additions: Sequence[str],
    workers: Workers,
    progress: Progress,
) -> list[Asked]:
    windows = _windows(asking.span)
    task = progress.add_task("windows", total=len(windows))
    return walk(
        asking.pairs,
        sizes,
        windows,
        asking.recipe,
        additions,
        args.work,
        workers,
        lambda: progress.advance(task),
    )


def _verdicts(
    asking: Asking,
    additions: Sequence[str],
    returns: Mapping[str, Floats],
    found: Mapping[str, Mapping[str, Any]],
    ledger: Path,
) -> dict[str, dict[str, Any]]:
    settings, span = asking.recipe.settings, asking.span
    hashes = {
        name: proof_hash(
            with_addition(settings, name), asking.freqai, span.train_days, span.timeframe
        )
        for name in additions
    }
    tried = _tried(ledger, list(hashes.values()))
    result = {}
    for name, hashed in hashes.items():
        deflated = deflated_difference(returns[f"{name}/{REGIMES}"], returns[RULE], tried)
        said = judged(name, found, deflated)
        result[name] = {**said, "settings": hashed, "deflated_sharpe_of_difference": deflated}
    return result


def _note(
    ledger: Path,
    asking: Asking,
    verdicts: Mapping[str, Mapping[str, Any]],
    found: Mapping[str, Mapping[str, Any]],
) -> None:
    """A line of the ledger for each addition."""
    pairs = [data.pair for data in asking.pairs]
    candles = candles_hash(asking.folder.candles(pair, asking.span.timeframe) for pair in pairs)
    for name, one in verdicts.items():
        versus = found[f"{name}/{REGIMES}"]
        result = {"addition": name, "proven": one["proven"]}
        result |= {key: versus[key]["mean"] for key in DIFFERENCES}
        window = asking.span.timerange
        append(ledger, UTILITY, one["settings"], candles, pairs, window, result)


def _exported(
    variants: Mapping[str, Variant],
    figures: Mapping[str, Mapping[str, Any]],
    found: Mapping[str, Mapping[str, Any]],
    trials: int,
) -> dict[str, Any]:
    series = {name: pd.Series(one.curve.returns) for name, one in variants.items()}
    spread = trial_spread(list(series.values()))
    return {
        name: {
            **figures[name],
            "deflated_sharpe": deflated_sharpe(series[name], trials, spread),
            **({"vs_rule": found[name]} if name in found else {}),
        }
        for name in variants
    }


def _tried(ledger: Path, hashes: Sequence[str]) -> int:
    """Additions that have been tried, these included: the same again is one trial."""
    known = {one.settings for one in trials_of(ledger) if one.command == UTILITY}
    return len(known | set(hashes))


def _sizes(args: argparse.Namespace, asking: Asking) -> list[SizeData]:
    tasks = (delayed(size_data)(asking.folder, data.pair, asking.recipe) for data in asking.pairs)
    return list(side_by_side(tasks, args.jobs))


def _nothing(pairs: Sequence[PairData]) -> list[SizeData]:
    """No sizes: nothing of them is asked."""
    return [SizeData(data.forward[:0].reshape(0, 4), data.forward[:0]) for data in pairs]


def _as_money(args: argparse.Namespace, span: ValidationRange) -> argparse.Namespace:
    """Arguments with which ``money`` plans the rule alone on the same range."""
    return argparse.Namespace(
        config=args.config,
        timeframe=span.timeframe,
        variants=None,
        with_models=False,
        pairs=args.pairs,
        datadir=args.datadir,
        timerange=span.timerange,
    )
