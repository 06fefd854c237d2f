"""The features of a bot's newest candle are those that FreqAI's whole frame has."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.strategy.interface import IStrategy
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import candle_frame
from regimeswitch.bot.freqai.newest_features import HOOKS, NewestFeatures, reads_candles_alone
from regimeswitch.market.candles import resample
from regimeswitch.market.features import basic_features, calendar_features, period_features
from strategies import load


PAIR = "BTC/USDT:USDT"
CANDLES = candle_frame(9000)
HOURS = resample(CANDLES, "1h")


class Hooks:
    """The hooks of a strategy; counts how often features of an hour are asked for."""

    populate_any_indicators = IStrategy.populate_any_indicators

    def __init__(self, dp: Any) -> None:
        self.dp, self.hours = dp, 0

    @reads_candles_alone
    def feature_engineering_expand_all(
        self, dataframe: pd.DataFrame, period: int, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        self.hours += metadata["tf"] == "1h"
        return pd.concat([dataframe, period_features(dataframe, period)], axis=1)

    @reads_candles_alone
    def feature_engineering_expand_basic(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        return pd.concat([dataframe, basic_features(dataframe)], axis=1)

    @reads_candles_alone
    def feature_engineering_standard(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        frame = dataframe.assign(mine=dataframe["close"] * 2)
        return pd.concat([frame, calendar_features(dataframe)], axis=1)

    def set_freqai_targets(self, dataframe: pd.DataFrame, metadata: dict[str, Any]) -> pd.DataFrame:
        return dataframe.assign(**{"&-next": dataframe["close"].shift(-1)})


class Unmarked(Hooks):
    def feature_engineering_expand_basic(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        return dataframe.assign(**{"%-body": dataframe["close"] - dataframe["open"]})


class ReadsOthers(Hooks):
    @reads_candles_alone
    def feature_engineering_standard(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        known = any(str(name).startswith("%-roc") for name in dataframe)
        return dataframe.assign(**{"%-known": float(known)})


class AddsNoFeature(Hooks):
    @reads_candles_alone
    def feature_engineering_expand_basic(
        self, dataframe: pd.DataFrame, metadata: dict[str, Any]
    ) -> pd.DataFrame:
        return dataframe.assign(own=1.0)


class Market:
    """What a running bot has fetched."""

    def __init__(self) -> None:
        self.hours = HOURS

    def get_pair_dataframe(self, pair: str, timeframe: str) -> pd.DataFrame:
        assert timeframe == "1h"
        return self.hours.copy()


class Bot:
    """Populates candle after candle, in both ways."""

    def __init__(self, tmp_path: Path, hooks: type[Hooks], **features: Any) -> None:
        config: dict[str, Any] = {
            "timeframe": "5m",
            "user_data_dir": tmp_path,
            "candle_type_def": "spot",
            "exchange": {"pair_whitelist": [PAIR]},
            "freqai": {
                "identifier": "newest",
                "train_period_days": 1,
                "live_retrain_hours": 1,
                "feature_parameters": {
                    "include_timeframes": ["5m", "1h"],
                    "indicator_periods_candles": [12, 36],
                    "include_corr_pairlist": [],
                    "include_shifted_candles": 0,
                    **features,
                },
            },
        }
        self.market = Market()
        self.strategy = hooks(self.market)
        self.newest = NewestFeatures(config)
        self.kitchen = FreqaiDataKitchen(config, live=True, pair=PAIR)
        self.asked = 0
        self.last_alone = False

    def whole(self, candles: pd.DataFrame) -> pd.DataFrame:
        frame: pd.DataFrame = self.kitchen.use_strategy_to_populate_indicators(
            self.strategy, prediction_dataframe=candles, pair=PAIR, do_corr_pairs=False
        )
        return frame

    def populate(self, candles: pd.DataFrame) -> pd.DataFrame:
        def freqai(strategy: Any, **more: Any) -> pd.DataFrame:
            self.asked += 1
            frame: pd.DataFrame = self.kitchen.use_strategy_to_populate_indicators(strategy, **more)
            return frame

        making = self.newest.populating(lambda: self.last_alone)
        frame: pd.DataFrame = making(freqai)(
            self.strategy, prediction_dataframe=candles, pair=PAIR, do_corr_pairs=False
        )
        return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("newest")


def seen(candles: pd.DataFrame) -> pd.DataFrame:
    """Hours that have closed at the end of these candles."""
    end = candles["date"].iloc[-1] + pd.Timedelta(minutes=5)
    return HOURS[HOURS["date"] + pd.Timedelta(hours=1) <= end].reset_index(drop=True)


@settings(deadline=None, max_examples=30)
@given(st.integers(7600, 8900), st.integers(5000, 6000), st.integers(0, 2), st.integers(0, 60))
def test_the_last_row_is_the_one_of_the_whole_frame(
    folder: Path, end: int, rows: int, shifts: int, step: int
) -> None:
    bot = Bot(folder, Hooks, include_shifted_candles=shifts)
    candles = CANDLES.iloc[end - rows : end].reset_index(drop=True)
    bot.market.hours = seen(candles)
    bot.populate(candles)
    bot.last_alone = True
    later = CANDLES.iloc[end - rows + step : end + step].reset_index(drop=True)
    bot.market.hours = seen(later)
    expected = bot.whole(later)
    slim = bot.populate(later)
    assert bot.asked == 1
    assert not [name for name in slim if "%" in name]
    row = bot.newest.with_features(slim.iloc[-1:])
    features = [name for name in expected if "%" in name]
    assert [name for name in row if "%" in name] == features
    np.testing.assert_array_equal(row[features], expected[features].iloc[-1:])
    rest = [name for name in expected if "%" not in name and "&" not in name]
    pd.testing.assert_frame_equal(slim[rest], expected[rest])
    assert "&-next" in slim


def test_features_of_an_hour_are_asked_for_once(folder: Path) -> None:
    bot = Bot(folder, Hooks)
    bot.last_alone = True
    candles = CANDLES.iloc[:8000]
    bot.market.hours = seen(candles)
    bot.populate(candles)
    begun = bot.strategy.hours
    for more in range(1, 9):
        later = CANDLES.iloc[more : 8000 + more].reset_index(drop=True)
        bot.market.hours = seen(later)
        row = bot.newest.with_features(bot.populate(later).iloc[-1:])
        name = "%-rsi-period_12_BTC/USDTUSDT_1h"
        assert row[name].iloc[0] == bot.whole(later)[name].iloc[-1]
    assert bot.asked == 1
    # Two periods, by FreqAI in each comparison and here at the one hour that has closed.
    assert bot.strategy.hours == begun + 2 * 8 + 2


def test_freqai_populates_what_it_predicts_as_a_whole(folder: Path) -> None:
    bot = Bot(folder, Hooks)
    candles = CANDLES.iloc[:8000]
    bot.market.hours = seen(candles)
    for count in (1, 2):
        frame = bot.populate(candles)
        assert bot.asked == count
        assert bot.newest.with_features(frame).equals(frame)


@pytest.mark.parametrize(
    ("hooks", "features"),
    [
        (Unmarked, {}),
        (AddsNoFeature, {}),
        (Hooks, {"include_corr_pairlist": ["ETH/USDT"]}),
    ],
)
def test_whatever_is_not_plain_goes_freqai_s_way(
    folder: Path, caplog: pytest.LogCaptureFixture, hooks: type[Hooks], features: dict[str, Any]
) -> None:
    bot = Bot(folder, hooks, **features)
    bot.last_alone = True
    candles = CANDLES.iloc[:8000]
    bot.market.hours = seen(candles)
    for count in (1, 2):
        pd.testing.assert_frame_equal(bot.populate(candles), bot.whole(candles))
        assert bot.asked == count
    assert "reads_candles_alone" not in caplog.text


def test_columns_beside_the_candles_go_freqai_s_way(folder: Path) -> None:
    bot = Bot(folder, Hooks)
    bot.last_alone = True
    candles = CANDLES.iloc[:8000].assign(own=1.0)
    bot.market.hours = seen(candles)
    for count in (1, 2):
        bot.populate(candles)
        assert bot.asked == count


def test_a_hook_that_reads_other_columns_is_named_and_not_believed(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    bot = Bot(folder, ReadsOthers)
    bot.last_alone = True
    candles = CANDLES.iloc[:8000]
    bot.market.hours = seen(candles)
    for count in (1, 2):
        assert bot.populate(candles)["%-known"].iloc[-1] == 1.0
        assert bot.asked == count
    named = "a feature hook of ReadsOthers is marked as reading candles alone and gives other"
    assert caplog.text.count(named) == 1


def test_a_candle_that_lacks_a_feature_proves_nothing(folder: Path) -> None:
    bot = Bot(folder, Hooks)
    bot.last_alone = True
    short = CANDLES.iloc[7990:8000].reset_index(drop=True)
    bot.market.hours = seen(short)
    bot.populate(short)
    candles = CANDLES.iloc[:8000]
    bot.populate(candles)
    assert bot.asked == 2
    bot.populate(candles)
    assert bot.asked == 2


def test_hours_that_end_too_early_go_freqai_s_way(folder: Path) -> None:
    bot = Bot(folder, Hooks, include_shifted_candles=1)
    bot.last_alone = True
    candles = CANDLES.iloc[:8000]
    bot.market.hours = seen(candles)
    bot.populate(candles)
    for hours in (seen(candles).iloc[:0], seen(candles).iloc[:1]):
        bot.market.hours = hours
        before = bot.asked
        frame = bot.populate(candles)
        assert bot.asked == before + 1
        pd.testing.assert_frame_equal(frame, bot.whole(candles))


def test_the_strategy_s_own_hooks_are_marked(tmp_path: Path) -> None:
    strategy = type(load(tmp_path))
    for name in HOOKS:
        assert getattr(strategy, name).reads_candles_alone
