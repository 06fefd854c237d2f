"""``regimeswitch exchange``: the embedded exchange alone, until it is told to stop."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path

from regimeswitch.exchange.candlestore import CandleError
from regimeswitch.exchange.market import open_market
from regimeswitch.exchange.server import ExchangeServer, ServerError


OK, USAGE = 0, 2
DEFAULT_PORT = 8480


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line.

    :param subparsers: what ``ArgumentParser.add_subparsers`` returned
    """
    parser = subparsers.add_parser(
        "exchange",
        help="serve stored candles as Binance would, on loopback",
        description="Serve stored candles as Binance would, on loopback, until Ctrl-C.",
    )
    parser.add_argument(
        "--candles",
        type=Path,
        metavar="DIR",
        required=True,
        help="folder of freqtrade's feather files, e.g. user_data/data/binance",
    )
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0 for a free one"
    )
    parser.add_argument(
        "--shift-to-now",
        action="store_true",
        help="move the candles by whole days so that the present lies inside them: history "
        "reaches now, and the last quarter (seven days at most) is still to come",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM.

    :param args: what the parser of :func:`add_parser` gave
    :return: 0 after a signal, 2 when the exchange cannot be started
    """
    try:
        market = open_market(args.candles, shift_to_now=args.shift_to_now)
        with stop_signals() as stopped, ExchangeServer(market, port=args.port) as server:
            pairs = len(market.symbols())
            print(f"regimeswitch: {pairs} pairs of {args.candles} on {server.url}", flush=True)
            stopped.wait()
    except (CandleError, ServerError) as error:
        print(f"regimeswitch exchange: {error}", file=sys.stderr)
        return USAGE
    return OK


@contextlib.contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, in place of what they do otherwise."""
    stopped = threading.Event()

    def stop(number: int, frame: types.FrameType | None) -> None:
        stopped.set()

    previous = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for one, handler in previous.items():
            signal.signal(one, handler)
