"""The shadow book: causal, costed, and in agreement with the simulated account."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets import COST, held_settings, market_of, random_market, terms_of
from regimeswitch.risk.shadow_book import Prices, RuleSignals, index_of, slot_returns, slot_values
from regimeswitch_lab.money.book import curve_of, days_of
from regimeswitch_lab.money.position_signals import PositionMarket
from regimeswitch_lab.money.rivals import held
from regimeswitch_lab.money.simulated_account import simulate


def slot_of(
    market: PositionMarket, pair: int, stop_multiple: float = 0.0
) -> tuple[Prices, RuleSignals]:
    """Of a market whose signals stand one row late: at the close they are known at."""
    names = ("open", "high", "low", "close")
    prices = Prices(*(getattr(market, name)[:, pair] for name in names))

    def early(values: np.ndarray) -> np.ndarray:
        return np.r_[values[1:, pair], values[-1:, pair]]

    stop = early(market.atr) * stop_multiple if stop_multiple else np.full(len(market.open), np.nan)
    signals = RuleSignals(early(market.enter), early(market.leave), early(market.weight), stop)
    return prices, signals


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("stop", [0.0, 3.0])
def test_one_slot_is_the_simulated_account(seed: int, stop: float) -> None:
    """With the whole capital in one slot, to the last digit, at the end of each day."""
    market = random_market(600, 1, seed)
    market = replace(market, atr=np.full_like(market.open, 1.0))
    terms = replace(terms_of(market), ratio=1.0)
    trades = simulate(market, held_settings(stop_daily_atr=stop), terms)
    assert len(trades) > 3
    equity = curve_of(trades, days_of(market), terms.wallet, COST).equity / terms.wallet
    values = slot_values(*slot_of(market, 0, stop), COST)
    # The account sells all in the last row, and marks positions without the cost of selling them.
    ends = np.flatnonzero(np.diff(days_of(market).row, append=-1))[:-1]
    assert values[ends] == pytest.approx(equity[1:-1], rel=1e-9)
    if stop:
        assert "stop_loss" in {one.reason for one in trades}


@pytest.mark.parametrize("seed", range(3))
def test_slots_of_several_pairs_agree_with_the_account_within_a_percent(seed: int) -> None:
    market = random_market(800, 4, seed)
    terms = replace(terms_of(market), ratio=1.0)
    trades = simulate(market, held_settings(), terms)
    last = curve_of(trades, days_of(market), terms.wallet, COST).equity[-1] / terms.wallet
    slots = [slot_returns(*slot_of(market, pair), COST) for pair in range(4)]
    ours = index_of(np.stack(slots, axis=1))[-1]
    assert ours == pytest.approx(last, rel=0.01)


def test_holding_is_that_of_the_account_but_for_the_sale_at_the_end() -> None:
    market = random_market(300, 1, 7)
    (trade,) = held(market, 1000, COST)
    sold = trade.amount * trade.sold / 1000
    prices, _ = slot_of(market, 0)
    # The account buys in the first row, at the price that a shadow can buy at in the second.
    early = Prices(*(np.r_[part[:1], part] for part in vars(prices).values()))
    values = slot_values(early, RuleSignals.holding(301), COST)
    last = values[-1] * prices.open[-1] / prices.close[-1]
    assert last == pytest.approx(sold, rel=0.001)


wanted = st.lists(st.sampled_from([0, 1, -1]), min_size=3, max_size=60)


@settings(max_examples=60, deadline=None)
@given(wanted, st.integers(0, 2**16), st.integers(1, 59))
def test_no_candle_changes_an_earlier_one(says: list[int], seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    count = len(says)
    cut = min(cut, count)
    opened = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, count)))
    close = opened * np.exp(rng.normal(0, 0.02, count))
    prices = Prices(
        opened, np.maximum(opened, close) * 1.01, np.minimum(opened, close) * 0.99, close
    )
    code = np.array(says)
    stop = np.where(rng.random(count) < 0.5, 3.0, np.nan)
    signals = RuleSignals(code == 1, code == -1, rng.random(count), stop)

    def first(part: Prices | RuleSignals) -> list[np.ndarray]:
        return [values[:cut] for values in vars(part).values()]

    whole = slot_returns(prices, signals, COST)
    begin = slot_returns(Prices(*first(prices)), RuleSignals(*first(signals)), COST)
    assert whole[:cut] == pytest.approx(begin, rel=1e-12, abs=1e-12)
    assert index_of(whole) == pytest.approx(slot_values(prices, signals, COST))
    # Costs only take.
    free = slot_values(prices, signals, 0.0)
    assert (slot_values(prices, signals, COST) <= free + 1e-12).all()


def test_a_stop_ends_a_position_until_its_signal_has_ended_too() -> None:
    price = np.array([100.0, 100.0, 100.0, 80.0, 120.0, 120.0, 120.0, 132.0])
    bull = np.array([True, True, True, True, False, True, True, True])
    low = np.where(np.arange(8) == 2, 85.0, price)
    signals = RuleSignals(bull, ~bull, np.ones(8), np.full(8, 10.0))
    values = slot_values(Prices(price, price, low, price), signals, 0.0)
    assert values.tolist() == pytest.approx([1, 1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.99])


def test_a_candle_that_opens_below_the_stop_sells_at_its_open() -> None:
    price = np.array([100.0, 100.0, 50.0, 50.0])
    bull = np.ones(4, dtype=bool)
    signals = RuleSignals(bull, ~bull, np.ones(4), np.full(4, 10.0))
    values = slot_values(Prices(price, price, price, price), signals, 0.0)
    assert values.tolist() == [1, 1, 0.5, 0.5]


def test_nothing_is_bought_without_a_signal_a_weight_or_a_candle() -> None:
    price, no = np.full(5, 100.0), np.zeros(5, dtype=bool)
    prices, none = Prices(price, price, price, price), np.full(5, np.nan)
    for enter, weight in ((no, np.ones(5)), (~no, none), (~no, np.zeros(5))):
        assert slot_values(prices, RuleSignals(enter, no, weight, none), COST).tolist() == [1.0] * 5
    empty = np.empty(0)
    assert len(slot_values(Prices(*[empty] * 4), RuleSignals.holding(0), COST)) == 0
    assert index_of(np.empty((0, 3))).tolist() == []
    assert index_of(np.array([[0.1, np.nan], [0.0, 0.2]])).tolist() == pytest.approx([1.05, 1.155])


def test_a_market_made_by_hand() -> None:
    market = market_of([[100.0], [100.0], [200.0], [200.0]], [[True], [True], [False], [False]])
    values = slot_values(*slot_of(market, 0), COST)
    assert values[1:3].tolist() == pytest.approx([2 - COST, 2 - COST])
    assert values[3] == pytest.approx(2 * (1 - COST) - COST)
