"""``regimeswitch ui``: freqtrade's web server with FreqUI, on finished backtests.

It is ``regimeswitch offline -- freqtrade webserver`` with one more configuration file, which
switches the API on for this machine alone.
"""

import argparse
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

import freqtrade.rpc.api_server
from freqtrade.data.btanalysis import get_latest_backtest_filename
from freqtrade.exceptions import OperationalException

from regimeswitch_lab.inputs import HOME, InputError
from regimeswitch_lab.offline import dry_run_command, offline_command
from regimeswitch_lab.options import OK, Subparsers, option, port_number, refusing
from regimeswitch_lab.stop_signals import temporary_folder


PATIENCE_SECONDS, PAUSE_SECONDS = 60.0, 0.5
NOT_INSTALLED = (
    "FreqUI is not installed: `freqtrade install-ui` downloads it, and the Docker image of "
    "docker-compose.yml brings it; until then there is the API alone"
)


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line.

    :param subparsers: what ``ArgumentParser.add_subparsers`` returned
    """
    parser = subparsers.add_parser(
        "ui",
        help="freqtrade's web server with FreqUI on finished backtests",
        description=f"Serve FreqUI and its API on {dry_run_command.HOST} until Ctrl-C; "
        f"{dry_run_command.USERNAME_VARIABLE} and {dry_run_command.PASSWORD_VARIABLE} say who may "
        "use it.",
        epilog="what follows -- goes to freqtrade webserver",
    )
    option(parser, "--datadir", required=True)
    option(parser, "--config")
    parser.add_argument(
        "--userdir", type=Path, metavar="DIR", required=True, help="where the backtests are"
    )
    parser.add_argument(
        "--api-port",
        type=port_number,
        default=dry_run_command.DEFAULT_PORT,
        help=f"default {dry_run_command.DEFAULT_PORT}; 0: a free one",
    )
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    parser.add_argument("more", nargs=argparse.REMAINDER, metavar="-- ARGS")
    parser.set_defaults(run=run)


@refusing("ui", InputError)
def run(args: argparse.Namespace) -> int:
    """Run the web server until SIGINT or SIGTERM.

    :param args: what the parser of :func:`add_parser` gave
    :return: 0 after a signal, else the server's exit code; 2 when it cannot be started
    """
    port = dry_run_command.free_port(args.api_port)
    missing = [path for path in (*args.config, args.userdir) if not path.exists()]
    if port is None or missing:
        problem = (
            f"{missing[0]} does not exist" if missing else dry_run_command.taken(args.api_port)
        )
        raise InputError(problem)
    with temporary_folder() as own:
        api = dry_run_command.api_section(port, os.environ)
        served: dict[str, object] = {
            "api_server": api,
            "strategy_path": str(HOME / "strategies"),
            "freqaimodel_path": str(HOME / "freqaimodels"),
        }
        offline_command.write_private(own / "api.json", served)
        dry_run_command.announce(api)
        address = f"http://{dry_run_command.HOST}:{port}/backtest"
        announce_view(address, args.userdir)
        if not args.no_browser and has_display() and installed():
            threading.Thread(target=open_when_up, args=(address,), daemon=True).start()
        code = offline_command.run(
            argparse.Namespace(
                datadir=args.datadir,
                port=0,
                shift_to_now=False,
                command=server_command([*args.config, own / "api.json"], args),
                decided=served,
            )
        )
    # A signal is how a server is meant to end; uvicorn raises the one that it got once more.
    return OK if code in (dry_run_command.ENDED_BY_SIGNAL, 128 + signal.SIGTERM) else code


def installed() -> bool:
    """Whether FreqUI's files are where freqtrade looks for them."""
    folder = Path(freqtrade.rpc.api_server.__file__).parent
    return (folder / "ui/installed/index.html").is_file()


def announce_view(address: str, userdir: Path) -> None:
    """Say where FreqUI is and which backtest is the last, or how FreqUI is installed."""
    try:
        last = get_latest_backtest_filename(userdir / "backtest_results")
    except (ValueError, OperationalException):
        last = ""
    if not installed():
        print(f"regimeswitch: {NOT_INSTALLED}", file=sys.stderr, flush=True)
    elif last:
        print(f"regimeswitch: {address}, Load Results: {last}", file=sys.stderr, flush=True)
    else:
        print(f"regimeswitch: {address}; no backtest yet: make backtest", file=sys.stderr)


def has_display() -> bool:
    """Whether a browser window can open; in a terminal alone webbrowser would start a text one."""
    return sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


def open_when_up(address: str) -> None:
    """Open the user's browser once the server answers; nothing when it never does."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=PAUSE_SECONDS):
                webbrowser.open(address)
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(PAUSE_SECONDS)


def server_command(configs: list[Path], args: argparse.Namespace) -> list[str]:
    """The freqtrade command line; what the user adds comes last."""
    words = ["freqtrade", "webserver", "--userdir", str(args.userdir)]
    words += ["--datadir", str(args.datadir)]
    for path in configs:
        words += ["--config", str(path)]
    more: list[str] = args.more
    return [*words, *(more[1:] if more[:1] == ["--"] else more)]
