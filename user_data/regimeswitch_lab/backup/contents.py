"""Whether the content of an unpacked file is what its kind says. Nothing is run or unpickled."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from regimeswitch.bot.messages.sent_file import MARKS, STATES
from regimeswitch_lab.backup.archive_names import shown
from regimeswitch_lab.backup.manifest import ArchiveError, ArchiveMember, Manifest
from regimeswitch_lab.backup.plain_json import MAX_BYTES, read_object
from regimeswitch_lab.backup.steady import is_database


_COLUMNS = ("date", "open", "high", "low", "close", "volume")
_PARAMETER_KEYS = {"strategy_name", "params", "ft_stratparam_v", "export_time"}
_EXTRA = (
    "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger') "
    "OR sql LIKE 'CREATE VIRTUAL%'"
)
SQLITE_ENDS = (".sqlite", ".db")


def check_content(member: ArchiveMember, path: Path) -> None:
    """Hold one unpacked file against its kind.

    :param path: where it was unpacked to
    :raises ArchiveError: naming it, when it is something else
    """
    if member.kind == "config":
        read_file(path, member.name)
    elif member.kind == "parameters":
        _check_parameters(read_file(path, member.name), member.name)
    elif member.kind == "candles":
        _check_candles(path, member.name)
    elif member.kind == "messages":
        _check_messages(read_file(path, member.name), member.name)
    elif (member.kind == "database" and not is_database(path)) or (
        member.kind == "journal" and not is_journal(path)
    ):
        raise ArchiveError(f"{member.name} in it is no SQLite database")


def is_journal(path: Path) -> bool:
    """Whether a file is what its ending says; a database that was never written to is empty."""
    return path.suffix not in SQLITE_ENDS or not path.stat().st_size or is_database(path)


def read_file(path: Path, name: str) -> dict[str, Any]:
    """One JSON object of an archive.

    :raises ArchiveError: when it is none
    """
    with path.open("rb") as stream:
        return read_object(stream.read(MAX_BYTES + 1), f"{name} in it")


def _check_parameters(content: dict[str, Any], name: str) -> None:
    """What freqtrade's hyperopt writes: values by space (``HyperStrategyMixin``)."""
    params = content.get("params")
    strange = sorted(set(content) - _PARAMETER_KEYS)
    if strange or not isinstance(params, dict) or not _are_values(params):
        of = f", {strange[0]!r}" if strange else ""
        raise ArchiveError(f"{name} in it holds something else than parameters of hyperopt{of}")


def _check_messages(content: dict[str, Any], name: str) -> None:
    """What :class:`regimeswitch.bot.messages.sent_file.SentFile` writes."""
    if set(content) != {STATES, MARKS} or not all(isinstance(v, dict) for v in content.values()):
        raise ArchiveError(f"{name} in it is no file of sent messages")


def _are_values(params: dict[str, Any]) -> bool:
    return all(
        isinstance(space, dict)
        and all(
            value is None or isinstance(value, (bool, int, float, str)) for value in space.values()
        )
        for space in params.values()
    )


def _check_candles(path: Path, name: str) -> None:
    """The table's head alone is read: a packed column of a foreign file may be of any size."""
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
            types = dict(zip(reader.schema.names, reader.schema.types, strict=True))
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{name} in it is no table of candles ({shown(error)})") from None
    fits = all(_is_number(types.get(column)) for column in _COLUMNS[1:])
    if not fits or not _is_date(types.get("date")):
        raise ArchiveError(f"{name} in it is no table of candles: its columns are others")


def _is_number(kind: Any) -> bool:
    return kind is not None and (pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _is_date(kind: Any) -> bool:
    return kind is not None and (pa.types.is_timestamp(kind) or pa.types.is_integer(kind))


def count_trades(database: sqlite3.Connection) -> dict[str, int]:
    """Trades of a freqtrade database, all and open.

    :raises sqlite3.Error: when it is none
    """
    query = "SELECT count(*), coalesce(sum(is_open != 0), 0) FROM trades"
    whole, unfinished = database.execute(query).fetchone()
    return {"all": int(whole), "open": int(unfinished)}


def check_trades(manifest: Manifest, path: Path, *, trusted: bool) -> None:
    """Whether the database is freqtrade's and has the trades that the list says.

    :param path: the unpacked database
    :param trusted: by the key or by the user: then it may have views of the user's own
    :raises ArchiveError: when not
    """
    name, address = manifest.database, f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.execute("PRAGMA trusted_schema=OFF")
            extra = database.execute(_EXTRA).fetchone()
            if extra is not None and not trusted:
                raise ArchiveError(f"{name} in it has the {extra[0]} {extra[1]!r}, freqtrade none")
            found = count_trades(database)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise ArchiveError(f"{name} in it is no database of freqtrade ({shown(error)})") from None
    if found != manifest.trades:
        raise ArchiveError(f"{name} in it has other trades ({found}) than its list says")
