"""What messages about regimes, entries and models say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pandas as pd

from regimeswitch.bot.messages.alerts import spell
from regimeswitch.bot.trading.trade_context import EntryRecord
from regimeswitch.market.volatility import WEIGHT_COLUMN
from regimeswitch.settings import Settings
from regimeswitch.settings.modes import POSITION


def switch_text(
    frame: pd.DataFrame, row: int, length: timedelta, settings: Settings, trades: list[Any]
) -> str:
    """A regime switch: from, to, when, and what it changes.

    :param frame: analysed candles
    :param row: of the first candle of the new regime
    :param length: of a candle
    :param trades: open trades of the pair
    """
    before, now = frame["regime"].iloc[row - 1], frame["regime"].iloc[row]
    when = frame["date"].iloc[row]
    age = frame["regime_age"].iloc[row - 1]
    lasted = "" if pd.isna(age) else f", after {spell((int(age) + 1) * length)} of {before}"
    text = f"regime {_name(before)} -> {_name(now)} at {when:%Y-%m-%d %H:%M} UTC{lasted}"
    return f"{text}; {_consequences(frame, str(now), settings, trades)}"


def _consequences(frame: pd.DataFrame, now: str, settings: Settings, trades: list[Any]) -> str:
    entries, holds = settings.entries, settings.entries.mode == POSITION
    wanted = now in entries.regimes
    leaves = not wanted if holds else now in entries.exit_regimes
    parts = []
    if trades:
        held = ", ".join(f"{trade.amount:.8g} {trade.safe_base_currency}" for trade in trades)
        what = f"is closed (exit regime_{now})" if leaves else "stays open"
        parts.append(f"the open position of {held} {what}")
    if wanted and not trades:
        weight = frame[WEIGHT_COLUMN].iloc[-1] if WEIGHT_COLUMN in frame else math.nan
        share = f", target weight {weight:.2f} of a slot" if math.isfinite(weight) else ""
        parts.append(f"entries are allowed{share}")
    elif not wanted:
        parts.append(f"target weight 0: no entries in {_name(now)}" if holds else "no entries")
    return "; ".join(parts)


def entry_text(record: EntryRecord, price: float, settings: Settings) -> str:
    """What the size of a position comes from and where it ends; freqtrade's message has the rest.

    :param price: of the entry; NaN = unknown
    """
    where = record.regime or "no known regime"
    stop = settings.stop_multiple * record.atr * record.size
    parts = []
    if settings.entries.mode == POSITION:
        parts.append(f"entered in {where} with {record.share:.2f} of a slot")
        parts.append(
            f"volatility {_percent(record.volatility)} a year, forecast of the next 24 hours "
            f"{_percent(record.forecast)}"
        )
        leaving = "it is closed when another regime than "
        leaving += f"{' or '.join(settings.entries.regimes)} begins"
    else:
        parts.append(f"entered in {where} on the answer of the models")
        parts.append(f"expected move {record.expected:+.2%}")
        leaving = ""
    if stop > 0 and price > 0:
        parts.append(f"stop at {price - stop:.8g} ({-stop / price:.1%})")
    return "; ".join([*parts, leaving] if leaving else parts)


def model_text(trained_at: float, weights: Mapping[str, float], before: Mapping[str, float]) -> str:
    """A first model, or weights of sub-models that have changed.

    :param trained_at: end of its training, epoch seconds
    :param weights: by regime
    :param before: of the last model that a message was about; empty = there was none
    """
    until = _moment(trained_at)
    if not before:
        listed = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
        served = f"weights of its sub-models: {listed or 'none'}"
        return f"first model ready, trained on candles until {until}; {served}; forecasts begin"
    changes = (
        f"{name} {before.get(name, 0.0):.2f} -> {weight:.2f}" for name, weight in weights.items()
    )
    return (
        f"weights of sub-models have changed: {', '.join(changes)}; trained on candles until "
        f"{until}"
    )


def _moment(seconds: float) -> str:
    return f"{pd.Timestamp(seconds, unit='s', tz='UTC'):%Y-%m-%d %H:%M} UTC"


def _name(regime: Any) -> str:
    return regime if isinstance(regime, str) and regime else "unknown"


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.0%}"
