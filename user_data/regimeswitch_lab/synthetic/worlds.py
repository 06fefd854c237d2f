"""The synthetic market: seeded candles with known regimes, and a market without structure.

A demonstration, not a model of a real exchange: in a bull, bear or sideways stretch the price is
drawn towards a target above, below or on its own 200-hour average, and the last hour's return
continues in bull and bear but turns back in sideways. The second effect changes its sign with the
regime, so a model that does not know the regime can learn little of it. The random walk has one
volatility, normal moves and nothing to learn: whatever finds an edge in it has found a mistake.

Pure: no clock, no files; the seed and the pair's name decide every number.
"""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd


KINDS = ("regimes", "random-walk")
TRUE_REGIMES = ("bull", "bear", "sideways")
NO_REGIME = "none"

PER_DAY = 288
MOST_DAYS = 3650
HOUR = 12
# Known pairs start near a price their users recognise; others draw one from their own stream.
START_PRICES = {"BTC/USDT": 40_000.0, "ETH/USDT": 2_500.0, "BNB/USDT": 400.0, "SOL/USDT": 120.0}

VOLATILITY = 0.003  # standard deviation of a 5m return, about 1.1 % an hour
VOLATILITY_SPREAD = 0.4  # standard deviation of log volatility
VOLATILITY_MEMORY = 0.5 ** (1 / 144)  # log volatility forgets half of itself in 12 hours
TAIL_DEGREES = 5  # Student t
LARGEST_MOVE = 0.08  # of one candle; a t draw has no bound and a price must stay above zero

STRETCH_DAYS = (8.0, 20.0)
SHORT_MARKET_DAYS = 3 * STRETCH_DAYS[1]  # below this, stretches shrink so that all regimes occur
AVERAGE_CANDLES = 200 * HOUR
TARGET = {"bull": 0.105, "bear": -0.105, "sideways": 0.0}  # log distance from the 200-hour average
PULL_CANDLES = 10 * HOUR  # the price closes 63 % of the way to its target in this time
PULL_LIMIT = 0.0007  # of one candle; the turn of a regime takes hours, not minutes
CARRY = {"bull": 0.3, "bear": 0.3, "sideways": -0.9}  # share of the last hour's return to come

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MarketPair:
    """One pair of a synthetic market.

    :param candles: 5m candles: date (opening time, UTC), open, high, low, close, volume (base coin)
    :param regimes: the truth of each row: date, regime (bull, bear, sideways; random walk: none)
    """

    candles: pd.DataFrame
    regimes: pd.DataFrame


def synthetic_market(
    pairs: Sequence[str],
    days: int,
    end: str | pd.Timestamp,
    seed: int,
    kind: str = "regimes",
) -> dict[str, MarketPair]:
    """A market of independent pairs; the same arguments give the same candles byte for byte.

    :param pairs: spot pairs such as ``BTC/USDT``; each has its own random stream, so a further
        pair changes none of the others
    :param days: length, 1 to 3650; below 60 the regimes' stretches shrink along
    :param end: UTC time at which the last candle closes, on a whole 5 minutes
    :param seed: 0 or more
    :param kind: ``regimes`` or ``random-walk``
    :raises ValueError: for a value out of its range; the text names the value and the fix
    """
    _check(pairs, days, seed, kind)
    dates = pd.Series(
        pd.date_range(end=_stop(end), periods=days * PER_DAY + 1, freq="5min")[:-1].as_unit("ms")
    )
    return {pair: _pair(pair, dates, seed, kind) for pair in pairs}


def _check(pairs: Sequence[str], days: int, seed: int, kind: str) -> None:
    for pair in pairs:
        if not re.fullmatch(r"[A-Za-z0-9]+/[A-Za-z0-9]+", pair):
            raise ValueError(
                f"pair {pair!r} is not a spot pair; write base and quote coin like BTC/USDT"
            )
    if not 1 <= days <= MOST_DAYS:
        raise ValueError(f"days {days} is out of range; 1 to {MOST_DAYS} are allowed, try 120")
    if seed < 0:
        raise ValueError(f"seed {seed} is negative; use 0 or more, e.g. 1")
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is not known; use {' or '.join(KINDS)}")


def _stop(end: str | pd.Timestamp) -> pd.Timestamp:
    fix = "use a UTC date from 2000 to 2100 like 2025-01-01"
    try:
        stop = pd.to_datetime(end, utc=True)
    except ValueError as error:
        raise ValueError(f"end {str(end)!r} is not a date; {fix}") from error
    if not 2000 <= stop.year <= 2100 or stop != stop.floor("5min"):
        raise ValueError(f"end {str(end)!r} is out of range or between two candles; {fix}")
    return stop


