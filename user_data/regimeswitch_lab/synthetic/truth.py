"""How well regimes agree with the true ones of a synthetic market, and how late they come."""

from typing import Any

import numpy as np
import pandas as pd


def agreement(found: pd.Series, true: pd.Series) -> dict[str, Any]:
    """Agreement with the true regimes, shifted by the median delay of detection.

    A switch is detected on the first candle, at or after it and before the next true switch, on
    which the found regime is the new true one.

    :param found: regime names by candle, missing = UNKNOWN; same length and order as ``true``
    :param true: true regime names by candle
    :return: ``agreement`` (fraction of the candles that are known, after the shift),
        ``median_delay_candles``, ``true_switches``, ``missed_switches``
    """
    names, truth = found.to_numpy(), true.to_numpy()
    begins = np.flatnonzero(truth[1:] != truth[:-1]) + 1
    ends = np.r_[begins[1:], len(truth)][: len(begins)]
    delays = []
    for begin, end in zip(begins, ends, strict=True):
        hits = np.flatnonzero(names[begin:end] == truth[begin])
        if len(hits):
            delays.append(int(hits[0]))
    delay = int(np.median(delays)) if delays else 0
    later, earlier = found.iloc[delay:], truth[: len(truth) - delay]
    known = later.notna().to_numpy()
    return {
        "agreement": float((later.to_numpy() == earlier)[known].mean()) if known.any() else 0.0,
        "median_delay_candles": delay,
        "true_switches": len(begins),
        "missed_switches": len(begins) - len(delays),
    }
