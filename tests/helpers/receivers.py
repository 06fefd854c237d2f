"""Where messages arrive: a webhook, and a stand-in of Telegram's Bot API. With fixtures."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import freqtrade.rpc.telegram
import pytest
from aiohttp import web
from freqtrade.rpc.telegram import Telegram
from telegram.ext import Application


class Receiver:
    """Takes what is posted, on a loopback port."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()

    async def _take(self, request: web.Request) -> web.Response:
        form = request.content_type != "application/json"
        self.got.append(dict(await request.post()) if form else await request.json())
        return web.Response()

    def _route(self, app: web.Application) -> None:
        app.router.add_post("/", self._take)

    async def _begin(self) -> web.AppRunner:
        app = web.Application()
        self._route(app)
        # A question that waits for news has no end of its own.
        runner = web.AppRunner(app, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        return runner

    @contextmanager
    def running(self) -> Iterator[None]:
        """As long as it takes messages."""
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        runner = asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(60)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), self._loop).result(60)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(60)
            self._loop.close()

    def texts(self) -> list[str]:
        return [str(one) for one in self.got]


TOKEN = "1:token"
BOT = {"id": 1, "is_bot": True, "first_name": "bot", "username": "bot"}
CHAT = {"id": 7, "type": "private"}


class BotApi(Receiver):
    """Telegram's Bot API as far as a bot that sends messages needs it.

    What is in ``got`` is the parameters of each message that was accepted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def _route(self, app: web.Application) -> None:
        app.router.add_post("/bot{token}/{method}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        given = dict(await request.post())
        match request.match_info["method"]:
            case "getMe":
                return self._result(BOT)
            case "getUpdates":
                await asyncio.sleep(0.3)
                return self._result([])
            case "sendMessage":
                return self._message(given)
        return self._result(True)

    def _message(self, given: dict[str, Any]) -> web.Response:
        text = str(given["text"])
        if given.get("parse_mode") == "Markdown" and not is_markdown(text):
            self.refused.append(text)
            said = {"ok": False, "error_code": 400, "description": "can't parse entities"}
            return web.json_response(said, status=400)
        self.got.append(given)
        return self._result({"message_id": 1, "date": 0, "chat": CHAT, "text": text})

    @staticmethod
    def _result(result: Any) -> web.Response:
        return web.json_response({"ok": True, "result": result})

    def texts(self) -> list[str]:
        return [str(one["text"]) for one in self.got]

    def section(self, **settings: Any) -> dict[str, Any]:
        """The section ``telegram`` of a bot that sends to it."""
        return {"enabled": True, "token": TOKEN, "chat_id": "7", **settings}


def is_markdown(text: str) -> bool:
    """Whether Telegram takes it: each mark that is not escaped has an end."""
    rest = re.sub(r"`[^`]*`", "", re.sub(r"\\[_*`\[]", "", text))
    return all(rest.count(mark) % 2 == 0 for mark in "_*`")


class _Brief:
    """The module ``asyncio`` with short pauses: freqtrade's thread looks every ten seconds
    whether it is to end."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.2))

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    with found.running():
        yield found


@pytest.fixture
def bot_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[BotApi]:
    """Bots of this test that use Telegram use it: freqtrade has no setting for the address."""
    found = BotApi()

    def application(module: Telegram) -> Any:
        token = module._config["telegram"]["token"]
        return Application.builder().token(token).base_url(f"{found.url}bot").build()

    monkeypatch.setattr(Telegram, "_init_telegram_app", application)
    monkeypatch.setattr(freqtrade.rpc.telegram, "asyncio", _Brief())
    with found.running():
        yield found


def settled(texts: Callable[[], list[str]], quiet: float = 0.5) -> list[str]:
    """What has arrived, once nothing more comes."""
    known, since = texts(), time.monotonic()
    while time.monotonic() - since < quiet:
        time.sleep(0.05)
        if len(texts()) != len(known):
            known, since = texts(), time.monotonic()
    return known
