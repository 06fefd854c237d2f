"""``regimeswitch exchange``: the embedded exchange alone, until it is stopped."""

import argparse
import contextlib
import threading
from pathlib import Path

from regimeswitch_lab.exchange.account.account_file import StateFileError
from regimeswitch_lab.exchange.market.candle_store import CandleError
from regimeswitch_lab.exchange.server import LOOPBACK, ExchangeServer, ServerError
from regimeswitch_lab.offline.venue import Venue, add_account_arguments, open_venue
from regimeswitch_lab.options import OK, Subparsers, option, port_number, refusing
from regimeswitch_lab.stop_signals import relayed


DEFAULT_PORT = 8480


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line.

    :param subparsers: what ``ArgumentParser.add_subparsers`` returned
    """
    parser = subparsers.add_parser(
        "exchange",
        help="serve stored candles as Binance would, on loopback",
        description="Serve stored candles as Binance would, on loopback, until Ctrl-C.",
    )
    option(
        parser,
        "--datadir",
        old="--candles",
        required=True,
        help="folder of freqtrade's candle files, e.g. user_data/data/binance",
    )
    parser.add_argument(
        "--port",
        type=port_number,
        default=DEFAULT_PORT,
        help=f"default {DEFAULT_PORT}; 0 for a free one",
    )
    option(
        parser,
        "--shift-to-now",
        help="move the candles by whole days so that the present lies inside them: history "
        "reaches now, and the last quarter (seven days at most) is still to come",
    )
    parser.add_argument(
        "--host", default=LOOPBACK, help=f"address to listen on (default {LOOPBACK})"
    )
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="permit a --host that other machines can reach",
    )
    add_account_arguments(parser)
    parser.set_defaults(run=run)


@refusing("exchange", CandleError, StateFileError, ServerError)
def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM.

    :param args: what the parser of :func:`add_parser` gave
    :return: 0 after a signal, 2 when the exchange cannot be started
    """
    venue = open_venue(
        args.datadir,
        shift_to_now=args.shift_to_now,
        trade=bool(args.balance or args.state),
        balances=args.balance,
        state=args.state,
    )
    stopped = threading.Event()
    with (
        relayed(lambda number: stopped.set()),
        contextlib.closing(venue),
        serving(venue, args) as server,
    ):
        announce(venue, args.datadir, server.url)
        stopped.wait()
    return OK


def serving(venue: Venue, args: argparse.Namespace) -> ExchangeServer:
    """The server of a venue."""
    return ExchangeServer(
        venue.market,
        port=args.port,
        host=args.host,
        allow_remote=args.allow_remote,
        trading=venue.trading,
    )


def announce(venue: Venue, folder: Path, url: str) -> None:
    """Say what is served, and the keys of the account: they are good for nothing else."""
    print(f"regimeswitch: {len(venue.market.symbols())} pairs of {folder} on {url}", flush=True)
    if venue.trading is not None:
        keys = venue.trading.credentials
        print(f"regimeswitch: key {keys.key} secret {keys.secret}", flush=True)
