"""``regimeswitch offline``: any freqtrade command, with Binance replaced by stored candles.

It starts the embedded exchange on loopback, gives freqtrade one more configuration file that
points the exchange section there, and passes the exit code and the signals through.
"""

import argparse
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regimeswitch_lab.bot_config import clash_of, load_bot_config
from regimeswitch_lab.exchange.account.account_file import StateFileError
from regimeswitch_lab.exchange.account.trading_account import Trading
from regimeswitch_lab.exchange.market.candle_files import FORMATS
from regimeswitch_lab.exchange.market.candle_store import DEFAULT_FORMAT, CandleError
from regimeswitch_lab.exchange.market.visible_market import Market
from regimeswitch_lab.exchange.server import ExchangeServer, ServerError
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.offline.child import run_child
from regimeswitch_lab.offline.freqtrade_arguments import FreqtradeCall, UsageError, read_call
from regimeswitch_lab.offline.log_filter import run_shown
from regimeswitch_lab.offline.overlay import LiveAccount, child_environment, overlay
from regimeswitch_lab.offline.servable import check_mode, check_pairs, config_of_call
from regimeswitch_lab.offline.venue import add_account_arguments, open_venue
from regimeswitch_lab.options import Subparsers, option, port_number, refusing
from regimeswitch_lab.stop_signals import temporary_folder


# Where a program of the user's own finds the overlay.
OVERLAY_VARIABLE = "REGIMESWITCH_OVERLAY"


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line.

    :param subparsers: what ``ArgumentParser.add_subparsers`` returned
    """
    parser = subparsers.add_parser(
        "offline",
        help="run a freqtrade command with Binance replaced by stored candles",
        description="Run a freqtrade command with Binance replaced by an exchange on loopback "
        "that serves stored candles. Your keys are not used and the network is not needed.",
        epilog="example: regimeswitch offline -- freqtrade backtesting --timerange 20260101-",
    )
    option(
        parser,
        "--datadir",
        old="--candles",
        help="folder of candle files to serve (default: the --datadir of the freqtrade command, "
        "else USER_DATA/data/binance)",
    )
    parser.add_argument(
        "--port", type=port_number, default=0, help="loopback port (default: a free one)"
    )
    option(
        parser,
        "--shift-to-now",
        help="move the candles by whole days so that the present lies inside them (for a dry run)",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="freqtrade trades with an account of the embedded exchange, not on paper: dry_run is "
        "false, keys and database are this run's own",
    )
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="freqtrade's log goes there; the terminal gets progress, tables and errors",
    )
    add_account_arguments(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- freqtrade ARGS")
    parser.set_defaults(run=run)


@refusing("offline", UsageError, CandleError, StateFileError, ServerError)
def run(args: argparse.Namespace) -> int:
    """Run the command.

    :param args: what the parser of :func:`add_parser` gave
    :return: the exit code of the child; 2 when it could not be started
    """
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    program = find_program(command)
    call = read_call(command[1:]) if Path(program).stem == "freqtrade" else None
    if call is not None and not call.takes_overlay:
        # Nothing here concerns the exchange, and some of these commands ask questions: the
        # program takes this process's place.
        sys.stdout.flush()
        os.execve(program, [program, *call.args], child_environment(os.environ))
    check_live(args, call)
    check_layers(call)
    config = {} if call is None else config_of_call(call, child_environment(os.environ))
    check_mode(config)
    folder = candle_folder(args.datadir, call)
    return serve_and_run(program, command[1:], call, folder, args, config)


def find_program(command: list[str]) -> str:
    """The path of the program to run.

    :raises UsageError: when there is none
    """
    if not command:
        raise UsageError("no command given; write one after --, e.g. -- freqtrade backtesting")
    found = shutil.which(command[0])
    if found is None and command[0] == "freqtrade":
        found = shutil.which(command[0], path=str(Path(sys.executable).parent))
    if found is None:
        raise UsageError(f"program {command[0]!r} was not found; name freqtrade or a full path")
    return found


def candle_folder(given: Path | None, call: FreqtradeCall | None) -> Path:
    """The folder to serve.

    :raises UsageError: when freqtrade would write into the folder that it reads from
    """
    own = call.datadir if call is not None else Path("user_data/data/binance")
    folder = own if given is None else given
    if call is not None and call.downloads and folder.resolve() == own.resolve():
        raise UsageError(
            f"{call.subcommand} would write into {own}, the folder that is being served; name "
            "the source by --datadir before the -- and another target by freqtrade's behind it"
        )
    return folder


def check_live(args: argparse.Namespace, call: FreqtradeCall | None) -> None:
    """Whether the options of the account make sense together.

    :raises UsageError: when they do not
    """
    given = vars(args)
    if not given.get("live"):
        for name in ("balance", "state"):
            if given.get(name) is not None:
                raise UsageError(f"--{name} is the account's, which only --live has; add --live")
        return
    if call is not None and call.subcommand != "trade":
        raise UsageError(f"--live goes with freqtrade trade, not with {call.subcommand}")
    if call is not None and call.against_live:
        raise UsageError(
            f"{call.against_live[0]} contradicts --live, which decides it; leave one of them out"
        )


def check_layers(call: FreqtradeCall | None) -> None:
    """Whether freqtrade can lay the configuration files over each other.

    :raises UsageError: where it would end in a traceback
    """
    clash = clash_of([Path(name) for name in call.configs], os.environ) if call else ""
    if clash:
        raise UsageError(clash)


def format_of_bot(call: FreqtradeCall | None) -> str:
    """The format that the command keeps candles in."""
    if call is not None and call.data_format:
        return call.data_format
    try:
        configs = [Path(name) for name in call.configs] if call else []
        found = load_bot_config(configs, os.environ).merged["dataformat_ohlcv"]
    except InputError:
        # freqtrade itself says in a moment what is wrong with its files.
        return DEFAULT_FORMAT
    return str(found) if found in FORMATS else DEFAULT_FORMAT


def serve_and_run(
    program: str,
    arguments: list[str],
    call: FreqtradeCall | None,
    folder: Path,
    args: argparse.Namespace,
    config: Mapping[str, Any],
) -> int:
    """Serve a folder as long as the child runs; the child's exit code.

    :param config: of the command; empty for a program of the user's own
    """
    given = vars(args)
    live, state = bool(given.get("live")), given.get("state")
    venue = open_venue(
        folder,
        shift_to_now=args.shift_to_now,
        trade=live,
        balances=given.get("balance"),
        state=state,
        data_format=format_of_bot(call),
    )
    with (
        contextlib.closing(venue),
        # The client is not throttled, so it is not refused for its speed either.
        ExchangeServer(
            venue.market, port=args.port, trading=venue.trading, limited=False
        ) as server,
        temporary_folder() as temporary,
    ):
        path = temporary / "offline.json"
        account = live_account(venue.trading, state or temporary / "state.sqlite")
        write_private(path, overlay_of(call, venue.market, server.url, account))
        if call is not None:
            arguments = call.with_overlay(path)
            announce_missing(check_pairs(config, call, venue.market.symbols().values(), folder))
        announce(venue.market, server)
        warn_of_stopped(config, call)
        environment = child_environment(os.environ, live=live, decided=given.get("decided"))
        environment |= {OVERLAY_VARIABLE: str(path)}
        log = given.get("log")
        if log is not None:
            return run_shown([program, *arguments], environment, log)
        return run_child([program, *arguments], environment)


def live_account(trading: Trading | None, state: Path) -> LiveAccount | None:
    """The account that a bot trades with; its database lies beside the account's state."""
    if trading is None:
        return None
    keys = trading.credentials
    return LiveAccount(keys.key, keys.secret, state.with_name(f"{state.stem}-bot.sqlite"))


