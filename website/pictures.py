"""Pictures of the demo backtest from its report: equity and regimes, and a pair with its orders.

``python website/pictures.py REPORT.html FOLDER`` draws what the page draws, from the data that the
page carries, as files that GitHub and the site can show. The same report gives the same bytes.
Each picture says that its market is synthetic, since pictures travel without their page.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter, StrMethodFormatter


DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
COLORS = {"bull": "#2ea043", "bear": "#da3633", "sideways": "#8b949e"}
LINES = {"RegimeSwitch": "#1f6feb", "buy and hold": "#1f2328"}
MARKS = {"entry": ("^", "#1a7f37"), "exit": ("v", "#cf222e")}
DOTS = 110
NOTE = "demo market: synthetic, with regimes put into it"
Report = dict[str, Any]


def report_data(page: str) -> Report:
    """What a report's charts are drawn from.

    :param page: HTML of ``regimeswitch report``
    :raises ValueError: when it is no such page
    """
    found = DATA.search(page)
    if found is None:
        raise ValueError("no report of `regimeswitch report`: it lacks the data of its charts")
    data: Report = json.loads(found.group(1))
    return data


def draw_equity(data: Report) -> Figure:
    """Account against buying and holding, and their fall; behind it the regime of most pairs."""
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    equity, fall = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1.3])
    for account in data["accounts"]:
        color = LINES.get(account["name"], "#8b949e")
        line = account["equity"]
        equity.plot(times(data, line["t"]), line["y"], color=color, label=account["name"])
        line = account["fall"]
        fall.plot(times(data, line["t"]), line["y"], color=color, linewidth=0.9)
    logarithmic(equity)
    equity.set_ylabel(f"equity, {data['currency']}")
    fall.set_ylabel("drawdown")
    fall.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    for axes in (equity, fall):
        bands(axes, data, data["majority"])
    legend(equity)
    return figure


def draw_pair(data: Report) -> Figure:
    """Price of the first pair with its regimes and filled orders; below, the target weight."""
    pair = data["pairs"][0]
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    price, weight = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    line = pair["price"]
    price.plot(times(data, line["t"]), line["y"], color="#1f2328", linewidth=0.8)
    for kind, (shape, color) in MARKS.items():
        mark = pair["marks"].get(kind, {"t": [], "y": []})
        price.scatter(
            times(data, mark["t"]), mark["y"], marker=shape, s=70, color=color, label=kind, zorder=3
        )
    logarithmic(price)
    price.set_ylabel(pair["pair"])
    line = pair["target_weight"]
    weight.plot(times(data, line["t"]), line["y"], color="#1f6feb", linewidth=0.9)
    weight.set_ylim(0, 1.05)
    weight.set_ylabel("target weight")
    weight.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    for axes in (price, weight):
        bands(axes, data, pair["bands"])
    legend(price)
    return figure


def times(data: Report, minutes: list[float]) -> np.ndarray:
    """Moments of a report, which counts minutes from its beginning."""
    begin = np.datetime64(data["begin"], "ms")
    return begin + np.round(np.asarray(minutes, dtype=float) * 60_000).astype("timedelta64[ms]")


def bands(axes: Axes, data: Report, spans: list[list[float]]) -> None:
    """Colour the background by regime."""
    for begin, end, number in spans:
        color = COLORS.get(data["regimes"][int(number)])
        if color:
            left, right = times(data, [begin, end])
            axes.axvspan(left, right, color=color, alpha=0.18, linewidth=0)


def logarithmic(axes: Axes) -> None:
    """Equal ratios as equal distances, with plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}"))


def legend(axes: Axes) -> None:
    """Above the picture: its lines and marks, and the colours of the regimes."""
    handles, _ = axes.get_legend_handles_labels()
    handles += [Patch(color=color, alpha=0.4, label=name) for name, color in COLORS.items()]
    axes.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, frameon=False
    )


DRAWN: dict[str, Callable[[Report], Figure]] = {
    "equity.png": draw_equity,
    "pair.png": draw_pair,
}


def main(report: Path, folder: Path) -> None:
    """Draw every picture of a report into a folder."""
    data = report_data(report.read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWN.items():
        figure = draw(data)
        figure.supxlabel(NOTE, fontsize=8, color="#656d76")
        figure.savefig(folder / name, dpi=DOTS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
