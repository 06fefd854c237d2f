"""Each regime rule equals a slow reading of its words."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from frames import candle_frame
from regimeswitch.market.regimes import CODES, RULES, regime_columns
from regimeswitch.settings import RegimeSettings
from smallrules import names, small


@cache
def many_frames() -> list[pd.DataFrame]:
    return [candle_frame(700, seed) for seed in range(5)]


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_finds_each_regime(rule: str) -> None:
    found = pd.concat([regime_columns(frame, small(rule=rule)) for frame in many_frames()])
    shares = found["regime_raw"].value_counts(normalize=True)
    assert set(shares.index) == set(CODES)
    assert shares.min() > 0.05


def trend_reference(frame: pd.DataFrame, row: int, config: RegimeSettings) -> float:
    """Distance of one row from its average in ATR multiples, from lists."""
    close, high, low = (frame[name].tolist() for name in ("close", "high", "low"))
    period, atr_period = config.average_period, config.atr_period
    average = sum(close[row - period + 1 : row + 1]) / period
    ranges = [
        max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1]))
        for i in range(row - atr_period + 1, row + 1)
    ]
    return (close[row] - average) / (sum(ranges) / atr_period)


def trend_states(frame: pd.DataFrame, config: RegimeSettings) -> list[str | None]:
    states: list[str | None] = [None] * (config.average_period - 1)
    state = None
    for row in range(config.average_period - 1, len(frame)):
        distance = trend_reference(frame, row, config)
        if abs(distance) >= config.trend_enter:
            state = "bull" if distance > 0 else "bear"
        elif abs(distance) < config.trend_exit or state == ("bear" if distance > 0 else "bull"):
            state = "sideways"
        states.append(state)
    return states


def change_states(frame: pd.DataFrame, config: RegimeSettings) -> list[str | None]:
    close = frame["close"].tolist()
    span = config.change_days * 288
    states: list[str | None] = [None] * span
    state = None
    for row in range(span, len(close)):
        change = close[row] / close[row - span] - 1
        if change >= config.change_bull:
            state = "bull"
        elif change <= config.change_bear:
            state = "bear"
        elif abs(change) < config.change_exit or state == ("bear" if change > 0 else "bull"):
            state = "sideways"
        states.append(state)
    return states


def volatility_states(frame: pd.DataFrame, config: RegimeSettings) -> list[str | None]:
    """Pandas' rolling windows: trending begins at enter, choppy below exit, side by the average."""
    close, previous = frame["close"], frame["close"].shift()
    ranges = pd.concat(
        [frame["high"] - frame["low"], frame["high"] - previous, previous - frame["low"]], axis=1
    ).max(axis=1, skipna=False)
    bollinger, past = config.bollinger_period, config.volatility_window
    atr = ranges.rolling(bollinger).mean() / close
    width = 4 * close.rolling(bollinger).std(ddof=0) / close.rolling(bollinger).mean()
    excess = (atr / atr.rolling(past).mean() + width / width.rolling(past).mean()) / 2 - 1
    above = close - close.rolling(config.average_period).mean()
    states: list[str | None] = []
    state = None
    for wild, side in zip(excess, above, strict=True):
        if np.isnan(wild) or np.isnan(side):
            state = None
        elif wild >= config.volatility_enter:
            state = "bull" if side > 0 else "bear"
        elif wild < config.volatility_exit or state == ("bear" if side > 0 else "bull"):
            state = "sideways"
        states.append(state)
    return states


def vote_states(frame: pd.DataFrame, config: RegimeSettings) -> list[str | None]:
    states = []
    for votes in zip(
        trend_states(frame, config),
        change_states(frame, config),
        volatility_states(frame, config),
        strict=True,
    ):
        winner = next((name for name in ("bull", "bear") if votes.count(name) >= 2), "sideways")
        states.append(None if None in votes else winner)
    return states


REFERENCES = {
    "trend": trend_states,
    "change": change_states,
    "volatility": volatility_states,
    "vote": vote_states,
}


@pytest.mark.parametrize("volatility_exit", [0.0, 0.05])
@pytest.mark.parametrize("rule", RULES)
def test_each_rule_equals_a_slow_reading_of_its_words(rule: str, volatility_exit: float) -> None:
    config = small(rule=rule, volatility_exit=volatility_exit)
    for frame in many_frames():
        found = names(regime_columns(frame, config)["regime_raw"])
        assert found == REFERENCES[rule](frame, config)
