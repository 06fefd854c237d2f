"""The figures of ``regimeswitch prove`` as tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from regimeswitch.lab.candidates import MODELS
from regimeswitch.lab.proof import REFERENCE


LABELS = {
    "stock": "stock LightGBMClassifier",
    "single": "one model",
    "single_regime": "one model + regime",
    "separate": "one per regime, separate",
    "warm_start": "one per regime, warm start",
    "gated": "RegimeSwitch (gated)",
    "placebo": "placebo: shuffled regimes",
}


def print_proof(figures: Mapping[str, Any]) -> None:
    """All tables and the verdict."""
    console = Console()
    summary = figures["summary"]
    title = (
        f"{len(figures['pairs'])} pairs, {figures['timerange']}, {figures['windows']} windows of "
        f"{figures['train_days']} days; horizon {figures['horizon']} candles"
    )
    console.print(_overall(summary, title))
    console.print(_by_regime(summary["regimes"]))
    console.print(_by_pair(figures["pairs"]))
    trust = summary["gate"]["mean_trust"]
    listed = ", ".join(f"{name} {value:.2f}" for name, value in trust.items())
    console.print(f"Mean trust: {listed} ({summary['gate']['trainings']} trainings)")
    console.print(f"Verdict: {figures['verdict']}", highlight=False)


def _overall(summary: Mapping[str, Any], title: str) -> Table:
    table = Table(title=title, caption="skill: against the class frequencies; medians over pairs")
    for name in (
        *("model", "skill", "worst pair", "against one model + regime", "Brier"),
        *("calibration error, worst", "correlation", "best 5 % after fees"),
    ):
        table.add_column(name, justify="left" if name == "model" else "right")
    for name in MODELS:
        model = summary["models"][name]
        versus = summary.get(f"{name}_vs_{REFERENCE}")
        table.add_row(
            LABELS[name],
            f"{model['skill']['median']:+.2%}",
            f"{model['skill']['min']:+.2%}",
            _with_interval(versus) if versus else "",
            f"{model['brier']['median']:.4f}",
            f"{model['ece']['max']:.4f}",
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
    table = Table(title="Skill by pair, with 95 % interval")
    table.add_column("model")
    for entry in pairs:
        table.add_column(entry["pair"], justify="right")
    for name in ("stock", REFERENCE, "gated"):
        cells = []
        for entry in pairs:
            model = entry["models"][name]
            low, high = model["skill_ci"]
            cells.append(f"{model['skill']:+.2%}\n{low:+.2%} to {high:+.2%}")
        table.add_row(LABELS[name], *cells)
    return table
