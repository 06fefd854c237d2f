"""Both models with freqtrade's own example strategies, which know nothing of regimes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from examples import EXAMPLE, spot_example
from project import Run
from results import metadata_of, predictions_of
from trainings import clean, trained


pytestmark = pytest.mark.slow

RANGE = ("--timerange", "20241225-20250101", "--pairs", "BTC/USDT")


def serve_example(
    freqtrade: Callable[..., Run],
    folder: Path,
    strategy: str,
    model: str,
    datadir: Path,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Backtest an example strategy; its predictions, and what became of each sub-model."""
    spot = spot_example(folder, strategy)
    run = freqtrade(
        "backtesting",
        *("--strategy", strategy, "--freqaimodel", model, "--strategy-path", str(spot)),
        *RANGE,
        config=EXAMPLE,
        own_code=False,
        datadir=datadir,
    )
    trained(run)
    (frame,) = predictions_of(run.userdir).values()
    (metadata,) = metadata_of(run.userdir)
    return frame, metadata["regimeswitch"]["sub_models"]


def test_the_classifier_serves_an_example_that_knows_no_regimes(
    freqtrade: Callable[..., Run], tmp_path: Path, market: Path
) -> None:
    frame, sub_models = serve_example(
        freqtrade, tmp_path, "FreqaiExampleHybridStrategy", "RegimeSwitchClassifier", market
    )
    assert {"up", "down", "sub_model_weight", "do_predict"} <= set(frame.columns)
    assert set(frame["&s-up_or_down"]) <= {"up", "down"}
    assert (frame["sub_model_weight"] == 1).any()
    assert sum("sub-model" in reason for reason in sub_models.values()) >= 2, sub_models


def test_the_regressor_makes_the_rule_s_candles_itself_where_no_file_has_them(
    freqtrade: Callable[..., Run], tmp_path: Path, market: Path
) -> None:
    folder = tmp_path / "candles"
    shutil.copytree(market, folder, ignore=shutil.ignore_patterns("*-1h.*", "*-4h.*", "*-1d.*"))
    frame, sub_models = serve_example(
        freqtrade, tmp_path, "FreqaiExampleStrategy", "RegimeSwitchRegressor", folder
    )
    assert {"&-s_close", "sub_model_weight", "do_predict"} <= set(frame.columns)
    assert frame["&-s_close"].std() > 0
    assert (frame["sub_model_weight"] == 1).any()
    assert sum("sub-model" in reason for reason in sub_models.values()) >= 1, sub_models


def test_the_stock_model_works_with_the_strategy(freqtrade: Callable[..., Run]) -> None:
    run = freqtrade("backtesting", "--freqaimodel", "LightGBMClassifier", *RANGE)
    clean(run)
    assert len(predictions_of(run.userdir)) == 1
