"""Finds a bot's database and the identifier of its models from its configuration."""

from __future__ import annotations

import re
from pathlib import Path

from regimeswitch.settings import Settings
from regimeswitch_lab.backup.belongings import (
    LIVE_NAME,
    PAIRS_FILE,
    PAPER_NAME,
    SQLITE_PREFIX,
)
from regimeswitch_lab.backup.manifest import ArchiveError
from regimeswitch_lab.backup.steady import is_database
from regimeswitch_lab.bot_config import BotConfig, section


_ALSO = (LIVE_NAME, "trades.sqlite")


def find_database(config: BotConfig, userdir: Path, given: str | None) -> Path:
    """The bot's database: ``--db-url``, the configuration's, or where freqtrade puts it.

    :raises ArchiveError: when there is none, or it cannot be told which one
    """
    url = given or str(config.merged.get("db_url") or "")
    if url:
        path = Path(url.removeprefix(SQLITE_PREFIX))
        if not url.startswith(SQLITE_PREFIX) or not path.name:
            raise ArchiveError(
                f"the database ({_kind_of(url)}) is no SQLite file; copy it with its own "
                "program, e.g. pg_dump, or name an SQLite file, --db-url sqlite:///FILE"
            )
        if not path.is_file():
            raise ArchiveError(f"the database {path} does not exist; name the bot's by --db-url")
        return path
    usual = PAPER_NAME if config.merged.get("dry_run", True) else LIVE_NAME
    places = [Path(usual), userdir / usual, *(userdir / name for name in _ALSO)]
    found = list(dict.fromkeys(path.resolve() for path in places if path.is_file()))
    found = [path for path in found if is_database(path)]
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
    others = sorted(path.parent.name for path in folder.glob(f"{plain}*/{PAIRS_FILE}"))
    if others:
        raise ArchiveError(
            f"there are models of {', '.join(others)}, but this configuration uses {wanted}; give "
            "every --config that the bot runs with"
        )
    return ""
