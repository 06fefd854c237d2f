"""Reads a freqtrade command line with freqtrade's own parser, to add a configuration file."""

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freqtrade.commands.arguments import Arguments


# Its --config names the file that it writes.
WRITES_CONFIG = "new-config"
DOWNLOADS = ("download-data", "trades-to-ohlcv")
EXCHANGE = "binance"
AGAINST_LIVE = {"--dry-run": "dry_run", "--db-url": "db_url"}


class UsageError(ValueError):
    """A command line that cannot be run offline; the text names the part and the fix."""


@dataclass(frozen=True)
class FreqtradeCall:
    """A freqtrade command line.

    :ivar args: what follows the program's name
    :ivar subcommand: e.g. ``backtesting``; empty for ``freqtrade --version``
    :ivar configs: the configuration files it will read, freqtrade's default ones included
    :ivar named: whether the command line names the configuration files
    :ivar datadir: the folder freqtrade keeps candles in
    :ivar takes_overlay: whether it reads a configuration
    :ivar against_live: options in it that would undo what a live run decides
    :ivar options: all of its options, as freqtrade's parser names them
    :ivar data_format: of candle files, as the command line names it; empty where it does not
    """

    args: list[str]
    subcommand: str
    configs: list[str]
    named: bool
    datadir: Path
    takes_overlay: bool
    against_live: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    data_format: str = ""

    @property
    def downloads(self) -> bool:
        """Whether it writes candles."""
        return self.subcommand in DOWNLOADS

    def with_overlay(self, path: Path) -> list[str]:
        """The arguments with one more configuration file, the last and so the strongest."""
        own = [] if self.named else self.configs
        return [*self.args, *(word for name in [*own, str(path)] for word in ("--config", name))]


def read_call(args: list[str]) -> FreqtradeCall:
    """Read the arguments of a freqtrade command.

    :raises UsageError: when freqtrade would refuse them, or they cannot be run offline
    """
    parsed = _parse(args)
    if parsed is None:
        return FreqtradeCall(args, "", [], True, Path(), False)
    subcommand = parsed.get("command") or ""
    reads = "config" in parsed and subcommand != WRITES_CONFIG and not parsed.get("version")
    configs = list(parsed.get("config") or [])
    if "-" in configs:
        raise UsageError("--config - reads standard input only; put the configuration in a file")
    if (parsed.get("exchange") or EXCHANGE).lower() != EXCHANGE:
        raise UsageError(f"--exchange {parsed['exchange']} cannot be served; only {EXCHANGE} can")
    # With a file of its own on the command line, freqtrade looks for no default one.
    probe = _parse([*args, "--config", "probe"]) if reads else None
    named = probe is not None and len(probe["config"]) > 1
    home = Path(parsed.get("user_data_dir") or "user_data")
    datadir = Path(parsed.get("datadir") or home / "data" / EXCHANGE)
    against = tuple(name for name, key in AGAINST_LIVE.items() if parsed.get(key))
    data_format = parsed.get("dataformat_ohlcv") or ""
    return FreqtradeCall(
        args, subcommand, configs, named, datadir, reads, against, parsed, data_format
    )


def _parse(args: list[str]) -> dict[str, Any] | None:
    """What freqtrade makes of its arguments, or None when they only ask for help."""
    output, errors = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            parsed: dict[str, Any] = Arguments(args).get_parsed_arg()
    except SystemExit as stop:
        if not stop.code:
            return None
        raise UsageError(f"freqtrade does not accept this: {errors.getvalue().strip()}") from stop
    return parsed
