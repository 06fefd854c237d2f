"""Labels candles in a process of its own and prints the CPU seconds of each call."""

import json
import sys
import time

import numpy as np
import pandas as pd

from regimeswitch.market.candles import resample
from regimeswitch.market.regimes import regime_columns
from regimeswitch.settings import load_settings


SEED = 1


def random_walk(count: int) -> pd.DataFrame:
    """5-minute candles of a price that wanders."""
    moves = np.random.default_rng(SEED).normal(0, 0.002, count)
    close = 100 * np.exp(np.cumsum(moves))
    opened = np.concatenate([[100.0], close[:-1]])
    return pd.DataFrame(
        {
            "date": pd.date_range("2015-01-01", periods=count, freq="5min", tz="UTC"),
            "open": opened,
            "high": np.maximum(opened, close) * 1.0005,
            "low": np.minimum(opened, close) * 0.9995,
            "close": close,
            "volume": 1.0,
        }
    )


def main(count: int, repeat: int) -> None:
    """Rule, causal join, bands and grace period of so many 5-minute candles, as a bot has them."""
    settings = load_settings({}).regime
    base = random_walk(count)
    rule = resample(base, settings.timeframe, "5m")
    spent = []
    # The first call loads and is not counted.
    for _ in range(repeat + 1):
        begin = time.process_time()
        regime_columns(base, settings, rule, "5m")
        spent.append(time.process_time() - begin)
    print(json.dumps(spent[1:]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
