"""Run ``regimeswitch`` commands in a home of their own. Fixtures for all tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forked
from regimeswitch_lab.cli import main


CONFIG = {
    "stake_currency": "USDT",
    "stake_amount": 100,
    "max_open_trades": 2,
    "dry_run": True,
    "initial_state": "running",
    "exchange": {
        "name": "binance",
        "key": "a-key-that-must-not-be-used",
        "secret": "a-secret",
        "pair_whitelist": ["BTC/USDT", "ETH/USDT"],
        # A proxy that answers nothing: whoever uses it fails.
        "ccxt_async_config": {"aiohttp_proxy": "http://127.0.0.1:9"},
        "ccxt_sync_config": {"httpsProxy": "http://127.0.0.1:9"},
    },
    "pairlists": [{"method": "VolumePairList", "number_assets": 1, "sort_key": "quoteVolume"}],
    "entry_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "same", "use_order_book": True, "order_book_top": 1},
}


def exit_code(*words: object) -> int:
    """Exit code of a command of ours, run in this process; what it raises fails the test."""
    try:
        return main([str(word) for word in words])
    except SystemExit as ended:
        return int(str(ended.code))


def offline_walk(rows: int, price: float, seed: int) -> pd.DataFrame:
    """Five-minute candles as freqtrade stores them."""
    random = np.random.default_rng(seed)
    closes = np.round(price * np.exp(np.cumsum(random.normal(0, 0.002, rows))), 2)
    opens = np.concatenate([[price], closes[:-1]])
    highs, lows = np.maximum(opens, closes) + 0.5, np.minimum(opens, closes) - 0.5
    dates = pd.date_range("2026-01-01", periods=rows, freq="5min", tz="UTC").as_unit("ms")
    prices = {"open": opens, "high": highs, "low": lows, "close": closes}
    return pd.DataFrame({"date": dates, **prices, "volume": random.uniform(1, 50, rows).round(4)})


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("candles")
    offline_walk(288 * 6, 60_000.0, 1).to_feather(folder / "BTC_USDT-5m.feather")
    offline_walk(288 * 6, 3000.0, 2).to_feather(folder / "ETH_USDT-5m.feather")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A working directory with freqtrade's folders and a default configuration."""
    (tmp_path / "user_data" / "strategies").mkdir(parents=True)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "tmp").mkdir()
    return tmp_path


def start(home: Path, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    own = {
        "TMPDIR": str(home / "tmp"),
        # Rich cuts tables to the width of a terminal.
        "COLUMNS": "200",
    }
    return forked.Popen(
        [sys.executable, "-m", "regimeswitch_lab", *map(str, arguments)],
        cwd=home,
        env=os.environ | own | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        spares=1,
    )


def run(home: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    with start(home, *arguments, **environment) as process:
        output, errors = process.communicate(timeout=120)
    assert not list((home / "tmp").glob("regimeswitch-*")), "the overlay was left behind"
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def fake_freqtrade(home: Path, body: str) -> str:
    """A program named freqtrade that runs Python code of a test instead."""
    program = home / "bin" / "freqtrade"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!{sys.executable}\n{textwrap.dedent(body)}")
    program.chmod(0o755)
    return str(program)


def wait_for(path: Path) -> str:
    """The text of a file that another process is about to write."""
    for _ in range(300):
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{path} was not written")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that has ended but was not yet waited for still has its number.
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
