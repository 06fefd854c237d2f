"""Part ``exchange``: the embedded exchange under a bot's load, beside a server of the same bytes.

Both are asked the same at the same moments, whether or not they have answered before: candles,
order books and tickers of twenty pairs, fifty requests a second. The other server is a bare aiohttp
application that gives back what the exchange has answered before, so that the ratios are what the
exchange itself costs. Its limits are off, since this load is above Binance's.
"""

import asyncio
import os
import pickle
import random
import statistics
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.children import serving
from benchmarks.rounds import Figures, Workplace, in_turn, median
from benchmarks.sizes import Sizes, pairs


PAIRS, RATE = 20, 50
WARM_UP = 0.2
KLINES, DEPTH, TICKER = "/api/v3/klines", "/api/v3/depth", "/api/v3/ticker"
# Shares of the requests; a bot asks for candles most.
MIX = {
    KLINES + "?symbol={symbol}&interval=5m&limit=1000": 0.40,
    KLINES + "?symbol={symbol}&interval=1h&limit=1000": 0.20,
    DEPTH + "?symbol={symbol}&limit=5": 0.15,
    DEPTH + "?symbol={symbol}&limit=20": 0.15,
    TICKER + "/24hr": 0.05,
    TICKER + "/bookTicker?symbol={symbol}": 0.05,
}


@dataclass
class Peer:
    """A server that is asked, and how it answers.

    :ivar latencies: seconds by request, in the order of the answers
    :ivar problems: how often which status or exception came
    """

    url: str
    process: int
    latencies: list[float] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)

    def seconds(self) -> float:
        """CPU so far, as Linux tells it."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident memory, MB."""
        status = Path(f"/proc/{self.process}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def exchange(place: Workplace, sizes: Sizes) -> dict[str, Any]:
    """What a request costs the exchange, against the bare server."""

    def loaded(name: str) -> Figures:
        return asyncio.run(_beside_each_other(place, sizes))

    runs = in_turn(place, "exchange", sizes.repeat, {"both": loaded}, jobs=1)["both"]
    names = [name for name in runs[0] if name not in ("load", "errors")]
    figures = {name: round(median(runs, name), 4) for name in names}
    return {
        "pairs": min(PAIRS, len(sizes.pairs)),
        "requests_per_second": RATE,
        "errors": sum(int(one["errors"]) for one in runs),
        **figures,
        "ratios": {
            name: round(figures[f"exchange_{name}"] / figures[f"bytes_{name}"], 2)
            for name in ("cpu_ms", "p50_ms", "p99_ms")
        },
    }


async def _beside_each_other(place: Workplace, sizes: Sizes) -> Figures:
    symbols = [one.replace("/", "") for one in pairs(min(PAIRS, len(sizes.pairs)))]
    with ExitStack() as servers:
        served = Peer(
            *servers.enter_context(serving("exchange_server", place.candles, "--shifted"))
        )
        answers = place.home / "answers.pickle"
        answers.write_bytes(pickle.dumps(await _recorded(served, symbols)))
        bare = Peer(*servers.enter_context(serving("bytes_server", answers)))
        peers = {"exchange": served, "bytes": bare}
        await _load([*peers.values()], symbols, sizes.load_seconds * WARM_UP)
        before = {name: peer.seconds() for name, peer in peers.items()}
        for peer in peers.values():
            peer.latencies.clear()
        await _load([*peers.values()], symbols, sizes.load_seconds)
        found: Figures = {"errors": sum(sum(one.problems.values()) for one in peers.values())}
        for name, peer in peers.items():
            spent = peer.seconds() - before[name]
            cuts = statistics.quantiles(peer.latencies, n=100)
            found |= {
                f"{name}_cpu_ms": spent / len(peer.latencies) * 1000,
                f"{name}_p50_ms": cuts[49] * 1000,
                f"{name}_p99_ms": cuts[98] * 1000,
                f"{name}_mb": peer.memory(),
            }
    return found


async def _recorded(peer: Peer, symbols: list[str]) -> dict[str, bytes]:
    """What the exchange answers to everything that will be asked."""
    paths = {path.format(symbol=symbol) for path in MIX for symbol in symbols}
    found = {}
    async with aiohttp.ClientSession() as session:
        for path in sorted(paths):
            async with session.get(peer.url + path) as response:
                response.raise_for_status()
                found[path] = await response.read()
    return found


async def _ask(session: aiohttp.ClientSession, peer: Peer, path: str) -> None:
    begin = time.perf_counter()
    try:
        async with session.get(peer.url + path) as response:
            await response.read()
            if response.status != 200:
                peer.problems[str(response.status)] += 1
    except (aiohttp.ClientError, TimeoutError) as error:
        peer.problems[type(error).__name__] += 1
    peer.latencies.append(time.perf_counter() - begin)


async def _load(peers: list[Peer], symbols: list[str], seconds: float) -> None:
    choice = random.Random(1)
    limits = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=limits) as session, asyncio.TaskGroup() as tasks:
        begin = time.perf_counter()
        for number in range(round(RATE * seconds)):
            await asyncio.sleep(max(begin + number / RATE - time.perf_counter(), 0))
            (path,) = choice.choices([*MIX], [*MIX.values()])
            asked = path.format(symbol=choice.choice(symbols))
            for peer in peers:
                tasks.create_task(_ask(session, peer, asked))
