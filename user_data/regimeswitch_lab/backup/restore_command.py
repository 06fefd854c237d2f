"""``regimeswitch restore``: a bot from its archive onto a clean machine, checked before it."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

import regimeswitch
from regimeswitch.settings import FEATURE_VERSION
from regimeswitch_lab.backup.archive_key import default_path, load_key
from regimeswitch_lab.backup.backup_command import add_key
from regimeswitch_lab.backup.manifest import ArchiveError, Manifest
from regimeswitch_lab.inputs import InputError, write_json
from regimeswitch_lab.options import OK, Subparsers, option, refusing
from regimeswitch_lab.stop_signals import held, temporary_folder


if TYPE_CHECKING:
    from regimeswitch_lab.backup.placing import Placement, Unit
    from regimeswitch_lab.backup.sealed import Archive


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "restore",
        help="a bot from its archive; a damaged one is refused",
        description="Check an archive of `regimeswitch backup` and put the bot into a user_data "
        "folder. A damaged archive, one that this machine's key does not vouch for, or a folder "
        "with other data is refused, and nothing is overwritten.",
    )
    parser.add_argument("archive", type=Path, help="what `regimeswitch backup` wrote")
    parser.add_argument("--userdir", type=Path, help="user_data folder of the restored bot")
    parser.add_argument(
        "--bot-userdir",
        help="the same folder as the bot names it, if that differs: inside a container "
        "/freqtrade/user_data",
    )
    add_key(parser)
    parser.add_argument(
        "--trust",
        action="store_true",
        help="restore all of an archive that the key does not vouch for: its models can run code",
    )
    parser.add_argument(
        "--data-only",
        action="store_true",
        help="leave models and predictions out; the bot trains anew",
    )
    parser.add_argument("--check", action="store_true", help="check the archive, write nothing")
    parser.add_argument(
        "--force", action="store_true", help="put aside what is there: USERDIR/before-restore-..."
    )
    option(parser, "--export")
    parser.set_defaults(run=run)


@refusing("restore", InputError, finding=[ArchiveError])
def run(args: argparse.Namespace) -> int:
    """Restore; 0 when it is done, 1 when it is refused and nothing was changed, 2 on bad usage."""
    if args.userdir is None and not args.check:
        raise InputError("--userdir is needed: the user_data folder to restore to; or --check")
    if not args.archive.is_file():
        raise InputError(f"{args.archive} does not exist; name a file that backup wrote")
    console = Console(stderr=True)
    try:
        figures = check(args, console) if args.check else restore(args, console)
        if args.export:
            write_json(args.export, figures)
    except ArchiveError as error:
        text = f"{args.archive} is refused: {error}. Nothing was changed."
        raise ArchiveError(text) from error
    except OSError as error:
        raise ArchiveError(f"{error}. Nothing was changed.") from error
    _tell(args, figures)
    return OK


def check(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Unpack into a folder that vanishes."""
    from regimeswitch_lab.backup.sealed import open_archive

    with (
        temporary_folder() as work,
        open_archive(args.archive, load_key(args.key or default_path())) as archive,
    ):
        _unpack(archive, archive.manifest, work, args, console)
    return restore_figures(archive, archive.manifest)


