"""The simulated account: booked by hand, and limits as the candles come one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets import COST, held_settings, market_of, random_market, terms_of
from regimeswitch.risk.loss_limits import limits_after
from regimeswitch_lab.money.book import curve_of, days_of
from regimeswitch_lab.money.simulated_account import STOP, SimulatedAccount, simulate


def test_a_slot_is_bought_at_the_next_open_and_sold_when_the_regime_ends() -> None:
    opens = [[100.0, 50.0], [100.0, 50.0], [110.0, 50.0], [120.0, 40.0], [120.0, 40.0]]
    bull = [[True, False], [True, True], [False, True], [False, False], [False, False]]
    market = market_of(opens, bull)
    first, second = simulate(market, held_settings(), terms_of(market))
    assert (first.pair, first.opened, first.closed, first.reason) == (0, 1, 3, "regime_sideways")
    assert (first.bought, first.sold) == (100, 120)
    # Open positions count at cost, a hundredth of the money is never at stake.
    assert first.amount == pytest.approx(990 / 2 / 100)
    assert (second.opened, second.closed, second.sold) == (2, 4, 40)
    assert second.amount == pytest.approx(990 / 2 / 50)
    profit = 495 * (1.2 * (1 - COST) - 1 - COST) + 495 * (0.8 * (1 - COST) - 1 - COST)
    curve = curve_of([first, second], days_of(market), 1000, COST)
    assert curve.equity.tolist() == pytest.approx([1000, 1000 + profit])
    assert curve.cost.sum() == pytest.approx(COST * curve.traded.sum())


def test_profit_is_put_at_stake_and_the_weight_is_that_of_the_entry() -> None:
    opens = [[100.0], [100.0], [200.0], [200.0], [200.0], [200.0]]
    bull = [[True], [False], [True], [True], [False], [False]]
    weight = np.array([[0.9], [0.5], [0.1], [0.25], [0.8], [0.8]])
    market = market_of(opens, bull, weight=weight)
    first, second = simulate(market, held_settings(), terms_of(market))
    assert first.amount * first.bought == pytest.approx(990 * 0.5)
    won = 495 * (2 * (1 - COST) - 1 - COST)
    assert second.amount * second.bought == pytest.approx((1000 + won) * 0.99 * 0.25)


def test_a_stop_is_hit_within_a_candle_and_the_regime_is_not_entered_again() -> None:
    opens = np.full((60, 1), 100.0)
    bull = np.ones((60, 1), dtype=bool)
    bull[40:42] = False
    low = np.full((60, 1), 99.0)
    low[10], low[50] = 70.0, 60.0
    high = np.full((60, 1), 101.0)
    high[50] = 79.0
    market = market_of(opens, bull, low=low, high=high, atr=np.full((60, 1), 5.0))
    opens_at = {
        one.opened: one
        for one in simulate(market, held_settings(stop_daily_atr=4), terms_of(market))
    }
    assert sorted(opens_at) == [1, 43]
    assert (opens_at[1].closed, opens_at[1].sold, opens_at[1].reason) == (10, 80, STOP)
    # The whole candle lies below the stop: freqtrade sells at its open.
    assert (opens_at[43].closed, opens_at[43].sold) == (50, 100)


def test_what_the_exchange_does_not_take_is_not_bought() -> None:
    market = market_of([[100.0]] * 5, [[True]] * 5)
    terms = replace(terms_of(market, wallet=5), least=7)
    assert simulate(market, held_settings(), terms) == []
    (raised,) = simulate(market, held_settings(), replace(terms, wallet=6.5, ratio=1.0, least=6))
    assert raised.amount * 100 == pytest.approx(6.5)


def test_a_pair_without_candles_is_sold_in_its_last() -> None:
    opens = [[100.0, 100.0]] * 4 + [[110.0, np.nan]] * 4
    market = market_of(opens, [[True, True]] * 8)
    ends = {
        one.pair: (one.closed, one.reason)
        for one in simulate(market, held_settings(), terms_of(market))
    }
    assert ends == {0: (7, "force_exit"), 1: (3, "force_exit")}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.01, 0.03]), st.sampled_from([0.0, 0.05]))
def test_limits_are_those_of_a_look_at_every_candle(seed: int, daily: float, peak: float) -> None:
    """The account asks the limits seldom; asked in every candle they say the same."""
    market = random_market(24 * 20, 3, seed)
    own = held_settings(max_daily_loss=daily, max_drawdown=peak, peak_pause_days=2)
    terms = terms_of(market)
    trades = simulate(market, own, terms)
    state = None
    for row, moment in enumerate(market.moments):
        open_ = [one for one in trades if one.opened < row <= one.closed]
        profit = sum(
            one.amount * (one.sold * (1 - COST) - one.bought * (1 + COST))
            for one in trades
            if one.closed < row
        ) + sum(
            one.amount * (market.mark[row, one.pair] * (1 - COST) - one.bought * (1 + COST))
            for one in open_
        )
        state = limits_after(state, int(moment), profit, 990.0, profit, own.risk)
        refused = state.stopped or moment < state.paused_until
        entered = [one for one in trades if one.opened == row]
        left = [one for one in open_ if one.closed == row and one.reason.endswith("floor")]
        assert not (refused and entered), row
        if refused and row < len(market.dates) - 1:
            assert all(one.closed == row for one in open_), row
        assert not left or refused, row
        if not refused and row < len(market.dates) - 1:
            held = {one.pair for one in trades if one.opened <= row <= one.closed}
            assert set(np.flatnonzero(market.enter[row])) <= held, row


def test_a_position_that_leaves_its_band_is_brought_to_its_target() -> None:
    opens = [[100.0], [100.0], [100.0], [150.0], [150.0], [150.0], [150.0]]
    bull = [[True], [True], [True], [True], [True], [False], [False]]
    weight = np.array([[0.5], [0.5], [0.5], [0.5], [0.5], [0.9], [0.9]])
    market = market_of(opens, bull, weight=weight)
    own = held_settings(rebalance_band=0.2, rebalance_hours=1)
    (trade,) = simulate(market, own, terms_of(market))
    assert (trade.opened, trade.closed, trade.amount) == (1, 6, pytest.approx(4.95))
    reduced, grown = trade.changes
    # Marked at the close before: 742.5 where 495 are wanted, and sold at the next open.
    assert (reduced.row, reduced.price) == (3, 150)
    assert reduced.amount == pytest.approx(-(4.95 * 150 - 495) / 150)
    sold = -reduced.amount
    won = sold * (150 * (1 - COST) - 100 * (1 + COST))
    capital = (1000 + won) * 0.99
    assert grown.row == 5
    assert grown.amount == pytest.approx((capital * 0.9 - (4.95 - sold) * 150) / 150)
    curve = curve_of([trade], days_of(market), 1000, COST)
    assert curve.equity[-1] == pytest.approx(1000 + trade.profit(COST))
    assert [held for _, _, held in trade.stretches()] == pytest.approx(
        [4.95, 4.95 - sold, 4.95 - sold + grown.amount]
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.05]), st.sampled_from([0.0, 30.0]))
def test_changes_are_those_of_a_look_at_every_candle(seed: int, band: float, least: float) -> None:
    """The account jumps from one event to the next; asked in every candle it does the same."""
    market = random_market(24 * 20, 3, seed)
    own = held_settings(rebalance_band=band + 0.05, rebalance_hours=5, max_exposure=0.9)
    terms = replace(terms_of(market), least=least)
    trades = simulate(market, own, terms)
    slow = _EveryRow(market, own, terms).run()
    assert slow == trades
    assert not band or any(trade.changes for trade in trades)


class _EveryRow(SimulatedAccount):
    def _next_event(self, row: int) -> int:
        return row + 1
