"""A page in headless Chromium, looked at over the DevTools protocol.

Events and commands: https://chromedevtools.github.io/devtools-protocol/tot/
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest


NAMES = ("chromium", "chromium-browser", "google-chrome")
STARTED = re.compile(r"DevTools listening on (ws://\S+)")
QUIET = 1.0
"""Seconds without an event after which a page is taken to be finished."""
LONGEST = 60.0


@dataclass
class Seen:
    """What a page did while it was looked at.

    :ivar requests: addresses that it asked for
    :ivar failed: reasons of requests that failed
    :ivar errors: console errors and exceptions
    :ivar value: what the script gave, after everything else
    """

    requests: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    value: Any = None

    def take(self, name: str, event: dict[str, Any]) -> None:
        """Note an event."""
        if name == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif name == "Network.loadingFailed":
            self.failed.append(event["errorText"])
        elif name == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(event["exceptionDetails"]))
        elif name == "Runtime.consoleAPICalled" and event["type"] in ("error", "assert"):
            self.errors.append(json.dumps(event["args"]))
        elif name == "Log.entryAdded" and event["entry"]["level"] == "error":
            self.errors.append(event["entry"]["text"])


def chromium() -> str:
    """The browser of this machine; without one the test fails, it is not skipped."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail(f"none of {', '.join(NAMES)} is installed; on Debian: apt install chromium")
    return found


@contextmanager
def browser() -> Iterator[str]:
    """A browser without a window; its address for the DevTools protocol."""
    options = ["--headless=new", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run"]
    options += ["--disable-background-networking", "--disable-component-update"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [chromium(), *options, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            lines = iter(process.stderr.readline, "")
            yield next(found.group(1) for found in map(STARTED.search, lines) if found)
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


def look_at(address: str, page: str, script: str = "null") -> Seen:
    """Open a page, wait until nothing happens any more, run a script in it.

    :param address: of :func:`browser`
    :param page: its url
    :param script: may give a promise
    """
    return asyncio.run(_look_at(address, page, script))


async def _look_at(address: str, page: str, script: str) -> Seen:
    base = address.replace("ws://", "http://").partition("/devtools")[0]
    async with aiohttp.ClientSession() as session:
        async with session.put(f"{base}/json/new?about:blank") as answer:
            target = await answer.json(content_type=None)
        async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            tab = _Tab(socket)
            for part in ("Network", "Runtime", "Log", "Page"):
                await tab.ask(f"{part}.enable")
            await tab.ask("Page.navigate", url=page)
            await tab.until_quiet()
            done = await tab.ask(
                "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
            )
            await tab.until_quiet()
            if "exceptionDetails" in done:
                tab.seen.errors.append(json.dumps(done["exceptionDetails"]))
            tab.seen.value = done["result"].get("value")
        await session.get(f"{base}/json/close/{target['id']}")
    return tab.seen


class _Tab:
    """One tab: commands one after the other, events noted on the way."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.seen = Seen()

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and give its result."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        async with asyncio.timeout(LONGEST):
            while True:
                message = await self._socket.receive_json()
                if message.get("id") == self._number:
                    assert "error" not in message, message
                    return dict(message["result"])
                self.seen.take(message["method"], message["params"])

    async def until_quiet(self) -> None:
        """Note events until none has come for a while."""
        async with asyncio.timeout(LONGEST):
            while True:
                try:
                    async with asyncio.timeout(QUIET):
                        message = await self._socket.receive_json()
                except TimeoutError:
                    return
                self.seen.take(message["method"], message["params"])
