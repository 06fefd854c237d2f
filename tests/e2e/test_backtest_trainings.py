"""Trainings of a backtest that fail: counted, named, and an error where none succeeded."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from project import QUICK, ROOT, Run
from results import metadata_of, predictions_of


pytestmark = pytest.mark.filterwarnings("default")

RANGE = ("--timerange", "20241221-20241230")
SMALL: dict[str, Any] = {
    "freqaimodel": QUICK["freqaimodel"],
    "freqai": {
        **QUICK["freqai"],
        **{"train_period_days": 3, "backtest_period_days": 5},
        "model_training_parameters": {"n_estimators": 4},
    },
    "regimeswitch": {
        **QUICK["regimeswitch"],
        "models": {"sub_models": "none"},
        "evidence": {"gate": False, "calibrate": False},
    },
}


def small(**sections: dict[str, Any]) -> dict[str, Any]:
    config = deepcopy(SMALL)
    for name, content in sections.items():
        config[name] |= content
    return config


def test_no_training_succeeded(freqtrade_here: Callable[..., Run], market: Path) -> None:
    models = {"parameters": {"lightgbm": {"num_leaves": 1}}}
    config = small(regimeswitch={"models": models})
    loss = ("--hyperopt-path", str(ROOT / "user_data/hyperopts"))
    for command, *more in (
        ("backtesting",),
        ("backtesting",),
        ("hyperopt", *loss, "--hyperopt-loss", "RegimeSwitchLoss", "--epochs", "1"),
        ("lookahead-analysis", "--strategy", "RegimeSwitchStrategy"),
    ):
        run = freqtrade_here(command, *more, *RANGE, config=config, datadir=market)
        assert run.code == 2, (command, run.log[-3000:])
        # Every pair is a backtest of its own to the analysis.
        count = 2 if command == "lookahead-analysis" else 4
        assert f"no training succeeded ({count} of {count} failed)" in run.log, command
        assert "The first, BTC/USDT on 2024-12-18 to 2024-12-21: " in run.log
        assert "LightGBMError: Check failed: (num_leaves) > (1)" in run.log
        assert "Traceback" not in run.log


def part_of(market: Path, folder: Path, pair: str, copied: str, inside: slice) -> None:
    """Candles of another pair under a new name, cut to a range of days."""
    for path in market.glob(f"{copied.replace('/', '_')}-*.feather"):
        frame = pd.read_feather(path).set_index("date").loc[inside].reset_index()
        frame.to_feather(folder / path.name.replace(copied[:3], pair[:3]))


@pytest.fixture(scope="module")
def uneven(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ETH is delisted in the first window, XRP before it, SOL is listed in the second."""
    folder = tmp_path_factory.mktemp("uneven")
    part_of(market, folder, "BTC/USDT", "BTC/USDT", slice(None))
    part_of(market, folder, "ETH/USDT", "ETH/USDT", slice(None, "2024-12-22"))
    part_of(market, folder, "XRP/USDT", "ETH/USDT", slice(None, "2024-12-19"))
    part_of(market, folder, "SOL/USDT", "ETH/USDT", slice("2024-12-27", None))
    return folder


@pytest.mark.parametrize("rows", ["shared", "pair"])
def test_pairs_that_end_or_begin_inside_the_range(
    freqtrade_here: Callable[..., Run], uneven: Path, rows: str
) -> None:
    models = {"sub_models": "none", "rows": rows}
    pairs = ("--pairs", "BTC/USDT", "ETH/USDT", "XRP/USDT", "SOL/USDT")
    run = freqtrade_here(
        "backtesting", *RANGE, *pairs, config=small(regimeswitch={"models": models}), datadir=uneven
    )
    assert run.code == 0, run.log[-3000:]
    assert run.log.count("ETH/USDT: has candles from 2024-1") == 1
    assert "to 2024-12-22 23:55 only and is left out of 1 of 2 backtest windows" in run.log
    assert "to 2024-12-19 23:55 only and is left out of 2 of 2 backtest windows" in run.log
    assert run.log.count("SOL/USDT: has candles from 2024-12-27 00:00") == 1
    assert "SOL/USDT: 1h candles begin at 2024-12-27 00:00, but the timerange" in run.log
    found = predictions_of(run.userdir)
    rows_of = {name.split("_prediction")[0]: len(frame) for name, frame in found.items()}
    whole = {"cb_btc_1734739200": 5 * 288, "cb_btc_1735171200": 4 * 288 + 1}
    assert {name: rows_of[name] for name in whole} == whole
    assert rows_of["cb_eth_1734739200"] == 2 * 288
    # SOL has no candle to learn from before its window: only the rows of the others can serve it.
    assert len(found) == (4 if rows == "shared" else 3)
    assert ("1 of 4 trainings failed" in run.log) == (rows == "pair")
    assert "SOL/USDT has no candles then" in run.log or rows == "shared"
    told = [one["regimeswitch"] for one in metadata_of(run.userdir) if "regimeswitch" in one]
    names = {name for one in told for name in one["features"]["base"]}
    # A pair's own features have its name in theirs; shared ones stand for any pair.
    assert names and all(name.startswith("%-") for name in names)
    assert any("USDT" in name for name in names) == (rows == "pair"), names
