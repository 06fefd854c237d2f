"""A price chart with the regimes as coloured bands, as PNG or SVG."""

from pathlib import Path

import numpy as np
import pandas as pd

from regimeswitch_lab.inputs import InputError


PICTURES = (".png", ".svg")
COLORS = {"bull": "#2ea043", "bear": "#da3633", "sideways": "#8b949e"}


def check_picture(out: Path, option: str) -> None:
    """Refuse a file that is no picture, before there is work.

    :raises InputError: naming the option
    """
    if out.suffix not in PICTURES:
        ending = out.suffix or "no ending"
        raise InputError(f"{option} {out}: {ending} is not known; allowed: {', '.join(PICTURES)}")


def draw_regimes(frame: pd.DataFrame, pair: str, out: Path) -> None:
    """Draw close and regimes; below, the distance from the average.

    :param frame: candles with ``date``, ``close``, ``regime`` and ``regime_distance``
    :param out: file ending in .png or .svg
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch
    from matplotlib.ticker import StrMethodFormatter

    figure = Figure(figsize=(11, 5.5), layout="constrained")
    price, distance = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    dates = frame["date"].dt.tz_localize(None).to_numpy()
    price.plot(dates, frame["close"], color="#1f2328", linewidth=0.8)
    price.set_yscale("log")
    for place in (price.yaxis.set_major_formatter, price.yaxis.set_minor_formatter):
        place(StrMethodFormatter("{x:,.6g}"))
    price.set_ylabel(pair)
    distance.plot(dates, frame["regime_distance"], color="#1f6feb", linewidth=0.8)
    distance.axhline(0, color="#8b949e", linewidth=0.6)
    distance.set_ylabel("distance")
    names = frame["regime"].fillna("").to_numpy()
    begins = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    ends = np.r_[begins[1:], len(names) - 1]
    for begin, end in zip(begins, ends, strict=True):
        if names[begin] in COLORS:
            for axes in (price, distance):
                axes.axvspan(
                    dates[begin], dates[end], color=COLORS[names[begin]], alpha=0.18, linewidth=0
                )
    price.legend(
        handles=[Patch(color=color, alpha=0.4, label=name) for name, color in COLORS.items()],
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=3,
        frameon=False,
    )
    figure.savefig(out, dpi=110)
