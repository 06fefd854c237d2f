"""Both models under somebody else's strategy: its columns, its base timeframe."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from project import QUICK, Run
from results import metadata_of, predictions_of, trades_of


pytestmark = pytest.mark.filterwarnings("default")

RANGE = ("--timerange", "20241226-20241230", "--strategy", "Foreign")
FOREIGN = """
import numpy as np
import pandas as pd
from freqtrade.strategy import IStrategy


class Foreign(IStrategy):
    timeframe = "5m"
    minimal_roi = {"0": 0.01}
    stoploss = -0.1
    startup_candle_count = 50
    can_short = False

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        dataframe["%-roc-period"] = dataframe["close"].pct_change(period)
        return dataframe

    def feature_engineering_standard(self, dataframe, metadata, **kwargs):
        dataframe["%-hour"] = dataframe["date"].dt.hour.astype(float)
        return dataframe

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        self.freqai.class_names = ["down", "up"]
        later = dataframe["close"].shift(-12)
        rose = np.where(later > dataframe["close"], "up", "down")
        dataframe["&-rose"] = pd.Series(rose, dataframe.index).where(later.notna())
        return dataframe

    def populate_indicators(self, dataframe, metadata):
        dataframe["above"] = dataframe["close"] > dataframe["close"].rolling(50).mean()
        dataframe["own_5m"] = dataframe["close"].diff()
        BEFORE
        given = dataframe.copy()
        dataframe = self.freqai.start(dataframe, metadata, self)
        # Names may be kept in another way once the model has been loaded; they are the same text.
        names = {"check_column_type": False}
        pd.testing.assert_frame_equal(dataframe[given.columns], given, **names)
        assert not [name for name in dataframe if "/" in name], list(dataframe)
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        up = dataframe["above"] & (dataframe["do_predict"] == 1) & (dataframe["up"] > 0)
        dataframe.loc[up, "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


def foreign(folder: Path, before: str = "") -> tuple[str, str]:
    """The option for a folder with the strategy in it."""
    folder.mkdir(exist_ok=True)
    (folder / "foreign.py").write_text(FOREIGN.replace("BEFORE", before))
    return "--strategy-path", str(folder)


def test_columns_put_on_before_come_back_for_every_pair_trained_or_stored(
    freqtrade_here: Callable[..., Run], market: Path, tmp_path: Path
) -> None:
    config = deepcopy(QUICK)
    config["freqai"] |= {"train_period_days": 3}
    config["regimeswitch"]["evidence"] = {"gate": False, "calibrate": False}
    path = foreign(tmp_path / "strategies")
    trades = []
    for _ in range(2):
        run = freqtrade_here(
            "backtesting", *RANGE, *path, config=config, datadir=market, own_code=False
        )
        assert run.code == 0, run.log[-3000:]
        trades.append(trades_of(run.userdir))
    assert "Found backtesting prediction file" in run.log
    assert {trade["pair"] for trade in trades[0]} == {"BTC/USDT", "ETH/USDT"}
    assert trades[1] == trades[0]


def test_a_feature_among_these_columns_is_refused_by_name(
    freqtrade_here: Callable[..., Run], market: Path, tmp_path: Path
) -> None:
    path = foreign(tmp_path / "strategies", 'dataframe["%-own"] = dataframe["close"].diff()')
    run = freqtrade_here("backtesting", *RANGE, *path, config=QUICK, datadir=market, own_code=False)
    assert run.code == 2, run.log[-3000:]
    assert "the strategy puts %-own on its frame before it calls freqai.start()" in run.log
    assert "feature_engineering_standard()" in run.log
    assert "Traceback" not in run.log


def test_the_models_take_any_base_timeframe_up_to_the_rule_s(
    freqtrade_here: Callable[..., Run], market: Path, tmp_path: Path
) -> None:
    config = deepcopy(QUICK)
    config["freqai"] |= {"train_period_days": 20, "feature_parameters": {}}
    config["freqai"]["feature_parameters"]["include_timeframes"] = ["15m", "1h"]
    config["regimeswitch"] |= {"evidence": {"gate": False, "calibrate": False}}
    config["regimeswitch"]["regime"] = {"average_period": 50, "atr_period": 50}
    config["timeframe"] = "15m"
    path = (*foreign(tmp_path / "strategies"), "--pairs", "BTC/USDT")
    run = freqtrade_here(
        "backtesting", *RANGE, *path, config=config, datadir=market, own_code=False
    )
    assert run.code == 0, run.log[-3000:]
    (frame,) = predictions_of(run.userdir).values()
    assert len(frame) == 4 * 96 + 1
    assert (frame["do_predict"] == 1).all()
    (metadata,) = metadata_of(run.userdir)
    # Every quarter of an hour of 20 days, but for the first hours of the rule.
    known = sum(metadata["regimeswitch"]["rows"].values())
    assert 0.9 * 20 * 96 < known <= 20 * 96
    config["timeframe"] = "4h"
    config["freqai"]["feature_parameters"]["include_timeframes"] = ["4h"]
    run = freqtrade_here(
        "backtesting", *RANGE, *path, config=config, datadir=market, own_code=False
    )
    assert run.code == 2, run.log[-3000:]
    assert 'regimeswitch.regime.timeframe: "1h" is shorter than the base timeframe "4h"' in run.log
    assert "Traceback" not in run.log
