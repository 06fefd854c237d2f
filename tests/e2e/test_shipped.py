"""The files as they are shipped: a bot starts, trains and serves with nothing added to them.

On top comes only what points the exchange's addresses to loopback.
"""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
import yaml
from freqtrade.commands import Arguments
from freqtrade.configuration import Configuration
from freqtrade.enums import State
from freqtrade.worker import Worker

from project import MARKET_END, ROOT
from regimeswitch_lab.exchange.market.visible_market import open_market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import overlay


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]

START = MARKET_END - timedelta(days=2)
CANDLE = timedelta(minutes=5)
# What a user of the compose file writes into .env.
SECRETS = {
    "REGIMESWITCH_API_PASSWORD": "of-this-test-alone",
    "REGIMESWITCH_JWT_SECRET": "only-for-this-test-and-long-enough-for-it",
}


def compose_service() -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return dict(content["services"]["bot"])


def substituted(value: str) -> str:
    """A value with its variables filled in, as ``docker compose`` does."""

    def found(match: re.Match[str]) -> str:
        name, _, default = match[1].partition(":")
        return SECRETS.get(name, default[1:] if default.startswith("-") else "")

    return re.sub(r"\$\{([^}]+)\}", found, value)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def in_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command of the compose file in its environment; the image's folders lie in tmp_path.

    Two values differ from the container's: the API listens on loopback, on a free port.
    """
    service = compose_service()
    for name in list(os.environ):
        if name.startswith("FREQTRADE__"):
            monkeypatch.delenv(name)
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, substituted(value))
    monkeypatch.setenv("FREQTRADE__API_SERVER__LISTEN_IP_ADDRESS", "127.0.0.1")
    monkeypatch.setenv("FREQTRADE__API_SERVER__LISTEN_PORT", str(free_port()))
    image = tmp_path / "freqtrade"
    (image / "user_data").mkdir(parents=True)
    for volume in service["volumes"]:
        source, target = volume.split(":")[:2]
        inside = tmp_path / target.removeprefix("/")
        if (ROOT / source).is_dir():
            # The code alone: candles, models and trades of a bot that runs here are not touched.
            for name in ("strategies", "freqaimodels", "hyperopts", "regimeswitch"):
                (inside / name).symlink_to(ROOT / source / name)
        else:
            inside.symlink_to(ROOT / source)
    monkeypatch.chdir(image)
    return [word.replace("/freqtrade/", f"{image}/") for word in service["command"]]


@pytest.fixture
def worker(
    in_container: list[str], market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Worker, time_machine.Traveller]]:
    """The worker of ``freqtrade trade`` under a moved clock."""
    monkeypatch.setattr(Worker, "_sleep", lambda worker, seconds: None)
    with (
        time_machine.travel(START + timedelta(seconds=1), tick=False) as clock,
        ExchangeServer(open_market(market)) as server,
    ):
        path = tmp_path / "loopback.json"
        path.write_text(json.dumps(overlay(server.url)))
        given = Arguments([*in_container, "--config", str(path)]).get_parsed_arg()
        running = Worker(given, Configuration(given, None).get_config())
        try:
            yield running, clock
        finally:
            running.freqtrade.strategy.freqai._stop_event.set()
            running.exit()


def asked(worker: Worker, path: str) -> Any:
    api = worker._config["api_server"]
    login = f"{api['username']}:{api['password']}".encode()
    request = urllib.request.Request(f"http://127.0.0.1:{api['listen_port']}/api/v1/{path}")
    request.add_header("Authorization", f"Basic {base64.b64encode(login).decode()}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_compose_file_and_config_start_train_and_serve(
    worker: tuple[Worker, time_machine.Traveller], caplog: pytest.LogCaptureFixture
) -> None:
    running, clock = worker
    state = running._worker(old_state=None)
    assert state == State.RUNNING
    assert asked(running, "show_config")["state"] == "running"
    bot = running.freqtrade
    drawer = bot.strategy.freqai.dd
    for _ in range(2400):
        if all(info["trained_timestamp"] for info in drawer.pair_dict.values()):
            break
        time.sleep(0.1)
    clock.move_to(START + CANDLE + timedelta(seconds=1))
    assert running._worker(old_state=state) == State.RUNNING
    for pair in ("BTC/USDT", "ETH/USDT"):
        frame, _ = bot.dataprovider.get_analyzed_dataframe(pair, "5m")
        last = frame.iloc[-1]
        assert last["date"] == START
        assert last["do_predict"] == 1
        assert last["volatility_forecast"] > 0
        assert last["regime"] in ("bull", "bear", "sideways")
    candles = asked(running, "pair_candles?pair=BTC%2FUSDT&timeframe=5m&limit=1")
    assert candles["data"][-1][candles["columns"].index("do_predict")] == 1
    assert "raised exception" not in caplog.text


def test_the_plain_config_says_running() -> None:
    given = {"config": [str(ROOT / "config.json")]}
    config = Configuration(given, None).get_config()
    assert State[config["initial_state"].upper()] == State.RUNNING
    assert config["dry_run"] is True
