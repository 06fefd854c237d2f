"""What belongs to a bot: which files on disk, and their places in an archive."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from regimeswitch.bot.messages.sent_file import sent_path
from regimeswitch.bot.orders.journal import journal_path
from regimeswitch.settings import Settings
from regimeswitch_lab.backup.archive_errors import ArchiveError
from regimeswitch_lab.backup.contents import is_journal
from regimeswitch_lab.backup.places import (
    ASIDE,
    JOURNALS,
    MESSAGES,
    NO_JOURNALS,
    ORDERS,
    is_database_place,
    is_journal_place,
    is_model_file,
)
from regimeswitch_lab.backup.steady import Chosen, UnsteadyError
from regimeswitch_lab.bot_config import BotConfig, section


PARTS = ("_model.joblib", "_metadata.json", "_feature_pipeline.pkl", "_label_pipeline.pkl")
"""What FreqAI loads of a model."""
PAIRS_FILE = "pair_dictionary.json"
PAPER_NAME, LIVE_NAME = "tradesv3.dryrun.sqlite", "tradesv3.sqlite"
SQLITE_PREFIX = "sqlite:///"


@dataclass(frozen=True)
class Belongings:
    """Where the parts of one bot are.

    :ivar userdir: its user_data folder
    :ivar datadir: its candles
    :ivar database: its trades
    :ivar identifier: of its models; empty when there are none yet
    :ivar address: of the database, as it was given on the command line; may be empty
    """

    config: BotConfig
    settings: Settings
    userdir: Path
    datadir: Path
    database: Path
    identifier: str
    address: str = ""

    @property
    def models(self) -> Path:
        """The folder of its models."""
        return self.userdir / "models" / self.identifier

    @property
    def database_place(self) -> str:
        """Place of the database in an archive; one among code or candles lies beside them."""
        places = [_place(self.database, self.userdir), self.database.name, PAPER_NAME]
        return next(place for place in places if is_database_place(place))

    def journals(self) -> dict[str, Path]:
        """Databases and journals of the bot beside its trades, by place."""
        found = {name: path for name, path in self._beside().items() if _can_be_kept(name, path)}
        return dict(sorted(found.items()))

    def left_out(self) -> list[Path]:
        """Files with the ending of a journal that are none, or that no system could unpack."""
        beside = self._beside().items()
        return sorted(path for name, path in beside if not _can_be_kept(name, path))

    def _beside(self) -> dict[str, Path]:
        beside = self.database.parent.glob(f"{self.database.stem}*")
        found = {}
        for path in [*beside, *_files_of(self.userdir)]:
            if path.suffix in JOURNALS and path.is_file() and not path.samefile(self.database):
                if path.parent != self.userdir and path.name in (PAPER_NAME, LIVE_NAME):
                    continue
                found[_place(path, self.userdir)] = path
        return found

    def orders_place(self) -> str:
        """Place of the journal of orders that belongs to the database; empty when there is none.

        Its name is made of the database's address as the bot was given it, which may be relative.

        :raises ArchiveError: when there are several and none is known to be the bot's
        """
        found = [name for name in self.journals() if PurePath(name).match(ORDERS)]
        known = [journal_path(self.userdir, address).name for address in self._addresses()]
        own = [name for name in found if PurePath(name).name in known]
        if own or len(found) < 2:
            return (own or found or [""])[0]
        raise ArchiveError(
            f"there are several journals of orders ({', '.join(found)}) and none is named after "
            f"{self.database}; give --db-url exactly as the bot has it"
        )

    def message_file(self) -> Chosen:
        """What the bot has sent already, so that a restored one does not repeat it.

        Nothing where there are several and none is named after the database: then a message is
        repeated, and nothing else is lost.
        """
        found = {path.name: path for path in sorted(self.userdir.glob(MESSAGES))}
        known = [sent_path(self.userdir, address).name for address in self._addresses()]
        own = [name for name in found if name in known] or (list(found) if len(found) < 2 else [])
        return {name: found[name] for name in own[:1]}

    def _addresses(self) -> list[str]:
        """The database's address in the forms in which the bot may have been given it."""
        own = str(self.config.merged.get("db_url") or "")
        files = [self.database.name, str(self.database), str(self.database.resolve())]
        addresses = [own, self.address, *(f"{SQLITE_PREFIX}{name}" for name in files)]
        return [address for address in addresses if address]

    def model_files(self) -> Chosen:
        """Predictions, and the models in use; each must be complete.

        :raises UnsteadyError: when the list of models is being written
        """
        if not self.identifier:
            return {}
        files = {
            path.name: path for path in self.models.iterdir() if path.is_file() and _is_kept(path)
        }
        for info in self.models_in_use().values():
            folder = self.models / PurePath(info["data_path"]).name
            for part in PARTS:
                needed = folder / f"{info['model_filename']}{part}"
                if not needed.is_file():
                    raise FileNotFoundError(2, "missing", str(needed))
            for path in folder.iterdir():
                if path.is_file() and _is_kept(path):
                    files[f"{folder.name}/{path.name}"] = path
        return {f"models/{self.identifier}/{name}": path for name, path in sorted(files.items())}

    def models_in_use(self) -> dict[str, dict[str, Any]]:
        """FreqAI's own list, by pair; pairs without a model are left out.

        :raises UnsteadyError: when it is being written
        """
        listed = self.models / PAIRS_FILE
        if not listed.is_file():
            return {}
        try:
            content: dict[str, dict[str, Any]] = json.loads(listed.read_bytes())
        except ValueError:
            raise UnsteadyError(f"{listed} is not complete") from None
        return {pair: info for pair, info in content.items() if info.get("model_filename")}

    def candle_files(self) -> Chosen:
        """Candles of the bot's pairs and timeframes, those that there are."""
        exchange = str(section(self.config.merged, "exchange").get("name") or "binance")
        wanted = [*self.config.pairs, *self.config.other_pairs(self.settings)]
        found = {}
        for pair in wanted:
            for timeframe in self.config.timeframes(self.settings):
                path = self.datadir / f"{pair.replace('/', '_').replace(':', '_')}-{timeframe}"
                path = path.with_name(path.name + ".feather")
                if path.is_file():
                    found[f"data/{exchange}/{path.name}"] = path
        return found

    def parameter_files(self) -> Chosen:
        """Parameters that hyperopt has left for the strategy: they change its decisions."""
        path = self.userdir / "strategies" / f"{self.config.merged.get('strategy')}.json"
        return {f"strategies/{path.name}": path} if path.is_file() else {}


def _is_kept(path: Path) -> bool:
    return is_model_file(path.name) and path.suffix not in (".tmp", ".part", ".new")


def _can_be_kept(name: str, path: Path) -> bool:
    return is_journal_place(name) and is_journal(path)


def _files_of(userdir: Path) -> Iterator[Path]:
    for path in sorted(userdir.iterdir()):
        if path.name.startswith((".", ASIDE)) or path.name in NO_JOURNALS:
            continue
        yield from sorted(path.rglob("*")) if path.is_dir() else [path]


def _place(path: Path, userdir: Path) -> str:
    """Below user_data as it is there; a file from elsewhere lies directly in it."""
    inside = path.resolve()
    root = userdir.resolve()
    return inside.relative_to(root).as_posix() if inside.is_relative_to(root) else path.name
