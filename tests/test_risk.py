"""Stakes, stops and targets: plain arithmetic with plain limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimeswitch.risk import stake, stop_price, take_profit_ratio
from regimeswitch.settings import RegimeScale, RiskSettings


prices = st.floats(1e-6, 1e6)


def test_stake_is_a_fixed_fraction_scaled_by_regime() -> None:
    config = RiskSettings(stake_fraction=0.1, scale=RegimeScale(bull=1, bear=0.25, sideways=0.5))
    found = [stake(2000, regime, config) for regime in ("bull", "bear", "sideways")]
    assert found == pytest.approx([200, 50, 100])


@pytest.mark.parametrize("regime", ["", "unknown", "Bull", "model_config"])
def test_any_other_regime_gets_no_stake(regime: str) -> None:
    assert stake(1000, regime, RiskSettings()) == 0


@given(st.floats(0, 1e9), st.sampled_from(["bull", "bear", "sideways"]), st.floats(0, 1))
def test_stake_never_exceeds_the_capital(capital: float, regime: str, fraction: float) -> None:
    assert 0 <= stake(capital, regime, RiskSettings(stake_fraction=fraction)) <= capital


@given(prices, prices, st.floats(0.01, 200))
def test_stop_stands_against_the_position_and_above_zero(
    entry: float, atr: float, multiple: float
) -> None:
    config = RiskSettings(stop_atr=multiple)
    below, above = stop_price(entry, atr, False, config), stop_price(entry, atr, True, config)
    assert 0 <= below <= entry <= above
    assert above - entry == pytest.approx(multiple * atr, rel=1e-3, abs=entry * 1e-9)
    if below > 0:
        assert entry - below == pytest.approx(above - entry, rel=1e-3, abs=entry * 1e-9)


def test_stop_and_target_in_numbers() -> None:
    config = RiskSettings(stop_atr=2, take_atr=3)
    assert stop_price(100, 5, False, config) == 90
    assert stop_price(100, 5, True, config) == 110
    assert stop_price(100, 60, False, config) == 0
    assert take_profit_ratio(100, 5, config) == pytest.approx(0.15)
