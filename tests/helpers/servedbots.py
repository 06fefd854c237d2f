"""A real dry-run bot with its API, under a moved clock, on the embedded exchange."""

from __future__ import annotations

import base64
import json
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import time_machine
from freqtrade.commands import Arguments
from freqtrade.configuration import Configuration
from freqtrade.enums import State
from freqtrade.worker import Worker

from project import ROOT
from regimeswitch_lab.exchange.market.visible_market import open_market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import overlay


LOGIN = ("reader", "of-this-test-alone")


class ServedBot:
    """The worker of ``freqtrade trade``; its API answers in a thread of its own."""

    def __init__(
        self, words: list[str], clock: time_machine.Traveller, begin: datetime, port: int
    ) -> None:
        self.clock, self.now, self.port = clock, begin, port
        self.clock.move_to(begin + timedelta(seconds=1))
        given = Arguments(words).get_parsed_arg()
        self.exchange = ""
        self.worker = Worker(given, Configuration(given, None).get_config())
        self._state: State | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def step(self, candles: int = 1) -> None:
        """One loop of the bot one second after a candle closed."""
        self.now += candles * timedelta(minutes=5)
        self.loop(self.now + timedelta(seconds=1))

    def loop(self, moment: datetime) -> None:
        """One loop of the bot at a moment."""
        self.clock.move_to(moment)
        self._state = self.worker._worker(old_state=self._state)
        if self._state == State.STOPPED:
            raise AssertionError("the bot has stopped")

    def frame(self, pair: str) -> pd.DataFrame:
        """The analysed candles, as the bot has them."""
        found, _ = self.worker.freqtrade.dataprovider.get_analyzed_dataframe(pair, "5m")
        return found

    def wait_for_training(self) -> None:
        drawer = self.worker.freqtrade.strategy.freqai.dd
        for _ in range(1200):
            if all(info["trained_timestamp"] for info in drawer.pair_dict.values()):
                return
            time.sleep(0.1)
        raise AssertionError("no training within two minutes")

    def answer(self, path: str, **query: Any) -> bytes:
        """The body of the API's answer."""
        return answer_of(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}")

    def close(self) -> None:
        if self.worker.freqtrade.config["freqai"]["enabled"]:
            self.worker.freqtrade.strategy.freqai._stop_event.set()
        self.worker.exit()


def answer_of(url: str) -> bytes:
    request = urllib.request.Request(url)
    token = base64.b64encode(":".join(LOGIN).encode()).decode()
    request.add_header("Authorization", f"Basic {token}")
    with urllib.request.urlopen(request, timeout=60) as found:
        return bytes(found.read())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def api_of(port: int) -> dict[str, Any]:
    """The section ``api_server`` of a bot that listens on loopback."""
    login = dict(zip(("username", "password"), LOGIN, strict=True))
    where = {"enabled": True, "listen_ip_address": "127.0.0.1", "listen_port": port}
    return where | login | {"jwt_secret_key": "k" * 40}


@contextmanager
def served_bot(
    folder: Path, candles: Path, begin: datetime, config: dict[str, Any]
) -> Iterator[ServedBot]:
    """A bot of the project's config and an overlay, from a moment on.

    :param folder: for its database, models and configs
    """
    port = free_port()
    with (
        pytest.MonkeyPatch.context() as patch,
        time_machine.travel(begin, tick=False) as clock,
        ExchangeServer(open_market(candles)) as server,
    ):
        patch.setattr(Worker, "_sleep", lambda worker, seconds: None)
        home = folder / "bot"
        home.mkdir()
        files = []
        parts = {"mine": config, "api": {"api_server": api_of(port)}}
        for name, content in (parts | {"offline": overlay(server.url)}).items():
            path = folder / f"{name}.json"
            path.write_text(json.dumps(content))
            files += ["--config", str(path)]
        words = [
            *("trade", "--config", str(ROOT / "config.json"), *files),
            *("--userdir", str(home), "--db-url", f"sqlite:///{home}/trades.sqlite"),
            *("--strategy-path", str(ROOT / "user_data/strategies")),
            *("--freqaimodel-path", str(ROOT / "user_data/freqaimodels")),
        ]
        bot = ServedBot(words, clock, begin, port)
        bot.exchange = server.url
        try:
            yield bot
        finally:
            bot.close()