def restore(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Unpack beside the places, check, and move into them."""
    from regimeswitch_lab.backup.placing import check_target, keep_known, move_paths, units_of
    from regimeswitch_lab.backup.sealed import open_archive

    userdir: Path = args.userdir
    existing = next(path for path in [userdir, *userdir.resolve().parents] if path.is_dir())
    with open_archive(args.archive, load_key(args.key or default_path())) as archive:
        manifest = wanted(archive, trust=args.trust, data_only=args.data_only)
        known = args.trust or archive.origin == "this key"
        own_name = args.bot_userdir or name_of_folder(manifest, userdir, known=known)
        units = units_of(manifest, own_name)
        check_target(userdir, units, args.force)
        with temporary_folder(".restore-", beside=existing) as work:
            _unpack(archive, manifest, work, args, console)
            removed = [] if known else keep_known(work)
            move_paths(work, manifest, own_name)
            with held(f"the bot was restored to {userdir} before that"):
                placement = _placed(work, userdir, units)
    aside = str(placement.aside) if placement.aside.exists() else ""
    figures = restore_figures(archive, manifest)
    figures["removed"] = [*dict.fromkeys([*figures["removed"], *removed])]
    return {**figures, "bot_userdir": own_name, "aside": aside}


def name_of_folder(manifest: Manifest, userdir: Path, *, known: bool) -> str:
    """The user_data folder as the restored bot will name it.

    :param known: who made the archive; others have no say in where a bot looks for its database
    """
    # A container's own name of the folder stays right wherever it is mounted from.
    moved = manifest.userdir == manifest.folder
    return str(userdir.resolve()) if moved or not known else manifest.userdir


def wanted(archive: Archive, *, trust: bool, data_only: bool) -> Manifest:
    """What of an archive is restored.

    :raises ArchiveError: when it has files that run code and nobody vouches for them
    """
    from regimeswitch_lab.backup.places import CODE_BEARING

    members = archive.manifest.members
    code = [member.name for member in members if member.kind in CODE_BEARING]
    if data_only:
        data = [member for member in members if member.kind not in CODE_BEARING]
        return replace(archive.manifest, members=data, identifiers=[])
    if code and not trust and archive.origin != "this key":
        more = f" and {len(code) - 1} more" if len(code) > 1 else ""
        raise ArchiveError(
            f"{code[0]}{more} in it can run code when a bot loads them, and {_doubt(archive)}; "
            "if it is yours, bring the key with which it was made (--key FILE) or add --trust; "
            "--data-only restores all but models and predictions"
        )
    return archive.manifest


def _doubt(archive: Archive) -> str:
    if archive.origin == "another key":
        return f"it was made with another key than this machine's ({archive.key_id})"
    return "no key shows who made it"


def _placed(work: Path, userdir: Path, units: list[Unit]) -> Placement:
    from regimeswitch_lab.backup.placing import Placement

    made = not userdir.exists()
    userdir.mkdir(parents=True, exist_ok=True)
    placement = Placement(work, userdir)
    try:
        placement.place(units)
    except BaseException:
        if made:
            shutil.rmtree(userdir)
        raise
    return placement


def _unpack(
    archive: Archive, manifest: Manifest, work: Path, args: argparse.Namespace, console: Console
) -> None:
    from regimeswitch_lab.backup.contents import check_trades
    from regimeswitch_lab.backup.sealed import unpack

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console) as progress:
        whole = sum(member.size for member in manifest.members)
        free = shutil.disk_usage(work).free
        if free < whole:
            raise ArchiveError(
                f"its files need {whole / 1e9:.2f} GB and {free / 1e9:.2f} GB are free at {work}"
            )
        task = progress.add_task("checking", total=whole)
        trusted = args.trust or archive.origin == "this key"
        advance = partial(progress.advance, task)
        unpack(archive, manifest, work, advance, trusted=trusted)
        check_trades(manifest, work / manifest.database, trusted=trusted)


def restore_figures(archive: Archive, manifest: Manifest) -> dict[str, Any]:
    """The figures of a restore, as exported."""
    return {
        "made": manifest.made,
        "made_with": archive.origin,
        "identifiers": manifest.identifiers,
        "pairs": manifest.pairs,
        "trades": manifest.trades,
        "database": manifest.database,
        "removed": manifest.removed,
        "files": len(manifest.members),
        "bytes": sum(member.size for member in manifest.members),
        "notes": list(version_notes(manifest.versions)),
    }


def version_notes(versions: dict[str, str]) -> list[str]:
    """What differs between the program that made an archive and this one."""
    here = {
        "regimeswitch": regimeswitch.__version__,
        "freqtrade": metadata.version("freqtrade"),
    }
    notes = [
        f"made with {name} {versions.get(name)}, here is {version}"
        for name, version in here.items()
        if versions.get(name) != version
    ]
    if versions.get("features") != str(FEATURE_VERSION):
        notes.append("features have changed since: the bot will train its models anew")
    return notes


def _tell(args: argparse.Namespace, figures: dict[str, Any]) -> None:
    trades = figures["trades"]
    print(
        f"{args.archive}: {figures['files']} files are as they were made on {figures['made']}; "
        f"{trades['all']} trades, {trades['open']} open"
    )
    for note in figures["notes"]:
        print(f"Note: {note}")
    if figures["made_with"] != "this key":
        doubt = "another key" if figures["made_with"] == "another key" else "no key"
        print(f"Note: made with {doubt}; nothing shows that it is yours and as you made it")
    if args.check:
        return
    if figures["aside"]:
        print(f"What was there before lies in {figures['aside']}")
    if figures["removed"]:
        names = ", ".join(figures["removed"])
        print(
            f"Not in the restored configuration: {names}. Give secrets by environment variables, "
            "FREQTRADE__SECTION__KEY, the rest in a config of your own beside it (--config twice)"
        )
    own = figures["bot_userdir"]
    print(f"Start it with: freqtrade trade --config {own}/restored-config.json --userdir {own}")
