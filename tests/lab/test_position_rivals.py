"""Holding, constant exposure, placebo, and how sure the differences are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from markets import COST, held_settings, market_of, random_market, terms_of
from regimeswitch_lab.money.book import curve_of, days_of
from regimeswitch_lab.money.bootstrap import drawn_days, ratios, versus
from regimeswitch_lab.money.compared import (
    COMPUTED,
    balance_of,
    by_pair,
    by_regime,
    by_year,
    compared,
    figures_of,
)
from regimeswitch_lab.money.money_metrics import balance_figures
from regimeswitch_lab.money.placebo import placebos, shifts_of
from regimeswitch_lab.money.rivals import constant_shares, held, rebalanced, volatility_shares
from regimeswitch_lab.money.simulated_account import simulate


HOURS = 24


def test_holding_pays_costs_on_each_side_and_all_of_the_money_is_in() -> None:
    opens = np.array([[100.0, np.nan]] * 30 + [[150.0, 20.0]] * 30 + [[300.0, 20.0]] * 10)
    market = market_of(opens, np.zeros_like(opens, dtype=bool))
    days = days_of(market)
    curve = curve_of(held(market, 1000, COST), days, 1000, COST)
    # A pair that is listed later is bought then, and its slot waits in cash.
    sides = (1 - COST) / (1 + COST)
    assert curve.equity[-1] == pytest.approx(500 * 3 * sides + 500 * sides)
    assert curve.exposure[1] == pytest.approx(0.5, abs=0.01)
    assert curve.exposure[2] == pytest.approx(1.0, abs=0.01)
    assert len(curve.returns) == 3 and curve.exposure[-1] == 0


def test_a_constant_exposure_is_set_on_the_first_of_every_month() -> None:
    rows = HOURS * 40
    opens = np.full((rows, 2), 100.0)
    opens[HOURS * 10 :, 0] = 200.0
    market = market_of(opens, np.zeros((rows, 2), dtype=bool))
    days = days_of(market)
    found = rebalanced(market, days, constant_shares(market, days, 0.4), 1000, 0.0)
    exposure = found.curve.exposure
    assert exposure[1:10].tolist() == pytest.approx([0.4] * 9)
    assert exposure[12] == pytest.approx(600 / 1200)
    assert exposure[33] == pytest.approx(0.4)
    # Two to begin with, two in February, two at the end.
    assert found.orders == 6
    assert found.curve.equity[-1] == pytest.approx(1200)
    costly = rebalanced(market, days, constant_shares(market, days, 0.4), 1000, COST)
    spent = costly.curve.cost.sum()
    assert spent == pytest.approx(COST * costly.curve.traded.sum())
    assert 1200 - 1.3 * spent < costly.curve.equity[-1] < 1200


def test_target_volatility_is_always_in() -> None:
    market = random_market(HOURS * 30, 3, 1)
    days = days_of(market)
    found = rebalanced(market, days, volatility_shares(market, days), 1000, COST)
    wanted = market.weight[days.first].mean(axis=1)
    assert found.curve.exposure[1:-1] == pytest.approx(wanted[:-1], abs=0.05)


def test_the_positions_themselves_are_the_placebo_of_shift_zero() -> None:
    market = random_market(HOURS * 90, 3, 2)
    days, terms = days_of(market), terms_of(market)
    trades = simulate(market, held_settings(), terms)
    (same,) = placebos(trades, market, days, terms, np.zeros(1, dtype=np.int64))
    own = curve_of(trades, days, terms.wallet, terms.cost)
    assert same.equity == pytest.approx(own.equity)
    shifts = shifts_of(market)
    assert len(shifts) == len(set(shifts)) == 400
    assert shifts.min() >= 30 * HOURS and shifts.max() <= 60 * HOURS
    for curve in placebos(trades, market, days, terms, shifts[::40]):
        # As much traded, as long, at other times.
        assert curve.exposure[1:].mean() == pytest.approx(own.exposure[1:].mean(), rel=0.2)
        assert curve.equity[-1] != pytest.approx(own.equity[-1])


def test_timing_that_is_right_is_beaten_by_no_placebo_and_chance_by_many() -> None:
    rng = np.random.default_rng(3)
    rows = HOURS * 120
    bull = np.repeat(rng.random((rows // 24, 2)) < 0.4, 24, axis=0)
    drift = np.where(np.vstack([bull[:1] & False, bull[:-1]]), 0.004, -0.002)
    moves = rng.normal(0, 0.004, (rows, 2))
    for known, low, high in ((drift, 0, 0), (0 * drift, 0.05, 0.95)):
        opens = 100 * np.exp(np.cumsum(np.vstack([moves[:1], (moves + known)[:-1]]), axis=0))
        market = market_of(opens, bull)
        found, _ = compared(market, held_settings(), terms_of(market, cost=0))
        assert low <= found.placebo["share_as_good"] <= high


def test_ratios_are_freqtrades_own() -> None:
    market = random_market(HOURS * 60, 2, 4)
    days = days_of(market)
    curve = curve_of(simulate(market, held_settings(), terms_of(market)), days, 1000, COST)
    own, found = balance_figures(balance_of(curve, days)), ratios(curve.returns[None])
    for name, values in found.items():
        assert values[0] == pytest.approx(own[name]), name


def test_differences_are_paired_and_drawn_in_blocks() -> None:
    days = drawn_days(400)
    assert days.shape == (1000, 400)
    steps = np.diff(days, axis=1) % 400
    assert (steps == 1).mean() == pytest.approx(1 - 13 / 399, abs=0.01)
    assert (drawn_days(400) == days).all()
    rng = np.random.default_rng(5)
    hold = rng.normal(0.001, 0.03, 400)
    same = versus({"a": hold + 0.0005, "hold": hold}, ("hold",))["hold"]
    assert same["hold"]["sharpe"] == {"mean": 0, "ci": [0, 0]}
    low, high = same["a"]["sharpe"]["ci"]
    # Apart from the drift both are one: paired draws leave little doubt.
    assert 0 < low < same["a"]["sharpe"]["mean"] < high < low + 0.1
    assert versus({"a": 0 * hold, "hold": hold}, ("hold",))["hold"]["a"]["sharpe"] == {
        "mean": None,
        "ci": [None, None],
    }


def test_all_variants_have_all_figures_and_the_tables_add_up() -> None:
    market = random_market(HOURS * 400, 3, 6)
    terms = terms_of(market)
    found, days = compared(market, held_settings(), terms)
    assert tuple(found.variants) == COMPUTED
    own = found.variants["regimeswitch"]
    exposure = own.curve.mean_exposure()
    constant = figures_of(found.variants["constant_exposure"], days, COST)
    assert constant["exposure"] == pytest.approx(exposure, rel=0.1)
    figures = figures_of(own, days, COST)
    names = ("trades", "win_rate", "exposure", "turnover", "fees", "cagr", "sharpe", "sortino")
    assert {*names, "calmar", "max_drawdown", "worst_month"} <= set(figures)
    assert figures["fees"] == pytest.approx(COST * figures["turnover"])
    years = by_year(found.variants, days)
    assert list(years) == ["2024", "2025"]
    whole = (1 + years["2024"]["regimeswitch"]) * (1 + years["2025"]["regimeswitch"]) - 1
    assert whole == pytest.approx(figures["profit"])
    pairs = by_pair(market, own.trades or [], terms)
    assert sum(one["profit"] for one in pairs.values()) == pytest.approx(figures["profit"])
    regimes = by_regime(market, found.variants, terms)
    assert sum(one["time"] for one in regimes.values()) == pytest.approx(1)
    gained = sum(one["profit"]["regimeswitch"] for one in regimes.values())
    costs = own.curve.cost.sum() / terms.wallet
    assert gained - costs == pytest.approx(figures["profit"])
    months = pd.Series(1 + own.curve.returns).groupby(days.dates.strftime("%Y-%m")).prod() - 1
    assert figures["worst_month"] == pytest.approx(months.min())


def test_without_positions_nothing_is_known_of_their_timing() -> None:
    market = market_of(np.full((HOURS * 70, 2), 10.0), np.zeros((HOURS * 70, 2), dtype=bool))
    found, days = compared(market, held_settings(), terms_of(market))
    assert found.placebo["share_as_good"] is None
    figures = figures_of(found.variants["regimeswitch"], days, COST)
    assert (figures["trades"], figures["win_rate"], figures["profit"]) == (0, None, 0)
