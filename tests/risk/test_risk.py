"""Stakes, stops and targets: plain arithmetic with plain limits."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimeswitch.risk.sizing import (
    Exposure,
    Outlook,
    allowed_stake,
    edge_stake,
    stake,
    stop_price,
    stop_stake,
    take_profit_ratio,
    tighter,
    trailing_price,
    wanted_stake,
    why_no_room,
    why_nothing,
)
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
    below, above = (stop_price(entry, atr, short, config.stop_atr) for short in (False, True))
    assert 0 <= below <= entry <= above
    assert above - entry == pytest.approx(multiple * atr, rel=1e-3, abs=entry * 1e-9)
    if below > 0:
        assert entry - below == pytest.approx(above - entry, rel=1e-3, abs=entry * 1e-9)


def test_stop_and_target_in_numbers() -> None:
    config = RiskSettings(stop_atr=2, take_profit_atr=3)
    assert stop_price(100, 5, False, config.stop_atr) == 90
    assert stop_price(100, 5, True, config.stop_atr) == 110
    assert stop_price(100, 60, False, config.stop_atr) == 0
    assert take_profit_ratio(100, 5, config) == pytest.approx(0.15)


outlooks = st.builds(
    Outlook,
    regime=st.sampled_from(["bull", "bear", "sideways", ""]),
    size=st.floats(0.5, 2),
    pending=st.booleans(),
    stop=st.floats(0.0001, 2) | st.just(math.nan),
    edge=st.floats(-0.1, 0.1),
    move=st.floats(1e-5, 0.2) | st.just(math.nan),
    costs=st.floats(0, 0.02),
)
risks = st.builds(
    RiskSettings,
    sizing=st.sampled_from(["fraction", "stop", "edge"]),
    stake_fraction=st.floats(0, 1),
    risk_per_trade=st.floats(0, 1),
    kelly=st.floats(0, 1),
    pending_scale=st.floats(0, 1),
    max_position=st.floats(0, 1),
    max_pair=st.floats(0, 1),
    max_exposure=st.floats(0, 1),
    max_positions=st.integers(0, 4),
)


@given(outlooks, risks, st.floats(1, 1e6), st.floats(0, 1), st.floats(0, 1), st.integers(0, 5))
def test_no_position_is_larger_than_any_cap(
    outlook: Outlook,
    config: RiskSettings,
    capital: float,
    total: float,
    share: float,
    positions: int,
) -> None:
    exposure = Exposure(positions, total * capital, total * share * capital)
    wanted = wanted_stake(capital, outlook, config)
    found = allowed_stake(wanted, capital, exposure, config)
    assert 0 <= found <= wanted or found == 0
    assert found <= config.max_position * capital
    room = 1 + 1e-9
    assert not found or exposure.pair + found <= config.max_pair * capital * room
    assert not found or exposure.total + found <= config.max_exposure * capital * room
    assert not found or not config.max_positions or positions < config.max_positions


@given(outlooks, risks, st.floats(1, 1e6), st.floats(0.01, 1e5))
def test_no_sizing_gives_more_than_a_fixed_full_stake(
    outlook: Outlook, config: RiskSettings, capital: float, full: float
) -> None:
    found = wanted_stake(capital, outlook, config, full)
    assert 0 <= found <= full
    usual = wanted_stake(capital, outlook, config)
    if config.sizing != "fraction":
        assert found == min(usual, full)
    elif outlook.regime:
        assert found > 0 or not config.pending_scale


@given(outlooks, st.floats(0.001, 0.05))
def test_sized_by_the_stop_a_stop_loses_the_same_share_of_capital(
    outlook: Outlook, share: float
) -> None:
    config = RiskSettings(sizing="stop", risk_per_trade=share)
    found = stop_stake(1000, outlook, config)
    if math.isnan(outlook.stop):
        assert found == 0
    else:
        assert found * (outlook.stop + outlook.costs) == pytest.approx(1000 * share)


def test_sized_by_edge_a_share_of_expectation_over_variance() -> None:
    config = RiskSettings(sizing="edge", kelly=0.25)
    move = 0.02 * math.sqrt(2 / math.pi)
    outlook = Outlook("bull", edge=0.001, move=move)
    assert edge_stake(1000, outlook, config) == pytest.approx(0.25 * 0.001 / 0.02**2 * 1000)
    assert edge_stake(1000, replace(outlook, edge=0), config) == 0
    assert edge_stake(1000, replace(outlook, move=math.nan), config) == 0
    assert edge_stake(1000, replace(outlook, edge=0.5), config) <= 500


def test_while_a_switch_is_pending_positions_are_smaller() -> None:
    config = RiskSettings(stake_fraction=0.2, pending_scale=0.4)
    calm, waiting = Outlook("bull"), Outlook("bull", pending=True)
    found = [wanted_stake(1000, outlook, config) for outlook in (calm, waiting)]
    assert found == pytest.approx([200, 80])


@given(prices, prices, st.floats(0.1, 50), st.booleans())
def test_a_trailing_stop_is_used_where_it_is_nearer(
    best: float, atr: float, multiple: float, short: bool
) -> None:
    config = RiskSettings(trail_atr=multiple)
    trail = trailing_price(best, atr, short, config)
    assert trail > best if short else trail < best or trail == pytest.approx(best)
    first = stop_price(best, atr, short, config.stop_atr)
    found = tighter(first, trail, short)
    assert found == (min(first, trail) if short else max(first, trail))
    assert tighter(first, trailing_price(best, atr, short, RiskSettings()), short) == first


KNOWN = Outlook("bull", stop=0.05, edge=0.01, move=0.02)
NO_BULL = RegimeScale(bull=0)


@pytest.mark.parametrize(
    ("outlook", "settings", "words"),
    [
        (replace(KNOWN, regime=""), RiskSettings(), "unknown"),
        (KNOWN, RiskSettings(scale=NO_BULL), "risk.scale.bull is 0"),
        (replace(KNOWN, pending=True), RiskSettings(pending_scale=0), "risk.pending_scale is 0"),
        (KNOWN, RiskSettings(stake_fraction=0), "risk.stake_fraction"),
        (replace(KNOWN, stop=math.nan), RiskSettings(sizing="stop"), "distance of the stop"),
        (KNOWN, RiskSettings(sizing="stop", risk_per_trade=0), "risk.risk_per_trade"),
        (replace(KNOWN, edge=0.0), RiskSettings(sizing="edge"), "no proven edge"),
        (replace(KNOWN, move=math.nan), RiskSettings(sizing="edge"), "size of the next move"),
        (KNOWN, RiskSettings(sizing="edge", kelly=0), "risk.kelly"),
    ],
)
def test_a_stake_of_nothing_has_its_own_reason(
    outlook: Outlook, settings: RiskSettings, words: str
) -> None:
    assert wanted_stake(1000, outlook, settings) == 0
    assert words in why_nothing(outlook, settings)


@given(
    st.integers(0, 4),
    st.floats(0, 2000),
    st.floats(0, 2000),
    st.integers(0, 4),
    *[st.floats(0, 1)] * 3,
)
def test_a_cap_is_named_exactly_where_it_leaves_nothing(
    count: int, total: float, pair: float, most: int, one: float, own: float, whole: float
) -> None:
    settings = RiskSettings(max_positions=most, max_position=one, max_pair=own, max_exposure=whole)
    exposure = Exposure(count, total, pair)
    left = allowed_stake(100, 1000, exposure, settings)
    assert (left == 0) == bool(why_no_room(1000, exposure, settings))
