"""``regimeswitch wait``: freqtrade starts once its exchange answers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import forked
from exchanges import Clock
from plainvenv import plain_venv
from project import ROOT
from regimeswitch.bot.connection import silence
from regimeswitch.bot.connection.ban_file import BanFile
from regimeswitch_lab.cli import main
from regimeswitch_lab.exchange.faults.fault_rules import Fault
from regimeswitch_lab.exchange.faults.injection import Injection
from regimeswitch_lab.exchange.market.candle_store import CandleStore
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.offline import wait_command
from regimeswitch_lab.offline.overlay import ccxt_options
from regimeswitch_lab.offline.wait_command import BINANCE, ping_address, wait_for


@dataclass
class Steady:
    """The module ``time`` with a monotonic clock that goes by the pauses."""

    steady: float = 1_000.0

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return self.steady


@pytest.fixture
def failing(hand_made: Path, ticking: Clock) -> Iterator[ExchangeServer]:
    market = Market(CandleStore(hand_made), ticking)
    with ExchangeServer(market, faults=Injection(ticking)) as server:
        yield server


def test_it_goes_on_as_soon_as_the_exchange_answers(failing: ExchangeServer) -> None:
    assert failing.faults is not None
    failing.faults.set([Fault("502", times=2), Fault("reset", times=2)])
    lines: list[str] = []
    slept: list[float] = []
    assert wait_for(f"{failing.url}/api/v3/ping", 600, lines.append, slept.append)
    assert slept == [1, 2, 4, 8], lines
    assert "502" in lines[0]
    assert "answers after 15 s" in lines[-1]


def test_it_gives_up_after_the_time_that_is_set(failing: ExchangeServer) -> None:
    assert failing.faults is not None
    failing.faults.set([Fault("503")])
    lines: list[str] = []
    slept: list[float] = []
    assert not wait_for(f"{failing.url}/api/v3/ping", 20, lines.append, slept.append)
    assert sum(slept) == 20
    assert "giving up" in lines[-1]


def test_it_leaves_an_exchange_alone_that_asks_for_it(
    failing: ExchangeServer, ticking: Clock
) -> None:
    assert failing.faults is not None
    failing.faults.set([Fault("418", times=1, seconds=90)])

    def pause(seconds: float) -> None:
        ticking.now += int(seconds * 1000)

    assert wait_for(f"{failing.url}/api/v3/ping", 600, str, pause)
    assert failing.faults.during_ban == []


def test_a_ban_that_the_bot_before_got_is_waited_for_without_a_request(
    failing: ExchangeServer, ticking: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight requests of one start came during a ban, and made it longer."""
    assert failing.faults is not None
    failing.faults.set([Fault("418", times=1, seconds=900)])
    before = BanFile(tmp_path)
    before.write(failing.url.removeprefix("http://"), "418", 600)
    clock, slept = Steady(), []

    def pause(seconds: float) -> None:
        slept.append(seconds)
        clock.steady += seconds
        ticking.now += int(seconds * 1000)

    monkeypatch.setattr(silence, "time", clock)
    lines: list[str] = []
    bans = BanFile(tmp_path)
    # The ban turns out to be longer; nothing of it counts as the exchange being away.
    assert wait_for(f"{failing.url}/api/v3/ping", 0, lines.append, pause, bans)
    assert slept == [600, 900]
    assert failing.faults.during_ban == []
    assert "takes no requests until" in lines[0]
    assert json.loads(bans.path.read_text()) == {}


