"""From a measure to a steady state: bands (hysteresis) and the grace period.

Both are functions of a whole column and remember nothing between calls. They are prefix-stable
(row t depends on rows up to t) and window-stable (begun later, each row is the same or UNKNOWN
for longer), so a restart, a backtest and a live bot agree.
"""

import numpy as np
from numpy.typing import NDArray


UNKNOWN, BULL, BEAR, SIDEWAYS = 0, 1, 2, 3
"""Codes of a regime. 0 is never a class: FreqAI writes 0 where it knows nothing."""

Codes = NDArray[np.int8]


def banded_state(
    measure: NDArray[np.float64],
    *,
    bull_enter: float,
    bull_exit: float,
    bear_enter: float,
    bear_exit: float,
) -> Codes:
    """State of a signed measure with separate enter and exit bands (a Schmitt trigger).

    Bull begins at ``bull_enter`` and lasts until the measure falls below ``bull_exit``; bear
    mirrors it below zero; between both exits it is sideways. Between an exit and its entry the
    state is the previous one, and UNKNOWN where there is none since the start or since a missing
    value. O. H. Schmitt, A thermionic trigger, Journal of Scientific Instruments 15, 1938.

    :param measure: shape (n,), row t known at the close of candle t; NaN = missing
    :param bull_enter: at or above: bull
    :param bull_exit: from bull, below this: sideways; must not exceed ``bull_enter``
    :param bear_enter: at or below: bear (a negative number)
    :param bear_exit: from bear, above this: sideways; must not be below ``bear_enter``
    :return: codes, shape (n,); UNKNOWN on NaN rows

    The same 2.0 is nothing known at first, bull on the way down from 4.0, and still sideways on the
    way up from 0.5:

    >>> measure = np.array([2.0, 4.0, 2.0, 0.5, 2.0, np.nan, 2.0])
    >>> banded_state(measure, bull_enter=3, bull_exit=1, bear_enter=-3, bear_exit=-1).tolist()
    [0, 1, 1, 3, 3, 0, 0]
    """
    rows = np.arange(len(measure))
    # Rows that say the state whatever it was, in the order in which one goes before another.
    said = np.select(
        [
            np.isnan(measure),
            measure >= bull_enter,
            measure <= bear_enter,
            (bear_exit < measure) & (measure < bull_exit),
        ],
        [UNKNOWN, BULL, BEAR, SIDEWAYS],
        default=-1,
    ).astype(np.int8)
    decided = np.maximum.accumulate(np.where(said >= 0, rows, -1))
    state = np.where(decided >= 0, said[decided], UNKNOWN).astype(np.int8)
    # Between the bands: bull and bear end where the measure has gone past their exit since.
    open_rows = said < 0
    below = np.maximum.accumulate(np.where(open_rows & (measure < bull_exit), rows, -1))
    above = np.maximum.accumulate(np.where(open_rows & (measure > bear_exit), rows, -1))
    ended = ((state == BULL) & (below > decided)) | ((state == BEAR) & (above > decided))
    state[ended] = SIDEWAYS
    return state


def run_length(codes: Codes) -> NDArray[np.int64]:
    """Rows for which each row's code has held without a break, itself included (1, 2, 3, ..).

    :param codes: shape (n,); UNKNOWN is a code like the others
    :return: numbers of at least 1, shape (n,)

    >>> run_length(np.array([BULL, BULL, BEAR, BULL], dtype=np.int8)).tolist()
    [1, 2, 1, 1]
    """
    begins = _begins(codes)
    return np.arange(1, len(codes) + 1) - np.repeat(begins, np.diff(begins, append=len(codes)))


def _begins(codes: Codes) -> NDArray[np.int64]:
    """Row on which each run of the same code begins: few, where a column has many rows."""
    changes = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    return np.r_[0, changes] if len(codes) else changes


def after_grace(raw: Codes, grace_candles: int) -> Codes:
    """Active regime: the last raw regime that held for ``grace_candles`` rows without a break.

    :param raw: raw regimes, shape (n,); UNKNOWN rows break a run and never become active: the
        regime that is active stays so
    :param grace_candles: rows, the first one of the run and row t included; 1 = every raw regime is
        active at once
    :return: codes, shape (n,); UNKNOWN until some regime has held long enough
    :raises ValueError: when ``grace_candles`` is below 1

    A bear of two candles is ignored, one of three is active on its third:

    >>> raw = np.array([1, 1, 1, 2, 2, 1, 0, 2, 2, 2], dtype=np.int8)
    >>> after_grace(raw, 3).tolist()
    [0, 0, 1, 1, 1, 1, 1, 1, 1, 2]
    """
    if grace_candles < 1:
        raise ValueError(f"grace_candles must be at least 1 (got {grace_candles}); typical: 36")
    begins = _begins(raw)
    codes, lengths = raw[begins], np.diff(begins, append=len(raw))
    settled = (lengths >= grace_candles) & (codes != UNKNOWN)
    since = begins[settled] + grace_candles - 1
    held = np.r_[np.int8(UNKNOWN), codes[settled]]
    return np.repeat(held, np.diff(since, prepend=0, append=len(raw)))


def pending(raw: Codes, active: Codes) -> Codes:
    """The raw regime that is serving its grace period.

    :param raw: raw regimes, shape (n,)
    :param active: of :func:`after_grace`, shape (n,)
    :return: codes, shape (n,); UNKNOWN where raw and active are the same or one is UNKNOWN
    """
    waiting = (raw != active) & (raw != UNKNOWN) & (active != UNKNOWN)
    return np.where(waiting, raw, UNKNOWN).astype(np.int8)


def age(active: Codes) -> NDArray[np.float64]:
    """Candles since the last switch (0 on its row); NaN before the first one that was seen.

    The first known regime of a column is not a switch: when it began is not known.

    :param active: of :func:`after_grace`, shape (n,)
    :return: candles, shape (n,)

    >>> age(np.array([UNKNOWN, BULL, BULL, BEAR, BEAR], dtype=np.int8)).tolist()
    [nan, nan, nan, 0.0, 1.0]
    """
    begins = _begins(active)[1:]
    switches = begins[active[begins - 1] != UNKNOWN]
    result = np.full(len(active), np.nan)
    if len(switches):
        lasts = np.diff(switches, append=len(active))
        first = int(switches[0])
        result[first:] = np.arange(first, len(active)) - np.repeat(switches, lasts)
    return result
