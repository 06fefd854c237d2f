"""A bare aiohttp server that gives back answers of a file, until its parent ends it.

Run as ``python -m benchmarks.bytes_server FILE``; the first line printed is its address.
"""

import asyncio
import pickle
import sys
from pathlib import Path

from aiohttp import web


async def serve(answers: dict[str, bytes]) -> None:
    """Answer by path and query."""

    async def answered(request: web.Request) -> web.Response:
        return web.Response(body=answers[request.path_qs], content_type="application/json")

    app = web.Application()
    app.router.add_get("/{path:.*}", answered)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    # Written by the benchmark itself, a moment before.
    asyncio.run(serve(pickle.loads(Path(sys.argv[1]).read_bytes())))
