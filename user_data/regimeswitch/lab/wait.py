"""``regimeswitch wait``: starts freqtrade once its exchange answers.

freqtrade ends at the start when the exchange is unreachable, before a strategy or anything of ours
is loaded; a running bot needs none of this.
"""

from __future__ import annotations

import argparse
import http.client
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from regimeswitch.lab.botconfig import load_bot_config, section
from regimeswitch.lab.freqtradeargs import EXCHANGE, UsageError, read_call
from regimeswitch.lab.inputs import InputError
from regimeswitch.lab.offline import find_program
from regimeswitch.settings import SettingsError, load_settings


GONE, USAGE = 1, 2
BINANCE = "https://api.binance.com/api/v3"
ANSWER_SECONDS = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "wait",
        help="start freqtrade once its exchange answers",
        description="Wait until the exchange of a freqtrade command answers, then run the "
        "command in this process's place. How long: safety.start_wait_minutes of the config.",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- freqtrade ARGS")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Wait, then become the command; 1 when the exchange stayed away, 2 on bad usage."""
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    try:
        program = find_program(command)
        configs = [Path(name) for name in read_call(command[1:]).configs]
        config = load_bot_config(configs, os.environ).merged
        minutes = load_settings(config.get("regimeswitch")).safety.start_wait_minutes
    except (UsageError, InputError, SettingsError) as error:
        print(f"regimeswitch wait: {error}", file=sys.stderr)
        return USAGE
    if is_unknown(config) or wait_for(ping_address(config), minutes * 60, told):
        # This process becomes freqtrade, so that signals reach it without a go-between.
        os.execv(program, [program, *command[1:]])
    return GONE


def is_unknown(config: Mapping[str, object]) -> bool:
    """Whether a configuration is for an exchange that cannot be asked here; told where it is."""
    name = section(config, "exchange").get("name", EXCHANGE)
    if name != EXCHANGE:
        told(f"only {EXCHANGE} can be waited for; freqtrade is started for {name} at once")
    return bool(name != EXCHANGE)


def told(text: str) -> None:
    """A line of progress."""
    print(f"regimeswitch: {text}", file=sys.stderr, flush=True)


def ping_address(config: Mapping[str, object]) -> str:
    """Where the exchange of a configuration answers without a key."""
    found: Mapping[str, object] = section(config, "exchange")
    for name in ("ccxt_config", "urls", "api"):
        found = section(found, name)
    return f"{found.get('public') or BINANCE}/ping"


def wait_for(
    url: str,
    seconds: float,
    say: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> bool:
    """Ask until there is an answer, with longer and longer pauses.

    :param seconds: how long to wait in all, not counting the requests
    :param say: gets one line when the waiting begins, at every further pause, and at its end
    :return: False when there was none
    """
    waited, lengths = 0.0, pauses()
    while (trouble := trouble_of(url)) is not None:
        reason, asked_to_wait = trouble
        left = seconds - waited
        if left <= 0:
            say(f"{url} did not answer for {seconds / 60:g} min ({reason}); giving up")
            return False
        length = min(max(next(lengths), asked_to_wait), left)
        say(f"waiting for {url} ({reason}); next try in {length:g} s, {left / 60:.1f} min left")
        pause(length)
        waited += length
    if waited:
        say(f"{url} answers after {waited:.0f} s")
    return True


def pauses() -> Iterator[float]:
    """Twice as long each time, up to the longest."""
    length = FIRST_PAUSE
    while True:
        yield length
        length = min(length * 2, LONGEST_PAUSE)


def trouble_of(url: str) -> tuple[str, float] | None:
    """Why an address does not answer, and for how many seconds it wants to be left alone."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as response:
            response.read()
    except urllib.error.HTTPError as error:
        with error:
            wait = error.headers.get("Retry-After", "")
            return f"{error.code} {error.reason}", float(wait) if wait.isdigit() else 0.0
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}", 0.0
    return None
