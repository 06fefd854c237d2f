"""Backtests through freqtrade's own command: strategy, both models, every learner."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from project import MARKET_END, QUICK, Run
from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market
from results import metadata_of, predictions_of, trades_of
from trainings import clean


pytestmark = pytest.mark.slow

TIMERANGE = ("--timerange", "20241218-20250101")
ONE_WEEK = ("--timerange", "20241225-20250101", "--pairs", "BTC/USDT")


def test_backtest_trades_by_regime_and_reloads_its_models(
    freqtrade: Callable[..., Run],
) -> None:
    first = freqtrade("backtesting", *TIMERANGE, "--cache", "none")
    clean(first)
    trades = trades_of(first.userdir)
    assert len(trades) >= 10
    assert {trade["enter_tag"] for trade in trades} <= {"bull", "sideways"}
    assert "bull" in first.log
    assert "ENTER TAG STATS" in first.log
    assert {trade["exit_reason"] for trade in trades} & {"max_hold", "sell_signal", "stop_loss"}

    predictions = predictions_of(first.userdir)
    assert len(predictions) == 4
    assert "model fitted on" in first.words and "log loss" in first.words
    for frame in predictions.values():
        assert np.allclose(frame[["buy", "hold", "sell"]].sum(axis=1), 1)
        assert set(frame["&s-signal"]) <= {"buy", "hold", "sell"}
        assert frame["sub_model_weight"].between(0, 1).all()
        assert (frame["expected_size"] > 0).all()
    for metadata in metadata_of(first.userdir):
        assert set(metadata["regimeswitch"]["sub_models"]) == {"bull", "bear", "sideways"}
        assert sum(metadata["regimeswitch"]["rows"].values()) > 3000
        assert set(metadata["regimeswitch"]["evidence"]) == {"bull", "bear", "sideways"}

    # Another interpreter with another order of sets loads the saved models: the same predictions,
    # nothing trained again.
    for folder in (first.userdir / "models").glob("*/backtesting_predictions"):
        shutil.rmtree(folder)
    other = {**os.environ, "PYTHONHASHSEED": "1"}
    second = freqtrade("backtesting", *TIMERANGE, "--cache", "none", environment=other)
    clean(second)
    assert "Found model at" in second.words
    assert "model fitted on" not in second.words
    for name, frame in predictions_of(second.userdir).items():
        pd.testing.assert_frame_equal(frame, predictions[name])
    assert trades_of(second.userdir) == trades


def test_stops_and_stakes_follow_the_settings(freqtrade: Callable[..., Run]) -> None:
    config = deepcopy(QUICK)
    config["regimeswitch"]["risk"] = {
        "stake_fraction": 0.1,
        "scale": {"bull": 1.0, "sideways": 0.5},
        "stop_atr": 3.0,
        "take_profit_atr": 4.0,
        "size_forecast": False,
    }
    run = freqtrade("backtesting", *ONE_WEEK, config=config)
    clean(run)
    trades = trades_of(run.userdir)
    reasons = {trade["exit_reason"] for trade in trades}
    assert {"roi", "stop_loss"} & reasons
    for trade in trades:
        share = {"bull": 0.1, "sideways": 0.05}[trade["enter_tag"]]
        assert trade["stake_amount"] == pytest.approx(share * 990, rel=0.05)
        if trade["exit_reason"] == "stop_loss":
            assert trade["stop_loss_ratio"] > -0.2


@pytest.mark.parametrize(
    ("learner", "absent"), [("xgboost", "tensorboard"), ("random_forest", "xgboost")]
)
def test_other_learners_and_separate_sub_models_import_no_learner_besides_and_no_server(
    freqtrade: Callable[..., Run], tmp_path: Path, learner: str, absent: str
) -> None:
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    for name in (absent, "fastapi"):
        (shadow / f"{name}.py").write_text(f"raise ModuleNotFoundError('no {name} here')\n")
    config = deepcopy(QUICK)
    config["freqai"]["model_training_parameters"] = {"n_estimators": 10}
    config["regimeswitch"]["models"] = {
        "learner": learner,
        "per_regime": {"bear": "lightgbm"},
        "parameters": {"lightgbm": {"n_estimators": 12}},
        "sub_models": "separate",
        "min_rows": 200,
    }
    # A sub-model without a weight would not be there.
    config["regimeswitch"]["evidence"] = {"gate": False}
    environment = {**os.environ, "PYTHONPATH": str(shadow)}
    run = freqtrade("backtesting", *ONE_WEEK, config=config, environment=environment)
    clean(run)
    (metadata,) = metadata_of(run.userdir)
    assert "separate sub-model" in set(metadata["regimeswitch"]["sub_models"].values())


def test_regressor_forecasts_the_return_in_the_regimes_of_a_reference_pair(
    freqtrade: Callable[..., Run],
) -> None:
    config = deepcopy(QUICK)
    config["regimeswitch"]["entries"] = {
        "mode": "signal",
        "expected_return": 0.0005,
        "require_edge": False,
    }
    config["regimeswitch"]["evidence"] = {"gate": False}
    config["regimeswitch"]["regime"] = {"anchor": "ETH/USDT"}
    run = freqtrade(
        "backtesting", *ONE_WEEK, "--freqaimodel", "RegimeSwitchRegressor", config=config
    )
    clean(run)
    (frame,) = predictions_of(run.userdir).values()
    assert frame["&-return"].between(-0.2, 0.2).all()
    assert frame["&-return"].std() > 0
    assert (frame["sub_model_weight"] == 1).any()
    assert trades_of(run.userdir)


def test_outlier_steps_and_shuffling_keep_rows_and_regimes_together(
    freqtrade: Callable[..., Run],
) -> None:
    config = deepcopy(QUICK)
    config["freqai"]["feature_parameters"] = {
        "include_timeframes": ["5m", "1h"],
        "indicator_periods_candles": [12, 36],
        "label_period_candles": 12,
        "use_SVM_to_remove_outliers": True,
        "DI_threshold": 1.0,
        "weight_factor": 0.9,
        "shuffle_after_split": True,
    }
    config["freqai"]["data_split_parameters"] = {"test_size": 0.2, "shuffle": False}
    run = freqtrade("backtesting", *ONE_WEEK, config=config)
    clean(run)
    (frame,) = predictions_of(run.userdir).values()
    assert set(frame["do_predict"]) == {0, 1}
    (metadata,) = metadata_of(run.userdir)
    assert 0 < sum(metadata["regimeswitch"]["rows"].values()) < 0.8 * 20 * 288


def test_random_walk_market_trades_without_learning_anything(
    freqtrade: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory
) -> None:
    from project import MARKET_END
    from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market

    folder = tmp_path_factory.mktemp("walk")
    write_market(synthetic_market(["BTC/USDT"], 75, MARKET_END, seed=3, kind="random-walk"), folder)
    config = {"freqai": {**QUICK["freqai"], "model_training_parameters": {}}}
    run = freqtrade("backtesting", *ONE_WEEK, config=config, datadir=folder)
    clean(run)
    assert len(trades_of(run.userdir)) <= 10


def test_models_of_other_candles_are_not_reused(
    freqtrade: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    write_market(synthetic_market(["BTC/USDT"], 75, MARKET_END, seed=11), other)
    first = freqtrade("backtesting", *ONE_WEEK)
    clean(first)
    (mine,) = predictions_of(first.userdir).values()
    second = freqtrade("backtesting", *ONE_WEEK, datadir=other)
    clean(second)
    assert "was trained on other candles" in second.words
    (theirs,) = predictions_of(second.userdir).values()
    assert not np.allclose(theirs["buy"], mine["buy"])
    again = freqtrade("backtesting", *ONE_WEEK, datadir=other)
    clean(again)
    assert "model fitted on" not in again.words
    (same,) = predictions_of(again.userdir).values()
    pd.testing.assert_frame_equal(same, theirs)


def test_damaged_candles_are_counted_and_never_traded_on(
    freqtrade: Callable[..., Run], market: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    shutil.copytree(market, folder, dirs_exist_ok=True)
    path = folder / "BTC_USDT-5m.feather"
    frame = pd.read_feather(path)
    last = frame.index[frame["date"] >= "2024-12-25"]
    rng = np.random.default_rng(1)
    hurt = np.sort(rng.choice(last[10:-10], 400, replace=False))
    spikes, zeros, inverted = hurt[::3], hurt[1::3], hurt[2::3]
    prices = ["open", "high", "low", "close"]
    frame.loc[spikes, "high"] *= 10
    # A crash has many trades, a garbled price as many as any candle.
    frame.loc[spikes, "volume"] = frame["volume"].median()
    frame.loc[zeros, prices] = 0.0
    frame.loc[inverted, ["high", "low"]] = frame.loc[inverted, ["low", "high"]].to_numpy()
    frame.to_feather(path)
    config = deepcopy(QUICK)
    config["regimeswitch"]["entries"] = {
        "mode": "signal",
        "require_edge": False,
        "buy": {"bull": 0.1, "sideways": 0.1},
    }
    config["regimeswitch"]["risk"] = {"max_hold_candles": 2}
    run = freqtrade("backtesting", *ONE_WEEK, config=config, datadir=folder)
    clean(run)
    assert "candles kept out of training and signals" in run.words
    for count, kind in ((len(zeros), "zero"), (len(inverted), "inverted"), (len(spikes), "spike")):
        assert f"{count} {kind}" in run.words, kind
    bad = set(frame.loc[hurt, "date"])
    trades = trades_of(run.userdir)
    assert len(trades) >= 20
    # A trade opens at the open of the candle after its signal.
    signals = {pd.Timestamp(t["open_date"]) - pd.Timedelta("5min") for t in trades}
    assert not signals & bad
