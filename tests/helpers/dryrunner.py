"""Runs ``regimeswitch dry-run``, asks its API, ends it, and prints what was seen as JSON.

A program of its own, so that it can be started where the network has nothing but loopback.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any


# One word of the line on a training: freqtrade breaks long lines.
TRAINED = "model fitted on"
PASSWORD = "of-this-test-alone"
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1


def raise_loopback() -> None:
    """Switch ``lo`` on; a new network namespace has it switched off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def interfaces() -> list[str]:
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    return [line.split(":")[0].strip() for line in lines]


def asked(url: str, path: str, password: str | None) -> tuple[int, Any]:
    """Status and body of the bot's API."""
    request = urllib.request.Request(f"{url}/api/v1/{path}")
    if password is not None:
        token = base64.b64encode(f"tester:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None


def wait_for(log: Path, words: str, process: subprocess.Popen[bytes], seconds: int) -> str:
    """The log once it has the words, or as it is when the process or the time has come to its
    end."""
    end = time.monotonic() + seconds
    while words not in log.read_text() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.2)
    return log.read_text()


def alive(group: int) -> bool:
    """Whether a process of the group is there, one that nobody waited for apart."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, owner = stat.read_text().rsplit(")", 1)[1].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(owner) == group and state != "Z":
            return True
    return False


def children(parent: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def main(log: Path, command: list[str]) -> dict[str, Any]:
    environment = os.environ | {
        "REGIMESWITCH_API_USERNAME": "tester",
        "REGIMESWITCH_API_PASSWORD": PASSWORD,
    }
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
    # The bot leads a process group of its own.
    text = wait_for(log, TRAINED, process, 400)
    found = re.search(r"API on (http://\S+),", text)
    url = found[1] if found else ""
    candles = "pair_candles?pair=BTC%2FUSDT&timeframe=5m&limit=3"
    seen = {
        path.split("?")[0]: asked(url, path, PASSWORD)
        for path in ("ping", "show_config", "balance", candles)
    }
    denied = [asked(url, "show_config", None)[0], asked(url, "show_config", "guess")[0]]
    groups = children(process.pid)
    process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    left = [group for group in groups if alive(group)]
    return {"seen": seen, "denied": denied, "code": code, "left": left, "groups": len(groups)}


if __name__ == "__main__":
    alone = "--alone" in sys.argv[1:2]
    if alone:
        raise_loopback()
    arguments = sys.argv[2:] if alone else sys.argv[1:]
    result = main(Path(arguments[0]), arguments[1:])
    print(json.dumps(result | {"interfaces": interfaces()}))
