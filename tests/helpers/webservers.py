"""``freqtrade webserver`` on stored candles, and its answers as frames."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

import forked
from project import ROOT


LOGIN = ("viewer", "of-this-test-alone")


@contextmanager
def webserver(market: Path, home: Path) -> Iterator[tuple[Callable[..., Any], psutil.Process]]:
    """``freqtrade webserver`` on the files of a backtest: asks its API; and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = {"enabled": True, "listen_ip_address": "127.0.0.1", "listen_port": port}
    api |= dict(zip(("username", "password"), LOGIN, strict=True)) | {"jwt_secret_key": "k" * 32}
    folders = {
        f"{name}_path": str(ROOT / "user_data" / folder)
        for name, folder in (("strategy", "strategies"), ("freqaimodel", "freqaimodels"))
    }
    (home / "api.json").write_text(json.dumps({"api_server": api} | folders))
    command = [
        *(sys.executable, "-m", "regimeswitch_lab", "offline", "--candles", str(market)),
        *("--", "freqtrade", "webserver", "--userdir", str(home / "user_data")),
        *("--datadir", str(market)),
    ]
    for path in (ROOT / "config.json", home / "overlay.json", home / "api.json"):
        command += ["--config", str(path)]

    def ask(path: str, **query: str) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(url)
        token = base64.b64encode(":".join(LOGIN).encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    with (home / "webserver.log").open("wb") as log:
        process = forked.Popen(command, stdout=log, stderr=log, env=os.environ, spares=1)
        try:
            for _ in range(1800):
                try:
                    ask("ping")
                    break
                except urllib.error.URLError:
                    assert process.poll() is None, (home / "webserver.log").read_text()
                    time.sleep(0.1)
            (child,) = psutil.Process(process.pid).children()
            yield ask, child
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            finally:
                process.kill()


def chart_of(answer: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(answer["data"], columns=answer["columns"])
    return frame.assign(date=pd.to_datetime(frame["date"], utc=True)).set_index("date")
