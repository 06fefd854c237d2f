"""Markets of the position simulation made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from regimeswitch.settings import Settings, load_settings
from regimeswitch_lab.money.position_signals import PositionMarket
from regimeswitch_lab.money.simulated_account import Terms


COST = 0.002
BULL, SIDEWAYS = 1, 3


def market_of(opens: Any, bull: Any, timeframe: str = "1h", **columns: Any) -> PositionMarket:
    """Candles that open at these prices and reach the next; in while ``bull``, one row late.

    :param opens: shape (candles, pairs), as is ``bull``; NaN = the pair has no candle
    """
    prices = np.array(opens, dtype=np.float64)
    wanted = np.array(bull, dtype=bool)
    after = np.vstack([prices[1:], prices[-1:]])
    close = np.where(np.isnan(after), prices, after)
    before = np.vstack([wanted[:1] & False, wanted[:-1]])
    rows = np.arange(len(prices))[:, None]
    changed = np.vstack([before[:1], before[1:] != before[:-1]])
    there = ~np.isnan(prices)
    found = {
        "open": prices,
        "high": np.maximum(prices, close),
        "low": np.minimum(prices, close),
        "close": close,
        "mark": np.vstack([prices[:1], close[:-1]]),
        "enter": before & there,
        "leave": ~before & there,
        "weight": np.ones_like(prices),
        "atr": np.full_like(prices, 1e-6),
        "regime": np.where(before, BULL, SIDEWAYS).astype(np.int8),
        "began": np.maximum.accumulate(np.where(changed, rows, 0), axis=0).astype(np.int64),
    }
    pairs = tuple(f"P{number}/USDT" for number in range(prices.shape[1]))
    step = pd.Timedelta(timeframe.replace("m", "min"))
    dates = pd.date_range("2024-01-01", periods=len(prices), freq=step, tz="UTC")
    return PositionMarket(pairs, dates, timeframe, **{**found, **columns})


def random_market(rows: int, pairs: int, seed: int) -> PositionMarket:
    """Prices that wander, and stretches of bull at random."""
    rng = np.random.default_rng(seed)
    opens = 100 * np.exp(np.cumsum(rng.normal(0.0002, 0.01, (rows, pairs)), axis=0))
    bull = np.repeat(rng.random((rows // 25 + 1, pairs)) < 0.4, 25, axis=0)[:rows]
    return market_of(opens, bull, weight=rng.uniform(0.2, 1, (rows, pairs)))


def terms_of(market: PositionMarket, wallet: float = 1000.0, cost: float = COST) -> Terms:
    return Terms(wallet, 0.99, cost, len(market.pairs))


def held_settings(**risk: Any) -> Settings:
    """Position mode without stop and limits, unless given."""
    off = {"stop_daily_atr": 0, "max_daily_loss": 0, "max_drawdown": 0}
    return load_settings({"entries": {"mode": "position"}, "risk": off | risk})