def _pair(pair: str, dates: pd.Series, seed: int, kind: str) -> MarketPair:
    name = int.from_bytes(hashlib.sha256(pair.encode()).digest()[:8], "big")
    rng = np.random.default_rng([seed, name])
    start = START_PRICES.get(pair, float(10 ** rng.uniform(-1, 3)))
    count = len(dates)
    regimes = _stretches(rng, count) if kind == "regimes" else [NO_REGIME] * count
    if kind == "regimes":
        volatility = _volatility(rng, count)
        shocks = rng.standard_t(TAIL_DEGREES, count) * math.sqrt(1 - 2 / TAIL_DEGREES)
    else:
        # Quiet and wild times that cluster could be foretold, and so could the size of moves.
        volatility = np.full(count, VOLATILITY)
        shocks = rng.standard_normal(count)
    noise: FloatArray = np.clip(shocks * volatility, -LARGEST_MOVE, LARGEST_MOVE)
    # Simple returns: symmetric noise then makes the price itself, not its logarithm, a martingale.
    returns = _with_structure(noise, regimes) if kind == "regimes" else noise
    closes = start * np.cumprod(1 + returns, dtype=np.float64)
    candles = _candles(rng, start, closes, volatility)
    candles.insert(0, "date", dates)
    return MarketPair(candles, pd.DataFrame({"date": dates, "regime": regimes}))


def _stretches(rng: np.random.Generator, count: int) -> list[str]:
    """The regime of every candle: rounds of all three in random order, each of random length.

    Rounds keep the shares balanced; no two neighbouring stretches are of one regime.
    """
    shrink = min(1.0, count / PER_DAY / SHORT_MARKET_DAYS)
    rows: list[str] = []
    while len(rows) < count:
        order = [TRUE_REGIMES[i] for i in rng.permutation(len(TRUE_REGIMES))]
        if rows and order[0] == rows[-1]:
            order.reverse()
        for regime in order:
            rows += [regime] * round(rng.uniform(*STRETCH_DAYS) * shrink * PER_DAY)
    return rows[:count]


def _volatility(rng: np.random.Generator, count: int) -> FloatArray:
    """Volatility of every candle: its logarithm wanders and forgets, so quiet and wild cluster."""
    kicks = rng.normal(0.0, math.sqrt(1 - VOLATILITY_MEMORY**2), count)
    state = float(rng.normal())
    states = np.empty(count)
    for row, kick in enumerate(kicks.tolist()):
        state = VOLATILITY_MEMORY * state + kick
        states[row] = state
    spread = VOLATILITY_SPREAD
    # The mean of the SQUARE is what a standard deviation names; hence the subtraction.
    levels: FloatArray = VOLATILITY * np.exp(spread * states - spread**2)
    return levels


def _with_structure(noise: FloatArray, regimes: Sequence[str]) -> FloatArray:
    """Noise plus what can be known: the pull to the regime's target and the last hour's echo.

    A loop, because every return depends on the path before it.
    """
    # As if the price had stood still before the first candle.
    path = [0.0] * AVERAGE_CANDLES
    returns = [0.0] * HOUR
    average, hour = 0.0, 0.0
    for regime, shock in zip(regimes, noise.tolist(), strict=True):
        pull = (average + TARGET[regime] - path[-1]) / PULL_CANDLES
        pull = min(max(pull, -PULL_LIMIT), PULL_LIMIT)
        change = shock + pull + CARRY[regime] * hour / HOUR
        change = min(max(change, -2 * LARGEST_MOVE), 2 * LARGEST_MOVE)
        returns.append(change)
        path.append(path[-1] + math.log1p(change))
        hour += change - returns[-1 - HOUR]
        average += (path[-1] - path[-1 - AVERAGE_CANDLES]) / AVERAGE_CANDLES
    return np.array(returns[HOUR:])


def _candles(
    rng: np.random.Generator, start: float, closes: FloatArray, volatility: FloatArray
) -> pd.DataFrame:
    """Open, high, low and volume around the closes, on the pair's tick.

    Highs and lows are the extremes of a Brownian bridge from open to close (drawn from their
    exact distribution); volume grows with the candle's range and the volatility.
    """
    tick = min(0.01, 10.0 ** (math.floor(math.log10(start)) - 4))
    count = len(closes)
    last = np.concatenate([[start], closes[:-1]])
    steps = rng.integers(-1, 2, count)
    opened = np.maximum(np.round(last / tick) + steps, 1.0)
    closed = np.maximum(np.round(closes / tick), 1.0)
    width = last / tick * volatility
    body = closed - opened
    reach_up, reach_down = (
        np.sqrt(body**2 - 2 * width**2 * np.log(1 - rng.random(count))) for _ in range(2)
    )
    high = np.ceil((opened + closed + reach_up) / 2)
    low = np.floor((opened + closed - reach_down) / 2)
    low = np.clip(low, 1.0, np.minimum(opened, closed))
    span = (high - low) / (last / tick) / VOLATILITY
    traded = 2e6 / start * (0.2 + span) * volatility / VOLATILITY * rng.lognormal(0, 0.3, count)
    decimals = round(-math.log10(tick))
    prices = {"open": opened, "high": high, "low": low, "close": closed}
    columns = {name: np.round(ticks * tick, decimals) for name, ticks in prices.items()}
    return pd.DataFrame({**columns, "volume": np.maximum(np.round(traded, 5), 1e-5)})
