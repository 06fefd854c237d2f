"""Pair lists that change while the bot runs: who joins is served, who leaves disturbs nobody."""

from __future__ import annotations

import json
import logging
import threading
import time
import zoneinfo
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from freqtrade.exceptions import TemporaryError

from movedbots import START, MovedBot, moved_bot
from project import MARKET_END, QUICK
from regimeswitch.bot.freqai.pair_histories import PairHistories
from regimeswitch.market.candles import OHLCV
from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market


__all__ = ["moved_bot"]

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

PAIRS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
# Freqtrade keeps its tickers for half an hour.
LATER = 7
TRAIN_DAYS = 10


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pairs; SOL has next to no volume until shortly after the start, and then the most."""
    folder = tmp_path_factory.mktemp("volumes")
    write_market(synthetic_market(PAIRS, 32, MARKET_END, seed=5), folder)
    change = pd.Timestamp(START) + pd.Timedelta("10min")
    scale = {"BTC": (100.0, 100.0), "ETH": (1.0, 1.0), "SOL": (1e-4, 1e6)}
    for base, (before, after) in scale.items():
        for path in folder.glob(f"{base}_USDT-*.feather"):
            frame = pd.read_feather(path)
            early = frame["date"] < change
            frame["volume"] *= early.map({True: before, False: after})
            frame.to_feather(path)
    return folder


def dynamic(pairlists: list[dict[str, Any]], whitelist: list[str]) -> dict[str, Any]:
    config = deepcopy(QUICK)
    config["freqai"] |= {"train_period_days": TRAIN_DAYS, "live_retrain_hours": 2}
    config["freqai"]["expiration_hours"] = 24
    config["pairlists"] = pairlists
    config["exchange"] = {"pair_whitelist": whitelist}
    return config


VOLUME = {"method": "VolumePairList", "number_assets": 2, "refresh_period": 1}


def last_row(running: MovedBot, pair: str) -> pd.Series:
    frame, _ = running.bot.dataprovider.get_analyzed_dataframe(pair, "5m")
    return frame.iloc[-1]


def served(running: MovedBot, pair: str) -> None:
    last = last_row(running, pair)
    assert last["date"] + pd.Timedelta("5min") == pd.Timestamp(running.now)
    assert last["do_predict"] == 1, last
    assert last[["buy", "hold", "sell"]].sum() == pytest.approx(1)


def wait_for(running: MovedBot, pairs: list[str], after: int = 0) -> None:
    """Let FreqAI's thread train the pairs."""
    drawer = running.drawer
    for _ in range(1200):
        known = [drawer.pair_dict.get(pair, {}) for pair in pairs]
        own = not any(pair in running.bot.strategy.freqai.shared.adopted for pair in pairs)
        done = [one.get("trained_timestamp", 0) > after and one["model_filename"] for one in known]
        if own and all(done):
            return
        time.sleep(0.1)
    raise AssertionError(f"not trained: {drawer.pair_dict}")


def rows_of(running: MovedBot, pair: str) -> int:
    history = running.drawer.historic_data[pair]["5m"]
    assert history["date"].is_monotonic_increasing
    assert history["date"].is_unique
    return len(history)


@pytest.mark.parametrize("whitelist", [[], PAIRS], ids=["alone", "as a filter"])
def test_a_volume_list_that_changes(
    moved_bot: Callable[..., MovedBot], caplog: pytest.LogCaptureFixture, whitelist: list[str]
) -> None:
    caplog.set_level(logging.INFO)
    pairlists = [VOLUME] if not whitelist else [{"method": "StaticPairList"}, VOLUME]
    running = moved_bot(dynamic(pairlists, whitelist), pairs=None)
    running.step()
    assert running.bot.active_pair_whitelist == ["BTC/USDT", "ETH/USDT"]
    wait_for(running, ["BTC/USDT", "ETH/USDT"])
    running.step()
    served(running, "BTC/USDT")
    served(running, "ETH/USDT")
    for pair in ("BTC/USDT", "ETH/USDT"):
        assert rows_of(running, pair) > TRAIN_DAYS * 288

    running.step(LATER)
    assert running.bot.active_pair_whitelist == ["SOL/USDT", "BTC/USDT"]
    # SOL/USDT has joined: the shared model serves its first candle, its history follows.
    served(running, "SOL/USDT")
    served(running, "BTC/USDT")
    wait_for(running, ["SOL/USDT"])
    running.step()
    served(running, "SOL/USDT")
    assert rows_of(running, "SOL/USDT") > TRAIN_DAYS * 288

    # A whole round without ETH/USDT, which has left.
    trained = running.drawer.pair_dict["BTC/USDT"]["trained_timestamp"]
    running.step(30)
    wait_for(running, ["BTC/USDT", "SOL/USDT"], after=trained)
    running.step()
    served(running, "SOL/USDT")
    assert "ETH/USDT" not in running.drawer.historic_data
    for sign in ("raised exception", "KeyError", "Traceback", "Unable to analyze"):
        assert sign not in caplog.text


