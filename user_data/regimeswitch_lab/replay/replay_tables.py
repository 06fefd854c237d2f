"""The figures of a replay for the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from regimeswitch_lab.screen import screen


SHOWN = 8
"""Differences that are printed one by one; the export has more."""


def print_replay(figures: dict[str, Any]) -> None:
    """Verdict, figures, execution, boundaries and the first differences."""
    console = screen()
    table = Table(title="Replay: a bot against a backtest", show_header=False)
    for name in (
        "candles",
        "pair_candles",
        "retrainings",
        "models",
        "restarts",
        "trades",
        "changes",
        "candles_per_minute",
    ):
        table.add_row(name.replace("_", " "), f"{figures[name]:,}")
    compared = f"{len(figures['columns'])} columns, {figures['features']} features"
    table.add_row("compared per candle", compared)
    table.add_row("decisions that differ", f"{figures['decision_diffs']:,}")
    table.add_row("trades that differ", f"{figures['trade_diffs']:,}")
    console.print(table)
    console.print(_execution(figures["execution"]))
    _listed(console, "Boundaries", figures["boundaries"])
    _differences(console, figures)
    equal = not figures["decision_diffs"] and not figures["trade_diffs"]
    console.print("The bot decided as the backtest did." if equal else "They differ.")


def _execution(execution: dict[str, Any]) -> Table:
    table = Table("execution", title="Execution, live against backtest")
    for heading in ("count", "mean", "lowest", "highest"):
        table.add_column(heading, justify="right")
    for name, spread in execution.items():
        if isinstance(spread, dict):
            cells = ["-" if value is None else f"{value:,}" for value in spread.values()]
            table.add_row(name.replace("_", " "), *cells)
    moved = execution["price_exits_in_another_candle"]
    table.add_row("price exits in another candle", str(len(moved)), "", "", "")
    return table


def _listed(console: Console, title: str, lines: list[str]) -> None:
    for number, line in enumerate(lines[:SHOWN]):
        console.print(f"{title if number == 0 else '':<12}{line}", highlight=False)
    if len(lines) > SHOWN:
        console.print(f"{'':<12}and {len(lines) - SHOWN} more", highlight=False)


def _differences(console: Console, figures: dict[str, Any]) -> None:
    counts = [f"{name}: {count} candles" for name, count in _by_column(figures)]
    _listed(console, "Columns", counts)
    _listed(console, "Models", figures["models_different"])
    _listed(console, "Not analysed", figures["not_analysed"])
    _listed(console, "Exceptions", figures["exceptions"])
    trades = [
        f"{one['pair']} {one['entry']} {one['what']}: {one['live']} | {one['backtest']}"
        for one in figures["trade_differences"]
    ]
    _listed(console, "Trades", trades)


def _by_column(figures: dict[str, Any]) -> list[tuple[str, int]]:
    return list(figures["differences_by_column"].items())


def print_served(figures: dict[str, Any]) -> None:
    """Verdict and figures of a check of a running bot."""
    console = screen()
    table = Table(title="Stored predictions against the models that served them")
    table.add_column("pair")
    for heading in ("checked", "differ", "no candle", "model gone", "too early"):
        table.add_column(heading, justify="right")
    for pair, row in figures["by_pair"].items():
        names = ("checked", "different", "no_candle", "model_gone", "too_early")
        table.add_row(pair, *(f"{row[name]:,}" for name in names))
    console.print(table)
    console.print(f"trades: {figures['trades']} checked, {figures['trade_diffs']} differ")
    _listed(console, "Predictions", [str(one) for one in figures["differences"]])
    _listed(console, "Trades", [str(one) for one in figures["trade_differences"]])
    checked = figures["candles"] > 0
    equal = not figures["decision_diffs"] and not figures["trade_diffs"]
    verdict = "Every checked prediction is its model's." if equal else "They differ."
    console.print(verdict if checked else "Nothing could be checked; download the candles first.")