@pytest.mark.parametrize("seconds", [0.0, 20.0, -20.0])
def test_a_clock_that_is_off_is_reported_before_a_bot_ends_of_it(
    failing: ExchangeServer, ticking: Clock, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The exchange's clock stands still, and a machine may be slow.
    monkeypatch.setattr(wait_command, "SIGNED_SECONDS", 10.0)
    assert failing.faults is not None
    ticking.now = int(time.time() * 1000)
    failing.faults.set([Fault("drift", seconds=seconds)])
    lines: list[str] = []
    assert wait_for(f"{failing.url}/api/v3/ping", 600, lines.append)
    sign = "-" if seconds > 0 else "+"
    assert [f"by {sign}" in line for line in lines] == ([True] if seconds else [])


def test_pauses_grow_where_the_firewall_refuses(
    failing: ExchangeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert failing.faults is not None
    failing.faults.set([Fault("403", times=4)])
    clock, slept = Steady(), []

    def pause(seconds: float) -> None:
        slept.append(round(seconds))
        clock.steady += seconds

    monkeypatch.setattr(silence, "time", clock)
    assert wait_for(f"{failing.url}/api/v3/ping", 600, str, pause, BanFile(tmp_path))
    assert slept == [10, 20, 40, 80]


@pytest.mark.slow
def test_the_waiting_command_runs_with_what_freqtrade_brings(
    failing: ExchangeServer, tmp_path: Path
) -> None:
    """As docker-compose starts it: no installed command, the package beside the strategies."""
    program = plain_venv(tmp_path / "venv") / "python"
    config = tmp_path / "config.json"
    exchange = {"name": "binance", "ccxt_config": ccxt_options(failing.url)}
    config.write_text(json.dumps({"exchange": exchange}))
    words = ["-m", "regimeswitch_lab", "wait", "--", "freqtrade", "--version"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["bot"]
    assert compose["entrypoint"][1:] == words[:-1]
    assert compose["environment"]["PYTHONPATH"] == "/freqtrade/user_data"
    words = [*words[:-1], "show-config", "--config", str(config)]
    done = subprocess.run(
        [str(program), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
        env={"PATH": f"{program.parent}:/usr/bin:/bin", "PYTHONPATH": str(ROOT / "user_data")},
    )
    assert "- freqtrade - INFO - freqtrade 20" in done.stdout + done.stderr


def test_the_address_is_the_one_that_the_config_names(failing: ExchangeServer) -> None:
    assert ping_address({"exchange": {"name": "binance"}}) == f"{BINANCE}/ping"
    config = {"exchange": {"ccxt_config": ccxt_options(failing.url)}}
    assert ping_address(config) == f"{failing.url}/api/v3/ping"


@pytest.mark.parametrize("name", ["binance", "okx"])
def test_another_exchange_than_binance_is_not_waited_for(
    name: str, failing: ExchangeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bot of another exchange would wait for one that it does not need."""
    started: list[str] = []
    monkeypatch.setattr("os.execv", lambda program, words: started.append(words[1]))
    assert failing.faults is not None
    failing.faults.set([Fault("503")])
    config = tmp_path / "config.json"
    exchange = {"name": name, "ccxt_config": ccxt_options(failing.url)}
    safety = {"safety": {"start_wait_minutes": 0}}
    config.write_text(json.dumps({"exchange": exchange, "regimeswitch": safety}))
    main(["wait", "--", "freqtrade", "trade", "--config", str(config)])
    assert started == ([] if name == "binance" else ["trade"])


@pytest.mark.slow
@pytest.mark.parametrize("away", [False, True])
def test_the_command_runs_freqtrade_or_says_why_not(
    failing: ExchangeServer, tmp_path: Path, away: bool
) -> None:
    if away:
        assert failing.faults is not None
        failing.faults.set([Fault("503")])
    config = tmp_path / "config.json"
    exchange = {"name": "binance", "ccxt_config": ccxt_options(failing.url)}
    safety = {"safety": {"start_wait_minutes": 0}}
    config.write_text(json.dumps({"exchange": exchange, "regimeswitch": safety}))
    words = ["freqtrade", "show-config", "--config", str(config)]
    done = forked.run(
        [sys.executable, "-m", "regimeswitch_lab", "wait", "--", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=tmp_path,
    )
    if away:
        assert (done.returncode, "giving up" in done.stderr) == (1, True)
    else:
        assert "- freqtrade - INFO - freqtrade 20" in done.stdout + done.stderr
