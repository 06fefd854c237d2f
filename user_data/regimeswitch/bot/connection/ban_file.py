"""Bans on disk: a ban is one of this machine's address, so it outlives the process that met it.

One small JSON file beside the journals of the bots, by the exchange's host. Whatever it holds, a
reader waits no longer than the longest ban there is. Imports nothing of freqtrade.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regimeswitch.bot.whole_files import replacing


logger = logging.getLogger(__name__)

FILE = "regimeswitch-bans.json"
COUNTS_FILE = "regimeswitch-ban-counts.json"
"""How often each host has begun to refuse everything, by reason; for reports."""
MAX_BAN = 3 * 86_400.0
"""Seconds; Binance: "IP bans ... scale in duration ... from 2 minutes to 3 days" (General API
information, IP limits)."""
MAX_BYTES = 65_536
MAX_HOSTS = 100
NEVER = 1e12
"""Epoch seconds that nobody means; beyond what a float holds, and NaN, is beyond it too."""


@dataclass(frozen=True)
class Ban:
    """Why and how long nothing may be sent to a host.

    :param why: key of its row in the table of answers
    :param seconds: how long, when it was written
    :param until: by this machine's clock, epoch seconds
    :param by: of the process that wrote it
    """

    why: str
    seconds: float
    until: float
    by: str

    @property
    def left(self) -> float:
        """Seconds that are left of it, by a clock that may have been set since.

        Set back, it is at most as long as it was; set forward, it is over early, and a first
        request alone finds out.
        """
        left = min(self.until - time.time(), self.seconds, MAX_BAN)
        return max(left, 0.0)


class BanFile:
    """The bans that the bots of a folder know of.

    :param folder: freqtrade's ``user_data_dir``
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.by = secrets.token_hex(8)
        self._logged = ""

    def read(self, host: str) -> Ban | None:
        """The ban of a host; None without one, and where the file is no such file."""
        ban = self._all().get(host)
        return ban if ban is not None and ban.left > 0 else None

    def write(self, host: str, why: str, seconds: float) -> None:
        """Note a ban; a failure is logged, and costs no more than asking after a restart."""
        ban = Ban(why, seconds, time.time() + seconds, self.by)
        self._replace({**self._all(), host: ban})
        self._count(host, why)

    def remove(self, host: str) -> None:
        """The host takes requests again."""
        known = self._all()
        if known.pop(host, None) is not None:
            self._replace(known)

    def _all(self) -> dict[str, Ban]:
        try:
            with self.path.open("rb") as stream:
                content = json.loads(stream.read(MAX_BYTES))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            self._log_once(f"{self.path} holds no bans and is passed over: {error}")
            return {}
        found = content.items() if isinstance(content, Mapping) else ()
        return {host: ban for host, line in found if (ban := _ban(line)) is not None}

    def _replace(self, bans: Mapping[str, Ban]) -> None:
        """Write the file as a whole, or leave it as it was."""
        lasting = [(host, asdict(ban)) for host, ban in bans.items() if ban.left > 0]
        content = json.dumps(dict(lasting[-MAX_HOSTS:]), indent=1)
        try:
            with replacing(self.path, draft=f".{os.getpid()}-{self.by}", durable=False) as fresh:
                fresh.write_text(content, encoding="utf-8")
        except OSError as error:
            self._log_once(f"{self.path} cannot be written: {error}; a restart knows of no ban")

    def _count(self, host: str, why: str) -> None:
        path = self.path.with_name(COUNTS_FILE)
        counts = ban_counts(path.parent)
        own = counts.setdefault(host, {})
        own[why] = own.get(why, 0) + 1
        content = json.dumps(dict([*counts.items()][-MAX_HOSTS:]), indent=1)
        try:
            with replacing(path, draft=f".{os.getpid()}-{self.by}", durable=False) as fresh:
                fresh.write_text(content, encoding="utf-8")
        except OSError as error:
            self._log_once(f"{path} cannot be written: {error}; reports lack this ban")

    def _log_once(self, text: str) -> None:
        """A line of the log, once: the file is read in every loop."""
        if text != self._logged:
            self._logged = text
            logger.warning(text)


def ban_counts(folder: Path) -> dict[str, dict[str, int]]:
    """How often each host has begun to refuse everything, by key of the table of answers.

    :param folder: freqtrade's ``user_data_dir``, whose bots are counted together
    :return: by host and key; empty where nothing was counted, or the file is no such file
    """
    try:
        with (folder / COUNTS_FILE).open("rb") as stream:
            content = json.loads(stream.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    hosts = content.items() if isinstance(content, Mapping) else ()
    return {
        str(host): {str(why): count for why, count in own.items() if isinstance(count, int)}
        for host, own in hosts
        if isinstance(own, Mapping)
    }


def _ban(line: Any) -> Ban | None:
    """A line of the file, None where it is none."""
    match line:
        case {
            "why": str(why),
            "seconds": int() | float() as seconds,
            "until": int() | float() as until,
            "by": str(by),
        } if abs(seconds) < NEVER and abs(until) < NEVER:
            return Ban(why, float(seconds), float(until), by)
    return None
