"""Puts a checked archive in its place: everything or nothing, and nothing that is there is lost."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath, PurePosixPath

from regimeswitch.bot.messages.sent_file import sent_path
from regimeswitch.bot.orders.journal import journal_path
from regimeswitch_lab.backup.archive_names import clash_of
from regimeswitch_lab.backup.belongings import PAIRS_FILE
from regimeswitch_lab.backup.contents import read_file
from regimeswitch_lab.backup.manifest import ArchiveError, Manifest
from regimeswitch_lab.backup.places import ASIDE, CONFIG_PLACE
from regimeswitch_lab.harmless import without_unknown


SIDECARS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database; one of an older database would spoil the new one."""


@dataclass(frozen=True)
class Unit:
    """What is put in its place by one rename: a file, or the folder of an identifier.

    :ivar name: place below user_data
    :ivar packed: its place in the archive
    """

    name: str
    packed: str
    is_database: bool = False

    def obstacles(self, userdir: Path) -> list[Path]:
        """What is in its place already."""
        place = userdir / self.name
        beside = [place.with_name(place.name + end) for end in SIDECARS]
        wanted = [place, *(beside if self.is_database else [])]
        return [path for path in wanted if os.path.lexists(path)]


def address_of(manifest: Manifest, userdir: str) -> str:
    """The restored database's address.

    :param userdir: the bot's user_data folder as the bot itself will name it
    """
    return f"sqlite:///{PurePath(userdir) / manifest.database}"


def units_of(manifest: Manifest, userdir: str) -> list[Unit]:
    """Units of an archive, the database last: a bot without it does not start to trade on.

    The journal of orders and the file of sent messages are named after the database's address,
    which is another one here.

    :param userdir: as in :func:`address_of`
    :raises ArchiveError: when two would come to the same place
    """
    moved = {}
    address = address_of(manifest, userdir)
    for member in manifest.members:
        if member.kind == "messages":
            moved[member.name] = sent_path(Path(), address).name
    if manifest.orders:
        name = journal_path(Path(userdir), address).name
        moved[manifest.orders] = str(PurePosixPath(manifest.orders).with_name(name))
    folders = [f"models/{identifier}" for identifier in manifest.identifiers]
    found: dict[str, Unit] = {}
    for member in manifest.members:
        inside = [name for name in folders if PurePosixPath(member.name).is_relative_to(name)]
        name = inside[0] if inside else member.name
        is_database = member.kind in ("database", "journal")
        found[name] = Unit(moved.get(name, name), name, is_database)
    if clash := clash_of(unit.name for unit in found.values()):
        raise ArchiveError(f"{clash[0]} and {clash[1]} would come to one place")
    return sorted(found.values(), key=lambda unit: (unit.name == manifest.database, unit.name))


def check_target(userdir: Path, units: list[Unit], force: bool) -> None:
    """Refuse a folder that holds other data.

    :raises ArchiveError: naming what is in the way
    """
    if userdir.exists() and not userdir.is_dir():
        raise ArchiveError(f"--userdir {userdir} is a file; name a folder")
    blocked = [path for unit in units for path in unit.obstacles(userdir)]
    parents = [userdir / parent for unit in units for parent in PurePosixPath(unit.name).parents]
    # A link would lead the files out of the folder.
    odd = sorted({path for path in parents if path.is_symlink() and path != userdir})
    odd += sorted({path for path in parents if path.exists() and not path.is_dir()})
    if odd:
        raise ArchiveError(f"{odd[0]} is not a folder of its own; nothing can be put into it")
    if blocked and not force:
        more = f" and {len(blocked) - 3} more" if len(blocked) > 3 else ""
        listed = ", ".join(map(str, blocked[:3]))
        raise ArchiveError(
            f"{userdir} holds other data: {listed}{more}; name an empty folder, or add --force, "
            "which puts the old ones aside"
        )


def move_paths(staging: Path, manifest: Manifest, userdir: str) -> None:
    """Make FreqAI's list of models and the configuration name the folder of the restored bot.

    :param userdir: as in :func:`address_of`
    """
    for identifier in manifest.identifiers:
        listed = staging / "models" / identifier / PAIRS_FILE
        if not listed.is_file():
            continue
        content = read_file(listed, PAIRS_FILE)
        for pair, info in content.items():
            if not isinstance(info, dict) or not isinstance(info.get("data_path", ""), str):
                raise ArchiveError(f"{PAIRS_FILE} in it has no model of {pair!r} that can be read")
            if info.get("data_path"):
                name = PurePath(info["data_path"]).name
                info["data_path"] = str(PurePath(userdir) / "models" / identifier / name)
        listed.write_text(json.dumps(content), encoding="utf-8")
    config = staging / CONFIG_PLACE
    content = read_file(config, CONFIG_PLACE) | {"db_url": address_of(manifest, userdir)}
    config.write_text(json.dumps(content, indent=4) + "\n", encoding="utf-8")


def keep_known(staging: Path) -> list[str]:
    """Take out of the configuration what is not known to be harmless: nobody vouches for it.

    An address of an exchange, a logging handler or a folder of classes lead a bot elsewhere.

    :return: the keys that were taken out
    """
    path = staging / CONFIG_PLACE
    config, removed = without_unknown(read_file(path, CONFIG_PLACE))
    path.write_text(json.dumps(config, indent=4) + "\n", encoding="utf-8")
    return removed


class Placement:
    """Moves units from a staging folder on the same disk into their places.

    :param userdir: where to
    """

    def __init__(self, staging: Path, userdir: Path) -> None:
        self._staging = staging
        self._userdir = userdir
        self._done: list[tuple[Path, Path]] = []
        self._made: list[Path] = []
        stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
        self.aside = userdir / f"{ASIDE}{stamp}"

    def place(self, units: list[Unit]) -> None:
        """Everything, or, when something fails on the way, nothing: it is all moved back."""
        try:
            for unit in units:
                for path in unit.obstacles(self._userdir):
                    self._move(path, self.aside / path.relative_to(self._userdir))
            for unit in units:
                self._move(self._staging / unit.packed, self._userdir / unit.name)
        except BaseException:
            for source, target in reversed(self._done):
                target.replace(source)
            for folder in reversed(self._made):
                folder.rmdir()
            raise

    def _move(self, source: Path, target: Path) -> None:
        missing = [folder for folder in target.parents if not folder.exists()]
        target.parent.mkdir(parents=True, exist_ok=True)
        self._made += reversed(missing)
        source.replace(target)
        self._done.append((source, target))
