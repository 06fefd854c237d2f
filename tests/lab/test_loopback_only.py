"""The dry-run bot trains and serves its API, and nothing leaves loopback."""

from __future__ import annotations

import ast
import ipaddress
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dryrunner import PASSWORD, TRAINED
from project import QUICK, ROOT, write_config


# Notes every address that Python code connects to and every name that it looks up.
RECORDER = """
import os, sys

def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        target = arguments[1] if event == "socket.connect" else arguments[0]
        line = os.open({path!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(line, (repr(target) + "\\n").encode())
        os.close(line)

sys.addaudithook(note)
"""


def namespace() -> list[str]:
    """The command in front of another that leaves it loopback only; none where it is forbidden."""
    for command in (["unshare", "-rn"], ["unshare", "-n"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, "true"], capture_output=True, check=False)
            if done.returncode == 0:
                return command
    return []


def is_loopback(target: Any) -> bool:
    """Whether a noted address or name stays on this machine."""
    if isinstance(target, str | bytes | None):
        name = target.decode() if isinstance(target, bytes) else target
        if name is None or name == "localhost" or name.startswith(("/", "\0")):
            return True
        return is_loopback((name,))
    try:
        return ipaddress.ip_address(target[0]).is_loopback
    except ValueError:
        return False


@pytest.mark.slow
def test_a_bot_trains_and_serves_and_nothing_leaves_loopback(market: Path, tmp_path: Path) -> None:
    """With loopback alone where the system allows that; every connection is noted as well."""
    recorder, notes, temporary = (tmp_path / name for name in ("site", "notes", "tmp"))
    recorder.mkdir()
    temporary.mkdir()
    (recorder / "sitecustomize.py").write_text(RECORDER.format(path=str(notes)))
    quick = write_config(tmp_path, **QUICK)
    alone, log = namespace(), tmp_path / "log"
    command = [
        *(
            *alone,
            sys.executable,
            str(ROOT / "tests/helpers/dryrunner.py"),
            *(["--alone"] if alone else []),
        ),
        *(str(log), sys.executable, "-m", "regimeswitch_lab", "dry-run", "--api-port", "0"),
        *("--datadir", str(market), "--config", str(ROOT / "config.json"), str(quick)),
    ]
    own = {"PYTHONPATH": str(recorder), "TMPDIR": str(temporary), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        cwd=tmp_path,
        env=os.environ | own,
    )
    text = log.read_text()
    assert done.returncode == 0, done.stderr + text
    seen = json.loads(done.stdout)

    if alone:
        assert seen["interfaces"] == ["lo"]
    targets = [ast.literal_eval(line) for line in notes.read_text().splitlines()]
    assert targets, "the bot talks to the exchange, so something must have been noted"
    assert [target for target in targets if not is_loopback(target)] == []

    answers = {path: body for path, (status, body) in seen["seen"].items() if status == 200}
    assert answers["ping"] == {"status": "pong"}
    assert answers["show_config"]["strategy"] == "RegimeSwitchStrategy"
    assert answers["show_config"]["dry_run"] is True
    assert answers["balance"]["total"] == 1000
    candles = answers["pair_candles"]
    regime = candles["columns"].index("regime")
    assert candles["data"][-1][regime] in ("bull", "bear", "sideways")
    assert seen["denied"] == [401, 401]

    assert TRAINED in text
    assert PASSWORD not in text
    assert "Traceback" not in text
    assert "raised exception" not in text
    # It left neither a process nor a file.
    assert (seen["code"], seen["groups"], seen["left"]) == (0, 1, [])
    assert list(temporary.iterdir()) == []
    assert not list(tmp_path.glob("*.sqlite*"))


def test_the_notes_of_the_recorder_tell_loopback_from_the_rest() -> None:
    for inside in (("127.0.0.1", 80), ("::1", 80, 0, 0), "localhost", b"127.0.0.1", None, "/run/x"):
        assert is_loopback(inside), inside
    for outside in (("192.0.2.1", 443), ("example.org", 1), "api.example.org", b"example.org"):
        assert not is_loopback(outside), outside
