"""The figures of a replay for the terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table

from regimeswitch_lab.screen import screen, table_of


SHOWN = 8
"""Differences that are printed one by one; the export has more."""
COUNTED = (
    *("candles", "pair_candles", "retrainings", "models", "restarts", "trades", "changes"),
    "candles_per_minute",
)


def print_replay(figures: dict[str, Any]) -> None:
    """Verdict, figures, execution, boundaries and the first differences."""
    console = screen()
    rows = [[name.replace("_", " "), f"{figures[name]:,}"] for name in COUNTED]
    compared = f"{len(figures['columns'])} columns, {figures['features']} features"
    rows.append(["compared per candle", compared])
    rows.append(["decisions that differ", f"{figures['decision_diffs']:,}"])
    rows.append(["trades that differ", f"{figures['trade_diffs']:,}"])
    table = table_of("Replay: a bot against a backtest", ["", ""], rows, words=2)
    table.show_header = False
    console.print(table)
    console.print(_execution(figures["execution"]))
    _listed(console, "Boundaries", figures["boundaries"])
    _differences(console, figures)
    equal = not figures["decision_diffs"] and not figures["trade_diffs"]
    console.print("The bot decided as the backtest did." if equal else "They differ.")


def _execution(execution: dict[str, Any]) -> Table:
    rows = [
        [name.replace("_", " "), *("-" if one is None else f"{one:,}" for one in spread.values())]
        for name, spread in execution.items()
        if isinstance(spread, dict)
    ]
    moved = execution["price_exits_in_another_candle"]
    rows.append(["price exits in another candle", str(len(moved)), "", "", ""])
    headings = ["execution", "count", "mean", "lowest", "highest"]
    return table_of("Execution, live against backtest", headings, rows)


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
    names = ("checked", "different", "no_candle", "model_gone", "too_early")
    table = table_of(
        "Stored predictions against the models that served them",
        ["pair", "checked", "differ", "no candle", "model gone", "too early"],
        [[pair, *(f"{row[name]:,}" for name in names)] for pair, row in figures["by_pair"].items()],
    )
    console.print(table)
    console.print(f"trades: {figures['trades']} checked, {figures['trade_diffs']} differ")
    _listed(console, "Predictions", [str(one) for one in figures["differences"]])
    _listed(console, "Trades", [str(one) for one in figures["trade_differences"]])
    checked = figures["candles"] > 0
    equal = not figures["decision_diffs"] and not figures["trade_diffs"]
    verdict = "Every checked prediction is its model's." if equal else "They differ."
    console.print(verdict if checked else "Nothing could be checked; download the candles first.")
