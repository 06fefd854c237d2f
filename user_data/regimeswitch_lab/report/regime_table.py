"""How often, how long and how well-timed the regimes of each pair were."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regimeswitch.settings import REGIME_NAMES
from regimeswitch_lab.report.candle_history import PairHistory, candle_days
from regimeswitch_lab.synthetic.truth import agreement


UNKNOWN = "unknown"


@dataclass(frozen=True)
class RegimeRow:
    """One regime of one pair.

    :ivar share: of all candles, fraction
    :ivar stretches: how often it began, or was on at the beginning of the range
    :ivar mean_days: length of a stretch; None without one, as the median and the longest
    :ivar change: of the pair's price while the regime was known to be on: closes, fraction
    """

    regime: str
    share: float
    stretches: int
    mean_days: float | None
    median_days: float | None
    longest_days: float | None
    change: float


@dataclass(frozen=True)
class RegimeTable:
    """All regimes of one pair.

    :ivar switches_a_day: changes of the active regime
    :ivar delay_days: median delay against the true regimes of a synthetic market, else None
    :ivar agreement: with them after the delay, fraction
    """

    pair: str
    rows: tuple[RegimeRow, ...]
    switches_a_day: float
    delay_days: float | None
    agreement: float | None


def regime_names(frame: pd.DataFrame) -> pd.Series:
    """Regime of each candle, :data:`UNKNOWN` where there is none."""
    return frame["regime"].astype(object).where(frame["regime"].notna(), UNKNOWN)


def stretches(names: pd.Series) -> pd.DataFrame:
    """Runs of equal values.

    :return: ``name``, ``first`` (row) and ``length`` (rows), in order
    """
    values = names.to_numpy(dtype=object)
    first = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    length = np.diff(np.r_[first, len(values)])
    return pd.DataFrame({"name": values[first], "first": first, "length": length})


def regime_table(history: PairHistory, timeframe: str) -> RegimeTable:
    """Statistics of one pair's regimes over the range."""
    names, day = regime_names(history.frame), candle_days(timeframe)
    runs = stretches(names)
    moves = np.log(history.frame["close"]).diff().fillna(0.0)
    # A regime is known at the close of a candle; the price moves in the next.
    known = names.shift(1, fill_value=names.iloc[0])
    rows = []
    for name in (*REGIME_NAMES, UNKNOWN):
        lengths = runs.loc[runs["name"] == name, "length"] * day
        there = len(lengths) > 0
        rows.append(
            RegimeRow(
                regime=name,
                share=float((names == name).mean()),
                stretches=len(lengths),
                mean_days=float(lengths.mean()) if there else None,
                median_days=float(lengths.median()) if there else None,
                longest_days=float(lengths.max()) if there else None,
                change=float(np.expm1(moves[known == name].sum())),
            )
        )
    delay, agreed = _truth(history, day)
    switches = (len(runs) - 1) / (len(names) * day)
    return RegimeTable(history.pair, tuple(rows), switches, delay, agreed)


def _truth(history: PairHistory, day: float) -> tuple[float | None, float | None]:
    if history.truth is None or not set(history.truth) <= set(REGIME_NAMES):
        return None, None
    found = agreement(history.frame["regime"], history.truth)
    return found["median_delay_candles"] * day, found["agreement"]
