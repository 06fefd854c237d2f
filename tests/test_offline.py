"""``regimeswitch offline`` and ``exchange`` as a user runs them: processes, exit codes, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path

import ccxt
import numpy as np
import pandas as pd
import pytest
from freqtrade.commands.arguments import NO_CONF_REQURIED

from regimeswitch.candles import resample
from regimeswitch.lab.freqtradeargs import UsageError, read_call
from regimeswitch.lab.overlay import API_PATHS, ccxt_options, child_environment, overlay


PACKAGE_HOME = Path(__file__).resolve().parents[1] / "user_data"
# The command line, made of the two commands alone.
RUNNER = """
import argparse, sys
from regimeswitch.lab import offline, serve
parser = argparse.ArgumentParser(prog="regimeswitch")
commands = parser.add_subparsers(required=True)
offline.add_parser(commands)
serve.add_parser(commands)
args = parser.parse_args()
sys.exit(args.run(args))
"""
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


def random_walk(rows: int, price: float, seed: int) -> pd.DataFrame:
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
    random_walk(288 * 6, 60_000.0, 1).to_feather(folder / "BTC_USDT-5m.feather")
    random_walk(288 * 6, 3000.0, 2).to_feather(folder / "ETH_USDT-5m.feather")
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
        "PYTHONPATH": str(PACKAGE_HOME),
        "TMPDIR": str(home / "tmp"),
        # Rich cuts tables to the width of a terminal.
        "COLUMNS": "200",
    }
    return subprocess.Popen(
        [sys.executable, "-c", RUNNER, *map(str, arguments)],
        cwd=home,
        env=os.environ | own | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
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


@pytest.mark.parametrize("code", [0, 1, 2])
def test_exit_code_is_passed_through(home: Path, candles: Path, code: int) -> None:
    program = fake_freqtrade(home, f"import sys; print('own output'); sys.exit({code})")
    found = run(home, "offline", "--candles", candles, "--", program, "trade")
    assert found.returncode == code
    assert found.stdout == "own output\n"
    assert found.stderr.startswith(f"regimeswitch: 2 pairs of {candles} on http://127.0.0.1:")
    assert found.stderr.count("\n") == 1


def test_child_sees_loopback_only(home: Path, candles: Path) -> None:
    program = fake_freqtrade(
        home,
        """
        import json, os, pathlib, stat, sys, urllib.request
        path = pathlib.Path(sys.argv[-1])
        config = json.loads(path.read_text())
        public = config["exchange"]["ccxt_config"]["urls"]["api"]["public"]
        with urllib.request.urlopen(public + "/exchangeInfo") as response:
            symbols = [one["symbol"] for one in json.load(response)["symbols"]]
        modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent)]
        names = [name for name in os.environ if "proxy" in name.lower() or "FREQTRADE" in name]
        print(json.dumps([sys.argv[1:], config, symbols, modes, sorted(names)]))
        """,
    )
    found = run(
        home,
        *("offline", "--candles", candles, "--", program, "backtesting", "-s", "Any"),
        HTTPS_PROXY="http://127.0.0.1:9",
        all_proxy="http://127.0.0.1:9",
        FREQTRADE__EXCHANGE__NAME="kraken",
        FREQTRADE__EXCHANGE__PAIR_WHITELIST='["BTC/USDT"]',
    )
    assert found.returncode == 0, found.stderr
    arguments, config, symbols, modes, names = json.loads(found.stdout)
    assert arguments[:5] == ["backtesting", "-s", "Any", "--config", "config.json"]
    assert arguments[5] == "--config"
    assert symbols == ["BTCUSDT", "ETHUSDT"]
    assert modes == [0o600, 0o700]
    assert names == ["FREQTRADE__EXCHANGE__PAIR_WHITELIST", "NO_PROXY", "no_proxy"]
    exchange = config["exchange"]
    assert (exchange["name"], exchange["key"], exchange["secret"]) == ("binance", "", "")
    assert exchange["enable_ws"] is False
    assert exchange["only_from_ccxt"] is True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_reaches_the_child_once_and_leaves_nothing(
    home: Path, candles: Path, number: signal.Signals
) -> None:
    program = fake_freqtrade(
        home,
        """
        import os, pathlib, signal, subprocess, sys, time
        got = []
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda number, frame: got.append(number))
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pathlib.Path("pids").write_text(f"{os.getpid()} {grandchild.pid}")
        while not got:
            time.sleep(0.02)
        time.sleep(0.3)
        sys.exit(40 + len(got))
        """,
    )
    with start(home, "offline", "--candles", candles, "--", program, "trade") as process:
        pids = [int(pid) for pid in wait_for(home / "pids").split()]
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == 41
    assert [pid for pid in pids if is_running(pid)] == []
    assert not list((home / "tmp").glob("regimeswitch-*"))


def test_child_ended_by_a_signal(home: Path, candles: Path) -> None:
    program = fake_freqtrade(home, "import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    found = run(home, "offline", "--candles", candles, "--", program, "trade")
    assert found.returncode == 128 + signal.SIGTERM


def test_other_program_finds_the_overlay(home: Path, candles: Path) -> None:
    code = "import os, json; print(json.load(open(os.environ['REGIMESWITCH_OVERLAY'])).keys())"
    found = run(
        home, "offline", "--candles", candles, "--", sys.executable, "-W", "ignore", "-c", code
    )
    assert found.stdout == "dict_keys(['exchange'])\n", found.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--candles", "none", "--", "freqtrade", "trade"], "candle folder none does not exist"),
        (["--candles", "tmp", "--", "freqtrade", "trade"], "candle folder tmp has no candles"),
        (["--", "freqtrade", "trade"], "user_data/data/binance does not exist"),
        (["--", "freqtrade", "trade", "-d", "mine"], "candle folder mine does not exist"),
        (["--", "no-such-program"], "program 'no-such-program' was not found"),
        ([], "no command given"),
        (["--", "freqtrade", "backtesting", "--bogus"], "unrecognized arguments: --bogus"),
        (["--", "freqtrade", "trade", "--config", "-"], "put the configuration in a file"),
        (["--", "freqtrade", "list-markets", "--exchange", "kraken"], "only binance can"),
        (
            ["--candles", "x", "--", "freqtrade", "download-data", "--datadir", "./x"],
            "the folder that is being served",
        ),
    ],
)
def test_bad_usage_is_one_clear_error(home: Path, arguments: list[str], text: str) -> None:
    found = run(home, "offline", *arguments)
    assert found.returncode == 2
    assert text in found.stderr
    assert found.stderr.startswith("regimeswitch offline: ")
    assert "Traceback" not in found.stderr
    assert found.stdout == ""


def test_default_configuration_is_the_one_freqtrade_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    last = Path("overlay.json")
    assert read_call(["list-markets"]).with_overlay(last)[1:] == ["--config", "overlay.json"]
    assert read_call(["list-markets"]).configs == []
    # Where a configuration is required, freqtrade itself says that there is none.
    assert read_call(["trade"]).with_overlay(last)[1:3] == ["--config", "config.json"]
    Path("config.json").write_text("{}")
    assert read_call(["list-markets"]).with_overlay(last)[1:3] == ["--config", "config.json"]
    Path("user_data").mkdir()
    Path("user_data/config.json").write_text("{}")
    assert read_call(["trade"]).with_overlay(last)[1:3] == ["--config", "user_data/config.json"]
    given = ["trade", "--conf", "mine.json", "-cyours.json"]
    assert read_call(given).with_overlay(last) == [*given, "--config", "overlay.json"]


def test_which_subcommands_take_the_overlay() -> None:
    without = ("create-userdir", "new-strategy", "convert-db", "install-ui")
    for subcommand in (*without, "new-config"):
        assert not read_call([subcommand]).takes_overlay, subcommand
    required = ("trade", "backtesting", "hyperopt", "lookahead-analysis", "test-pairlist")
    formats = ["--format-from", "feather", "--format-to", "json"]
    # freqtrade's list names a command that it no longer has.
    for subcommand in {*required, *NO_CONF_REQURIED} - {"backtest-filter"}:
        extra = formats if subcommand.startswith("convert-") else []
        expected = subcommand not in without
        assert read_call([subcommand, *extra]).takes_overlay == expected, subcommand
    for asked in (["--version"], ["--help"], ["backtesting", "--help"], ["trade", "-V"], []):
        assert not read_call(asked).takes_overlay, asked
    with pytest.raises(UsageError, match="invalid choice"):
        read_call(["no-such-command"])


def test_overlay_is_whole_where_there_is_no_other_configuration() -> None:
    assert set(overlay("http://127.0.0.1:1")) == {"exchange"}
    assert overlay("http://127.0.0.1:1", whole=True)["dry_run"] is True


def test_every_address_and_proxy_of_ccxt_is_replaced() -> None:
    client = ccxt.binance()
    known = {name for name in client.urls["api"] if name != "ws"}
    assert known == set(API_PATHS)
    options = ccxt_options("http://127.0.0.1:9")
    replaced = ccxt.binance(options).urls["api"]
    assert all(replaced[name].startswith("http://127.0.0.1:9/") for name in known)
    # Websockets and functions apart, which a configuration cannot switch on.
    proxies = {name for name in dir(client) if re.search("proxy|proxies", name, re.IGNORECASE)}
    proxies = {name for name in proxies if getattr(client, name) is None}
    proxies = {name for name in proxies if not re.match("wss?_?[A-Zps]|.*[cC]allback", name)}
    unused = {"socks_proxy_sessions", "socksProxySessions", "aiohttpProxy"}
    assert proxies - unused <= set(options)


def test_environment_keeps_what_is_not_about_the_exchange() -> None:
    given = {"PATH": "/bin", "FREQTRADE__DRY_RUN": "true", "FREQTRADE__EXCHANGE__KEY": "k"}
    kept = {"PATH": "/bin", "FREQTRADE__DRY_RUN": "true", "no_proxy": "*", "NO_PROXY": "*"}
    assert child_environment(given) == kept


def test_exchange_alone_until_it_is_told_to_stop(home: Path, candles: Path) -> None:
    command = ("exchange", "--candles", candles, "--port", 0, "--shift-to-now")
    with start(home, *command) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.split()[-1]
        with urllib.request.urlopen(f"{url}/api/v3/klines?symbol=BTCUSDT&interval=5m") as answer:
            rows = json.load(answer)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "", "")
    assert line.startswith("regimeswitch: 2 pairs of ")
    assert abs(rows[-1][0] / 1000 - time.time()) < 360


def test_exchange_alone_names_a_missing_folder(home: Path) -> None:
    found = run(home, "exchange", "--candles", "none")
    assert found.returncode == 2
    assert "candle folder none does not exist" in found.stderr


@pytest.mark.slow
def test_freqtrade_version_needs_no_candles(home: Path) -> None:
    found = run(home, "offline", "--", "freqtrade", "--version", PATH="/usr/bin:/bin")
    assert found.returncode == 0, found.stderr
    assert "CCXT Version" in found.stdout


@pytest.mark.slow
def test_freqtrade_list_markets(home: Path, candles: Path) -> None:
    found = run(
        home, "offline", "--candles", candles, "--", "freqtrade", "list-pairs", "--print-json"
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout.splitlines()[-1]) == ["BTC/USDT", "ETH/USDT"]
    (home / "config.json").unlink()
    found = run(home, "offline", "--candles", candles, "--", "freqtrade", "list-markets", "-1")
    assert found.returncode == 0, found.stderr
    assert found.stdout.split()[-2:] == ["BTC/USDT", "ETH/USDT"]


@pytest.mark.slow
def test_freqtrade_test_pairlist(home: Path, candles: Path) -> None:
    command = ("freqtrade", "test-pairlist", "--print-json")
    found = run(home, "offline", "--candles", candles, "--", *command)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout.splitlines()[-1]) == ["BTC/USDT"]


@pytest.mark.slow
def test_freqtrade_downloads_the_source_rows(home: Path, candles: Path) -> None:
    command = (
        "freqtrade",
        "download-data",
        "--datadir",
        "copy",
        "--timerange",
        "20260101-20260107",
    )
    timeframes = ("--timeframes", "5m", "1h", "1d", "--pairs", "BTC/USDT", "ETH/USDT")
    found = run(home, "offline", "--candles", candles, "--", *command, *timeframes)
    assert found.returncode == 0, found.stderr
    for pair in ("BTC_USDT", "ETH_USDT"):
        source = pd.read_feather(candles / f"{pair}-5m.feather")
        assert str(source["date"].dtype) == "datetime64[ms, UTC]"
        for timeframe, expected in {
            "5m": source,
            "1h": resample(source, "1h"),
            "1d": resample(source, "1d"),
        }.items():
            copy = pd.read_feather(home / "copy" / f"{pair}-{timeframe}.feather")
            assert len(copy) == len(expected)
            for frame in (copy, expected):
                # The unit depends on the way freqtrade came to the frame.
                frame["date"] = frame["date"].dt.as_unit("ms")
            pd.testing.assert_frame_equal(copy, expected)


@pytest.mark.slow
def test_freqtrade_backtests_and_errors_pass_through(home: Path, candles: Path) -> None:
    (home / "user_data" / "strategies" / "Plain.py").write_text(
        textwrap.dedent(
            """
            from freqtrade.strategy import IStrategy
            class Plain(IStrategy):
                timeframe = "5m"
                stoploss = -0.1
                def populate_indicators(self, df, metadata):
                    return df
                def populate_entry_trend(self, df, metadata):
                    df.loc[df["close"] > df["open"], "enter_long"] = 1
                    return df
                def populate_exit_trend(self, df, metadata):
                    df.loc[df["close"] < df["open"], "exit_long"] = 1
                    return df
            """
        )
    )
    config = CONFIG | {"pairlists": [{"method": "StaticPairList"}]}
    (home / "static.json").write_text(json.dumps(config))
    # The candles to serve are those of --datadir when nothing else is said.
    common = ("backtesting", "-c", "static.json", "--datadir", candles, "--cache", "none")
    found = run(home, "offline", "--", "freqtrade", *common, "-s", "Plain")
    assert found.returncode == 0, found.stderr
    assert "BACKTESTING REPORT" in found.stdout
    found = run(home, "offline", "--", "freqtrade", *common, "-s", "Missing")
    assert found.returncode == 2
    assert "Missing" in found.stderr
