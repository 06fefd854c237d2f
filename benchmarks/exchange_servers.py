"""Servers of the benchmarks, each until its parent ends it; the first line printed is its address.

``exchange`` is the embedded exchange on a folder of candles, by this machine's clock or by one in
a file. ``bytes`` is a bare aiohttp server that gives back answers that are in a file.
"""

import argparse
import asyncio
import pickle
import threading
from pathlib import Path

from aiohttp import web

from regimeswitch_lab.exchange.market.visible_market import open_market, real_time
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.fault_matrix.kills import SharedClock


def serve_exchange(folder: Path, clock: Path | None, shifted: bool) -> None:
    """The embedded exchange; requests are counted and never refused.

    :param clock: file of the present; None = this machine's
    :param shifted: the candles are moved so that the present lies inside them
    """
    now = SharedClock(clock) if clock else real_time
    market = open_market(folder, now, shift_to_now=shifted)
    with ExchangeServer(market, limited=False) as server:
        print(server.url, flush=True)
        threading.Event().wait()


def serve_bytes(path: Path) -> None:
    """Answers by path and query; the file is of this folder's own making."""
    answers: dict[str, bytes] = pickle.loads(path.read_bytes())

    async def answered(request: web.Request) -> web.Response:
        return web.Response(body=answers[request.path_qs], content_type="application/json")

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", answered)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", choices=["exchange", "bytes"])
    parser.add_argument("source", type=Path, help="folder of candles, or file of answers")
    parser.add_argument("--clock", type=Path, help="file of the present")
    parser.add_argument("--shifted", action="store_true", help="move the candles to the present")
    args = parser.parse_args()
    if args.server == "exchange":
        serve_exchange(args.source, args.clock, args.shifted)
    else:
        serve_bytes(args.source)


if __name__ == "__main__":
    main()
