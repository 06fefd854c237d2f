"""The figures of ``regimeswitch prove --utility`` as tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from regimeswitch_lab.screen import screen


LABELS = {
    "rule": "rule alone",
    "veto/regimes": "rule + veto",
    "veto/one_model": "  one model",
    "veto/placebo": "  shuffled regimes",
    "size/regimes": "rule + size by the forecast",
    "size/one_model": "  one model",
    "size/placebo": "  shuffled regimes",
}
SCORES = {
    "EWMA": "EWMA",
    "HAR": "HAR",
    "one_model": "one model",
    "regimes": "RegimeSwitch",
    "placebo": "shuffled regimes",
}


def print_utility(figures: Mapping[str, Any]) -> None:
    """All tables and the verdicts."""
    console = screen()
    console.print(_money(figures))
    if figures["sizes"]:
        console.print(_sizes(figures["sizes"]))
    for line in sentences(figures):
        console.print(line, highlight=False)


def sentences(figures: Mapping[str, Any]) -> list[str]:
    """The verdict on each addition, a line each."""
    lines = []
    for name, one in figures["additions"].items():
        if one["proven"]:
            lines.append(f"{name}: proven.")
        else:
            lines.append(f"{name}: not proven ({'; '.join(one['missing'])}).")
    return lines


def _money(figures: Mapping[str, Any]) -> Table:
    title = (
        f"{len(figures['pairs'])} pairs, {figures['timerange']}, {figures['windows']} trainings on "
        f"{figures['train_days']} days"
    )
    caption = (
        "Differences to the rule alone: daily net returns of the same days, 95 % intervals of "
        f"30-day blocks; additions tried: {figures['trials']['additions']}"
    )
    table = Table(title=title, caption=caption)
    for name in ("variant", "trades", "exposure", "CAGR", "Sharpe", "largest fall", "deflated"):
        table.add_column(name, justify="left" if name == "variant" else "right")
    table.add_column("mean daily return, bp", justify="right")
    table.add_column("Sharpe against the rule", justify="right")
    for name, one in figures["variants"].items():
        versus = one.get("vs_rule")
        table.add_row(
            LABELS[name],
            f"{one['trades']:,}",
            f"{one['exposure']:.1%}",
            f"{one['cagr']:+.1%}",
            _text(one["sharpe"], "{:.2f}"),
            f"{one['max_drawdown']:.1%}",
            _text(one["deflated_sharpe"], "{:.2f}"),
            _with_interval(versus["mean"], 1e4) if versus else "",
            _with_interval(versus["sharpe"], 1.0) if versus else "",
        )
    return table


def _with_interval(one: Mapping[str, Any], unit: float) -> str:
    ends = [one["mean"], *one["ci"]]
    if None in ends:
        return "undefined"
    mean, low, high = (unit * end for end in ends)
    return f"{mean:+.2f} ({low:+.2f} to {high:+.2f})"


def _text(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _sizes(sizes: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title="Volatility of the next 24 hours on later candles, QLIKE")
    for name in ("regime", "hours", *SCORES.values()):
        table.add_column(name, justify="left" if name == "regime" else "right")
    for regime, one in sizes.items():
        scores = (f"{one[key]:.3f}" for key in SCORES)
        table.add_row(regime, f"{one['rows']:,}", *scores)
    return table
