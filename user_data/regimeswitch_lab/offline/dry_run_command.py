"""``regimeswitch dry-run``: paper trading on the embedded exchange, with the bot's API.

It is ``regimeswitch offline --shift-to-now -- freqtrade trade`` with one more configuration file,
which switches the API on for this machine alone. The password comes from the environment, or is
made for this run and printed.
"""

import argparse
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from regimeswitch_lab.inputs import HOME, InputError
from regimeswitch_lab.offline import offline_command
from regimeswitch_lab.offline.overlay import NO_TELEGRAM
from regimeswitch_lab.options import OK, Subparsers, option, port_number, refusing
from regimeswitch_lab.stop_signals import temporary_folder


# What freqtrade exits with after SIGINT, and after SIGTERM as well.
ENDED_BY_SIGNAL = 130
HOST, DEFAULT_PORT = "127.0.0.1", 8080
USERNAME_VARIABLE, DEFAULT_USERNAME = "REGIMESWITCH_API_USERNAME", "regimeswitch"
PASSWORD_VARIABLE = "REGIMESWITCH_API_PASSWORD"
JWT_VARIABLE = "REGIMESWITCH_JWT_SECRET"


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line.

    :param subparsers: what ``ArgumentParser.add_subparsers`` returned
    """
    parser = subparsers.add_parser(
        "dry-run",
        help="paper trading on the embedded exchange, with the bot's API",
        description="Run the dry-run bot on stored candles that are moved to the present, until "
        f"Ctrl-C. Its API listens on {HOST}; {USERNAME_VARIABLE} and {PASSWORD_VARIABLE} say who "
        "may use it.",
        epilog="what follows -- goes to freqtrade trade, e.g. -- --logfile bot.log",
    )
    option(parser, "--datadir", old="--candles", required=True)
    option(parser, "--config")
    parser.add_argument(
        "--userdir",
        type=Path,
        metavar="DIR",
        help="keep models, candles and trades there (default: they vanish at the end)",
    )
    parser.add_argument(
        "--api-port",
        type=port_number,
        default=DEFAULT_PORT,
        help=f"default {DEFAULT_PORT}; 0: a free one",
    )
    parser.add_argument("more", nargs=argparse.REMAINDER, metavar="-- ARGS")
    parser.set_defaults(run=run)


@refusing("dry-run", InputError)
def run(args: argparse.Namespace) -> int:
    """Run the bot until SIGINT or SIGTERM.

    :param args: what the parser of :func:`add_parser` gave
    :return: 0 after a signal, else the bot's exit code; 2 when it cannot be started
    """
    port = free_port(args.api_port)
    missing = [path for path in args.config if not path.is_file()]
    if port is None or missing:
        problem = f"config {missing[0]} does not exist" if missing else taken(args.api_port)
        raise InputError(problem)
    with temporary_folder() as own:
        userdir = args.userdir or own / "user_data"
        userdir.mkdir(parents=True, exist_ok=True)
        api = api_section(port, os.environ)
        paper = paper_config(api, userdir)
        offline_command.write_private(own / "api.json", paper)
        announce(api)
        command = trade_command([*args.config, own / "api.json"], userdir, args.more)
        code = offline_command.run(
            argparse.Namespace(
                datadir=args.datadir, port=0, shift_to_now=True, command=command, decided=paper
            )
        )
    # A signal is how a bot is meant to end.
    return OK if code == ENDED_BY_SIGNAL else code


def free_port(port: int) -> int | None:
    """The port itself, or a free one for 0; None when it is taken."""
    with socket.socket() as probe:
        # As a server does it: what a closed one has left behind is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return None
        return int(probe.getsockname()[1])


def taken(port: int) -> str:
    """What to say of a port that cannot be used."""
    return f"port {port} on {HOST} is taken; use another --api-port, or 0 for a free one"


def api_section(port: int, environment: Mapping[str, str]) -> dict[str, object]:
    """The bot's API, open to this machine alone.

    :param environment: where the username, password and secret may stand
    """
    return {
        "enabled": True,
        "listen_ip_address": HOST,
        "listen_port": port,
        "username": environment.get(USERNAME_VARIABLE) or DEFAULT_USERNAME,
        "password": environment.get(PASSWORD_VARIABLE) or secrets.token_urlsafe(12),
        "jwt_secret_key": environment.get(JWT_VARIABLE) or secrets.token_hex(32),
    }


def paper_config(api: Mapping[str, object], userdir: Path) -> dict[str, object]:
    """The configuration that comes after the user's own files.

    :param userdir: where the trades are kept
    """
    return {
        "dry_run": True,
        "db_url": f"sqlite:///{userdir.resolve()}/trades.sqlite",
        "telegram": NO_TELEGRAM,
        "api_server": api,
    }


def announce(api: Mapping[str, object]) -> None:
    """Say on standard error where the API is and who may use it; not a password of the user's."""
    own = api["password"] == os.environ.get(PASSWORD_VARIABLE)
    password = f"password as in {PASSWORD_VARIABLE}" if own else f"password {api['password']}"
    print(
        f"regimeswitch: API on http://{HOST}:{api['listen_port']}, "
        f"username {api['username']}, {password}",
        file=sys.stderr,
        flush=True,
    )


def trade_command(configs: list[Path], userdir: Path, more: list[str]) -> list[str]:
    """The freqtrade command line; what the user adds comes last."""
    words = ["freqtrade", "trade", "--userdir", str(userdir)]
    for path in configs:
        words += ["--config", str(path)]
    for kind, folder in (("strategy", "strategies"), ("freqaimodel", "freqaimodels")):
        words += [f"--{kind}-path", str(HOME / folder)]
    return [*words, *(more[1:] if more[:1] == ["--"] else more)]
