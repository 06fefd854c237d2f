"""The figures of ``regimeswitch prove`` as tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from rich.table import Table

from regimeswitch_lab.prove.candidates import MODELS
from regimeswitch_lab.prove.proof import REFERENCE
from regimeswitch_lab.screen import screen


LABELS = {
    "stock": "stock",
    "single": "one model",
    "single_regime": "one model + regime",
    "separate": "separate",
    "warm_start": "warm start",
    "blended": "blended",
    "placebo": "placebo",
}
MEANINGS = (
    "stock: FreqAI's LightGBMClassifier; separate, warm start: one sub-model per regime; blended: "
    "RegimeSwitch; placebo: sub-models of shuffled regimes"
)


def print_proof(figures: Mapping[str, Any]) -> None:
    """All tables and the verdict."""
    console = screen()
    summary = figures["summary"]
    title = (
        f"{len(figures['pairs'])} pairs, {figures['timerange']}, {figures['windows']} windows of "
        f"{figures['train_days']} days; horizon {figures['horizon']} 5-minute candles"
    )
    console.print(_skill(summary, title))
    console.print(_other_figures(summary))
    console.print(_by_regime(summary["regimes"]))
    console.print(_by_pair(figures["pairs"]))
    console.print(MEANINGS, highlight=False)
    found = summary["validation"]
    listed = ", ".join(f"{name} {value:.2f}" for name, value in found["mean_weight"].items())
    count = found["trainings"]
    console.print(f"Mean sub-model weights: {listed} ({count} trainings)", highlight=False)
    console.print(f"Verdict: {figures['verdict']}", highlight=False)


def _skill(summary: Mapping[str, Any], title: str) -> Table:
    caption = "Log-loss skill against class frequencies; difference: mean over pairs, 95 % interval"
    table = Table(title=title, caption=caption)
    for name in ("model", "median pair", "worst pair", "difference to one model + regime"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for name in MODELS:
        skill = summary["models"][name]["skill"]
        versus = summary.get(f"{name}_vs_{REFERENCE}")
        table.add_row(
            LABELS[name],
            f"{skill['median']:+.2%}",
            f"{skill['min']:+.2%}",
            _with_interval(versus) if versus else "",
        )
    return table


def _other_figures(summary: Mapping[str, Any]) -> Table:
    table = Table(
        title="Other figures, median over pairs",
        caption="correlation: ranks of p(buy) - p(sell) and of the forward return",
    )
    for name in ("model", "Brier", "calibration error", "correlation", "best 5 % after fees"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for name in MODELS:
        model = summary["models"][name]
        table.add_row(
            LABELS[name],
            f"{model['brier']['median']:.4f}",
            f"{model['ece']['median']:.4f}",
            f"{model['ic']['median']:+.3f}",
            f"{1e4 * model['top']['median']:+.1f} bp",
        )
    return table


def _with_interval(versus: Mapping[str, Any]) -> str:
    low, high = versus["ci"]
    return f"{versus['mean']:+.2%} ({low:+.2%} to {high:+.2%})"


def _by_regime(regimes: Mapping[str, Any]) -> Table:
    table = Table(title="Skill by regime, mean over pairs (difference to one model + regime)")
    table.add_column("model")
    for regime in regimes:
        table.add_column(regime, justify="right")
    for name in MODELS:
        cells = []
        for summary in regimes.values():
            versus = summary.get(f"{name}_vs_{REFERENCE}")
            text = f"{summary['models'][name]['skill']['mean']:+.2%}"
            cells.append(f"{text} ({versus['mean']:+.2%})" if versus else text)
        table.add_row(LABELS[name], *cells)
    return table


def _by_pair(pairs: list[Mapping[str, Any]]) -> Table:
    table = Table(title="Skill by pair (95 % interval of blended)")
    for name in ("pair", "stock", LABELS[REFERENCE], "blended", "interval", "calibration error"):
        justify: Literal["left", "right"] = "left" if name == "pair" else "right"
        table.add_column(name, justify=justify, no_wrap=name == "interval")
    for entry in pairs:
        models = entry["models"]
        low, high = models["blended"]["skill_ci"]
        table.add_row(
            entry["pair"],
            *(f"{models[name]['skill']:+.2%}" for name in ("stock", REFERENCE, "blended")),
            f"{low:+.2%} to {high:+.2%}",
            f"{models['blended']['ece']:.4f}",
        )
    return table
