"""freqtrade's own commands through ``regimeswitch offline``."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pandas as pd
import pytest

from offlines import CONFIG, run
from regimeswitch.market.candles import resample


@pytest.mark.slow
def test_freqtrade_version_needs_no_candles(home: Path) -> None:
    found = run(home, "offline", "--", "freqtrade", "--version", PATH="/usr/bin:/bin")
    assert found.returncode == 0, found.stderr
    assert "CCXT Version" in found.stdout


@pytest.mark.slow
def test_freqtrade_list_markets(home: Path, candles: Path) -> None:
    found = run(
        home, "offline", "--datadir", candles, "--", "freqtrade", "list-pairs", "--print-json"
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout.splitlines()[-1]) == ["BTC/USDT", "ETH/USDT"]
    (home / "config.json").unlink()
    found = run(home, "offline", "--datadir", candles, "--", "freqtrade", "list-markets", "-1")
    assert found.returncode == 0, found.stderr
    assert found.stdout.split()[-2:] == ["BTC/USDT", "ETH/USDT"]


@pytest.mark.slow
def test_freqtrade_test_pairlist(home: Path, candles: Path) -> None:
    command = ("freqtrade", "test-pairlist", "--print-json")
    found = run(home, "offline", "--datadir", candles, "--", *command)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout.splitlines()[-1]) == ["BTC/USDT"]


@pytest.mark.slow
def test_freqtrade_downloads_the_source_rows(home: Path, candles: Path) -> None:
    command = (
        "freqtrade",
        "download-data",
        "--datadir",
        "copy",
        "--timerange",
        "20260101-20260107",
    )
    timeframes = ("--timeframes", "5m", "1h", "1d", "--pairs", "BTC/USDT", "ETH/USDT")
    found = run(home, "offline", "--datadir", candles, "--", *command, *timeframes)
    assert found.returncode == 0, found.stderr
    for pair in ("BTC_USDT", "ETH_USDT"):
        source = pd.read_feather(candles / f"{pair}-5m.feather")
        assert str(source["date"].dtype) == "datetime64[ms, UTC]"
        for timeframe, expected in {
            "5m": source,
            "1h": resample(source, "1h"),
            "1d": resample(source, "1d"),
        }.items():
            copy = pd.read_feather(home / "copy" / f"{pair}-{timeframe}.feather")
            assert len(copy) == len(expected)
            for frame in (copy, expected):
                # The unit depends on the way freqtrade came to the frame.
                frame["date"] = frame["date"].dt.as_unit("ms")
            pd.testing.assert_frame_equal(copy, expected)


@pytest.mark.slow
def test_freqtrade_backtests_and_errors_pass_through(home: Path, candles: Path) -> None:
    (home / "user_data" / "strategies" / "Plain.py").write_text(
        textwrap.dedent(
            """
            from freqtrade.strategy import IStrategy
            class Plain(IStrategy):
                timeframe = "5m"
                stoploss = -0.1
                def populate_indicators(self, df, metadata):
                    return df
                def populate_entry_trend(self, df, metadata):
                    df.loc[df["close"] > df["open"], "enter_long"] = 1
                    return df
                def populate_exit_trend(self, df, metadata):
                    df.loc[df["close"] < df["open"], "exit_long"] = 1
                    return df
            """
        )
    )
    config = CONFIG | {"pairlists": [{"method": "StaticPairList"}]}
    (home / "static.json").write_text(json.dumps(config))
    # The candles to serve are those of --datadir when nothing else is said.
    common = ("backtesting", "-c", "static.json", "--datadir", candles, "--cache", "none")
    found = run(home, "offline", "--", "freqtrade", *common, "-s", "Plain")
    assert found.returncode == 0, found.stderr
    assert "BACKTESTING REPORT" in found.stdout
    found = run(home, "offline", "--", "freqtrade", *common, "-s", "Missing")
    assert found.returncode == 2
    assert "Missing" in found.stderr
