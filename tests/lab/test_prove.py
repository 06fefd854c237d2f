"""``regimeswitch prove`` and ``money`` as a user runs them, on small markets."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forked
from offlines import exit_code
from project import MARKET_END, QUICK, ROOT
from regimeswitch.bot.trial_ledger import NAME, trials_of
from regimeswitch_lab.prove.candidates import MODELS
from regimeswitch_lab.replay.stage import merged
from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market


pytestmark = pytest.mark.slow

PAIRS = ["BTC/USDT", "ETH/USDT"]
RANGE = "20241208-20250101"


def command(name: str, *arguments: object, timeout: int = 400) -> subprocess.CompletedProcess[str]:
    return forked.run(
        [
            sys.executable,
            "-W",
            "error::RuntimeWarning",
            "-m",
            "regimeswitch_lab",
            name,
            *map(str, arguments),
        ],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        spares=4,
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The project's config, small and quick."""
    content = merged(json.loads((ROOT / "config.json").read_text()), deepcopy(QUICK))
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content))
    return path


def prove(datadir: Path, folder: Path, config: Path, *more: object) -> dict[str, Any]:
    export = folder / "proof.json"
    done = command(
        "prove",
        *("--datadir", datadir, "--pairs", *PAIRS, "--timerange", RANGE, "--config", config),
        *("--step-days", 8, "--work", folder / "work", "--export", export, *more),
    )
    assert done.returncode == 0, done.stderr
    assert "Verdict: switching" in done.stdout
    return dict(json.loads(export.read_text()))


def test_prove_compares_all_models_resumes_and_needs_no_order(
    market: Path, tmp_path: Path, config: Path
) -> None:
    first = prove(market, tmp_path, config, "--jobs", 2)
    assert [entry["pair"] for entry in first["pairs"]] == PAIRS
    assert first["windows"] == 3
    for entry in first["pairs"]:
        assert set(entry["models"]) >= set(MODELS)
        for model in entry["models"].values():
            assert model["skill_ci"][0] <= model["skill"] <= model["skill_ci"][1]
            assert 0 <= model["ece"] < 0.5
            assert -1 <= model["ic"] <= 1
    versus = first["summary"]["blended_vs_single_regime"]
    assert versus["ci"][0] <= versus["mean"] <= versus["ci"][1]
    assert set(first["summary"]["validation"]["mean_weight"]) == {"bull", "bear", "sideways"}
    # The demo market has something to learn; of two small windows little is proven, and that costs
    # next to nothing.
    skills = {n: m["skill"]["median"] for n, m in first["summary"]["models"].items()}
    assert skills["single"] > max(skills["stock"], 0)
    assert skills["blended"] > max(skills["stock"], -0.01)

    # Stopped after two windows: the third is made again, the others are not.
    kept = sorted((tmp_path / "work").glob("*/*.npz"))
    assert len(kept) == 3
    stamps = {path: path.stat().st_mtime_ns for path in kept[:2]}
    kept[2].unlink()
    assert prove(market, tmp_path, config, "--jobs", 1) == first
    assert {path: path.stat().st_mtime_ns for path in kept[:2]} == stamps


@pytest.mark.parametrize("kind", ["random-walk", "shuffled"])
def test_without_structure_there_is_no_skill_and_no_trade(
    tmp_path: Path, config: Path, kind: str
) -> None:
    folder = tmp_path / "candles"
    if kind == "random-walk":
        write_market(synthetic_market(PAIRS, 75, MARKET_END, seed=3, kind=kind), folder)
    else:
        write_market(shuffled_market(), folder)
    content = json.loads(config.read_text())
    content["freqai"]["model_training_parameters"] = {}
    content["regimeswitch"]["entries"]["require_edge"] = True
    config.write_text(json.dumps(content))
    # In this process: loading the libraries anew takes longer than windows of a small market.
    proof = prove(folder, tmp_path, config, "--jobs", 1)
    for entry in proof["pairs"]:
        low, high = entry["models"]["blended"]["skill_ci"]
        # Shuffled hours keep their inside, of which a little can be known: a tenth of the 5 % that
        # the demo market gives.
        assert low <= (0.005 if kind == "shuffled" else 0) and high >= 0, entry["models"]["blended"]
    done = command(
        "money",
        *("--datadir", folder, "--pairs", *PAIRS, "--timerange", "20241218-20250101"),
        *("--config", config, "--variants", "signal", "--work", tmp_path / "money"),
        *("--export", tmp_path / "money.json"),
    )
    assert done.returncode == 0, done.stderr
    (figures,) = json.loads((tmp_path / "money.json").read_text())["variants"].values()
    # Less than one for each of two pairs and weeks.
    assert figures["trades"] < 4
    assert {trial.command for trial in trials_of(tmp_path / NAME)} == {"prove", "money"}


