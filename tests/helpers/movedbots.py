"""A real dry-run bot under a moved clock."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import time_machine
from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode
from freqtrade.freqtradebot import FreqtradeBot

from project import MARKET_END, ROOT
from regimeswitch.market.candles import timeframe_seconds
from regimeswitch_lab.exchange.market.visible_market import open_market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import overlay


START = MARKET_END - timedelta(days=2)


ONE_PAIR = ["BTC/USDT"]


LIVE = {
    "internals": {"process_throttle_secs": 1},
    "bot_name": "live test",
}


class MovedBot:
    """A dry-run bot and the clock that it lives by."""

    def __init__(
        self, config: dict[str, Any], clock: time_machine.Traveller, begin: datetime
    ) -> None:
        self.clock = clock
        self.now = begin
        self.clock.move_to(begin + timedelta(seconds=1))
        self.timeframe = str(config["timeframe"])
        self.candle = timedelta(seconds=timeframe_seconds(self.timeframe))
        self.bot = FreqtradeBot(config)
        self.bot.startup()

    @property
    def drawer(self) -> Any:
        return self.bot.strategy.freqai.dd

    def step(self, candles: int = 1) -> pd.DataFrame:
        """One loop of the bot one second after a candle closed; the analysed frame."""
        self.now += candles * self.candle
        self.clock.move_to(self.now + timedelta(seconds=1))
        self.bot.process()
        frame, _ = self.bot.dataprovider.get_analyzed_dataframe("BTC/USDT", self.timeframe)
        return frame

    def wait_for_training(self, after: float) -> int:
        """Let FreqAI's thread train; the timestamp of the model."""
        for _ in range(600):
            stamp = int(self.drawer.pair_dict["BTC/USDT"]["trained_timestamp"])
            if stamp > after:
                return stamp
            time.sleep(0.1)
        raise AssertionError("no training within a minute")

    def close(self) -> None:
        if self.bot.config["freqai"]["enabled"]:
            self.bot.strategy.freqai._stop_event.set()
        self.bot.cleanup()


@pytest.fixture
def moved_bot(market: Path, tmp_path: Path) -> Iterator[Callable[..., MovedBot]]:
    """Make a bot from the project's config and an overlay; pairs None: the config's own."""
    bots: list[MovedBot] = []
    with (
        time_machine.travel(START + timedelta(seconds=1), tick=False) as clock,
        ExchangeServer(open_market(market)) as server,
    ):

        def make(
            overlay_config: dict[str, Any],
            pairs: list[str] | None = ONE_PAIR,
            begin: datetime = START,
            **arguments: Any,
        ) -> MovedBot:
            (tmp_path / "user_data").mkdir(exist_ok=True)
            files = []
            parts = {"quick": overlay_config, "live": LIVE, "offline": overlay(server.url)}
            for name, content in parts.items():
                path = tmp_path / f"{name}.json"
                path.write_text(json.dumps(content))
                files.append(str(path))
            given = {
                "config": [str(ROOT / "config.json"), *files],
                "user_data_dir": str(tmp_path / "user_data"),
                "datadir": str(tmp_path / "candles"),
                "strategy_path": str(ROOT / "user_data/strategies"),
                "freqaimodel_path": str(ROOT / "user_data/freqaimodels"),
                "db_url": "sqlite://",
                **arguments,
            }
            config = Configuration(given, RunMode.DRY_RUN).get_config()
            # What reaches people is off offline.
            config |= {key: overlay_config[key] for key in overlay_config if key == "telegram"}
            if pairs is not None:
                config["exchange"]["pair_whitelist"] = list(pairs)
            bots.append(MovedBot(config, clock, begin))
            return bots[-1]

        try:
            yield make
        finally:
            for bot in bots:
                bot.close()


def live_config(base: dict[str, Any]) -> dict[str, Any]:
    config = deepcopy(base)
    config["freqai"] |= {"live_retrain_hours": 0.05, "expiration_hours": 1}
    return config
