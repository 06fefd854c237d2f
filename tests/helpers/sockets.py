"""A websocket of the embedded exchange, and how tests talk over it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp

from exchanges import START_MS, STEP_MS, Clock
from regimeswitch_lab.exchange.market.candle_walk import STEPS
from regimeswitch_lab.exchange.server import ExchangeServer


BEGIN = START_MS + 3000 * STEP_MS
STEP = STEP_MS // STEPS


class Socket:
    """A raw websocket, with an answer to each message and no waiting for what does not come."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.number = 0

    async def ask(self, method: str, *params: object) -> Any:
        """Send a request; what came before its answer is dropped."""
        self.number += 1
        await self.socket.send_json({"method": method, "params": params, "id": self.number})
        return (await self.events())[-1]

    async def events(self) -> list[Any]:
        """Everything that was sent up to the answer of a question asked now."""
        seen = []
        while True:
            event = await self.socket.receive_json(timeout=5)
            seen.append(event)
            if isinstance(event, dict) and event.get("id") == self.number:
                return seen

    async def after(self, clock: Clock, now: int) -> list[Any]:
        """What comes once the clock has been moved: all that is due comes before an answer."""
        clock.now = now
        self.number += 1
        await self.socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": self.number})
        return (await self.events())[:-1]


@contextlib.asynccontextmanager
async def connected(server: ExchangeServer, path: str) -> AsyncIterator[Socket]:
    url = server.url.replace("http", "ws") + path
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield Socket(socket)


def talk(
    server: ExchangeServer, path: str, conversation: Callable[[Socket], Awaitable[None]]
) -> None:
    async def run() -> None:
        async with connected(server, path) as socket:
            await conversation(socket)

    asyncio.run(run())
