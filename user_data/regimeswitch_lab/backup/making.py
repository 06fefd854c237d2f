"""Makes the archive of a running bot: finds its parts, copies them, lists them, packs them."""

import json
import platform
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path, PurePath

import regimeswitch
from regimeswitch.settings import FEATURE_VERSION, Settings
from regimeswitch_lab.backup import belongings, steady
from regimeswitch_lab.backup.contents import count_trades
from regimeswitch_lab.backup.manifest import ArchiveError, ArchiveMember, Kind, Manifest
from regimeswitch_lab.backup.places import CONFIG_PLACE
from regimeswitch_lab.bot_config import BotConfig, section
from regimeswitch_lab.harmless import without_unknown


_ALSO = (belongings.LIVE_NAME, "trades.sqlite")


@dataclass
class Staging:
    """A folder in which the parts of an archive are gathered.

    :ivar progress: called with what is done next
    """

    folder: Path
    progress: Callable[[str], None]

    def __post_init__(self) -> None:
        self.kinds: dict[str, Kind] = {}
        self.parts = 0

    def files(self, kind: Kind, choose: Callable[[], steady.Chosen]) -> None:
        """Copy files that may be written meanwhile."""
        self.progress(kind)
        self.parts += 1
        place = self.folder / f"part-{self.parts}"
        for name in steady.copy_steadily(choose, place):
            self._take(place / name, name, kind)

    def database(self, kind: Kind, source: Path, name: str) -> Path:
        """Copy a database that may be written meanwhile."""
        self.progress(kind)
        self.parts += 1
        copy = self.folder / f"part-{self.parts}" / "copy"
        steady.copy_database(source, copy)
        return self._take(copy, name, kind)

    def text(self, kind: Kind, content: str, name: str) -> None:
        """A file that is made here."""
        place = self.folder / "text"
        place.write_text(content, encoding="utf-8")
        self._take(place, name, kind)

    def _take(self, path: Path, name: str, kind: Kind) -> Path:
        if name in self.kinds:
            raise ArchiveError(
                f"two files of the bot would be {name} in the archive; move one away"
            )
        place = self.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        self.kinds[name] = kind
        return path.replace(place)

    @property
    def root(self) -> Path:
        """The folder with the members at their places."""
        return self.folder / "members"

    def members(self) -> list[ArchiveMember]:
        """What has been gathered, with checksums."""
        self.progress("checksums")
        return [
            ArchiveMember(
                name, kind, (self.root / name).stat().st_size, steady.sha256_of(self.root / name)
            )
            for name, kind in sorted(self.kinds.items())
        ]


def gather(bot: belongings.Belongings, staging: Staging) -> Manifest:
    """Copy all that belongs to a bot while it runs.

    The database comes last: it may know a trade more than the predictions, never one less.

    :raises ArchiveError: when something cannot be copied
    """
    staging.files("candles", bot.candle_files)
    staging.files("parameters", bot.parameter_files)
    staging.files("models", bot.model_files)
    for name in list(staging.kinds):
        if name.endswith(".pkl") and "historic_predictions" in name:
            staging.kinds[name] = "predictions"
    for name, path in bot.journals().items():
        if steady.is_database(path):
            staging.database("journal", path, name)
        else:
            staging.files("journal", partial(dict, [(name, path)]))
    staging.files("messages", bot.message_file)
    copy = staging.database("database", bot.database, bot.database_place)
    kept = {key: value for key, value in bot.config.given.items() if key not in _NOT_KEPT}
    config, removed = without_unknown(kept)
    staging.text("config", json.dumps(config, indent=4) + "\n", CONFIG_PLACE)
    return Manifest(
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=_versions(),
        identifiers=[bot.identifier] if bot.identifier else [],
        userdir=_own_name(bot),
        folder=str(bot.userdir.resolve()),
        database=bot.database_place,
        orders=bot.orders_place(),
        trades=_count_trades(copy, bot.database),
        pairs=bot.config.pairs,
        removed=removed,
        members=staging.members(),
    )


# Where they lead is decided when the bot is restored.
_NOT_KEPT = ("add_config_files", "db_url", "datadir", "user_data_dir", "strategy_path")


def _own_name(bot: belongings.Belongings) -> str:
    """The user_data folder as the bot itself names it: inside a container it has another path."""
    for info in bot.models_in_use().values() if bot.identifier else ():
        path = PurePath(info["data_path"])
        if len(path.parents) > 2:
            return str(path.parents[2])
    return str(bot.userdir.resolve())


def _count_trades(copy: Path, source: Path) -> dict[str, int]:
    try:
        with closing(sqlite3.connect(copy)) as database:
            return count_trades(database)
    except sqlite3.Error as error:
        raise ArchiveError(
            f"{source} is no database of freqtrade ({error}); name the bot's by --db-url"
        ) from None


def _versions() -> dict[str, str]:
    return {
        "regimeswitch": regimeswitch.__version__,
        "features": str(FEATURE_VERSION),
        "freqtrade": metadata.version("freqtrade"),
        "python": platform.python_version(),
    }


def find_database(config: BotConfig, userdir: Path, given: str | None) -> Path:
    """The bot's database: ``--db-url``, the configuration's, or where freqtrade puts it.

    :raises ArchiveError: when there is none, or it is not known which one
    """
    url = given or str(config.merged.get("db_url") or "")
    if url:
        path = Path(url.removeprefix(belongings.SQLITE_PREFIX))
        if not url.startswith(belongings.SQLITE_PREFIX) or not path.name:
            raise ArchiveError(
                f"the database ({_kind_of(url)}) is no SQLite file; copy it with its own "
                "program, e.g. pg_dump, or name an SQLite file, --db-url sqlite:///FILE"
            )
        if not path.is_file():
            raise ArchiveError(f"the database {path} does not exist; name the bot's by --db-url")
        return path
    usual = belongings.PAPER_NAME if config.merged.get("dry_run", True) else belongings.LIVE_NAME
    places = [Path(usual), userdir / usual, *(userdir / name for name in _ALSO)]
    found = list(dict.fromkeys(path.resolve() for path in places if path.is_file()))
    found = [path for path in found if steady.is_database(path)]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(map(str, found))
        raise ArchiveError(f"there are several databases ({listed}); name the bot's by --db-url")
    raise ArchiveError(f"no database in {userdir} or here; name the bot's, --db-url sqlite:///FILE")


def _kind_of(url: str) -> str:
    """The scheme of an address alone: behind it passwords may stand in any form."""
    scheme = url.partition(":")[0]
    return scheme if re.fullmatch(r"[a-z][a-z0-9+]{0,30}", scheme) else "no address"


def find_identifier(config: BotConfig, settings: Settings, userdir: Path) -> str:
    """Identifier of the models in use; empty when the bot has none yet.

    :raises ArchiveError: when there are models, but none of this configuration
    """
    if not section(config.merged, "freqai"):
        return ""
    wanted = config.identifier(settings)
    folder = userdir / "models"
    if (folder / wanted).is_dir():
        return wanted
    plain = wanted.rpartition("-rs")[0]
    others = sorted(path.parent.name for path in folder.glob(f"{plain}*/{belongings.PAIRS_FILE}"))
    if others:
        raise ArchiveError(
            f"there are models of {', '.join(others)}, but this configuration uses {wanted}; give "
            "every --config that the bot runs with"
        )
    return ""
