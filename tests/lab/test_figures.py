"""Figures of comparisons and of money: against direct computation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, spearmanr

from probabilities import sample
from regimeswitch.market.labels import CLASSES
from regimeswitch.model.calibration import calibration_error
from regimeswitch_lab.comparison_metrics import block_sums, compared, figures, time_blocks
from regimeswitch_lab.money.money_metrics import (
    balance_figures,
    daily_returns,
    deflated_sharpe,
    trial_spread,
)


ROWS = 8000


def sums_of(probabilities: np.ndarray, labels: np.ndarray, forward: np.ndarray) -> np.ndarray:
    shares = np.bincount(labels, minlength=3) / len(labels)
    reference = -np.log(shares[labels])
    block = time_blocks(np.arange(len(labels)), 288)
    return block_sums(probabilities, labels, forward, reference, block, int(block.max()) + 1)


def test_figures_equal_their_definitions() -> None:
    given_, labels = sample(ROWS)
    forward = np.random.default_rng(1).normal(size=ROWS) - (labels - 1)
    whole = figures(sums_of(given_, labels, forward).sum(axis=0)[None], 0.001)
    got = {name: float(values[0]) for name, values in whole.items()}
    loss = -np.log(given_[np.arange(ROWS), labels]).mean()
    shares = np.bincount(labels) / ROWS
    truth = np.eye(3)[labels]
    direction = given_[:, 0] - given_[:, 2]
    best = forward[direction >= np.quantile(direction, 0.95)].mean()
    assert got["log_loss"] == pytest.approx(loss)
    assert got["skill"] == pytest.approx(1 - loss / -np.log(shares[labels]).mean())
    assert got["brier"] == pytest.approx(((given_ - truth) ** 2).sum(axis=1).mean())
    assert got["ece"] == pytest.approx(calibration_error(given_, labels))
    assert got["ic"] == pytest.approx(spearmanr(direction, forward).statistic, abs=1e-9)
    assert got["top"] == pytest.approx(best - 0.002)
    assert CLASSES == ("buy", "hold", "sell")


def test_differences_are_paired_and_the_reference_differs_from_itself_by_nothing() -> None:
    given_, labels = sample(ROWS)
    forward = np.random.default_rng(1).normal(size=ROWS)
    worse = 0.8 * given_ + 0.2 / 3
    sums = {"a": sums_of(given_, labels, forward), "b": sums_of(worse, labels, forward)}
    got = compared(sums, "b", 0.001, seed=1)
    assert got == compared(sums, "b", 0.001, seed=1)
    assert got["b"]["vs"]["skill"] == {"mean": 0, "ci": [0, 0]}
    low, high = got["a"]["vs"]["skill"]["ci"]
    assert 0 < low < high
    whole_low, whole_high = got["a"]["skill_ci"]
    assert high - low < (whole_high - whole_low) / 3


def test_blocks_are_weeks_or_an_eighth_of_a_short_range() -> None:
    assert len(np.unique(time_blocks(np.arange(288 * 70), 288))) == 10
    assert len(np.unique(time_blocks(np.arange(288 * 8), 288))) == 8
    assert time_blocks(np.array([], dtype=np.int64), 288).size == 0


def balance_of(values: list[float]) -> pd.DataFrame:
    dates = pd.date_range("2024-01-01 23:55", periods=len(values), freq="1D", tz="UTC")
    return pd.DataFrame({"date": dates, "total_quote": values})


def test_money_of_a_made_up_balance() -> None:
    balance = balance_of([1000.0, 1100.0, 990.0, 1210.0])
    got = balance_figures(balance)
    returns = np.array([0.1, -0.1, 1210 / 990 - 1])
    assert got["profit"] == pytest.approx(0.21)
    assert got["max_drawdown"] == pytest.approx(0.1)
    assert got["sharpe"] == pytest.approx(returns.mean() / returns.std() * np.sqrt(365))
    assert got["cagr"] == pytest.approx(1.21 ** (365 / 3) - 1)
    assert got["calmar"] == pytest.approx(got["cagr"] / 0.1)


def test_a_balance_that_never_moves_has_no_ratios() -> None:
    got = balance_figures(balance_of([1000.0] * 20))
    assert (got["profit"], got["max_drawdown"]) == (0, 0)
    assert got["sharpe"] is got["sortino"] is got["calmar"] is None
    assert deflated_sharpe(daily_returns(balance_of([1000.0] * 20)), 10, 0.1) is None


@settings(max_examples=50)
@given(st.integers(0, 1000), st.floats(-0.002, 0.003))
def test_more_trials_deflate_more(seed: int, drift: float) -> None:
    returns = pd.Series(np.random.default_rng(seed).normal(drift, 0.01, 300))
    spread = trial_spread([returns])
    got = [deflated_sharpe(returns, trials, spread) for trials in (1, 2, 10, 100)]
    assert all(0 <= value <= 1 for value in got)
    assert got == sorted(got, reverse=True)


def test_the_deflated_sharpe_of_one_trial_of_symmetric_returns_is_the_usual_test() -> None:
    returns = pd.Series(np.tile([0.011, -0.009], 200))
    sharpe = returns.mean() / returns.std()
    # Skew 0, kurtosis 1: the error is 1 over the root of T - 1.
    expected = norm.cdf(sharpe * np.sqrt(399))
    assert deflated_sharpe(returns, 1, 0.1) == pytest.approx(expected)
