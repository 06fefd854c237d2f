"""Shared fixtures: a small demo market, and freqtrade run offline as a user would."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import forked
from project import MARKET_END, QUICK, ROOT, Run, write_config
from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market
from trainings import trained


pytest_plugins = [
    "exchanges",
    "inprocess",
    "movedbots",
    "offlines",
    "pretrained",
    "receivers",
    "reported",
    "suite",
    "traders",
]


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Candle files of two synthetic pairs, 75 days."""
    folder = tmp_path_factory.mktemp("market")
    write_market(synthetic_market(["BTC/USDT", "ETH/USDT"], 75, MARKET_END, seed=5), folder)
    return folder


@pytest.fixture
def freqtrade(market: Path, tmp_path: Path) -> Callable[..., Run]:
    """Run a freqtrade command through ``regimeswitch offline`` with the project's config."""
    return runner(market, tmp_path)


@pytest.fixture(scope="session")
def two_weeks(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A backtest of both pairs with trainings for two weeks; its folder is only read."""
    run = runner(market, tmp_path_factory.mktemp("two_weeks"))
    done = run("backtesting", "--timerange", "20241218-20250101", "--cache", "none")
    trained(done)
    return done


def runner(market: Path, folder: Path) -> Callable[..., Run]:
    """The same in a folder of the caller's.

    :param market: candles of the exchange, and of the command unless it says otherwise
    """

    def run(
        command: str,
        *arguments: str,
        config: dict[str, Any] | None = None,
        datadir: Path = market,
        timeout: int = 300,
        environment: dict[str, str] | None = None,
        own_code: bool = True,
        base: Path = ROOT / "config.json",
    ) -> Run:
        userdir = folder / "user_data"
        userdir.mkdir(exist_ok=True)
        overlay = write_config(folder, **(QUICK if config is None else config))
        paths = ["--strategy-path", str(ROOT / "user_data/strategies")] if own_code else []
        line = [
            *(sys.executable, "-m", "regimeswitch_lab", "offline", "--datadir", str(market)),
            *("--", "freqtrade", command, "--config", str(base)),
            *("--config", str(overlay), "--userdir", str(userdir), "--datadir", str(datadir)),
            *paths,
            *("--freqaimodel-path", str(ROOT / "user_data/freqaimodels")),
            *arguments,
        ]
        done = forked.run(
            line,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=folder,
            env=environment,
            spares=1,
        )
        return Run(done.returncode, done.stdout + done.stderr, userdir)

    return run
