"""Latency and memory of the embedded exchange under a bot's load, against a bare server.

Fifty requests a second for a minute over twenty pairs, as a bot asks: candles, order books and
tickers. The same number goes at the same time to an aiohttp server that answers ``{}`` to
everything: the ratios say what the exchange adds to the transport. Request limits are off, since
this load is above Binance's. ``python benchmarks/exchange_load.py --help`` for other numbers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import numpy as np
import pandas as pd
from aiohttp import web

from regimeswitch_lab.exchange.market.visible_market import open_market
from regimeswitch_lab.exchange.server import ExchangeServer


DAYS = 40
WARM_UP = 0.2
KLINES, DEPTH, TICKER = "/api/v3/klines", "/api/v3/depth", "/api/v3/ticker"
# Shares of the requests; a bot asks for candles most.
MIX = (
    (0.40, KLINES + "?symbol={symbol}&interval=5m&limit=1000"),
    (0.20, KLINES + "?symbol={symbol}&interval=1h&limit=1000"),
    (0.15, DEPTH + "?symbol={symbol}&limit=5"),
    (0.15, DEPTH + "?symbol={symbol}&limit=20"),
    (0.05, TICKER + "/24hr"),
    (0.05, TICKER + "/bookTicker?symbol={symbol}"),
)


@dataclass
class Peer:
    """A server that is asked, and how it answers.

    :ivar latencies: seconds by request, in the order of the answers
    :ivar problems: how often which status or exception came
    """

    name: str
    process: subprocess.Popen[str]
    url: str
    latencies: list[float] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)

    def memory(self) -> float:
        """Resident memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def figures(self) -> dict[str, object]:
        p50, p99 = np.quantile(self.latencies, [0.5, 0.99]) * 1000
        return {
            "requests": len(self.latencies),
            "errors": sum(self.problems.values()),
            "problems": dict(self.problems),
            "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2),
            "max_ms": round(max(self.latencies) * 1000, 2),
        }


def write_candles(folder: Path, pairs: int) -> None:
    """Random walks, as freqtrade stores them."""
    rows = DAYS * 288
    dates = pd.date_range("2026-01-01", periods=rows, freq="5min", tz="UTC").as_unit("ms")
    for number in range(pairs):
        walk = np.random.default_rng(number)
        closes = np.round(100 * np.exp(np.cumsum(walk.normal(0, 0.001, rows))), 4)
        opens = np.concatenate([closes[:1], closes[:-1]])
        high, low = np.maximum(opens, closes) + 0.01, np.minimum(opens, closes) - 0.01
        prices = {"open": opens, "high": high, "low": low, "close": closes}
        volume = walk.uniform(1, 50, rows).round(4)
        frame = pd.DataFrame({"date": dates, **prices, "volume": volume})
        frame.to_feather(folder / f"C{number}_USDT-5m.feather")


def serve_exchange(folder: Path) -> None:
    """The embedded exchange, until its parent ends it."""
    market = open_market(folder, shift_to_now=True)
    with ExchangeServer(market, limited=False) as server:
        print(server.url, flush=True)
        threading.Event().wait()


def serve_nothing(folder: Path) -> None:
    """A bare aiohttp server, until its parent ends it."""

    async def empty(request: web.Request) -> web.Response:
        return web.json_response({})

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", empty)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


SERVERS = {"exchange": serve_exchange, "bare": serve_nothing}


def start(name: str, folder: Path) -> Peer:
    command = [sys.executable, __file__, "--serve", name, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    if process.stdout is None:
        raise RuntimeError(f"the server {name} has no output to read its address from")
    return Peer(name, process, process.stdout.readline().strip())


async def ask(session: aiohttp.ClientSession, peer: Peer, path: str) -> None:
    begin = time.perf_counter()
    try:
        async with session.get(peer.url + path) as response:
            await response.read()
            if response.status != 200:
                peer.problems[str(response.status)] += 1
    except (aiohttp.ClientError, TimeoutError) as error:
        peer.problems[type(error).__name__] += 1
    peer.latencies.append(time.perf_counter() - begin)


async def load(peers: list[Peer], pairs: int, rate: int, seconds: float) -> None:
    """Ask every peer the same at the same moments, whether or not it has answered before."""
    choice = random.Random(1)
    shares, paths = zip(*MIX, strict=True)
    limits = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=limits) as session, asyncio.TaskGroup() as tasks:
        begin = time.perf_counter()
        for number in range(round(rate * seconds)):
            await asyncio.sleep(max(begin + number / rate - time.perf_counter(), 0))
            symbol = f"C{choice.randrange(pairs)}USDT"
            path = choice.choices(paths, shares)[0].format(symbol=symbol)
            for peer in peers:
                tasks.create_task(ask(session, peer, path))


def measure(peers: list[Peer], args: argparse.Namespace) -> dict[str, object]:
    asyncio.run(load(peers, args.pairs, args.rate, args.seconds * WARM_UP))
    for peer in peers:
        peer.latencies.clear()
    exchange, bare = peers
    before = exchange.memory()
    asyncio.run(load(peers, args.pairs, args.rate, args.seconds))
    ours, theirs = exchange.figures(), bare.figures()
    ratios = {key: round(float(ours[key]) / float(theirs[key]), 2) for key in ("p50_ms", "p99_ms")}
    memory = {"before_mb": round(before, 1), "after_mb": round(exchange.memory(), 1)}
    numbers = {"pairs": args.pairs, "rate": args.rate, "seconds": args.seconds}
    return {**numbers, "exchange": ours, "bare": theirs, "ratio": ratios, "memory": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--rate", type=int, default=50, help="requests a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--export", type=Path)
    parser.add_argument("--serve", nargs=2, metavar=("SERVER", "DIR"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        SERVERS[args.serve[0]](Path(args.serve[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_candles(Path(folder), args.pairs)
        peers = [start(name, Path(folder)) for name in SERVERS]
        try:
            figures = measure(peers, args)
        finally:
            for peer in peers:
                peer.process.terminate()
                peer.process.wait()
    print(json.dumps(figures, indent=1))
    if args.export:
        args.export.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
