"""Default settings on a market whose true regimes are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from regimeswitch.market.regimes import regime_columns
from regimeswitch.settings import RegimeSettings
from regimeswitch_lab.commands.regimes_command import regime_figures
from regimeswitch_lab.synthetic.truth import agreement
from regimeswitch_lab.synthetic.worlds import MarketPair, synthetic_market


PAIRS = ("BTC/USDT", "ETH/USDT")
HOURS_36 = 36 * 12


def delays(found: pd.Series, true: pd.Series) -> list[int]:
    """Candles from each true switch until it is found; a missed stretch counts whole."""
    begins = [row for row in range(1, len(true)) if true[row] != true[row - 1]]
    waits = []
    for begin, end in zip(begins, [*begins[1:], len(true)], strict=True):
        if found[:begin].notna().any():
            agreed = np.flatnonzero((found[begin:end] == true[begin]).to_numpy())
            waits.append(int(agreed[0]) if len(agreed) else end - begin)
    return waits


@pytest.fixture(scope="module", params=[1, 2, 3])
def market(request: pytest.FixtureRequest) -> dict[str, MarketPair]:
    return synthetic_market(PAIRS, 120, "2025-01-01", request.param)


@pytest.mark.parametrize("pair", PAIRS)
def test_defaults_find_the_true_regimes_soon(market: dict[str, MarketPair], pair: str) -> None:
    columns = regime_columns(market[pair].candles, RegimeSettings())
    found, true = columns["regime"], market[pair].regimes["regime"]
    waits = delays(found, true)
    assert len(waits) >= 5
    delay = int(np.median(waits))
    assert delay <= HOURS_36
    shifted = true.shift(delay)
    known = found.notna() & shifted.notna()
    assert (found[known] == shifted[known]).mean() >= 0.80
    figures = regime_figures(columns, "5m")
    assert 0 < figures["switches_per_day"] <= 1
    assert min(figures["share"].values()) >= 0.1


def test_a_market_without_a_switch_agrees_without_delay() -> None:
    regimes = pd.Series(["bull"] * 5)
    found = agreement(regimes.where(regimes.index > 0), regimes)
    assert found["agreement"] == 1 and found["median_delay_candles"] == 0
    assert found["true_switches"] == found["missed_switches"] == 0