def shuffled_market() -> dict[str, Any]:
    """The demo market with its candles in another order, an hour at a time."""
    market = synthetic_market(PAIRS, 75, MARKET_END, seed=3)
    rng = np.random.default_rng(5)
    result = {}
    for name, pair in market.items():
        candles = pair.candles
        close = candles["close"].to_numpy()
        before = np.r_[candles["open"].iloc[0], close[:-1]]
        order = rng.permutation(len(candles) // 12)
        rows = (order[:, None] * 12 + np.arange(12)).ravel()
        growth = np.cumprod((close / before)[rows])
        start = np.r_[1.0, growth[:-1]] * before[0] / before[rows]
        mixed = {k: candles[k].to_numpy()[rows] * start for k in ("open", "high", "low", "close")}
        frame = pd.DataFrame(
            {"date": candles["date"], **mixed, "volume": candles["volume"].to_numpy()[rows]}
        )
        result[name] = type(pair)(frame, pair.regimes)
    return result


def test_money_compares_variants_and_keeps_finished_ones(
    market: Path, tmp_path: Path, config: Path
) -> None:
    # A coin beside the money is in no balance, or the figures would be those of the coin.
    content = json.loads(config.read_text()) | {"dry_run_wallet": {"USDT": 1000, "BTC": 1}}
    config.write_text(json.dumps(content))
    line = (
        *("--datadir", market, "--pairs", "BTC/USDT", "--timerange", "20241218-20250101"),
        *("--config", config, "--variants", "stock", "signal", "buy_and_hold"),
        *("--work", tmp_path / "work", "--export", tmp_path / "money.json"),
    )
    done = command("money", *line)
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "money.json").read_text())
    assert list(figures["variants"]) == ["signal", "stock", "buy_and_hold"]
    hold = figures["variants"]["buy_and_hold"]
    assert hold["trades"] == 1
    assert hold["exposure"] == pytest.approx(1)
    mine = figures["variants"]["signal"]
    assert mine["trades"] > 0
    assert 0 < mine["exposure"] <= 1
    assert mine["profit"] != figures["variants"]["stock"]["profit"]
    (kept,) = (tmp_path / "work").glob("*/signal.result.json")
    balances = json.loads(kept.read_text())["balance"]["total_quote"]
    assert min(balances) > 900 and max(balances) < 1100
    # Freqtrade's balance is that of the booked trades.
    assert balances[-1] / balances[0] - 1 == pytest.approx(mine["profit"], abs=1e-4)
    assert 0 <= hold["deflated_sharpe"] <= 1
    logs = sorted((tmp_path / "work").glob("*/*.log"))
    stamps = [path.stat().st_mtime_ns for path in logs]
    again = command("money", *line)
    assert json.loads((tmp_path / "money.json").read_text()) == figures
    assert again.stdout == done.stdout
    assert [path.stat().st_mtime_ns for path in logs] == stamps


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("prove", {"--timerange": "20241208"}, "'20241208' is not a time range"),
        ("prove", {"--timerange": "20250101-20241208"}, "YYYYMMDD-YYYYMMDD"),
        ("prove", {"--timerange": "20241019-20241101"}, "complete features begin at"),
        ("prove", {"--timerange": "20260101-20260201"}, "they reach from 20241018 to 20241231"),
        (
            "prove",
            {"--timerange": "-20241201", "--train-days": "60"},
            "and 60 days of them are for",
        ),
        ("prove", {"--pairs": "SOL/USDT"}, "SOL_USDT-5m.feather is missing"),
        ("prove", {"--jobs": "0"}, "--jobs: 0 must be 1 or more"),
        ("prove", {"--step-days": "-1"}, "--step-days: -1 must be 1 or more"),
        ("money", {"--variants": "best"}, "known are regimeswitch"),
        ("money", {"--pairs": "SOL/USDT"}, "SOL_USDT-5m.feather is missing"),
        ("money", {"--timerange": "2024-12"}, "is not a time range"),
        ("money", {"--timerange": "-20241201"}, "the first 50 days are for warm-up and training"),
        ("money", {"--trials": "0"}, "--trials"),
    ],
)
def test_what_cannot_be_used_is_named(
    market: Path,
    tmp_path: Path,
    config: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    changes: dict[str, str],
    words: str,
) -> None:
    given = {
        "--datadir": str(market),
        "--pairs": "BTC/USDT",
        "--timerange": RANGE,
        "--config": str(config),
        "--work": str(tmp_path / "work"),
    } | changes
    assert exit_code(name, *(f"{key}={value}" for key, value in given.items())) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_failed_backtest_names_its_log(market: Path, tmp_path: Path, config: Path) -> None:
    content = json.loads(config.read_text())
    content["freqai"]["train_period_days"] = 70
    config.write_text(json.dumps(content))
    done = command(
        "money",
        *("--datadir", market, "--pairs", "BTC/USDT", "--timerange", "20241218-20250101"),
        *("--config", config, "--variants", "signal", "--work", tmp_path / "work"),
    )
    assert done.returncode == 1
    (log,) = (tmp_path / "work").glob("*/signal.log")
    assert str(log) in "".join(done.stderr.split())
    assert "70 days of training" in " ".join(log.read_text().split())
