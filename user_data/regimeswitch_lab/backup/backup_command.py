"""``regimeswitch backup``: a consistent copy of a bot, also while it runs, in one checked file."""

import argparse
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from regimeswitch.settings import SettingsError, load_settings
from regimeswitch_lab.backup.archive_key import Key, default_path, own_key
from regimeswitch_lab.backup.manifest import ArchiveError, Manifest
from regimeswitch_lab.inputs import InputError, write_json
from regimeswitch_lab.options import OK, Subparsers, option, refusing
from regimeswitch_lab.stop_signals import temporary_folder


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "backup",
        help="a consistent copy of a bot, also while it runs",
        description="Copy a bot's database, predictions, models, candles and configuration into "
        "one archive with checksums, authenticated by a key of this machine. The bot may go on "
        "meanwhile. Of the configuration goes along what is known to be harmless; keys, tokens, "
        "passwords, addresses and unknown keys are left out and named.",
    )
    option(parser, "--config", help="the configs that the bot runs with")
    option(parser, "--userdir")
    option(parser, "--datadir", help="candles (USERDIR/data/binance)")
    option(parser, "--db-url", help="the bot's database, sqlite:///FILE (found by itself)")
    parser.add_argument(
        "--out", type=Path, help="the archive (regimeswitch-YYYYMMDD-HHMMSS.zip here)"
    )
    parser.add_argument(
        "--without-models",
        action="store_true",
        help="leave models and predictions out, e.g. because they are damaged",
    )
    parser.add_argument("--force", action="store_true", help="replace an archive that is there")
    add_key(parser)
    option(parser, "--export")
    parser.set_defaults(run=run)


def add_key(parser: argparse.ArgumentParser) -> None:
    """The option that names the key of this machine."""
    parser.add_argument(
        "--key",
        type=Path,
        help="file of the key that authenticates archives (~/.config/regimeswitch/backup.key)",
    )


@refusing("backup", InputError, SettingsError, finding=(ArchiveError, OSError))
def run(args: argparse.Namespace) -> int:
    """Make the archive; 0 when it is written, 1 when the bot cannot be copied, 2 on bad usage."""
    console = Console(stderr=True)
    out = _out(args)
    made = make(args, out, console)
    figures = backup_figures(out, made)
    if args.export:
        write_json(args.export, figures)
    _tell(figures)
    return OK


def _out(args: argparse.Namespace) -> Path:
    out: Path = args.out or Path(f"regimeswitch-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip")
    if not args.userdir.is_dir():
        raise InputError(f"--userdir {args.userdir} does not exist; name the bot's user_data")
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: the folder {out.parent} does not exist; make it first")
    if out.is_dir() or (out.exists() and not args.force):
        raise InputError(f"--out {out} is there already; name another file, or add --force")
    return out


@dataclass(frozen=True)
class Made:
    """What was done.

    :ivar new_key: the key was made for this archive
    :ivar left_out: files beside the database that are not what their ending says
    """

    manifest: Manifest
    key: Key
    new_key: bool
    left_out: list[Path]


def make(args: argparse.Namespace, out: Path, console: Console) -> Made:
    """Gather the parts beside the archive, on the same disk, and pack them."""
    from regimeswitch_lab.backup.belongings import Belongings
    from regimeswitch_lab.backup.making import Staging, find_database, find_identifier, gather
    from regimeswitch_lab.backup.sealed import write_archive
    from regimeswitch_lab.bot_config import load_bot_config

    config = load_bot_config(args.config, os.environ)
    settings = load_settings(config.merged.get("regimeswitch"))
    identifier = "" if args.without_models else find_identifier(config, settings, args.userdir)
    bot = Belongings(
        config=config,
        settings=settings,
        userdir=args.userdir,
        datadir=args.datadir or args.userdir / "data" / "binance",
        database=find_database(config, args.userdir, args.db_url),
        identifier=identifier,
        address=args.db_url or "",
    )
    key, new_key = own_key(key_path(args))
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with (
        temporary_folder(f".{out.name}-", beside=out.parent) as work,
        Progress(*columns, console=console) as progress,
    ):
        task = progress.add_task("looking", total=None)
        staging = Staging(work, lambda what: progress.update(task, description=what))
        manifest = gather(bot, staging)
        whole = sum(member.size for member in manifest.members)
        progress.update(task, description="packing", total=whole)
        write_archive(out, manifest, staging.root, key, lambda done: progress.advance(task, done))
    return Made(manifest, key, new_key, bot.left_out())


def key_path(args: argparse.Namespace) -> Path:
    """Where the key lies.

    :raises InputError: when it would go along with what it authenticates
    """
    path: Path = args.key or default_path()
    if args.userdir is not None and path.resolve().is_relative_to(args.userdir.resolve()):
        raise InputError(
            f"--key {path} lies in {args.userdir}, and the key must not go where the archive goes; "
            "name a place outside of it"
        )
    return path


def backup_figures(archive: Path, made: Made) -> dict[str, Any]:
    """The figures of an archive, as exported."""
    manifest = made.manifest
    kinds = sorted({member.kind for member in manifest.members})
    return {
        "archive": str(archive),
        "bytes": archive.stat().st_size,
        "made": manifest.made,
        "versions": manifest.versions,
        "identifiers": manifest.identifiers,
        "pairs": manifest.pairs,
        "trades": manifest.trades,
        "removed": manifest.removed,
        "left_out": list(map(str, made.left_out)),
        "key": str(made.key.path),
        "new_key": made.new_key,
        "files": {kind: sum(member.kind == kind for member in manifest.members) for kind in kinds},
        "unpacked_bytes": sum(member.size for member in manifest.members),
    }


def _tell(figures: dict[str, Any]) -> None:
    counted = ", ".join(f"{count} {kind}" for kind, count in figures["files"].items())
    trades = figures["trades"]
    print(
        f"{figures['archive']}: {figures['bytes'] / 1e6:.1f} MB ({counted}); "
        f"{trades['all']} trades, {trades['open']} open"
    )
    if not figures["identifiers"]:
        print("It has no models: the restored bot begins by training.")
    if figures["removed"]:
        print(f"Left out of the configuration: {', '.join(figures['removed'])}")
    if figures["left_out"]:
        print(f"Not copied, no journals by their content: {', '.join(figures['left_out'])}")
    if figures["new_key"]:
        print(
            f"{figures['key']} was made: it shows that an archive is yours. Keep a copy of it "
            "apart from the archives; other machines restore with it, or with --trust"
        )
