"""The rule that changes positions, for any numbers; and its settings."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from regimeswitch.risk import rebalance
from regimeswitch.risk.sizing import Exposure
from regimeswitch.settings import RiskSettings, load_settings


money = st.floats(0.01, 1e6)
bands = st.floats(0.01, 2)


def own(band: float = 0.2, hours: float = 24, **more: float) -> RiskSettings:
    return RiskSettings(rebalance_band=band, rebalance_hours=hours, **more)


@given(money, money, bands)
def test_a_position_is_left_alone_within_the_band_and_brought_to_the_target_beyond(
    value: float, target: float, band: float
) -> None:
    deviation = abs(value - target) / target
    assume(not math.isclose(deviation, band, rel_tol=1e-6))
    change = rebalance.wanted_change(value, target, own(band))
    if deviation < band:
        assert change == 0
    else:
        assert value + change == pytest.approx(target)
        assert rebalance.wanted_change(value + change, target, own(band)) == 0


@given(st.floats(-10, 0) | st.just(math.nan), money)
def test_without_a_band_a_target_or_a_value_nothing_changes(nothing: float, known: float) -> None:
    assert rebalance.wanted_change(known, 2 * known, own(0)) == 0
    assert rebalance.wanted_change(known, nothing, own()) == 0
    assert rebalance.wanted_change(nothing, known, own()) == 0


@given(money, money, bands, st.floats(-100, 1e6), st.floats(0, 1000))
def test_no_order_is_below_the_minimum_and_none_leaves_less(
    value: float, target: float, band: float, room: float, least: float
) -> None:
    wanted = rebalance.wanted_change(value, target, own(band))
    change = rebalance.allowed_change(wanted, value, room, least)
    assert change == 0 or abs(change) >= least
    assert change == 0 or (change > 0) == (wanted > 0)
    assert abs(change) <= abs(wanted)
    assert change <= max(room, 0)
    assert change >= 0 or value + change >= least


@given(money, money, st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.01, 1), st.floats(0.01, 1))
def test_an_addition_never_passes_a_cap(
    capital: float, stake: float, others: float, of_pair: float, cap: float, total: float
) -> None:
    settings = own(max_position=cap, max_pair=cap, max_exposure=total)
    exposure = Exposure(3, stake + others + of_pair, stake + of_pair)
    room = rebalance.addition_room(capital, stake, exposure, settings)
    assert room >= 0
    if room:
        assert stake + room <= capital * cap * (1 + 1e-9)
        assert exposure.pair + room <= capital * cap * (1 + 1e-9)
        assert exposure.total + room <= capital * total * (1 + 1e-9)
    rest = rebalance.without(exposure, stake)
    assert (rest.positions, rest.pair) == (2, pytest.approx(of_pair, rel=1e-6, abs=1e-6))
    assert rest.total == pytest.approx(others + of_pair, rel=1e-6, abs=1e-6)


@given(st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 299), st.floats(1, 1000))
def test_the_time_between_changes_counts_from_the_candle_of_the_fill(
    last: int, candles: int, late: int, hours: float
) -> None:
    """A bot that fills some seconds after its backtest is due with the same candle."""
    begin = last // 300 * 300
    moment = begin + candles * 300
    due = rebalance.is_due(moment, begin, 300, own(hours=hours))
    assert rebalance.is_due(moment, begin + late, 300, own(hours=hours)) == due
    assert due == (candles * 300 >= hours * 3600)


def test_positions_are_sized_at_their_entry_unless_asked_otherwise() -> None:
    held = load_settings({"entries": {"mode": "position"}})
    assert (held.risk.rebalance_band, held.risk.rebalance_hours) == (0, 24)


@pytest.mark.parametrize("key", ["rebalance_band", "rebalance_hours"])
def test_signal_mode_does_not_read_these_keys(key: str) -> None:
    with pytest.raises(ValueError, match=f"does not read risk.{key}"):
        load_settings({"entries": {"mode": "signal"}, "risk": {key: 2}})
