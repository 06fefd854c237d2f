"""The account's state file, and the commands that open an account."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import ccxt
import pytest

from offlines import CONFIG, fake_freqtrade, run, start
from regimeswitch_lab.commands import serve_command
from regimeswitch_lab.exchange.account.account_file import StateFile, StateFileError
from regimeswitch_lab.offline import offline_command
from regimeswitch_lab.offline.overlay import ccxt_options, child_environment
from regimeswitch_lab.offline.venue import open_venue, read_balance


@contextmanager
def exchange(
    home: Path, candles: Path, *arguments: object
) -> Iterator[tuple[subprocess.Popen[str], ccxt.binance]]:
    """``regimeswitch exchange`` and a client with the keys that it prints."""
    command = ("exchange", "--datadir", candles, "--port", 0, "--shift-to-now", *arguments)
    with start(home, *command) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        found = re.match(r"regimeswitch: key (\w+) secret (\w+)$", process.stdout.readline())
        assert found
        client = ccxt.binance({**ccxt_options(url), "apiKey": found[1], "secret": found[2]})
        try:
            yield process, client
        finally:
            client.session.close()
            process.kill()
            process.communicate(timeout=30)


def test_nothing_that_was_answered_is_lost_by_a_kill(home: Path, candles: Path) -> None:
    state = home / "state.sqlite"
    options = ("--state", state, "--balance", "USDT=5000", "ETH=2.5")
    with exchange(home, candles, *options) as (process, client):
        bought = client.create_order("BTC/USDT", "market", "buy", 0.02)
        last = client.fetch_ticker("ETH/USDT")["last"]
        resting = client.create_order("ETH/USDT", "limit", "sell", 1.5, last * 2)
        gone = client.create_order("ETH/USDT", "limit", "sell", 0.5, last * 3)
        client.cancel_order(gone["id"], "ETH/USDT")
        balance = client.fetch_balance()
        keys = client.apiKey, client.secret
        os.kill(process.pid, signal.SIGKILL)
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    # What the account starts with was asked for only once.
    with exchange(home, candles, "--state", state, "--balance", "USDT=1") as (_, client):
        assert (client.apiKey, client.secret) == keys
        after = client.fetch_balance()
        for asset in ("BTC", "ETH", "USDT"):
            assert after[asset] == balance[asset]
        assert [one["id"] for one in client.fetch_open_orders("ETH/USDT")] == [resting["id"]]
        assert client.fetch_order(gone["id"], "ETH/USDT")["status"] == "canceled"
        (trade,) = client.fetch_my_trades("BTC/USDT")
        assert (trade["order"], trade["amount"]) == (bought["id"], 0.02)
        assert client.create_order("BTC/USDT", "market", "sell", 0.01)["id"] == "4"


def test_an_account_without_a_file(candles: Path) -> None:
    balances = [read_balance("usdt=12.5"), read_balance("BTC=0")]
    venue = open_venue(candles, shift_to_now=False, trade=True, balances=balances, state=None)
    assert venue.trading is not None
    assert venue.trading.account.free == {"USDT": Decimal("12.5"), "BTC": Decimal(0)}
    venue.close()


def test_a_database_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    other = tmp_path / "tradesv3.sqlite"
    with closing(sqlite3.connect(other)) as file, file:
        file.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
    before = other.read_bytes()
    with pytest.raises(
        StateFileError, match="a database of something else; name another by --state"
    ):
        StateFile(other)
    assert other.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


def facts(state: Path) -> dict[str, str]:
    """What a state file knows apart from orders and trades."""
    with closing(StateFile(state)) as ledger:
        return ledger.facts()


def change(state: Path, *statement: object) -> None:
    """Change a state file by hand."""
    with closing(sqlite3.connect(state)) as file, file:
        file.execute(*statement)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a command that cannot be run says."""
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    for command in (offline_command, serve_command):
        command.add_parser(subparsers)
    try:
        args = parser.parse_args([str(one) for one in arguments])
        code = args.run(args)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--balance", "USDT"], "'USDT' is no balance; write an asset and an amount"),
        (["--balance", "USDT=-1"], "'USDT=-1' is no balance"),
        (["--balance", "USDT=1e-9"], "'USDT=1e-9' is no balance"),
        (["--balance", "USDT=nan"], "'USDT=nan' is no balance"),
        (["--state", "none/state.sqlite"], "state file none/state.sqlite cannot be used"),
        (["--state", "config.json"], "config.json cannot be used: file is not a database"),
        (["--host", "0.0.0.0"], "bind address '0.0.0.0' is not loopback"),
    ],
)
def test_bad_usage_of_the_exchange(
    home: Path,
    candles: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    text: str,
) -> None:
    monkeypatch.chdir(home)
    assert text in refused(capsys, "exchange", "--datadir", candles, "--port", 0, *arguments)


