"""The figures of ``regimeswitch money`` as tables in the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from regimeswitch.settings import REGIME_NAMES
from regimeswitch_lab.screen import screen, table_of


LABELS = {
    "regimeswitch": "RegimeSwitch",
    "rule": "rule, not sized",
    "signal": "signal mode",
    "one_model": "one model",
    "placebo": "placebo",
    "target_volatility": "target volatility",
    "stock": "stock FreqAI",
    "constant_exposure": "constant exposure",
    "buy_and_hold": "buy and hold",
}
ROWS = {
    "trades": "{:,}",
    "win_rate": "{:.0%}",
    "exposure": "{:.1%}",
    "turnover": "{:.1f}x",
    "fees": "{:.1%}",
    "profit": "{:+.1%}",
    "cagr": "{:+.1%}",
    "sharpe": "{:.2f}",
    "sortino": "{:.2f}",
    "calmar": "{:.2f}",
    "max_drawdown": "{:.1%}",
    "worst_month": "{:+.1%}",
    "deflated_sharpe": "{:.2f}",
}
VERSUS = {"vs_buy_and_hold": "against buy and hold", "vs_constant_exposure": "against constant"}


def print_money(figures: Mapping[str, Any]) -> None:
    """All tables, the placebo and what freqtrade says."""
    console = screen()
    console.print(_variants(figures))
    console.print(_versus(figures))
    console.print(_years(figures["years"]))
    console.print(_regimes(figures["regimes"]))
    console.print(_pairs(figures["by_pair"]))
    for line in lines_of(figures):
        console.print(line, highlight=False)


def lines_of(figures: Mapping[str, Any]) -> list[str]:
    """What is said below the tables, one line each."""
    placebo = figures["placebo"]
    lines = []
    if placebo["share_as_good"] is not None:
        lines.append(
            f"Placebo: {placebo['share_as_good']:.1%} of {placebo['shifts']} shifts in time have a "
            "Sharpe ratio at least as high."
        )
    else:
        lines.append("Placebo: no positions to shift.")
    found = figures.get("confirmed")
    if found:
        trades, equity = found["trades"], found["final_equity"]
        lines.append(
            f"freqtrade: {trades['freqtrade']} trades against {trades['ours']}, "
            f"{trades['same']} of them the same; final equity {equity['freqtrade']:,.2f} against "
            f"{equity['ours']:,.2f} ({found['difference']:+.2%})."
        )
    return lines


def _variants(figures: Mapping[str, Any]) -> Table:
    """One column for each variant, one row for each figure."""
    variants = figures["variants"]
    rows = []
    for key, form in ROWS.items():
        values = [variant[key] for variant in variants.values()]
        cells = ["-" if value is None else form.format(value) for value in values]
        rows.append([key.replace("_", " "), *cells])
    return table_of(
        f"{len(figures['pairs'])} pairs, {figures['timeframe']} candles, "
        f"{figures['timerange']}, costs {figures['cost']:.2%} a side",
        ["", *(LABELS[name] for name in variants)],
        rows,
        caption=f"turnover and fees a year; deflated Sharpe: probability, after "
        f"{figures['trials']['counted']:,} trials",
    )


def _versus(figures: Mapping[str, Any]) -> Table:
    return table_of(
        "Differences, with 95 % intervals",
        ["", "", "Sharpe", "Calmar", "largest fall"],
        [
            [LABELS[name], label, *(_interval(found) for found in variant[key].values())]
            for name, variant in figures["variants"].items()
            for key, label in VERSUS.items()
            if key.removeprefix("vs_") != name
        ],
        caption="paired block bootstrap of daily net returns, blocks of 30 days",
        words=2,
    )


def _interval(difference: Mapping[str, Any]) -> str:
    numbers = [difference["mean"], *difference["ci"]]
    if None in numbers:
        return "-"
    return "{:+.2f} ({:+.2f} to {:+.2f})".format(*numbers)


def _years(years: Mapping[str, Mapping[str, float]]) -> Table:
    names = list(next(iter(years.values())))
    return table_of(
        "Return by year",
        ["", *(LABELS[name] for name in names)],
        [[year, *(f"{own[name]:+.1%}" for name in names)] for year, own in years.items()],
    )


def _regimes(regimes: Mapping[str, Any]) -> Table:
    names = list(regimes[REGIME_NAMES[0]]["profit"])
    return table_of(
        "Profit by regime, before costs",
        ["", "share of time", *(LABELS[name] for name in names)],
        [
            [regime, f"{found['time']:.1%}", *(f"{found['profit'][name]:+.1%}" for name in names)]
            for regime, found in regimes.items()
        ],
        caption="in the money of the beginning",
    )


def _pairs(pairs: Mapping[str, Any]) -> Table:
    rows = []
    for pair, found in pairs.items():
        rate, hold = found["win_rate"], found["hold"]
        rows.append(
            [
                pair,
                found["trades"],
                "-" if rate is None else f"{rate:.0%}",
                f"{found['held']:.1%}",
                f"{found['profit']:+.1%}",
                "-" if hold is None else f"{hold:+.1%}",
            ]
        )
    return table_of(
        "RegimeSwitch by pair",
        ["", "trades", "win rate", "time held", "profit", "hold"],
        rows,
        caption="profit in the money of the beginning; hold: of the pair's slot",
    )
