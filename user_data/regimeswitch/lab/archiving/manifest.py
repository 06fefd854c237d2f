"""The list in an archive: what is in it, its checksums, and what it was made of."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, Self, get_args


FORMAT = 1
NAME = "manifest.json"
Kind = Literal["database", "journal", "predictions", "models", "candles", "parameters", "config"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class ArchiveError(ValueError):
    """A bot that cannot be copied, or an archive that cannot be used; the text says why."""


@dataclass(frozen=True)
class Member:
    """One file in an archive.

    :ivar name: its place below the bot's user_data folder, with slashes
    :ivar size: bytes
    """

    name: str
    kind: Kind
    size: int
    sha256: str

    def check(self) -> None:
        """:raises ArchiveError: when it would lead out of the folder it is unpacked to"""
        path = PurePosixPath(self.name)
        parts = path.parts
        unsafe = path.is_absolute() or not parts or ".." in parts or str(path) != self.name
        if unsafe or "\\" in self.name or "\0" in self.name or ":" in parts[0]:
            raise ArchiveError(f"it names the file {self.name!r}, which leads out of its folder")
        if self.kind not in KINDS:
            raise ArchiveError(f"{self.name} is of the unknown kind {self.kind!r}")


@dataclass(frozen=True)
class Manifest:
    """What an archive says of itself.

    :ivar made: UTC, ISO 8601
    :ivar versions: of regimeswitch, freqtrade and python
    :ivar identifiers: FreqAI identifiers whose models are in it
    :ivar userdir: the bot's user_data folder as its own files name it, e.g. inside a container
    :ivar folder: the same folder as the backup saw it
    :ivar database: place of the bot's database below user_data
    :ivar orders: place of its journal of orders; empty when it has none
    :ivar trades: in the database, all and open
    :ivar removed: what was taken out of the configuration, e.g. ``exchange.key``
    """

    made: str
    versions: dict[str, str]
    identifiers: list[str]
    userdir: str
    folder: str
    database: str
    orders: str
    trades: dict[str, int]
    pairs: list[str]
    removed: list[str]
    members: list[Member] = field(default_factory=list)
    format: int = FORMAT

    def text(self) -> str:
        """As it stands in the archive."""
        return json.dumps(asdict(self), indent=2, sort_keys=True)

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """As written by :meth:`text`.

        :raises ArchiveError: when it is not, or is of a later format
        """
        try:
            content: dict[str, Any] = json.loads(text)
            if content["format"] != FORMAT:
                raise ArchiveError(
                    f"it is of format {content['format']!r} and this version reads {FORMAT}; use "
                    "the RegimeSwitch that made it, or a later one"
                )
            members = [Member(**member) for member in content.pop("members")]
            read = cls(members=members, **content)
        except (ValueError, TypeError, KeyError) as error:
            if isinstance(error, ArchiveError):
                raise
            raise ArchiveError(f"its {NAME} cannot be read ({error})") from None
        for member in members:
            member.check()
        return read
