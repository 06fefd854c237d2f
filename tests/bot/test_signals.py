"""Signals of the strategy on made-up answers, through freqtrade's own resolver."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from freqtrade.exceptions import OperationalException

from strategies import answers, load, signals


pytestmark = pytest.mark.filterwarnings("default")


def test_each_regime_has_its_own_threshold_and_tag(tmp_path: Path) -> None:
    section = {"entries": {"buy": {"bull": 0.3, "sideways": 0.6}}}
    frame = answers(
        regime=["bull", "bull", "sideways", "sideways", "bear", np.nan],
        buy=[0.29, 0.3, 0.59, 0.6, 0.99, 0.99],
    )
    got = signals(load(tmp_path, section), frame)
    assert got["enter_long"].fillna(0).tolist() == [0, 1, 0, 1, 0, 0]
    assert got["enter_tag"].tolist()[1] == "bull"
    assert got["enter_tag"].tolist()[3] == "sideways"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("do_predict", 0),
        ("do_predict", 2),
        ("volume", 0.0),
        ("bad_candle", True),
        ("stop_atr", np.nan),
        ("stop_atr", 0.0),
    ],
)
def test_nothing_is_opened_on_a_row_that_is_not_trusted(
    tmp_path: Path, column: str, value: object
) -> None:
    frame = answers(buy=[0.99, 0.99], **{column: [answers(buy=[0])[column].iloc[0], value]})
    got = signals(load(tmp_path), frame)
    assert got["enter_long"].fillna(0).tolist() == [1, 0]


def test_positions_end_when_an_unwanted_regime_begins(tmp_path: Path) -> None:
    frame = answers(regime=["bull", "bull", "bear", "bull"], do_predict=[1, 1, 0, 0])
    got = signals(load(tmp_path), frame)
    assert got["exit_long"].fillna(0).tolist() == [0, 0, 1, 0]
    assert got["exit_tag"].tolist()[2] == "regime_bear"
    assert got["enter_short"].isna().all()


def test_nothing_is_opened_on_an_answer_that_would_close_it(tmp_path: Path) -> None:
    section = {"entries": {"buy": {"bull": 0.3}, "sell": {"bull": 0.5}}}
    frame = answers(buy=[0.4, 0.4], sell=[0.49, 0.5])
    strategy = load(tmp_path, section)
    assert signals(strategy, frame.copy())["enter_long"].fillna(0).tolist() == [1, 0]
    reasons = strategy.populate_entry_trend(frame, {"pair": "BTC/USDT"})["no_trade_reason"]
    assert reasons.tolist() == ["", "the answer closes positions, too"]


def test_shorts_are_opened_in_bear_with_futures(tmp_path: Path) -> None:
    futures = {"trading_mode": "futures", "margin_mode": "isolated"}
    section = {"entries": {"short": True, "sell": {"bear": 0.5}}}
    strategy = load(tmp_path, section, **futures)
    assert strategy.can_short
    frame = answers(
        regime=["bear", "bear", "bull"], sell=[0.4, 0.6, 0.9], expected_return=[-0.01] * 3
    )
    got = signals(strategy, frame)
    assert got["enter_short"].fillna(0).tolist() == [0, 1, 0]
    assert got["enter_tag"].tolist()[1] == "bear"
    assert got["exit_short"].fillna(0).tolist() == [0, 0, 1]
    with pytest.raises(OperationalException, match=r"regimeswitch\.entries\.short"):
        load(tmp_path, section)


def test_the_regressor_s_forecast_opens(tmp_path: Path) -> None:
    section = {"entries": {"expected_return": 0.004, "exit_return": -0.002}}
    strategy = load(tmp_path, section, freqaimodel="RegimeSwitchRegressor")
    frame = answers(regime=["bull"] * 4).assign(**{"&-return": [0.0039, 0.004, -0.0019, -0.002]})
    got = signals(strategy, frame.drop(columns=["buy", "hold", "sell"]))
    assert got["enter_long"].fillna(0).tolist() == [0, 1, 0, 0]
    assert got["exit_long"].isna().all()


def test_a_threshold_given_for_one_regime_leaves_the_others_at_their_defaults(
    tmp_path: Path,
) -> None:
    strategy = load(tmp_path, {"entries": {"sell": {"bull": 0.5}, "buy": {"bear": 0.7}}})
    values = {name: getattr(strategy, name).value for name in ("sell_bull", "sell_bear")}
    assert values == {"sell_bull": 0.5, "sell_bear": 0.4}
    assert (strategy.buy_bull.value, strategy.buy_bear.value) == (0.35, 0.7)


def test_start_up_candles_cover_features_rule_labels_and_stops(tmp_path: Path) -> None:
    assert 7 * 288 < load(tmp_path).startup_candle_count < 2100
    change = {"regime": {"rule": "change", "change_days": 30}}
    change["regime"]["change_days"] = 80
    assert load(tmp_path, change).startup_candle_count >= 80 * 24 + 1
    stops = {"risk": {"atr_period": 2300}}
    assert load(tmp_path, stops).startup_candle_count == 2301
    longest = {"regime": {"rule": "change", "change_days": 200}}
    assert load(tmp_path, longest).startup_candle_count == 4999
