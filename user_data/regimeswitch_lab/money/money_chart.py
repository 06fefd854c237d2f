"""A picture of the comparison: equity on a logarithmic axis, fall from the peak, exposure."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from regimeswitch_lab.money.book import Days
from regimeswitch_lab.money.compared import REGIMESWITCH, Variant


COLORS = {
    "regimeswitch": "#1f6feb",
    "rule": "#54aeff",
    "signal": "#a371f7",
    "one_model": "#bf8700",
    "placebo": "#8b949e",
    "target_volatility": "#d29922",
    "stock": "#cf222e",
    "constant_exposure": "#2ea043",
    "buy_and_hold": "#1f2328",
}
DASHED = ("placebo", "constant_exposure")


def draw_money(
    variants: Mapping[str, Variant], labels: Mapping[str, str], days: Days, out: Path
) -> None:
    """Draw the course of each variant.

    :param labels: by variant, for the legend
    :param out: file ending in .png or .svg
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter, StrMethodFormatter

    figure = Figure(figsize=(11, 8), layout="constrained")
    equity, fall, share = figure.subplots(3, 1, sharex=True, height_ratios=[3, 1.5, 1])
    dates = days.dates.tz_localize(None).to_numpy()
    for name, variant in variants.items():
        own = variant.curve.equity
        look = {
            "color": COLORS[name],
            "linewidth": 1.6 if name == REGIMESWITCH else 0.9,
            "linestyle": "--" if name in DASHED else "-",
        }
        equity.plot(dates, own[1:] / own[0], label=labels[name], **look)
        fall.plot(dates, own[1:] / np.maximum.accumulate(own)[1:] - 1, **look)
        share.plot(dates, variant.curve.exposure[1:], **look)
    equity.set_yscale("log")
    for place in (equity.yaxis.set_major_formatter, equity.yaxis.set_minor_formatter):
        place(StrMethodFormatter("{x:,.3g}"))
    equity.set_ylabel("equity, beginning = 1")
    fall.set_ylabel("fall from the peak")
    share.set_ylabel("exposure")
    for axes in (fall, share):
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    for axes in (equity, fall, share):
        axes.grid(visible=True, color="#d0d7de", linewidth=0.5)
    equity.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, frameon=False)
    figure.savefig(out, dpi=110)
