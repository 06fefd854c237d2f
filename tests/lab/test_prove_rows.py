"""``prove`` sees what the bot sees: the same rows from the same config, through FreqAI or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.config_schema.config_schema import CONF_SCHEMA
from freqtrade.strategy.interface import IStrategy

from project import QUICK, ROOT, Run
from regimeswitch.bot.output_columns import OUTPUT_COLUMNS
from regimeswitch.market.candles import OHLCV
from regimeswitch.market.feature_blocks import FeaturePlan
from regimeswitch.model.blended import BlendedModel
from regimeswitch.model.training_set import Rows
from regimeswitch.settings import load_settings
from regimeswitch_lab.candle_folder import CandleFolder
from regimeswitch_lab.prove.candidates import Recipe, Window, part_of, shared_training
from regimeswitch_lab.prove.dataset import pair_data, with_common_features
from regimeswitch_lab.replay.stage import merged
from regimeswitch_lab.sameness import BUILT_FEATURES, PLAIN_FEATURES, READ_BY_NOTHING


PAIRS = ("BTC/USDT", "ETH/USDT")
FEATURES = {
    "include_timeframes": ["5m", "1h"],
    "indicator_periods_candles": [12],
    "include_shifted_candles": 1,
    "include_corr_pairlist": ["BTC/USDT"],
    "weight_factor": 0.7,
    "label_period_candles": 24,
}
FREQTRADE_COLUMNS = {
    *("enter_long", "enter_short", "enter_tag", "exit_long", "exit_short", "exit_tag"),
}
FREQTRADE_STATISTICS = ("_mean", "_std", "_count")
"""Of predictions, and of the candles that it loads."""
BEGIN = pd.Timestamp("2024-12-25", tz="UTC")


class Fitted:
    """What each model of a run was fitted on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: list[Rows] = []
        self.horizons: list[int] = []
        fit = BlendedModel.fit

        def noted(model: BlendedModel, rows: Rows) -> BlendedModel:
            self.rows.append(rows)
            self.horizons.append(model.horizon)
            return fit(model, rows)

        monkeypatch.setattr(BlendedModel, "fit", noted)


def config_of(rows: str) -> dict[str, Any]:
    config = deepcopy(QUICK)
    config["freqai"]["feature_parameters"] = FEATURES
    config["regimeswitch"]["models"]["rows"] = rows
    return config


def same(ours: Rows, bots: Rows, precision: float) -> None:
    assert ours.X.shape == bots.X.shape
    for name in ("y", "regime", "time", "pair"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(bots, name), err_msg=name)
    np.testing.assert_allclose(ours.X, bots.X, rtol=0, atol=precision)
    np.testing.assert_allclose(ours.weight, bots.weight, rtol=1e-12)
    # On a pair's own rows a bot knows no label threshold in the first hours of the window.
    known = np.isfinite(bots.move)
    assert known.mean() > 0.9
    np.testing.assert_allclose(ours.move[known], bots.move[known], rtol=1e-9)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("sharing", ["shared", "pair"])
def test_prove_sees_what_the_bot_sees(
    market: Path,
    monkeypatch: pytest.MonkeyPatch,
    freqtrade_here: Callable[..., Run],
    sharing: str,
) -> None:
    fitted, config, frames = Fitted(monkeypatch), config_of(sharing), []
    entries = IStrategy.advise_entry

    def noted(strategy: IStrategy, frame: pd.DataFrame, metadata: dict[str, str]) -> pd.DataFrame:
        frames.append(entries(strategy, frame, metadata))
        return frames[-1]

    monkeypatch.setattr(IStrategy, "advise_entry", noted)
    timerange = f"{BEGIN:%Y%m%d}-20250101"
    run = freqtrade_here("backtesting", "--timerange", timerange, datadir=market, config=config)
    assert run.code == 0, run.log[-3000:]

    own_columns = {one.name for one in OUTPUT_COLUMNS}
    for frame in frames:
        others = {name for name in frame if "%" not in name} - own_columns
        others = {name for name in others if not name.endswith(FREQTRADE_STATISTICS)}
        assert others - {*OHLCV, *FREQTRADE_COLUMNS} == set()

    whole = merged(json.loads((ROOT / "config.json").read_text()), config)
    settings = load_settings(whole["regimeswitch"])
    plan = FeaturePlan.of(whole["freqai"]["feature_parameters"], "5m")
    shares = sharing == "shared"
    recipe = Recipe(settings, {}, shares, "5m", FEATURES["weight_factor"], 24)
    pairs = [pair_data(CandleFolder(market), pair, settings, plan) for pair in PAIRS]
    end = int(BEGIN.timestamp()) // 300
    window = Window(end - 20 * 288, end, end + 1)
    if shares:
        pairs = with_common_features(pairs)
    own = [part_of(data, window, recipe).rows for data in pairs]
    assert set(fitted.horizons) == {24}
    if shares:
        (bots,) = fitted.rows
        # Two timeframes, now and a candle ago, of the pair and of the correlated one.
        shifted = [name for name in pairs[0].names if "_shift-1_" in name]
        assert len([name for name in shifted if "BTC/USDT" in name]) * 2 == len(shifted) > 40
        same(shared_training(own, recipe), bots, 0)
    else:
        assert len(fitted.rows) == len(own)
        for ours, bots in zip(own, fitted.rows, strict=True):
            # FreqAI scales numbers of double precision.
            same(ours, bots, 1e-5)


def test_every_key_of_freqai_is_built_refused_or_without_effect() -> None:
    keys = CONF_SCHEMA["definitions"]["freqai"]["properties"]["feature_parameters"]["properties"]
    assert set(keys) <= {*BUILT_FEATURES, *PLAIN_FEATURES, *READ_BY_NOTHING}
