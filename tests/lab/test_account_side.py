"""What the trades of a result show of why a wanted candle was not held."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from regimeswitch.settings import load_settings
from regimeswitch_lab.report.account_side import (
    DAY_LIMIT,
    HELD,
    NO_SLOT,
    OTHERWISE,
    PEAK_LIMIT,
    STOPPED_OUT,
    reasons_with_account,
)
from regimeswitch_lab.report.candle_history import PairHistory
from regimeswitch_lab.report.report_source import Source


BEGIN = pd.Timestamp("2025-01-01", tz="UTC")
HOURS = 24 * 12


def frame_of(wanted: slice, age: Any = np.nan) -> pd.DataFrame:
    dates = pd.date_range(BEGIN, periods=HOURS, freq="1h")
    frame = pd.DataFrame({"date": dates, "no_trade_reason": "regime bear", "regime_age": age})
    frame.loc[frame.index[wanted], "no_trade_reason"] = ""
    return frame


def trade(pair: str, opened: int, closed: int | None, why: str) -> dict[str, Any]:
    """A trade from one hour to another."""
    ends = [
        pd.NaT if hour is None else BEGIN + pd.Timedelta(hours=hour) for hour in (opened, closed)
    ]
    return {"pair": pair, "open_date": ends[0], "close_date": ends[1], "exit_reason": why}


def asked(frame: pd.DataFrame, *trades: dict[str, Any], slots: int = -1) -> pd.Series:
    columns = ["pair", "open_date", "close_date", "exit_reason"]
    found = pd.DataFrame(list(trades), columns=columns)
    for name in ("open_date", "close_date"):
        found[name] = pd.to_datetime(found[name], utc=True)
    still = found["close_date"].isna()
    source = Source(
        *("backtest", None, "", {"max_open_trades": slots}, load_settings({}), "1h", "USDT"),
        *(("AAA/USDT",), found[~still], found[still], BEGIN, BEGIN, 1000.0, None),
    )
    return reasons_with_account(source, PairHistory("AAA/USDT", frame, 0, 0, 0, 0, None))


def runs(reasons: pd.Series) -> list[tuple[str, int]]:
    groups = (reasons != reasons.shift()).cumsum()
    return [(str(one.iloc[0]), len(one)) for _, one in reasons.groupby(groups)]


def test_a_candle_is_held_while_the_position_that_it_wants_is_in_force() -> None:
    """The candle from 9 to 10 wants it, and it is opened at 10."""
    found = runs(asked(frame_of(slice(9, 20)), trade("AAA/USDT", 10, 21, "regime_bear")))
    assert found == [("regime bear", 9), (HELD, 11), ("regime bear", HOURS - 20)]
    still = runs(asked(frame_of(slice(9, None)), trade("AAA/USDT", 10, None, "")))
    assert still == [("regime bear", 9), (HELD, HOURS - 9)]


def test_a_stop_counts_in_its_regime_and_not_in_the_next_one() -> None:
    ages = np.r_[np.arange(100), np.arange(HOURS - 100)]
    frame = frame_of(slice(9, None), ages)
    found = runs(asked(frame, trade("AAA/USDT", 10, 30, "stop_loss")))
    assert found == [("regime bear", 9), (HELD, 20), (STOPPED_OUT, 71), (OTHERWISE, HOURS - 100)]
    # Of another pair it is no reason.
    assert set(asked(frame, trade("BBB/USDT", 10, 30, "stop_loss"))) == {"regime bear", OTHERWISE}


def test_limits_keep_all_pairs_out_for_their_time() -> None:
    frame = frame_of(slice(0, None))
    found = runs(asked(frame, trade("BBB/USDT", 1, 30, "daily_loss_limit")))
    assert found == [(OTHERWISE, 29), (DAY_LIMIT, 18), (OTHERWISE, HOURS - 47)]
    found = runs(asked(frame, trade("BBB/USDT", 1, 30, "drawdown_stop")))
    assert found == [(OTHERWISE, 29), (PEAK_LIMIT, 7 * 24), (OTHERWISE, HOURS - 29 - 7 * 24)]


def test_slots_that_others_have_taken() -> None:
    frame = frame_of(slice(0, None))
    others = [trade(f"{name}/USDT", 10, 40, "regime_bear") for name in ("BBB", "CCC")]
    assert runs(asked(frame, *others, slots=2)) == [
        (OTHERWISE, 9),
        (NO_SLOT, 30),
        (OTHERWISE, HOURS - 39),
    ]
    assert set(asked(frame, *others, slots=3)) == {OTHERWISE}