def test_a_state_belongs_to_its_candles(tmp_path: Path, candles: Path, hand_made: Path) -> None:
    state = tmp_path / "state.sqlite"

    def opened(folder: Path, **more: bool) -> None:
        chosen = {"shift_to_now": True, "trade": True, **more}
        open_venue(folder, balances=None, state=state, **chosen).close()

    opened(candles)
    shift = facts(state)["shift_ms"]
    opened(candles)
    assert facts(state)["shift_ms"] == shift
    change(state, "UPDATE facts SET value = '0' WHERE name = 'shift_ms'")
    with pytest.raises(StateFileError, match="have ended; remove it"):
        opened(candles)
    line = {
        "id": 1,
        "symbol": "BTCUSDT",
        "client_id": "a",
        "side": "BUY",
        "kind": "LIMIT",
        "time_in_force": "GTC",
        "price": "1",
        "quantity": "1",
        "created": 1,
        "updated": 1,
    }
    change(state, "INSERT INTO orders VALUES (1, ?)", (json.dumps(line),))
    with pytest.raises(StateFileError, match=r"open orders of BTCUSDT, which .* no candles of"):
        opened(hand_made, shift_to_now=False)
    change(state, "UPDATE facts SET value = '0' WHERE name = 'format'")
    with pytest.raises(StateFileError, match="has format 0, not 1; remove it"):
        opened(candles)


def test_live_overlay_has_keys_of_its_own(home: Path, candles: Path) -> None:
    program = fake_freqtrade(
        home,
        """
        import json, os, pathlib, sys
        path = pathlib.Path(sys.argv[-1])
        names = sorted(name for name in os.environ if name.startswith("FREQTRADE"))
        print(json.dumps([json.loads(path.read_text()), names]))
        """,
    )
    state = home / "kept" / "account.sqlite"
    state.parent.mkdir()
    found = run(
        home,
        *("offline", "--live", "--balance", "USDT=1000", "--state", state, "--datadir", candles),
        *("--", program, "trade"),
        FREQTRADE__DRY_RUN="true",
        FREQTRADE__DB_URL="sqlite:///mine.sqlite",
        FREQTRADE__EXCHANGE__KEY="mine",
    )
    assert found.returncode == 0, found.stderr
    config, names = json.loads(found.stdout)
    assert names == []
    assert config["dry_run"] is False
    # Whether the bot starts running is the user's configuration to say.
    assert "initial_state" not in config
    assert config["telegram"] == {"enabled": False, "token": "", "chat_id": ""}
    assert config["db_url"] == f"sqlite:///{home / 'kept' / 'account-bot.sqlite'}"
    kept = facts(state)
    exchange_config = config["exchange"]
    for name in ("key", "api_key", "apiKey"):
        assert exchange_config[name] == kept["key"] != CONFIG["exchange"]["key"]
    assert exchange_config["secret"] == kept["secret"]
    assert kept["key"] not in found.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--live", "--", "freqtrade", "backtesting"], "goes with freqtrade trade, not with back"),
        (["--live", "--", "freqtrade", "trade", "--dry-run"], "--dry-run contradicts --live"),
        (["--live", "--", "freqtrade", "trade", "--db-url", "x"], "--db-url contradicts --live"),
        (["--balance", "USDT=1", "--", "freqtrade", "trade"], "only --live has; add --live"),
        (["--state", "x", "--", "freqtrade", "trade"], "--state is the account's"),
    ],
)
def test_bad_usage_of_live(
    home: Path,
    candles: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    text: str,
) -> None:
    monkeypatch.chdir(home)
    assert text in refused(capsys, "offline", "--datadir", candles, *arguments)


def test_environment_of_a_paper_run_keeps_its_mode() -> None:
    given = {"FREQTRADE__DRY_RUN": "true", "FREQTRADE__DB_URL": "sqlite://"}
    assert given.items() <= child_environment(given).items()
    assert not given.keys() & child_environment(given, live=True).keys()
