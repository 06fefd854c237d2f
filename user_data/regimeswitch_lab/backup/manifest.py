"""The list in an archive: what is in it, its checksums, and what it was made of."""

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from regimeswitch_lab.backup.archive_errors import ArchiveError
from regimeswitch_lab.backup.plain_json import read_object


__all__ = [
    "FORMAT",
    "KINDS",
    "MAX_MEMBERS",
    "NAME",
    "ArchiveError",
    "ArchiveMember",
    "Kind",
    "Manifest",
]

FORMAT = 2
READABLE = (1, 2)
"""2 has the file of sent messages as well."""
NAME = "manifest.json"
MAX_MEMBERS = 20_000
"""Files of one archive. 500 pairs with models and candles of two timeframes have 7,000."""
Kind = Literal[
    "database",
    "journal",
    "messages",
    "predictions",
    "models",
    "candles",
    "parameters",
    "config",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

# What is printed or joined to paths holds no control characters and has an end.
_Text = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]{0,1024}$")]
_Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+!-]{1,64}$")]
_Key = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,400}$")]
_Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\+00:00|Z)$")]
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0, le=1 << 50)]
_Checked = ConfigDict(strict=True, extra="forbid")


@dataclass(frozen=True)
class ArchiveMember:
    """One file in an archive.

    :ivar name: its place below the bot's user_data folder, with slashes
    :ivar size: bytes
    """

    name: Annotated[str, Field(max_length=4096)]
    kind: Kind
    size: _Count
    sha256: _Digest

    __pydantic_config__: ClassVar[ConfigDict] = _Checked


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

    made: _Moment
    versions: dict[_Version, _Version]
    identifiers: Annotated[list[_Text], Field(max_length=1)]
    userdir: _Text
    folder: _Text
    database: _Text
    orders: _Text
    trades: dict[str, _Count]
    pairs: Annotated[list[_Key], Field(max_length=MAX_MEMBERS)]
    removed: Annotated[list[_Key], Field(max_length=MAX_MEMBERS)]
    members: Annotated[list[ArchiveMember], Field(max_length=MAX_MEMBERS)] = field(
        default_factory=list
    )
    format: int = FORMAT

    __pydantic_config__: ClassVar[ConfigDict] = _Checked

    def text(self) -> str:
        """As it stands in the archive.

        :raises ArchiveError: when it could not be read again
        """
        text = json.dumps(asdict(self), indent=2, sort_keys=True)
        self.parse(text.encode())
        return text

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """As written by :meth:`text`.

        :raises ArchiveError: when it is not, or is of a later format
        """
        content = read_object(text, f"its {NAME}")
        if content.get("format") not in READABLE:
            raise ArchiveError(
                f"it is of format {ascii(content.get('format'))[:20]} and this version reads "
                f"{READABLE[0]} to {FORMAT}; use the RegimeSwitch that made it, or a later one"
            )
        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            raise ArchiveError(_told(error, content)) from None


def _told(error: ValidationError, content: dict[str, Any]) -> str:
    """The first thing that is wrong, with the file that it is said of."""
    found = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(ascii(part).strip("'")[:60] for part in found["loc"])
    of = ""
    members = content.get("members")
    if found["loc"][:1] == ("members",) and len(found["loc"]) > 1 and isinstance(members, list):
        number = int(found["loc"][1])
        named = [one for one in members[number : number + 1] if isinstance(one, dict)]
        of = "".join(f", of {str(one.get('name'))[:200]!r}" for one in named)
    return f"its {NAME} cannot be read ({place}{of}: {found['msg']})"
