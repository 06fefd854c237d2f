"""One small backtest that the tests of the report share, and the command itself."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.configuration import TimeRange

from heldpairs import POSITION
from inprocess import freqtrade_in
from pages import Page
from regimeswitch.bot.freqai.stored_predictions import BacktestPredictions
from regimeswitch_lab.cli import main


RANGE = "20241120-20241229"


@dataclass(frozen=True)
class Result:
    """A result file, and what stands in it."""

    path: Path
    market: Path
    strategy: dict[str, Any]
    section: dict[str, Any]
    models: Path = Path("nowhere")


@pytest.fixture(scope="session")
def result(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A backtest that holds bull and bear, so that there is more than one enter tag."""
    section = deepcopy(POSITION)
    section["entries"]["regimes"] = ["bull", "bear"]
    config = {"regimeswitch": section, "max_open_trades": 2, "fee": 0.001}
    with freqtrade_in(tmp_path_factory.mktemp("report")) as run:
        done = run("backtesting", "--timerange", RANGE, datadir=market, config=config)
    assert done.code == 0, done.log[-3000:]
    (path,) = (done.userdir / "backtest_results").glob("*.zip")
    (strategy,) = content(path)["strategy"].values()
    return Result(path, market, strategy, section)


@pytest.fixture(scope="session")
def forecast_result(result: Result, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The same of a configuration with a regressor, whose forecasts and features are made up."""
    folder = tmp_path_factory.mktemp("forecasts")
    path = with_config(result.path, folder / result.path.name, learning("RegimeSwitchRegressor"))
    section = deepcopy(result.section) | {"models": {}}
    models = folder / "models"
    for pair in ("BTC/USDT", "ETH/USDT"):
        store(models, pair, sized_forecasts(result.market, pair))
    for stamp in (1733011200, 1733616000):
        write_metadata(models, "BTC", stamp, {"features": FEATURES})
    return Result(path, result.market, result.strategy, section, models)


FEATURES = {
    "base": {"%-volatility_12": 0.5, "%-range_288": 0.25, "log_day": 0.25},
    "bull": {"%-volatility_12": 0.75, "%-range_288": 0.25},
    "bear": {"%-range_288": 0.625, "log_day": 0.375},
}
"""What a training has written down of its features."""


def learning(model: str) -> Callable[[dict[str, Any]], None]:
    """A change of a configuration: one that trains."""

    def change(config: dict[str, Any]) -> None:
        config["freqaimodel"] = model
        config["freqai"]["enabled"] = True
        config["regimeswitch"]["models"].clear()

    return change


def with_config(path: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The same result of another configuration."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            body = source.read(name)
            if name.endswith("_config.json"):
                config = json.loads(body)
                change(config)
                body = json.dumps(config).encode()
            copy.writestr(name, body)
    return target


def sized_forecasts(market: Path, pair: str) -> pd.DataFrame:
    """A volatility forecast for each candle of the range: neither right nor constant."""
    candles = candles_of(market, pair)
    forecast = 0.8 + 0.3 * np.sin(np.arange(len(candles)) / 700)
    return candles.assign(volatility_forecast=forecast, do_predict=1)


def candles_of(market: Path, pair: str) -> pd.DataFrame:
    """Date and close of the range, as a backtest keeps them."""
    candles = pd.read_feather(market / f"{pair.replace('/', '_')}-5m.feather")
    begin, end = (pd.Timestamp(day, tz="UTC") for day in RANGE.split("-"))
    inside = candles["date"].between(begin, end)
    return candles.loc[inside, ["date", "close"]].reset_index(drop=True)


def store(models: Path, pair: str, forecasts: pd.DataFrame) -> None:
    """Forecasts as a backtest leaves them."""
    candles, columns = forecasts[["date", "close"]], forecasts.drop(columns=["date", "close"])
    kept = BacktestPredictions(models / "backtested")
    kept.save(pair, candles, columns, TimeRange.parse_timerange(RANGE))


def write_metadata(models: Path, coin: str, stamp: int, own: dict[str, Any]) -> None:
    """What FreqAI keeps beside a model, with our part of it."""
    folder = models / f"sub-train-{coin}_{stamp}"
    folder.mkdir(parents=True)
    path = folder / f"cb_{coin.lower()}_{stamp}_metadata.json"
    path.write_text(json.dumps({"regimeswitch": own}))


def content(path: Path) -> dict[str, Any]:
    """The statistics of a result file."""
    with zipfile.ZipFile(path) as archive:
        found: dict[str, Any] = json.loads(archive.read(f"{path.stem}.json"))
    return found


def changed(path: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a result file with other statistics."""
    found = content(path)
    change(found)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            own = name == f"{path.stem}.json"
            copy.writestr(name, json.dumps(found) if own else source.read(name))
    return target


def report(out: Path, *words: str | Path) -> tuple[Page, str]:
    """The page that the command writes, and what it says on standard error."""
    code, told, said = _run(out, *words)
    assert code == 0, said
    assert told == f"{out}\n"
    return Page(out.read_text(encoding="utf-8")), said


def refused(out: Path, *words: str | Path) -> str:
    """What the command says when it cannot; nothing is written."""
    code, told, said = _run(out, *words)
    assert (code, told, out.exists()) == (2, "", False)
    return said


def _run(out: Path, *words: str | Path) -> tuple[int, str, str]:
    told, said = StringIO(), StringIO()
    with redirect_stdout(told), redirect_stderr(said):
        code = main(["report", *map(str, words), "--out", str(out)])
    return code, told.getvalue(), " ".join(said.getvalue().split())