def test_a_remote_list_that_changes_in_the_middle_of_a_training(
    moved_bot: Callable[..., MovedBot],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    remote = tmp_path / "pairs.json"

    def publish(*pairs: str) -> None:
        remote.write_text(json.dumps({"pairs": pairs, "refresh_period": 1}))

    publish("ETH/USDT")
    pairlist = {
        "method": "RemotePairList",
        "mode": "whitelist",
        "processing_mode": "filter",
        "pairlist_url": f"file:///{remote}",
        "number_assets": 5,
        "refresh_period": 1,
    }
    running = moved_bot(dynamic([pairlist], []), pairs=None)
    freqai = running.bot.strategy.freqai
    train, began, changed = freqai.train, threading.Event(), threading.Event()

    def training(*arguments: Any, **named: Any) -> Any:
        """The list changes after the training has begun and before it ends."""
        began.set()
        assert changed.wait(120)
        return train(*arguments, **named)

    freqai.train = training
    running.step()
    assert running.bot.active_pair_whitelist == ["ETH/USDT"]
    assert began.wait(120)
    publish("BTC/USDT")
    running.step(LATER)
    assert running.bot.active_pair_whitelist == ["BTC/USDT"]
    changed.set()
    wait_for(running, ["ETH/USDT"])
    wait_for(running, ["BTC/USDT"])
    running.step()
    served(running, "BTC/USDT")

    # It joins again.
    publish("BTC/USDT", "ETH/USDT")
    running.step(LATER)
    served(running, "ETH/USDT")
    wait_for(running, ["ETH/USDT"])
    assert "raised exception" not in caplog.text
    assert "Traceback" not in caplog.text


class Source:
    """The data provider and the exchange behind it: candles that were fetched, no history."""

    def __init__(self, fetched: pd.DataFrame, why: str) -> None:
        self.fetched, self.why = fetched, why
        self._exchange = self

    def get_pair_dataframe(self, pair: str, timeframe: str) -> pd.DataFrame:
        return self.fetched

    def current_whitelist(self) -> list[str]:
        return ["BTC/USDT"]

    @property
    def markets(self) -> dict[str, Any]:
        if self.why:
            raise TemporaryError(self.why)
        return {}


def candles(start: str, rows: int = 30) -> pd.DataFrame:
    dates = pd.date_range(start, periods=rows, freq="5min", tz="UTC").as_unit("ms")
    return pd.DataFrame({"date": dates, **dict.fromkeys(OHLCV[1:], 1.0)})


@pytest.mark.parametrize(
    ("why", "said"),
    [("away", "cannot be downloaded (away)"), ("", "Pair not available on exchange")],
)
def test_a_history_with_a_gap_is_made_anew_and_asked_for_until_it_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, why: str, said: str
) -> None:
    drawer = SimpleNamespace(historic_data={}, history_lock=threading.Lock())
    config = {
        "freqai": {
            "train_period_days": 1,
            "feature_parameters": {
                "include_timeframes": ["5m"],
                "indicator_periods_candles": [10],
            },
        },
        "datadir": tmp_path,
        "candle_type_def": "spot",
    }
    histories = PairHistories(config, drawer)
    dk = SimpleNamespace(all_pairs=["OLD/USDT"])
    source = Source(candles("2025-01-02"), why)
    histories.prepare("ETH/USDT", dk, source)
    assert dk.all_pairs == ["BTC/USDT", "ETH/USDT"]

    drawer.historic_data["ETH/USDT"] = {"5m": candles("2025-01-01")}
    histories.prepare("ETH/USDT", dk, source)
    assert dk.all_pairs == ["ETH/USDT"]
    pd.testing.assert_frame_equal(drawer.historic_data["ETH/USDT"]["5m"], source.fetched)
    for _ in range(2):
        caplog.clear()
        histories.complete(["ETH/USDT"], source)
        assert said in caplog.text
    assert len(drawer.historic_data["ETH/USDT"]["5m"]) == 30
    # Nothing is fetched of it either: FreqAI is not asked to go on from nothing.
    histories.prepare("NEW/USDT", dk, Source(candles("2025-01-01", 0), why))
    assert dk.all_pairs == []


def test_dates_of_a_history_are_of_the_type_of_the_fetched_ones() -> None:
    stored = candles("2025-01-01")
    stored = stored.assign(date=stored["date"].dt.tz_convert(zoneinfo.ZoneInfo("UTC")))
    fetched = candles("2025-01-01 00:05").iloc[:-1]
    fetched = fetched.assign(date=fetched["date"].dt.as_unit("us").dt.tz_convert(UTC))
    drawer = SimpleNamespace(
        historic_data={name: {"5m": stored.copy()} for name in ("BTC/USDT", "ETH/USDT")},
        history_lock=threading.Lock(),
    )
    features = {"include_timeframes": ["5m"], "include_corr_pairlist": ["BTC/USDT"]}
    histories = PairHistories({"freqai": {"feature_parameters": features}}, drawer)
    histories.prepare("ETH/USDT", SimpleNamespace(all_pairs=[]), Source(fetched, ""))
    for known in drawer.historic_data.values():
        assert known["5m"]["date"].dtype == fetched["date"].dtype
        pd.testing.assert_frame_equal(known["5m"], stored, check_dtype=False)
        appended = pd.concat([known["5m"], fetched.tail(1)], ignore_index=True)
        assert appended["date"].dtype == fetched["date"].dtype
