"""Which candles wanted an entry and were not held: what the trades of a result show of it.

The columns of a backtest cannot know its account. Its trades do: a stop that keeps a pair out of
its regime, a loss limit that has closed positions, slots that were all taken. What no trade shows
(caps, no free money, the smallest order, limits that found nothing to close) stays one row.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.bot.trading.entry_reasons import ACCOUNT, LIMIT, REASON_COLUMN
from regimeswitch.bot.trading.marked_equity import DAILY, PEAK
from regimeswitch.bot.trading.reentry import STOPPED, STOPS
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch_lab.report.candle_history import PairHistory
from regimeswitch_lab.report.report_source import Source


HELD = "a position is held"
STOPPED_OUT = f"{ACCOUNT}{STOPPED}"
DAY_LIMIT, PEAK_LIMIT = f"{LIMIT}risk.max_daily_loss", f"{LIMIT}risk.max_drawdown"
NO_SLOT = f"{ACCOUNT}all slots are taken (max_open_trades)"
OTHERWISE = f"{ACCOUNT}not entered (caps, free money, smallest order, or an entry that came later)"

Flags = NDArray[np.bool_]
Times = NDArray[np.int64]


def reasons_with_account(source: Source, history: PairHistory) -> pd.Series:
    """Reasons of a pair's candles; of those that wanted a position whether it was held, or why not.

    :param history: with ``no_trade_reason``
    :return: shape (n,), index of ``history.frame``
    """
    frame, step = history.frame, timeframe_seconds(source.timeframe)
    # A position is in force in the candle after the one that wants it.
    closed = _seconds(frame["date"]) + step
    trades = pd.concat([source.trades, source.still_open], ignore_index=True)
    opens, closes = _seconds(trades["open_date"]), _seconds(trades["close_date"])
    closes = np.where(trades["close_date"].isna(), np.iinfo(np.int64).max, closes)
    own = (trades["pair"] == history.pair).to_numpy()
    why = trades["exit_reason"].to_numpy()
    began = closed - np.nan_to_num(frame["regime_age"].to_numpy(), nan=np.inf) * step
    checks: list[tuple[Flags, str]] = [
        (_inside(closed, opens[own] - step + 1, closes[own]), HELD),
        (_after_a_stop(closed, began, closes[own & np.isin(why, list(STOPS))]), STOPPED_OUT),
        (_inside(closed, *_days(closes[why == DAILY])), DAY_LIMIT),
        (_inside(closed, *_pauses(closes[why == PEAK], source)), PEAK_LIMIT),
        (_counted(closed, opens, closes) >= _slots(source), NO_SLOT),
    ]
    found = np.select([flags for flags, _ in checks], [name for _, name in checks], OTHERWISE)
    reasons = frame[REASON_COLUMN]
    return reasons.where(reasons != "", pd.Series(found, index=frame.index, dtype=object))


def _seconds(dates: pd.Series) -> Times:
    """Epoch seconds; what is missing is any number."""
    return np.asarray(pd.to_datetime(dates, utc=True).dt.as_unit("s").astype("int64"), np.int64)


def _counted(moments: Times, begins: Times, ends: Times) -> Times:
    """In how many periods each moment lies; a period holds its begin and not its end."""
    begun = np.searchsorted(np.sort(begins), moments, side="right")
    return np.asarray(begun - np.searchsorted(np.sort(ends), moments, side="right"), np.int64)


def _inside(moments: Times, begins: Times, ends: Times) -> Flags:
    return _counted(moments, begins, ends) > 0


def _after_a_stop(moments: Times, began: NDArray[np.float64], stops: Times) -> Flags:
    """Whether there was a stop in the regime of each moment, up to it."""
    ordered = np.sort(stops)
    before = np.searchsorted(ordered, moments, side="right")
    last = np.r_[np.int64(-1), ordered][before]
    return np.asarray((before > 0) & (last >= began))


def _days(stops: Times) -> tuple[Times, Times]:
    """From each daily limit to the end of its UTC day."""
    return stops, (stops // 86_400 + 1) * 86_400


def _pauses(stops: Times, source: Source) -> tuple[Times, Times]:
    return stops, stops + source.settings.risk.peak_pause_days * 86_400


def _slots(source: Source) -> float:
    slots = float(source.config.get("max_open_trades", -1))
    return slots if slots >= 0 else np.inf
