"""README's "Use it in your own bot", to the letter, with ``freqtrade[freqai]`` and nothing else.

The bot lives outside the repository; its config is the one that ``freqtrade new-config`` writes.
Commands, folders and keys are read from the README. Only days and addresses differ: candles of a
few weeks, and Binance's addresses lead to the embedded exchange.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from freqtrade.configuration.deploy_config import deploy_new_config

from plainvenv import plain_venv
from project import ROOT
from regimeswitch_lab.exchange.market.visible_market import open_market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline.overlay import ccxt_options
from regimeswitch_lab.synthetic.market_command import synthetic_market, write_market


pytestmark = pytest.mark.slow

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAYS = 75
# Nothing is downloaded yet, and the password stands in the file.
EXPECTED_OF_DOCTOR = ["secrets.api", "candles.none"]
README = (ROOT / "README.md").read_text()
SECTION = README.partition("## Use it in your own bot\n")[2].partition("\n## ")[0]
USER, PASSWORD = "me", "a-password-of-this-test"
ANSWERS = {
    "dry_run": True,
    "stake_currency": "USDT",
    "stake_amount": '"unlimited"',
    "max_open_trades": 3,
    "timeframe": "",
    "fiat_display_currency": "",
    "exchange_name": "binance",
    "exchange_api_key": "",
    "exchange_secret": "",
    "trading_mode": "spot",
    "margin_mode": "",
    "telegram": False,
    "telegram_token": "",
    "telegram_chat_id": "",
    "api_server": True,
    "api_server_listen_addr": "127.0.0.1",
    "api_server_jwt_key": "of-this-test-alone-" + "x" * 32,
    "api_server_ws_token": "y" * 20,
    "api_server_username": USER,
    "api_server_password": PASSWORD,
}


@dataclass
class OwnBot:
    """A folder of a user's own, and the programs of a virtualenv of their own."""

    home: Path
    programs: Path
    port: int = 0

    def command(self, name: str) -> list[str]:
        """README's line for a freqtrade command, on a few weeks and on loopback."""
        (line,) = re.findall(rf"^(freqtrade {name} .*)$", SECTION, re.MULTILINE)
        words = shlex.split(line, comments=True)
        if "--timerange" in words:
            place = words.index("--timerange") + 1
            words[place] = days(2, 1) if words[place].endswith("01") else days(DAYS - 1)
        return [str(self.programs / words[0]), *words[1:], "--config", "loopback.json"]

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.programs}:/usr/bin:/bin", "HOME": str(self.home), "COLUMNS": "200"}

    def run(self, words: list[str], **environment: str) -> str:
        """The log of a command that must succeed."""
        done = subprocess.run(
            words,
            cwd=self.home,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        log = done.stdout + done.stderr
        assert done.returncode == 0, log[-3000:]
        return log

    def asked(self, path: str) -> Any:
        """The answer of the bot's API."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/{path}")
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


def days(begin: int, end: int | None = None) -> str:
    """A time range of whole days before today."""
    dates = [TODAY - timedelta(days=one) for one in (begin, end) if one is not None]
    return "-".join(f"{date:%Y%m%d}" for date in dates) + ("" if end is not None else "-")


def copied_config(home: Path) -> dict[str, Any]:
    """What new-config writes, with the parts of config.json that README names."""
    deploy_new_config(home / "config.json", dict(ANSWERS))
    config: dict[str, Any] = json.loads((home / "config.json").read_text())
    project = json.loads((ROOT / "config.json").read_text())
    words = SECTION.partition("2. Copy")[2].partition("\n\n")[0].partition("parts of it:")[2]
    names = re.findall(r"`([\w.]+)`", words)
    assert len(names) > 5
    for name in names:
        first, _, second = name.partition(".")
        if second:
            config[first][second] = project[first][second]
        else:
            config[first] = project[first]
    return config


@pytest.fixture(scope="module")
def own_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBot]:
    """README's steps done; the exchange is up."""
    home = tmp_path_factory.mktemp("own")
    candles = tmp_path_factory.mktemp("market")
    end = TODAY + timedelta(days=1)
    write_market(synthetic_market(["BTC/USDT", "ETH/USDT"], DAYS, end, seed=5), candles)
    names = re.findall(r"`(\w+)`", SECTION.partition("1. Copy ")[2].partition(" of ")[0])
    assert "regimeswitch" in names
    for name in names:
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "user_data" / name, home / "user_data" / name, ignore=leave)
    config = copied_config(home)
    # What is the user's own to choose: little to learn from, quickly, on a free port.
    config["freqai"] |= {
        "train_period_days": 8,
        "backtest_period_days": 1,
        "model_training_parameters": {"n_estimators": 10},
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        config["api_server"]["listen_port"] = free.getsockname()[1]
    (home / "config.json").write_text(json.dumps(config))
    (home / "config.json").chmod(0o600)
    with ExchangeServer(open_market(candles)) as server:
        ccxt = ccxt_options(server.url)
        names = ("ccxt_config", "ccxt_sync_config", "ccxt_async_config")
        loopback = {"exchange": {**dict.fromkeys(names, ccxt), "only_from_ccxt": True}}
        (home / "loopback.json").write_text(json.dumps(loopback))
        programs = plain_venv(tmp_path_factory.mktemp("venv"))
        yield OwnBot(home, programs, config["api_server"]["listen_port"])


def test_the_virtualenv_has_what_freqtrade_brings_and_nothing_of_ours(own_bot: OwnBot) -> None:
    there = ("freqtrade", "lightgbm")
    absent = ("regimeswitch", "regimeswitch_lab", "matplotlib", "time_machine", "optuna")
    names = (*there, *absent)
    code = f"from importlib.util import find_spec; print(*map(bool, map(find_spec, {names})))"
    python = [str(own_bot.programs / "python"), "-c", code]
    found = subprocess.run(python, capture_output=True, text=True, check=True, cwd=own_bot.home)
    assert found.stdout.split() == ["True"] * len(there) + ["False"] * len(absent)


def test_the_bot_s_package_does_without_the_lab(own_bot: OwnBot) -> None:
    assert not (own_bot.home / "user_data/regimeswitch_lab").exists()
    code = (
        "import importlib, pkgutil, sys, regimeswitch\n"
        "for found in pkgutil.walk_packages(regimeswitch.__path__, 'regimeswitch.'):\n"
        "    importlib.import_module(found.name)\n"
        "print(*[name for name in sys.modules if name.startswith('regimeswitch_lab')])"
    )
    path = str(own_bot.home / "user_data")
    assert own_bot.run([str(own_bot.programs / "python"), "-c", code], PYTHONPATH=path) == "\n"


def test_the_copied_bot_backtests_and_serves(own_bot: OwnBot) -> None:
    (doctor,) = re.findall(r"`PYTHONPATH=(\S+) (python .*?)`", SECTION)
    clone = doctor[0].replace("CLONE", str(ROOT))
    found = own_bot.run(shlex.split(doctor[1]), PYTHONPATH=clone)
    assert re.findall(r"^(?:serious|warning) (\S+)", found, re.MULTILINE) == EXPECTED_OF_DOCTOR

    own_bot.run(own_bot.command("download-data"))
    log = own_bot.run(own_bot.command("backtesting"))
    assert "raised exception" not in log
    assert "RegimeSwitchStrategy" in log
    assert list(own_bot.home.glob("user_data/models/*/sub-train-*/*_model.joblib"))

    log_file = own_bot.home / "trade.log"
    with log_file.open("w") as stream:
        bot = subprocess.Popen(
            own_bot.command("trade"),
            cwd=own_bot.home,
            env=own_bot.environment,
            stdout=stream,
            stderr=stream,
        )
    try:
        served = wait_until_served(own_bot, bot)
        assert own_bot.asked("show_config")["state"] == "running"
    finally:
        bot.send_signal(signal.SIGTERM)
        bot.wait(60)
    assert served, log_file.read_text()[-3000:]
    assert "raised exception" not in log_file.read_text()


def wait_until_served(own_bot: OwnBot, bot: subprocess.Popen[bytes]) -> bool:
    """Whether the last closed candle gets a prediction."""
    end = time.monotonic() + 240
    while bot.poll() is None and time.monotonic() < end:
        time.sleep(1)
        try:
            found = own_bot.asked("pair_candles?pair=BTC/USDT&timeframe=5m&limit=1")
        except OSError:
            continue
        last = dict(zip(found["columns"], found["data"][-1], strict=True)) if found["data"] else {}
        if last.get("do_predict") == 1:
            assert last["volatility_forecast"] > 0
            return True
    return False
