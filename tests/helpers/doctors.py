"""A healthy bot, a machine for it, and ``regimeswitch doctor`` on them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bots import PAIRS, Bot, make_bot
from project import ROOT
from regimeswitch_lab.cli import main
from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market


# The bot's strategy and models lie where the project has them.
CODE = (
    *("--strategy-path", ROOT / "user_data/strategies"),
    *("--freqaimodel-path", ROOT / "user_data/freqaimodels"),
)
# As long as is needed to train and to warm up, as lively as is needed for every class and regime.
DAYS = 100


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("candles")
    end = pd.Timestamp.now(tz="UTC").floor("D")
    write_market(synthetic_market(PAIRS, DAYS, end.to_pydatetime(), seed=5), folder)
    return folder


@pytest.fixture(autouse=True)
def a_machine_of_eight(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same machine for every test, whatever it runs on."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: SimpleNamespace(total=10**12, free=10**11)
    )
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    made = make_bot(tmp_path / "home")
    made.change(freqai={"train_period_days": 70})
    shutil.rmtree(made.userdir / "models")
    shutil.rmtree(made.userdir / "data")
    return made


def doctor(bot: Bot, *more: object) -> tuple[int, dict[str, Any]]:
    """Exit code and exported figures."""
    export = bot.home / "doctor.json"
    export.unlink(missing_ok=True)
    words = ["--config", bot.config, "--userdir", bot.userdir, "--export", export, *CODE, *more]
    code = main(["doctor", *map(str, words)])
    return code, json.loads(export.read_text()) if export.is_file() else {}


def kinds(figures: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["severity"], one["kind"]) for one in figures["findings"]]


NO_CANDLES = ("warning", "candles.none")
