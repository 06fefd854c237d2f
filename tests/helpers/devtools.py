"""Chromium without a window, spoken to over a pipe in its DevTools protocol.

What a page says (console, errors), asks for (requests), looks like, and answers to a script.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal


NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SWITCHES = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-extensions", "--force-device-scale-factor=1"),
    "--remote-debugging-pipe",
)
# The protocol's pipe is file descriptors 3 and 4 of the browser.
LAUNCH = """
import os, sys
read, write = int(sys.argv[1]), int(sys.argv[2])
read, write = os.dup(read), os.dup(write)
high = [os.dup(one) for one in (read, write)]
while min(high) < 5:
    high = [os.dup(one) for one in high]
os.dup2(high[0], 3)
os.dup2(high[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
Scheme = Literal["light", "dark"]
LOCAL = ("file:", "data:", "blob:")


class Browser:
    """One browser.

    :ivar said: what pages have written to the console or thrown, in order
    :ivar asked: addresses beyond the disk that pages have asked for
    """

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._out, self._in = to_browser, from_browser
        self._buffer = b""
        self._number = 0
        self._session = ""
        self._events: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.asked: list[str] = []

    def open(self, path: Path, scheme: Scheme, width: int = 1280, height: int = 1600) -> None:
        """Show a file in a new tab, and wait until it is loaded."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for name in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{name}.enable")
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", features=media)
        self.resize(width, height)
        self._events.clear()
        self._call("Page.navigate", url=path.resolve().as_uri())
        self._wait_for("Page.loadEventFired")

    def resize(self, width: int, height: int) -> None:
        """Size of the window, pixels."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def run(self, script: str) -> Any:
        """Value of an expression in the page; a promise is waited for."""
        found = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str, seconds: float = 120.0) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, script
            time.sleep(0.1)

    def picture(self, path: Path, clip: tuple[float, float, float, float] | None = None) -> None:
        """Write what is seen as PNG.

        :param clip: left, top, width and height in the page; None = the window
        """
        names = ("x", "y", "width", "height")
        part = {} if clip is None else {"clip": dict(zip(names, clip, strict=True)) | {"scale": 1}}
        shot = self._call(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True, **part
        )
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        with suppress(OSError, EOFError):
            self._session = ""
            self._call("Browser.close")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                found: dict[str, Any] = answer["result"]
                return found

    def _wait_for(self, event: str) -> None:
        while not any(one["method"] == event for one in self._events):
            self._read()

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            part = os.read(self._in, 1 << 20)
            if not part:
                raise EOFError("the browser has ended")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self._events.append(message)
            self._note(message["method"], message["params"])
        return message

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event == "Runtime.consoleAPICalled":
            texts = [str(one.get("value", one.get("description"))) for one in told["args"]]
            self.said.append(f"{told['type']}: {' '.join(texts)}")
        elif event == "Runtime.exceptionThrown":
            self.said.append(f"exception: {told['exceptionDetails']}")
        elif event == "Log.entryAdded":
            self.said.append(f"{told['entry']['level']}: {told['entry']['text']}")
        elif event == "Network.requestWillBeSent":
            url = told["request"]["url"]
            if not url.startswith(LOCAL):
                self.asked.append(url)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser that ends with the block."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    assert program, f"the pages are tested in a browser: install one of {', '.join(NAMES)}"
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        line = [program, *SWITCHES, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(theirs_in), str(theirs_out), *line],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        opened = Browser(ours_out, ours_in)
        try:
            yield opened
        finally:
            opened.close()
            os.close(ours_out)
            os.close(ours_in)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
