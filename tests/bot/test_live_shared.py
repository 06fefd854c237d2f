"""One training serves both pairs of a live bot, and a pair without a model is served at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from freqtrade.freqai.data_drawer import METADATA

from movedbots import MovedBot, live_config, moved_bot
from project import QUICK


__all__ = ["moved_bot"]

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

PAIRS = ("BTC/USDT", "ETH/USDT")


def last_row(running: MovedBot, pair: str) -> pd.Series:
    frame, _ = running.bot.dataprovider.get_analyzed_dataframe(pair, "5m")
    return frame.iloc[-1]


def record_of(running: MovedBot, pair: str) -> dict[str, Any]:
    return dict(running.drawer.meta_data_dictionary[pair][METADATA]["regimeswitch"])


def wait_for_both(running: MovedBot) -> None:
    drawer = running.drawer
    for _ in range(600):
        # FreqAI notes the time of a training before it has saved it.
        trained = all(drawer.pair_dict[pair]["trained_timestamp"] for pair in PAIRS)
        if trained and all(pair in drawer.meta_data_dictionary for pair in PAIRS):
            return
        time.sleep(0.1)
    raise AssertionError("no training of both pairs within a minute")


@pytest.mark.parametrize("late", [False, True], ids=["from the start", "one joins later"])
def test_a_live_round_serves_both_pairs_and_one_that_joins(
    moved_bot: Callable[..., MovedBot], caplog: pytest.LogCaptureFixture, late: bool
) -> None:
    caplog.set_level(logging.INFO)
    config = live_config(QUICK)
    config["freqai"]["live_retrain_hours"] = 2
    running = moved_bot(config)
    whitelist = running.bot.config["exchange"]["pair_whitelist"]
    if late:
        running.step()
        running.wait_for_training(after=0)
    whitelist[:] = PAIRS
    running.step()
    if late:
        # Served at once, by the other pair's model; its own training follows.
        assert "ETH/USDT: no model of its own yet; served by the one trained with BTC/USDT" in (
            caplog.text
        )
        assert last_row(running, "ETH/USDT")["do_predict"] == 1
    else:
        wait_for_both(running)
        stamps = {int(running.drawer.pair_dict[pair]["trained_timestamp"]) for pair in PAIRS}
        assert len(stamps) == 1
        for key in ("rows", "evidence", "model", "edge"):
            assert record_of(running, PAIRS[0])[key] == record_of(running, PAIRS[1])[key]
        # Rows of both pairs: every third candle of 20 days, twice.
        assert sum(record_of(running, PAIRS[0])["rows"].values()) > 1.5 * 20 * 96
        assert len(running.bot.strategy.freqai.shared.models) == 1

    running.step()
    for pair in PAIRS:
        last = last_row(running, pair)
        assert last["do_predict"] == 1
        assert last[["buy", "hold", "sell"]].sum() == pytest.approx(1)
        assert isinstance(last["no_trade_reason"], str)
    assert "raised exception" not in caplog.text
