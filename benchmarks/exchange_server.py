"""The embedded exchange of a benchmark, until its parent ends it; the first line is its address.

Run as ``python -m benchmarks.exchange_server CANDLES``.
"""

import argparse
import threading
from pathlib import Path

from regimeswitch_lab.exchange.market.visible_market import open_market, real_time
from regimeswitch_lab.exchange.server import ExchangeServer
from regimeswitch_lab.fault_matrix.kills import SharedClock


def main() -> None:
    """Serve by this machine's clock or one in a file; no request is refused for its number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("candles", type=Path)
    parser.add_argument("--clock", type=Path, help="file of the present")
    parser.add_argument("--shifted", action="store_true", help="move the candles to the present")
    args = parser.parse_args()
    now = SharedClock(args.clock) if args.clock else real_time
    market = open_market(args.candles, now, shift_to_now=args.shifted)
    with ExchangeServer(market, limited=False) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
