"""What a day was like: trades by regime, equity, exposure, and what the rules alone did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pandas as pd
from freqtrade.persistence import Trade

from regimeswitch.bot.trading.shadow_columns import (
    BASE_COLUMN,
    HOLD_COLUMN,
    RULES_COLUMN,
    SHADOW_COLUMNS,
)
from regimeswitch.bot.trading.trade_context import EntryRecord


WAYS = {
    RULES_COLUMN: "the rules without models would have earned",
    BASE_COLUMN: "with one model",
    HOLD_COLUMN: "holding",
}
"""Columns of the shadow book in words, in the order of the summary; that of one model is there
where models have answered."""
PATIENCE = timedelta(minutes=15)
"""How long the summary waits for the candle that ends the day."""


def day_is_complete(frames: Mapping[str, pd.DataFrame], length: timedelta, now: datetime) -> bool:
    """Whether all pairs have the last candle of yesterday, or have been waited for.

    :param frames: analysed candles by pair
    :param length: of a candle
    :param now: UTC
    """
    midnight = datetime.combine(now.date(), time(), UTC)
    if now - midnight >= PATIENCE:
        return True
    ends = [None if one.empty else one["date"].iloc[-1] + length for one in frames.values()]
    return all(end is not None and end >= midnight for end in ends)


def summary_text(
    day: date,
    frames: Mapping[str, pd.DataFrame],
    length: timedelta,
    equity: tuple[float, float | None, str],
    currency: str,
) -> str:
    """The summary of a UTC day.

    :param frames: analysed candles by pair
    :param length: of a candle
    :param equity: marked, now; at the last summary, None without one; and the day that it was of
    :param currency: of the stakes
    """
    now, before, since = equity
    change = f" ({now / before - 1:+.2%} since the end of {since})" if before else ""
    lines = [
        f"{day:%Y-%m-%d} (UTC)",
        f"equity {now:.2f} {currency}{change}",
        _closed(day, currency),
        _open(now, currency),
        *_shadow(day, frames, length),
        _regimes(frames),
    ]
    return "; ".join(line for line in lines if line)


def _closed(day: date, currency: str) -> str:
    begin = datetime.combine(day, time(), UTC)
    end = begin + timedelta(days=1)
    later = Trade.get_trades_proxy(is_open=False, close_date=begin.replace(tzinfo=None))
    trades = [one for one in later if one.close_date_utc is not None and one.close_date_utc < end]
    if not trades:
        return "no trade was closed"
    by_regime: dict[str, list[float]] = defaultdict(list)
    for trade in trades:
        by_regime[_regime_of(trade)].append(float(trade.close_profit_abs or 0.0))
    listed = ", ".join(
        f"{name} {len(profits)}: {sum(profits):+.2f}" for name, profits in sorted(by_regime.items())
    )
    total = sum(sum(profits) for profits in by_regime.values())
    number = "1 trade" if len(trades) == 1 else f"{len(trades)} trades"
    return f"{number} closed, {total:+.2f} {currency} ({listed})"


def _regime_of(trade: Any) -> str:
    record = EntryRecord.read(trade)
    return (record.regime if record is not None else "") or trade.enter_tag or "unknown"


def _open(equity: float, currency: str) -> str:
    trades = Trade.get_trades_proxy(is_open=True)
    if not trades:
        return "nothing is held"
    stakes = sum(float(trade.stake_amount) for trade in trades)
    share = f", {stakes / equity:.0%} of equity" if equity > 0 else ""
    number = "1 position" if len(trades) == 1 else f"{len(trades)} positions"
    return f"{number} open, {stakes:.2f} {currency} at cost{share}"


def _shadow(day: date, frames: Mapping[str, pd.DataFrame], length: timedelta) -> list[str]:
    """What slots of all pairs would have earned on the day; nothing where it is not known."""
    changes: dict[str, list[float]] = defaultdict(list)
    begin = pd.Timestamp(day, tz="UTC")
    for frame in frames.values():
        names = [name for name in SHADOW_COLUMNS if name in frame]
        if frame.empty or not names:
            continue
        closes = frame["date"] + length
        first = int(closes.searchsorted(begin, side="right")) - 1
        last = int(closes.searchsorted(begin + pd.Timedelta(days=1), side="right")) - 1
        if first < 0 or last <= first:
            continue
        for name in names:
            changes[name].append(float(frame[name].iloc[last] / frame[name].iloc[first] - 1))
    if not changes:
        return []
    slots = max(map(len, changes.values()))
    # One model is compared with the rules on the same pairs, or not at all.
    ways = ", ".join(
        f"{words} {sum(changes[name]) / slots:+.2%}"
        for name, words in WAYS.items()
        if len(changes[name]) == slots
    )
    return [f"in equal slots, costs taken off, {ways}"]


def _regimes(frames: Mapping[str, pd.DataFrame]) -> str:
    pairs: dict[str, list[str]] = defaultdict(list)
    for pair, frame in frames.items():
        if not frame.empty and "regime" in frame:
            name = frame["regime"].iloc[-1]
            pairs[name if isinstance(name, str) and name else "unknown"].append(pair)
    counted = ", ".join(f"{name} {len(found)}" for name, found in sorted(pairs.items()))
    return f"regimes of the pairs now: {counted}" if counted else ""
