"""``regimeswitch ui``: the web server on finished backtests, for this machine alone."""

from __future__ import annotations

import base64
import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import forked
from project import ROOT
from regimeswitch_lab.cli import main
from regimeswitch_lab.offline import ui_command
from reported import Result


# freqtrade itself uses what pandas is going to drop.
pytestmark = pytest.mark.filterwarnings("default")

CONFIG = str(ROOT / "config.json")


def asked(url: str, path: str, password: str) -> Any:
    """The answer of the server's API, once it is up."""
    request = urllib.request.Request(f"{url}/api/v1/{path}")
    token = base64.b64encode(f"regimeswitch:{password}".encode()).decode()
    request.add_header("Authorization", f"Basic {token}")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def once_up(url: str, process: subprocess.Popen[str]) -> str:
    """The page at the root, when the server answers."""
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{url}/backtest", timeout=5) as answer:
                return answer.read().decode()
        except urllib.error.URLError:
            time.sleep(0.3)
    raise AssertionError("the web server did not come up")


def test_the_web_server_has_the_last_backtest_and_ends_at_a_signal(
    result: Result, tmp_path: Path
) -> None:
    line = [sys.executable, "-m", "regimeswitch_lab", "ui", "--no-browser", "--api-port", "0"]
    line += ["--config", CONFIG, "--datadir", str(result.market)]
    line += ["--userdir", str(result.path.parents[1])]
    log = tmp_path / "log"
    with log.open("w") as stream:
        process = forked.Popen(
            line, stdout=stream, stderr=stream, text=True, cwd=tmp_path, spares=1
        )
    try:
        while "API on" not in log.read_text() and process.poll() is None:
            time.sleep(0.1)
        found = re.search(r"API on (http://127\.0\.0\.1:\d+),.*password (\S+)", log.read_text())
        assert found, log.read_text()
        page = once_up(found[1], process)
        history = asked(found[1], "backtest/history", found[2])
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
    assert code == 0, log.read_text()
    assert [one["filename"] for one in history] == [result.path.stem]
    assert "FreqUI" in page or "<html" in page
    said = log.read_text()
    if ui_command.installed():
        assert f"{found[1]}/backtest, Load Results: {result.path.name}" in said
    else:
        assert f"regimeswitch: {ui_command.NOT_INSTALLED}\n" in said


def test_freqtrade_installs_its_page_where_it_is_looked_for() -> None:
    from freqtrade.commands import deploy_commands

    assert "rpc/api_server/ui/installed/" in Path(deploy_commands.__file__).read_text()


def test_what_is_said_where_the_page_is_installed(
    result: Result,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ui_command, "installed", lambda: True)
    ui_command.announce_view("http://here/backtest", result.path.parents[1])
    ui_command.announce_view("http://here/backtest", tmp_path)
    assert capsys.readouterr().err == (
        f"regimeswitch: http://here/backtest, Load Results: {result.path.name}\n"
        "regimeswitch: http://here/backtest; no backtest yet: make backtest\n"
    )


def test_a_folder_that_is_not_there_and_a_port_that_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ui", "--config", CONFIG, "--datadir", str(tmp_path)]
    assert main([*words, "--userdir", str(tmp_path / "none"), "--api-port", "0"]) == 2
    assert capsys.readouterr().err == f"regimeswitch ui: {tmp_path / 'none'} does not exist\n"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main([*words, "--userdir", str(tmp_path), "--api-port", str(port)]) == 2
    assert f"port {port} on 127.0.0.1 is taken" in capsys.readouterr().err
