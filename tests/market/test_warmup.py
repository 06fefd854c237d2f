"""Start-up candles from timeframes and periods, and what cannot be served: refused by key."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from freqtrade.exceptions import OperationalException

from frames import candle_frame
from project import QUICK, ROOT, Run
from regimeswitch.market.features import basic_features, period_features
from regimeswitch.market.warmup import PERIODS, SHIFTS, feature_candles, startup_candles
from regimeswitch.settings import SettingsError, load_settings
from regimeswitch_lab.cli import main
from strategies import load


pytestmark = pytest.mark.filterwarnings("default")

RANGE = ("--timerange", "20241225-20250101", "--pairs", "BTC/USDT")


def parameters(periods: list[int], shifted: int = 0, *more: str) -> dict[str, Any]:
    return {
        "include_timeframes": ["5m", *more],
        "indicator_periods_candles": periods,
        "include_shifted_candles": shifted,
    }


@pytest.mark.parametrize(("periods", "shifted"), [([12, 36], 0), ([36], 2), ([100], 1), ([293], 0)])
def test_every_feature_is_known_when_it_is_promised(periods: list[int], shifted: int) -> None:
    promised = feature_candles(parameters(periods, shifted, "4h"), "5m")["4h"]
    candles = candle_frame(promised + 2)
    blocks = [period_features(candles, period) for period in periods]
    found = pd.concat([*blocks, basic_features(candles)], axis=1).shift(shifted)
    # A longer candle is seen when it has closed, which takes one more.
    assert found.iloc[promised - 2 :].notna().all(axis=None)
    assert not found.iloc[promised - 3].notna().all()


@pytest.mark.parametrize(
    ("periods", "shifted", "expected"),
    [([12, 36], 0, 2031), ([150], 0, 2552), ([150], 3, 2555), ([293], 0, 4983)],
)
def test_they_follow_from_the_longest_period(
    periods: list[int], shifted: int, expected: int
) -> None:
    settings = load_settings({})
    for more in ([], ["1h"], ["1h", "4h", "1d"]):
        assert startup_candles(settings, parameters(periods, shifted, *more), "5m") == expected


def test_the_grace_period_counts(tmp_path: Path) -> None:
    grace = {"regime": {"grace_candles": 2000}, "labels": {"window": 2500}}
    assert load(tmp_path, grace).startup_candle_count == 2501


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (parameters([12, 500]), (PERIODS, "500 needs 8502 candles", "at most 4999", "up to 293")),
        (parameters([290], 100), (PERIODS, "290 needs 5032 candles", "up to 288")),
        (parameters([12], 4900), (SHIFTS, "4900 needs 5336 candles", "up to 4563")),
    ],
)
def test_what_cannot_be_served_is_refused(given: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError) as caught:
        startup_candles(load_settings({}), given, "5m")
    for word in words:
        assert word in str(caught.value)


def test_a_backtest_and_a_walk_forward_refuse_it_alike(
    freqtrade_here: Callable[..., Run], market: Path, tmp_path: Path, capsys: Any
) -> None:
    for name, value in (("timeframe", "2h"), ("periods", [500])):
        config = deepcopy(QUICK)
        config["freqai"]["feature_parameters"] = {"include_timeframes": ["2h", "4h"]}
        if name == "timeframe":
            words = 'timeframe: "2h" cannot be used; allowed: "5m", "15m", "30m", "1h", for which'
            config["timeframe"] = value
        else:
            config["freqai"]["feature_parameters"] = {"indicator_periods_candles": value}
            words = f"{PERIODS}: 500 needs 8502 candles"
        run = freqtrade_here("backtesting", *RANGE, config=config, datadir=market)
        assert run.code == 2
        assert words in run.log
        assert "Traceback" not in run.log
        path = tmp_path / "prove.json"
        path.write_text(json.dumps(config))
        arguments = ["prove", "--config", str(path), "--datadir", str(market), *RANGE]
        assert main(arguments) == 2
        assert words in " ".join(capsys.readouterr().err.split())


def test_candles_that_begin_too_late_for_a_longer_timeframe_are_refused(
    freqtrade_here: Callable[..., Run], market: Path, tmp_path: Path, capsys: Any
) -> None:
    config = deepcopy(QUICK)
    config["freqai"]["feature_parameters"] = {"include_timeframes": ["5m", "1h", "1d"]}
    run = freqtrade_here("backtesting", *RANGE, config=config, datadir=market)
    assert run.code == 2, run.log[-2000:]
    assert "BTC/USDT: features of 1d are known from 2026-06-24 on only" in run.log
    assert f"after the 614 candles that {PERIODS} [12, 36] needs" in run.log
    assert "--prepend" in run.log
    assert "Training BTC/USDT" not in run.log
    assert "Traceback" not in run.log
    path = tmp_path / "prove.json"
    path.write_text(json.dumps(config))
    config["freqai"]["feature_parameters"] = {"include_corr_pairlist": ["ETH/USDT", "SOL/USDT"]}
    run = freqtrade_here("backtesting", *RANGE, config=config, datadir=market)
    assert run.code == 2, run.log[-2000:]
    assert "SOL/USDT: no 1h candles in" in run.log
    arguments = ["prove", "--config", str(path), "--datadir", str(market), *RANGE, "--jobs", "1"]
    assert main(arguments) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "no candle has all features (BTC/USDT lacks %-rsi-period_12_{pair}_1d)" in told


def test_a_label_period_of_another_time_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = "label_period_candles 12 is not the horizon of the labels, 4 candles of 15m"
    load(tmp_path, timeframe="5m")
    assert "label_period_candles" not in caplog.text
    freqai = json.loads((ROOT / "config.json").read_text())["freqai"]
    freqai["feature_parameters"]["include_timeframes"] = ["15m", "1h"]
    load(tmp_path, timeframe="15m", freqai=freqai)
    assert words in caplog.text


def test_a_base_timeframe_without_features_is_refused_however_it_is_given(tmp_path: Path) -> None:
    with pytest.raises(OperationalException, match='timeframe: "2h" cannot be used'):
        load(tmp_path, timeframe="2h")
    child = tmp_path / "strategies"
    child.mkdir()
    source = (ROOT / "user_data/strategies/RegimeSwitchStrategy.py").read_text()
    (child / "Slow.py").write_text(
        source.replace("RegimeSwitchStrategy(", "Slow(").replace('"5m"', '"3m"')
    )
    with pytest.raises(OperationalException, match='timeframe: "3m" cannot be used'):
        load(tmp_path, timeframe=None, strategy="Slow", strategy_path=str(child))
