"""``regimeswitch wait``: starts freqtrade once its exchange answers.

freqtrade ends at the start when the exchange is unreachable, before a strategy or anything of ours
is loaded; a running bot needs none of this. And a start asks a dozen things at once, which would
make a ban longer that the bot before it got: that is waited for to its end.
"""

import argparse
import http.client
import json
import math
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from regimeswitch.bot.connection.ban_file import BanFile
from regimeswitch.bot.connection.response_meanings import Pause
from regimeswitch.bot.connection.responses import Answer
from regimeswitch.bot.connection.silence import Silence
from regimeswitch.settings import SettingsError, load_settings
from regimeswitch_lab.bot_config import load_bot_config, section
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.offline.freqtrade_arguments import EXCHANGE, UsageError, read_call
from regimeswitch_lab.offline.offline_command import find_program
from regimeswitch_lab.options import FINDING, Subparsers, refusing


BINANCE = "https://api.binance.com/api/v3"
ANSWER_SECONDS = 10.0
MAX_BYTES = 65_536
SIGNED_SECONDS = 1.0
"""A signed request may be ahead of the exchange's clock by less than this."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "wait",
        help="start freqtrade once its exchange answers",
        description="Wait until the exchange of a freqtrade command answers, then run the "
        "command in this process's place. How long: safety.start_wait_minutes of the config.",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- freqtrade ARGS")
    parser.set_defaults(run=run)


@refusing("wait", UsageError, InputError, SettingsError)
def run(args: argparse.Namespace) -> int:
    """Wait, then become the command; 1 when the exchange stayed away, 2 on bad usage."""
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    program = find_program(command)
    call = read_call(command[1:])
    configs = [Path(name) for name in call.configs]
    config = load_bot_config(configs, os.environ).merged
    minutes = load_settings(config.get("regimeswitch")).safety.start_wait_minutes
    folder = call.options.get("user_data_dir") or config.get("user_data_dir") or "user_data"
    bans = BanFile(Path(str(folder)))
    if is_unknown(config) or wait_for(ping_address(config), minutes * 60, announce, bans=bans):
        # This process becomes freqtrade, so that signals reach it without a go-between.
        os.execv(program, [program, *command[1:]])
    return FINDING


def is_unknown(config: Mapping[str, object]) -> bool:
    """Whether a configuration is for an exchange that cannot be asked here; printed where it is."""
    name = section(config, "exchange").get("name", EXCHANGE)
    if name != EXCHANGE:
        announce(f"only {EXCHANGE} can be waited for; freqtrade is started for {name} at once")
    return bool(name != EXCHANGE)


def announce(text: str) -> None:
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
    bans: BanFile | None = None,
) -> bool:
    """Ask until there is an answer, with longer and longer pauses.

    A ban is waited for to its end, however long that is: whoever asks meanwhile makes it longer.

    :param seconds: how long to wait in all, not counting requests and bans
    :param say: gets one line when the waiting begins, at every further pause, and at its end
    :param bans: what bots of this folder got; kept up to date
    :return: False when there was none
    """
    silence, lengths, waited = Silence(), pauses(), 0.0
    silence.file, host = bans, urllib.parse.urlsplit(url).netloc
    silence.hear_of_others(host)
    asked = False
    while True:
        if silence.state is not None and silence.left > 0:
            say(f"{host}: {silence.state.reason}")
            # A fraction early is early.
            pause(math.ceil(silence.left))
        trouble = trouble_of(url)
        if trouble is None:
            break
        asked = True
        if trouble.answer is not None and trouble.answer.refused_unread:
            silence.begin(trouble.answer.meaning, trouble.answer.wait(time.time()), host)
            if trouble.answer.meaning.pause is Pause.LIMIT:
                continue
        left = seconds - waited
        if left <= 0:
            say(f"{url} did not answer for {seconds / 60:g} min ({trouble.reason}); giving up")
            return False
        length = min(max(next(lengths), silence.left), left)
        next_try = f"next try in {length:g} s, {left / 60:.1f} min left"
        say(f"waiting for {url} ({trouble.reason}); {next_try}")
        pause(length)
        waited += length
    silence.over(host)
    tell_clock(url, say)
    if asked:
        say(f"{url} answers after {waited:.0f} s")
    return True


def tell_clock(url: str, say: Callable[[str], None]) -> None:
    """Say how far this clock is off, where freqtrade would end at its first signed request.

    :param url: of the ping, beside which the exchange tells its time
    """
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(f"{url.rpartition('/')[0]}/time", timeout=10) as response:
            theirs = int(json.loads(response.read(MAX_BYTES))["serverTime"]) / 1000
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        # No more than a hint: freqtrade asks for the time itself.
        return
    seconds = time.perf_counter() - began
    off = time.time() - seconds / 2 - theirs
    if abs(off) > SIGNED_SECONDS + seconds:
        say(
            f"this clock differs from the exchange's by {off:+.1f} s; a live bot cannot start with "
            "it, because its first signed request is refused (-1021): set the clock"
        )


def pauses() -> Iterator[float]:
    """Twice as long each time, up to the longest."""
    length = FIRST_PAUSE
    while True:
        yield length
        length = min(length * 2, LONGEST_PAUSE)


@dataclass(frozen=True)
class Trouble:
    """Why an address does not answer as it should.

    :ivar reason: in words
    :ivar answer: None where there was none
    """

    reason: str
    answer: Answer | None = None


def trouble_of(url: str) -> Trouble | None:
    """Why an address does not answer; None where it does."""
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as response:
            response.read()
    except urllib.error.HTTPError as error:
        with error:
            body = error.read(MAX_BYTES).decode(errors="replace")
            answer = Answer.of(error.code, dict(error.headers), body)
            return Trouble(f"{error.code} {error.reason}", answer)
    except (OSError, http.client.HTTPException) as error:
        return Trouble(f"{type(error).__name__}: {error}")
    return None
