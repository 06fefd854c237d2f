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
        userdir = tmp_path / "user_data"
        userdir.mkdir(exist_ok=True)
        overlay = write_config(tmp_path, **(QUICK if config is None else config))
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
            cwd=tmp_path,
            env=environment,
            spares=1,
        )
        return Run(done.returncode, done.stdout + done.stderr, userdir)

    return run