def overlay_of(
    call: FreqtradeCall | None, market: Market, url: str, live: LiveAccount | None
) -> dict[str, object]:
    """The configuration that belongs to a command and the candles it gets."""
    if call is None:
        return overlay(url, live=live)
    closed = market.span_ms()[1] <= market.clock()
    return overlay(url, whole=not call.configs, final=call.downloads and closed, live=live)


def announce(market: Market, server: ExchangeServer) -> None:
    """The one line of our own, on standard error."""
    pairs = len(market.symbols())
    print(
        f"regimeswitch: {pairs} pairs of {market.store.folder} on {server.url}",
        file=sys.stderr,
        flush=True,
    )


def warn_of_stopped(config: Mapping[str, Any], call: FreqtradeCall | None) -> None:
    """One line when a bot would start stopped, freqtrade's default, and do nothing at all."""
    state = str(config.get("initial_state", "stopped"))
    if config and call is not None and call.subcommand == "trade" and state != "running":
        print(
            f'regimeswitch: initial_state is "{state}": the bot waits for /start (Telegram, '
            'FreqUI); set it to "running" to trade from the start',
            file=sys.stderr,
            flush=True,
        )


def announce_missing(pairs: list[str]) -> None:
    """Pairs of the whitelist that freqtrade will leave out."""
    if pairs:
        print(
            f"regimeswitch: no candles of {', '.join(pairs)}: left out", file=sys.stderr, flush=True
        )


def write_private(path: Path, config: dict[str, object]) -> None:
    """Write a configuration file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(config, file, indent=1)
