"""Trainings, predictions and commands on longer base timeframes, as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from project import QUICK, ROOT, Run
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch_lab.cli import main
from results import metadata_of, predictions_of, trades_of


pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

PAIRS = ["BTC/USDT", "ETH/USDT"]
RANGE = "20241222-20250101"


def config_of(timeframe: str, *more: str) -> dict[str, Any]:
    """Small and quick, in signal mode, with features of these timeframes."""
    config = deepcopy(QUICK)
    config["timeframe"], hour = timeframe, 3600 // timeframe_seconds(timeframe)
    features = {"include_timeframes": [timeframe, *more], "label_period_candles": hour}
    config["freqai"]["feature_parameters"] = features
    config["regimeswitch"]["entries"]["mode"] = "signal"
    config["regimeswitch"]["models"]["min_rows"] = 60
    config["regimeswitch"]["evidence"] = {"gate": False}
    return config


@pytest.mark.parametrize(("timeframe", "more"), [("15m", ["1h"]), ("1h", [])])
def test_models_train_and_answer(
    freqtrade_here: Callable[..., Run], market: Path, timeframe: str, more: list[str]
) -> None:
    config = config_of(timeframe, *more)
    run = freqtrade_here("backtesting", "--timerange", RANGE, config=config, datadir=market)
    assert run.code == 0, run.log[-3000:]
    assert "Traceback" not in run.log and "raised exception" not in run.log
    length = pd.Timedelta(seconds=timeframe_seconds(timeframe))
    frames = predictions_of(run.userdir)
    assert len(frames) == 4
    rows = 0
    for frame in frames.values():
        assert (frame["do_predict"] == 1).all()
        assert frame[["buy", "hold", "sell"]].sum(axis=1).round(6).eq(1).all()
        assert frame["buy"].nunique() > 10
        assert set(frame["date"].diff().dropna()) == {length}
        rows += len(frame)
    assert rows == 2 * (pd.Timedelta(days=10) // length)
    for metadata in metadata_of(run.userdir):
        known = metadata["regimeswitch"]["rows"]
        most = 2 * pd.Timedelta(days=20) // length
        assert most / 2 < sum(known.values()) <= most
        names = metadata["training_features_list"]
        assert any(
            name == "%-volatility_288" or name.startswith("%-volatility_288") for name in names
        )
    trades = trades_of(run.userdir)
    assert trades
    for trade in trades:
        held = (trade["close_timestamp"] - trade["open_timestamp"]) / 1000
        # max_hold_candles is 48: four hours; a decision is made at a candle's close.
        assert held <= 4 * 3600 + 2 * length.total_seconds()


def test_shorter_timeframes_of_features_are_refused(
    freqtrade_here: Callable[..., Run], market: Path, tmp_path: Path, capsys: Any
) -> None:
    config = config_of("15m", "5m", "1h")
    run = freqtrade_here("backtesting", "--timerange", RANGE, config=config, datadir=market)
    assert "Offending include-timeframes: 5m" in run.words
    path = tmp_path / "prove.json"
    path.write_text(json.dumps(config))
    words = ["--config", str(path), "--datadir", str(market), "--pairs", *PAIRS]
    assert main(["prove", *words, "--timerange", RANGE]) == 2
    told = " ".join(capsys.readouterr().err.split())
    words = 'include_timeframes: "5m" is shorter than the base timeframe "15m"; allowed: "15m"'
    assert words in told


def test_prove_walks_forward_on_quarters_of_an_hour(market: Path, tmp_path: Path) -> None:
    config, export = tmp_path / "config.json", tmp_path / "proof.json"
    content = json.loads((ROOT / "config.json").read_text())
    for section, changes in config_of("15m", "1h").items():
        if isinstance(changes, dict):
            for key, value in changes.items():
                old = content[section].get(key)
                content[section][key] = old | value if isinstance(old, dict) else value
        else:
            content[section] = changes
    config.write_text(json.dumps(content))
    words = ["--config", str(config), "--datadir", str(market), "--pairs", *PAIRS]
    more = ["--timerange", RANGE, "--step-days", "5", "--jobs", "1", "--export", str(export)]
    assert main(["prove", *words, *more, "--work", str(tmp_path / "work")]) == 0
    found = json.loads(export.read_text())
    assert (found["timeframe"], found["windows"], found["train_days"]) == ("15m", 2, 20)
    # Ten days of candles but the last hour, whose labels are not known.
    assert [entry["rows"] for entry in found["pairs"]] == [10 * 96 - 4] * 2


@pytest.mark.parametrize("timeframe", ["5m", "15m", "1h"])
def test_the_regimes_of_a_pair_in_days(
    market: Path, tmp_path: Path, capsys: Any, timeframe: str
) -> None:
    config, export = tmp_path / "config.json", tmp_path / "regimes.json"
    config.write_text(json.dumps({"timeframe": timeframe}))
    truth = market / "true-regimes" / "BTC_USDT.feather"
    words = ["--datadir", str(market), "--pair", "BTC/USDT", "--config", str(config)]
    assert main(["regimes", *words, "--export", str(export)]) == 0
    found = json.loads(export.read_text())
    assert found["candles"] * timeframe_seconds(timeframe) == 75 * 86_400
    assert found["switches_per_day"] == pytest.approx(0.3, abs=0.3)
    assert truth.parent.is_dir()


def test_replay_works_on_5m_alone(market: Path, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "config.json"
    content = json.loads((ROOT / "config.json").read_text()) | {"timeframe": "15m"}
    content["freqai"]["feature_parameters"]["include_timeframes"] = ["15m", "1h"]
    path.write_text(json.dumps(content))
    words = ["--config", str(path), "--datadir", str(market), "--pairs", *PAIRS]
    assert main(["replay", *words, "--timerange", RANGE, "--work", str(tmp_path / "work")]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert 'timeframe: "15m" cannot be used; allowed: "5m", the only base timeframe' in told
