"""``regimeswitch offline`` and ``exchange`` as a user runs them: processes, exit codes, signals."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
import urllib.request
from pathlib import Path

import ccxt
import pytest
from freqtrade.commands.arguments import NO_CONF_REQURIED

from offlines import CONFIG, fake_freqtrade, is_running, run, start, wait_for
from regimeswitch_lab.cli import main
from regimeswitch_lab.offline.freqtrade_arguments import UsageError, read_call
from regimeswitch_lab.offline.overlay import API_PATHS, ccxt_options, child_environment, overlay


@pytest.mark.parametrize("code", [0, 1, 2])
def test_exit_code_is_passed_through(home: Path, candles: Path, code: int) -> None:
    program = fake_freqtrade(home, f"import sys; print('own output'); sys.exit({code})")
    found = run(home, "offline", "--datadir", candles, "--", program, "trade")
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
        *("offline", "--datadir", candles, "--", program, "backtesting", "-s", "Any"),
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
    with start(home, "offline", "--datadir", candles, "--", program, "trade") as process:
        pids = [int(pid) for pid in wait_for(home / "pids").split()]
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == 41
    assert [pid for pid in pids if is_running(pid)] == []
    assert not list((home / "tmp").glob("regimeswitch-*"))


def test_child_ended_by_a_signal(home: Path, candles: Path) -> None:
    program = fake_freqtrade(home, "import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    found = run(home, "offline", "--datadir", candles, "--", program, "trade")
    assert found.returncode == 128 + signal.SIGTERM


def test_other_program_finds_the_overlay(home: Path, candles: Path) -> None:
    code = "import os, json; print(json.load(open(os.environ['REGIMESWITCH_OVERLAY'])).keys())"
    found = run(
        home, "offline", "--datadir", candles, "--", sys.executable, "-W", "ignore", "-c", code
    )
    assert found.stdout == "dict_keys(['exchange'])\n", found.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--datadir", "none", "--", "freqtrade", "trade"], "candle folder none does not exist"),
        (["--datadir", "tmp", "--", "freqtrade", "trade"], "candle folder tmp has no candles"),
        (["--", "freqtrade", "trade"], "user_data/data/binance does not exist"),
        (["--", "freqtrade", "trade", "-d", "mine"], "candle folder mine does not exist"),
        (["--", "no-such-program"], "program 'no-such-program' was not found"),
        ([], "no command given"),
        (["--", "freqtrade", "backtesting", "--bogus"], "unrecognized arguments: --bogus"),
        (["--", "freqtrade", "trade", "--config", "-"], "put the configuration in a file"),
        (["--", "freqtrade", "list-markets", "--exchange", "kraken"], "only binance can"),
        (
            ["--datadir", "x", "--", "freqtrade", "download-data", "--datadir", "./x"],
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


STATIC = {"pairlists": [{"method": "StaticPairList"}]}


@pytest.mark.parametrize(
    ("change", "more", "words"),
    [
        ({"trading_mode": "futures"}, [], ('trading_mode: "futures"', 'Set it to "spot"')),
        ({"trading_mode": "futures", "margin_mode": "isolated"}, [], ("spot exchange",)),
        ({"stake_currency": "EUR"}, [], ('stake_currency: "EUR"', "allowed: USDT")),
        (STATIC, ["--pairs", "SOL/USDT"], ("no candles of SOL/USDT", "BTC/USDT, ETH/USDT")),
        (STATIC, ["--pairs", "BTC/USDT:USDT"], ("no candles of BTC/USDT:USDT",)),
    ],
)
def test_what_is_not_served_is_refused_by_name(
    home: Path,
    candles: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    change: dict[str, object],
    more: list[str],
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(home)
    Path("config.json").write_text(json.dumps(CONFIG | change))
    program = fake_freqtrade(home, "print('started')")
    assert main(["offline", "--datadir", str(candles), "--", program, "backtesting", *more]) == 2
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.startswith("regimeswitch offline: ")
    for word in words:
        assert word in told.err


def test_a_trading_mode_counts_wherever_it_is_said(
    home: Path,
    candles: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(home)
    program = fake_freqtrade(home, "print('started')")
    offline = ("offline", "--datadir", str(candles), "--", program)
    assert main([*offline, "list-markets", "--trading-mode", "futures"]) == 2
    Path("config.json").write_text(json.dumps(CONFIG | STATIC))
    capfd.readouterr()
    assert main([*offline, "backtesting", "--pairs", "SOL/USDT", "BTC/USDT"]) == 0
    told = capfd.readouterr()
    assert told.out == "started\n"
    assert told.err.startswith("regimeswitch: no candles of SOL/USDT: left out\n")
    monkeypatch.setenv("FREQTRADE__TRADING_MODE", "futures")
    assert main([*offline, "trade"]) == 2


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


def test_exchange_alone_until_it_is_stopped(home: Path, candles: Path) -> None:
    command = ("exchange", "--datadir", candles, "--port", 0, "--shift-to-now")
    with start(home, *command) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.split()[-1]
        with urllib.request.urlopen(f"{url}/api/v3/klines?symbol=BTCUSDT&interval=5m") as answer:
            rows = json.load(answer)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "")
    assert errors == "regimeswitch exchange: stopped by SIGTERM; nothing had to be kept\n"
    assert line.startswith("regimeswitch: 2 pairs of ")
    assert abs(rows[-1][0] / 1000 - time.time()) < 360


def test_exchange_alone_names_a_missing_folder(home: Path) -> None:
    found = run(home, "exchange", "--datadir", "none")
    assert found.returncode == 2
    assert "candle folder none does not exist" in found.stderr
