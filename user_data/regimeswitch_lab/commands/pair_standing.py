"""How one pair of a bot stands, in words: from the rows that its API gives of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd

from regimeswitch.bot.trading.entry_reasons import REASON_COLUMN, change_wanted, code_of
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch.market.volatility import WEIGHT_COLUMN
from regimeswitch.settings import RegimeSettings, Settings


COLUMNS_NEEDED = {"date", "regime", "regime_age", "regime_pending", REASON_COLUMN}
RUNNING = "running"
BY_REGIME = (2, 3)
MOMENT = "%Y-%m-%d %H:%M"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class PairStanding:
    """One row of the answer, in words.

    :ivar since: when the active regime began
    :ivar weight: share of a slot that an entry would get; empty in signal mode
    :ivar reason: why there is no entry
    :ivar change: what would have to change
    """

    pair: str
    regime: str
    since: str
    pending: str
    weight: str
    reason: str
    change: str

    @property
    def cells(self) -> tuple[str, ...]:
        """As they stand in the table."""
        return (
            *(self.pair, self.regime, self.since, self.pending, self.weight),
            *(self.reason, self.change),
        )


def standing_of(
    pair: str,
    rows: Sequence[Row],
    trade: Row | None,
    state: str,
    settings: Settings,
    timeframe: str,
) -> PairStanding:
    """How a pair stands at its newest candle.

    :param rows: newest candles as the API gives them, oldest first; all of a grace period, so that
        a pending switch can be counted
    :param trade: the open position of the pair, as the API gives it; None = there is none
    :param state: of the bot
    :param settings: the bot's
    :param timeframe: of the candles
    """
    if not rows:
        return PairStanding(
            pair, "", "", "", "", "no candles yet", "the bot must have analysed the pair"
        )
    last = rows[-1]
    reason, change = _why(rows, trade, state, settings, timeframe)
    weight = last.get(WEIGHT_COLUMN)
    return PairStanding(
        pair=pair,
        regime=last["regime"] or "unknown",
        since=_since(rows, timeframe),
        pending=_pending(rows, settings.regime, timeframe),
        weight="" if weight is None else f"{weight:.2f}",
        reason=reason,
        change=change,
    )


def _why(
    rows: Sequence[Row], trade: Row | None, state: str, settings: Settings, timeframe: str
) -> tuple[str, str]:
    if trade is not None:
        stop = trade.get("stop_loss_abs")
        until = f"; stop at {stop:.6g}" if stop else ""
        return "a position is open", f"it closes when its regime ends{until}"
    if state != RUNNING:
        return f"the bot is {state}: it opens nothing", "start it (FreqUI, or /start)"
    reason = rows[-1][REASON_COLUMN] or ""
    if not reason:
        return "nothing: the candle wants an entry", "an entry follows in the bot's next loop"
    if code_of(reason) in BY_REGIME:
        return reason, _regime_change(rows, settings, timeframe)
    return reason, change_wanted(reason)


def _regime_change(rows: Sequence[Row], settings: Settings, timeframe: str) -> str:
    """What a wanted regime needs to become the active one."""
    rule, wanted = settings.regime, settings.entries.regimes
    grace = rule.grace_in(timeframe)
    pending = rows[-1]["regime_pending"]
    if pending in wanted:
        left = grace - _held(rows)
        at = _closed(rows[-1], timeframe) + left * _length(timeframe)
        return (
            f"{pending} must hold for {left} more candles, until {at:{MOMENT}} UTC at the earliest"
        )
    names = " or ".join(wanted)
    if not wanted:
        return "entries.regimes names no regime: nothing is ever opened"
    span = f"for {grace} candles ({_duration(grace * _length(timeframe))})"
    if wanted == ("bull",) and rule.rule == "trend":
        return f"{_bull_price(rows[-1], rule)} {span}"
    return f"the rule {rule.rule} must say {names} {span}"


def _bull_price(row: Row, rule: RegimeSettings) -> str:
    """The rule trend in the price of the pair, where that is known."""
    unit = "ATR" if rule.unit == "atr" else "%"
    price, distance = row.get("rule_bull_enter"), row.get("regime_distance")
    at = "" if price is None else f" ({price:.6g})"
    now = "" if distance is None else f", now {distance:+.2f}"
    return (
        f"the {rule.timeframe} close must stand {rule.trend_enter:g} {unit} above its "
        f"average{at}{now},"
    )


def _pending(rows: Sequence[Row], rule: RegimeSettings, timeframe: str) -> str:
    name = rows[-1]["regime_pending"]
    return f"{name}, {_held(rows)} of {rule.grace_in(timeframe)} candles" if name else ""


def _held(rows: Sequence[Row]) -> int:
    """For how many candles the pending regime has held."""
    name, held = rows[-1]["regime_pending"], 0
    for row in reversed(rows):
        if row["regime_pending"] != name:
            break
        held += 1
    return held


def _since(rows: Sequence[Row], timeframe: str) -> str:
    """When the candle closed that confirmed the active regime."""
    last = rows[-1]
    if not last["regime"]:
        return ""
    if last["regime_age"] is None:
        return "before the first candle that is known"
    began = _closed(last, timeframe) - int(last["regime_age"]) * _length(timeframe)
    return f"{began:{MOMENT}}"


def _closed(row: Row, timeframe: str) -> pd.Timestamp:
    """When a candle closed, UTC."""
    opened: pd.Timestamp = pd.Timestamp(row["date"])
    return opened + _length(timeframe)


def _length(timeframe: str) -> timedelta:
    return timedelta(seconds=timeframe_seconds(timeframe))


def _duration(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:g} h" if hours >= 1 else f"{span.total_seconds() / 60:g} min"
