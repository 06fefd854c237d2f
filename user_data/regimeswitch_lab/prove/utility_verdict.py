"""Whether an addition is proven: paired daily net returns against the rule alone.

Proven where all of it holds: the lower ends of the 95 % intervals of the differences in mean daily
return and in Sharpe ratio are above zero; both differences are larger than those of one model and
of shuffled regimes; and the deflated Sharpe ratio of the difference, with the number of additions
that the ledger has seen, is at least :data:`CERTAIN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch_lab.comparison_metrics import interval
from regimeswitch_lab.money.bootstrap import drawn_days, ratios
from regimeswitch_lab.money.money_metrics import deflated_sharpe
from regimeswitch_lab.prove.utility_forecasts import ONE_MODEL, PLACEBO, REGIMES


Floats = NDArray[np.float64]

CERTAIN = 0.95
DIFFERENCES = ("mean", "sharpe")
CONTROLS = {
    ONE_MODEL: "one model for all regimes does as well",
    PLACEBO: "shuffled regimes do as well",
}


def differences(returns: Mapping[str, Floats], rule: str) -> dict[str, dict[str, Any]]:
    """Differences of each variant to the rule, with intervals from 30-day blocks of the same days.

    :param returns: daily net returns by variant, fraction, all of the same days
    :return: by variant ``mean`` (of the daily return, fraction) and ``sharpe`` (a year): each with
        ``mean``, over the whole range, and ``ci``, the middle 95 % of the draws; None where a ratio
        is not defined
    """
    days = drawn_days(len(returns[rule]))
    drawn = {name: _both(values[days]) for name, values in returns.items()}
    whole = {name: _both(values[None]) for name, values in returns.items()}
    return {
        name: {
            key: {
                "mean": _number(whole[name][key][0] - whole[rule][key][0]),
                "ci": [_number(end) for end in interval(drawn[name][key] - drawn[rule][key])],
            }
            for key in DIFFERENCES
        }
        for name in returns
        if name != rule
    }


def _both(returns: Floats) -> dict[str, Floats]:
    return {"mean": returns.mean(axis=1), "sharpe": ratios(returns)["sharpe"]}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def deflated_difference(own: Floats, rule: Floats, trials: int) -> float | None:
    """Deflated Sharpe ratio of the daily differences; None where there are none.

    :param trials: additions that were tried
    """
    difference = pd.Series(own - rule)
    # By luck alone the Sharpe ratio of T returns deviates by one over root T.
    return deflated_sharpe(difference, trials, 1 / np.sqrt(max(len(difference), 1)))


def judged(
    addition: str, found: Mapping[str, Mapping[str, Any]], deflated: float | None
) -> dict[str, Any]:
    """The verdict on one addition.

    :param found: of :func:`differences`
    :param deflated: of :func:`deflated_difference`
    :return: ``proven``, and ``missing``: what it lacks, in words
    """
    own = found[f"{addition}/{REGIMES}"]
    missing = [
        f"the interval of the difference in {_named(key)} reaches below zero"
        for key in DIFFERENCES
        if own[key]["ci"][0] is None or own[key]["ci"][0] <= 0
    ]
    for kind in CONTROLS:
        control = found[f"{addition}/{kind}"]
        missing += [
            f"{CONTROLS[kind]} in {_named(key)}"
            for key in DIFFERENCES
            if not _above(own[key]["mean"], control[key]["mean"])
        ]
    if deflated is None or deflated < CERTAIN:
        value = "undefined" if deflated is None else f"{deflated:.2f}"
        missing.append(f"the deflated Sharpe ratio of the difference is {value}, below {CERTAIN}")
    return {"proven": not missing, "missing": missing}


def _above(one: float | None, other: float | None) -> bool:
    return one is not None and one > (0.0 if other is None else other)


def _named(key: str) -> str:
    return "mean daily return" if key == "mean" else "Sharpe ratio"
