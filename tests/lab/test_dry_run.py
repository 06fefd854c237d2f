"""``regimeswitch dry-run``: overlay, password, exit codes and signals, without freqtrade itself."""

from __future__ import annotations

import argparse
import json
import os
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from offlines import fake_freqtrade
from project import ROOT
from regimeswitch_lab.offline import dry_run_command
from regimeswitch_lab.offline.dry_run_command import api_section, free_port


def test_password_is_made_for_one_run_or_taken_from_the_environment() -> None:
    first, second = (api_section(8080, {}) for _ in range(2))
    assert first["password"] != second["password"]
    assert min(len(first["password"]), len(first["jwt_secret_key"])) >= 16
    assert first["jwt_secret_key"] != second["jwt_secret_key"]
    own = {"REGIMESWITCH_API_USERNAME": "me", "REGIMESWITCH_API_PASSWORD": "mine"}
    third = api_section(8080, own)
    assert (third["username"], third["password"]) == ("me", "mine")
    assert third["listen_ip_address"] == "127.0.0.1"


CHILD = """
import json, pathlib, stat, sys
names = [word for option, word in zip(sys.argv, sys.argv[1:]) if option == "--config"]
paths = [pathlib.Path(name) for name in names]
configs = [json.loads(path.read_text()) for path in paths]
modes = [stat.S_IMODE(path.stat().st_mode) for path in paths]
print(json.dumps([sys.argv[1:], names, configs, modes]))
sys.exit({code})
"""
# Weight 250 each, two minutes' worth.
GREEDY = """
import json, sys, urllib.request
public = json.load(open(sys.argv[-1]))["exchange"]["ccxt_config"]["urls"]["api"]["public"]
url = public + "/depth?symbol=BTCUSDT&limit=1001"
answers = [urllib.request.urlopen(url) for _ in range(48)]
print(sorted({{answer.status for answer in answers}}))
"""


@pytest.fixture
def dry_run(
    home: Path, candles: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command with a program in freqtrade's place; exit code, output and errors."""

    def run(
        *arguments: object, code: int = 0, body: str = CHILD, **environment: str
    ) -> tuple[int, str, str]:
        program = Path(fake_freqtrade(home, body.format(code=code)))
        monkeypatch.chdir(home)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        monkeypatch.setattr(tempfile, "tempdir", str(home / "tmp"))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        parser = argparse.ArgumentParser()
        dry_run_command.add_parser(parser.add_subparsers())
        common = ("dry-run", "--datadir", candles, "--api-port", 0)
        found = dry_run_command.run(
            parser.parse_args([str(word) for word in (*common, *arguments)])
        )
        assert list((home / "tmp").iterdir()) == []
        return found, *capfd.readouterr()

    return run


def test_the_api_is_an_overlay_that_only_its_owner_can_read(
    dry_run: Callable[..., tuple[int, str, str]],
) -> None:
    code, output, errors = dry_run("--", "-v")
    assert code == 0, errors
    arguments, names, configs, modes = json.loads(output)
    assert (arguments[0], arguments[-3]) == ("trade", "-v")
    assert names[0] == "config.json"
    assert modes[1:] == [stat.S_IRUSR | stat.S_IWUSR] * 2
    api = configs[1]["api_server"]
    assert f"username regimeswitch, password {api['password']}" in errors
    assert configs[1]["db_url"].startswith("sqlite:////")
    assert set(configs[2]) == {"exchange"}, "what points to loopback comes last"


@pytest.mark.parametrize("state", [None, "stopped", "paused"])
def test_a_bot_that_does_not_start_running_is_named(
    home: Path, dry_run: Callable[..., tuple[int, str, str]], state: str | None
) -> None:
    assert "initial_state" not in dry_run()[2]
    config = json.loads((home / "config.json").read_text())
    config |= {"initial_state": state}
    if state is None:
        config.pop("initial_state")
    (home / "config.json").write_text(json.dumps(config))
    code, output, errors = dry_run()
    assert code == 0, errors
    assert f'initial_state is "{state or "stopped"}": the bot waits for /start' in errors
    assert all("initial_state" not in one for one in json.loads(output)[2][1:])
    # The environment is what freqtrade reads last.
    assert "waits for /start" not in dry_run(FREQTRADE__INITIAL_STATE="running")[2]


def test_kept_user_folder_and_own_password(
    home: Path, dry_run: Callable[..., tuple[int, str, str]]
) -> None:
    code, output, errors = dry_run("--userdir", "kept", REGIMESWITCH_API_PASSWORD="secret")
    assert code == 0, errors
    assert "secret" not in errors
    assert "password as in REGIMESWITCH_API_PASSWORD" in errors
    configs = json.loads(output)[2]
    assert configs[1]["db_url"] == f"sqlite:///{home.resolve()}/kept/trades.sqlite"
    assert (home / "kept").is_dir()


@pytest.mark.parametrize(("code", "found"), [(1, 1), (2, 2), (130, 0)])
def test_exit_code_is_the_bot_s_and_a_signal_is_no_error(
    dry_run: Callable[..., tuple[int, str, str]], code: int, found: int
) -> None:
    assert dry_run(code=code)[0] == found


def test_a_bot_without_a_throttle_is_not_refused(
    dry_run: Callable[..., tuple[int, str, str]],
) -> None:
    code, output, errors = dry_run(body=GREEDY)
    assert (code, output) == (0, "[200]\n"), errors


def test_bad_usage_is_one_clear_error(
    dry_run: Callable[..., tuple[int, str, str]],
) -> None:
    code, _, errors = dry_run("--config", "none.json")
    assert (code, errors) == (2, "regimeswitch dry-run: config none.json does not exist\n")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert free_port(port) is None
        code, _, errors = dry_run("--api-port", port)
    assert code == 2
    assert f"port {port} on 127.0.0.1 is taken; use another --api-port" in errors


def test_the_front_door_has_it() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "dry-run", "DATADIR=candles", "API_PORT=9000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "regimeswitch dry-run --datadir candles --config config.json" in done.stdout
    assert "--api-port 9000" in done.stdout


SETTINGS = """
import json, os, sys
print(json.dumps([name for name in os.environ if name.startswith("FREQTRADE__")]))
sys.exit({code})
"""


def test_the_environment_of_another_bot_does_not_win_over_the_run_s_own(
    dry_run: Callable[..., tuple[int, str, str]],
) -> None:
    another = {
        "FREQTRADE__API_SERVER__PASSWORD": "not-the-one-that-is-printed",
        "FREQTRADE__DB_URL": "sqlite:///of-another-bot.sqlite",
        "FREQTRADE__DRY_RUN": "false",
        "FREQTRADE__TELEGRAM__ENABLED": "true",
        "FREQTRADE__STAKE_AMOUNT": "7",
    }
    code, output, errors = dry_run(body=SETTINGS, **another)
    assert code == 0, errors
    assert json.loads(output) == ["FREQTRADE__STAKE_AMOUNT"]
