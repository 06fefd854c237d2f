"""The strategy through freqtrade's own resolver, and its signals on given forecasts."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
from freqtrade.data.dataprovider import DataProvider
from freqtrade.enums import RunMode
from freqtrade.resolvers import StrategyResolver
from freqtrade.strategy import IStrategy

from project import ROOT, in_signal_mode
from regimeswitch.market.regimes import CODES


def load(tmp_path: Path, section: dict[str, Any] | None = None, **changes: Any) -> IStrategy:
    config = json.loads((ROOT / "config.json").read_text())
    config |= {
        "user_data_dir": tmp_path,
        "strategy_path": str(ROOT / "user_data/strategies"),
        "runmode": RunMode.BACKTEST,
        "timerange": "20250101-20250102",
        "freqaimodel": "RegimeSwitchClassifier",
        **changes,
    }
    config["regimeswitch"] = in_signal_mode(section)
    strategy = StrategyResolver.load_strategy(deepcopy(config))
    strategy.ft_load_hyper_params(False)
    strategy.dp = DataProvider(config, None)
    return strategy


def answers(**columns: Any) -> pd.DataFrame:
    """One row per value; everything else says nothing and is in order."""
    rows = max(len(values) for values in columns.values())
    fill = {
        "regime": ["bull"] * rows,
        "buy": [0.0] * rows,
        "hold": [1.0] * rows,
        "sell": [0.0] * rows,
        "do_predict": [1] * rows,
        "volume": [1.0] * rows,
        "bad_candle": [False] * rows,
        "stop_atr": [1.0] * rows,
        "expected_return": [0.01] * rows,
    }
    regimes = columns.get("regime", fill["regime"])
    known = {"regime_raw": regimes, "regime_code": [CODES.get(name, 0) for name in regimes]}
    return pd.DataFrame(fill | known | columns)


def signals(strategy: IStrategy, frame: pd.DataFrame) -> pd.DataFrame:
    frame = strategy.populate_entry_trend(frame, {"pair": "BTC/USDT"})
    frame = strategy.populate_exit_trend(frame, {"pair": "BTC/USDT"})
    names = ["enter_long", "enter_short", "enter_tag", "exit_long", "exit_short", "exit_tag"]
    return frame.reindex(columns=names)
