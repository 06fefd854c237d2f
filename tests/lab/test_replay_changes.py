"""A bot that changes its positions decides as its backtest does, over a restart as well."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest

from heldpairs import POSITION
from replays import replay_with


pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_additions_and_reductions_are_those_of_the_backtest(market: Path, tmp_path: Path) -> None:
    section = deepcopy(POSITION)
    section["risk"] |= {"volatility_target": 0.2, "rebalance_band": 0.002, "rebalance_hours": 1}
    # So much that a change of half a percent is an order.
    config = {"regimeswitch": section, "max_open_trades": 2, "dry_run_wallet": 100_000}
    code, figures, output = replay_with(
        config,
        tmp_path,
        *("--datadir", market, "--timerange", "20241206-", "--count", 48, "--restarts", 1),
        *("--pairs", "BTC/USDT", "ETH/USDT", "--loop-seconds", 300, "--work", tmp_path / "work"),
    )
    assert code == 0, output
    assert (figures["decision_diffs"], figures["trade_diffs"]) == (0, 0)
    assert (figures["trades"], figures["models"], figures["restarts"]) == (1, 0, 1)
    assert figures["changes"] > 1
    assert figures["execution"]["change_basis_points"]["highest"] == 0


def test_a_start_before_the_warm_up_of_the_rule_is_refused(market: Path, tmp_path: Path) -> None:
    code, _, output = replay_with(
        {"regimeswitch": POSITION},
        tmp_path,
        *("--datadir", market, "--timerange", "20241019-", "--count", 48),
        *("--pairs", "BTC/USDT", "ETH/USDT", "--work", tmp_path / "work"),
    )
    assert code == 2
    assert "with the warm-up of the rule start at" in output
