"""Regimes as coloured bands behind the candles of FreqUI's chart."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd


BAND_COLORS = {
    "bull": "rgba(46, 160, 67, 0.14)",
    "bear": "rgba(218, 54, 51, 0.14)",
    "sideways": "rgba(139, 148, 158, 0.10)",
}

POSITION_PLOTS: dict[str, Any] = {
    "main_plot": {},
    "subplots": {
        "Volatility": {
            "volatility": {"color": "#8b949e"},
            "volatility_forecast": {"color": "#1f6feb"},
        },
        "Share of a slot": {"target_weight": {"color": "#2ea043"}},
        "Regime": {"regime_code": {"color": "#1f6feb"}, "regime_trust": {"color": "#a371f7"}},
        "Distance": {"regime_distance": {"color": "#d29922"}},
        "Shadow book": {
            "shadow_rules": {"color": "#2ea043"},
            "shadow_hold": {"color": "#8b949e"},
        },
    },
}
"""``plot_config`` of position mode; columns that a bot without models lacks are left out."""


def regime_bands(
    frame: pd.DataFrame, start_date: datetime, end_date: datetime
) -> list[dict[str, Any]]:
    """One area annotation per stretch of one regime between two dates; none where it is UNKNOWN.

    :param frame: analysed candles with ``date`` and ``regime``
    """
    dates = frame["date"]
    shown = frame[(dates >= start_date) & (dates <= end_date)]
    if shown.empty or "regime" not in shown:
        return []
    names = shown["regime"].fillna("").to_numpy()
    begins = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    ends = np.r_[begins[1:], len(names) - 1]
    return [
        {
            "type": "area",
            "start": shown["date"].iloc[begin].to_pydatetime(),
            "end": shown["date"].iloc[end].to_pydatetime(),
            "color": BAND_COLORS[names[begin]],
            "label": names[begin],
        }
        for begin, end in zip(begins, ends, strict=True)
        if names[begin] in BAND_COLORS
    ]
