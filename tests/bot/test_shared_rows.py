"""Rows shared across pairs, in freqtrade's backtest: no future leaks, late pairs served."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from project import QUICK, Run
from results import metadata_of, predictions_of, trades_of
from trainings import trained


pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

TWO_WEEKS = ("--timerange", "20241218-20250101")
SECOND_WEEK = "2024-12-25"


def changed(market: Path, folder: Path, pair: str, since: str) -> Path:
    """The market with other prices of one pair from a day on, in every timeframe."""
    shutil.copytree(market, folder)
    for path in folder.glob(f"{pair.replace('/', '_')}-*.feather"):
        frame = pd.read_feather(path)
        later = frame["date"] >= since
        for name in ("open", "high", "low", "close"):
            frame.loc[later, name] = 1 / frame.loc[later, name] * 1e8
        high, low = frame["high"].copy(), frame["low"].copy()
        frame.loc[later, "high"], frame.loc[later, "low"] = low[later], high[later]
        frame.to_feather(path)
    return folder


def of_pair(frames: dict[str, pd.DataFrame], coin: str) -> list[pd.DataFrame]:
    return [frame for name, frame in sorted(frames.items()) if f"cb_{coin}_" in name]


def run_of(freqtrade_here: Callable[..., Run], datadir: Path, identifier: str) -> dict[str, Any]:
    config = deepcopy(QUICK)
    config["freqai"]["identifier"] = identifier
    # What is predicted counts; a backtest that buys nothing is over sooner.
    config["regimeswitch"]["entries"]["buy"] = {"bull": 1.0, "sideways": 1.0}
    run = freqtrade_here("backtesting", *TWO_WEEKS, config=config, datadir=datadir)
    trained(run)
    frames = predictions_of(run.userdir)
    shutil.rmtree(run.userdir / "models")
    return frames


def test_no_pair_s_future_reaches_another_pair_s_past(
    freqtrade_here: Callable[..., Run], two_weeks: Run, market: Path, tmp_path: Path
) -> None:
    other = changed(market, tmp_path / "other", "ETH/USDT", SECOND_WEEK)
    # Both are read after freqtrade has set the options of pandas.
    after = run_of(freqtrade_here, other, "b")
    before = predictions_of(two_weeks.userdir)
    first, second = of_pair(before, "btc")
    first_changed, second_changed = of_pair(after, "btc")
    # Both windows of BTC were trained before ETH changed.
    pd.testing.assert_frame_equal(first_changed, first)
    pd.testing.assert_frame_equal(second_changed, second)
    eth, eth_changed = of_pair(before, "eth")[1], of_pair(after, "eth")[1]
    assert not eth_changed["buy"].equals(eth["buy"])


def test_what_another_pair_did_before_is_learned_from(
    freqtrade_here: Callable[..., Run], two_weeks: Run, market: Path, tmp_path: Path
) -> None:
    other = changed(market, tmp_path / "other", "ETH/USDT", "2024-12-20")
    # Both are read after freqtrade has set the options of pandas.
    after = run_of(freqtrade_here, other, "b")
    before = predictions_of(two_weeks.userdir)
    first, second = of_pair(before, "btc")
    first_changed, second_changed = of_pair(after, "btc")
    pd.testing.assert_frame_equal(first_changed, first)
    assert not second_changed["buy"].equals(second["buy"])


def test_one_training_serves_both_pairs(two_weeks: Run) -> None:
    trained(two_weeks)
    records = [metadata["regimeswitch"] for metadata in metadata_of(two_weeks.userdir)]
    assert len(records) == 4
    windows = [records[:2], records[2:]]
    for own, other in zip(*windows, strict=True):
        assert own["evidence"] == other["evidence"]
        assert own["rows"] == other["rows"]
    assert records[0]["evidence"] != records[1]["evidence"]
    rows = [sum(record["rows"].values()) for record in records]
    assert trades_of(two_weeks.userdir)
    # Rows of two pairs, every third candle of 20 days.
    assert all(0.8 * 2 * 20 * 96 < count <= 2 * 20 * 96 for count in rows)


def test_a_pair_without_history_is_served_by_the_others(
    freqtrade_here: Callable[..., Run], market: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "late"
    shutil.copytree(market, folder)
    for path in folder.glob("ETH_USDT-*.feather"):
        frame = pd.read_feather(path)
        frame[frame["date"] >= "2024-11-25"].reset_index(drop=True).to_feather(path)
    run = freqtrade_here("backtesting", *TWO_WEEKS, config=QUICK, datadir=folder)
    trained(run)
    frames = of_pair(predictions_of(run.userdir), "eth")
    assert "ETH/USDT: no history of its own to learn from yet" in run.words
    assert len(frames) == 2
    last = frames[-1]
    assert (last["do_predict"] == 1).mean() > 0.9
    assert last["buy"].std() > 0


def test_rows_of_the_pair_alone_do_not_know_the_others(
    freqtrade: Callable[..., Run], market: Path, tmp_path: Path
) -> None:
    config = deepcopy(QUICK)
    config["regimeswitch"]["models"]["rows"] = "pair"
    other = changed(market, tmp_path / "other", "ETH/USDT", "2024-12-01")
    results = []
    for name, datadir in (("a", market), ("b", other)):
        config["freqai"]["identifier"] = name
        run = freqtrade(
            "backtesting",
            *("--timerange", "20241225-20250101", "--pairs", "BTC/USDT"),
            config=config,
            datadir=datadir,
        )
        trained(run)
        (frame,) = predictions_of(run.userdir).values()
        (metadata,) = metadata_of(run.userdir)
        results.append(frame)
        shutil.rmtree(run.userdir / "models")
    pd.testing.assert_frame_equal(*results)
    assert sum(metadata["regimeswitch"]["rows"].values()) > 0.95 * 20 * 288
