"""The key of this machine, which shows that an archive was made here and not changed since.

Checksums show damage: anybody can make them anew. HMAC-SHA256 (RFC 2104) takes a key that only the
owner's machines have. The key stays out of every archive.
"""

import hashlib
import hmac
import os
import re
import secrets
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from regimeswitch_lab.backup.archive_errors import ArchiveError


KEY_BYTES = 32
ID_DIGITS = 16
_TEXT = re.compile(rb"[0-9a-f]{64}\n?")


@dataclass(frozen=True, repr=False)
class Key:
    """A key; its text is in no message.

    :ivar path: of its file
    """

    path: Path
    secret: bytes

    @property
    def id(self) -> str:
        """A name that tells keys apart and nothing of them."""
        return hmac.new(self.secret, b"regimeswitch key id", hashlib.sha256).hexdigest()[:ID_DIGITS]

    def running(self) -> hmac.HMAC:
        """An HMAC-SHA256 that content is fed to."""
        return hmac.new(self.secret, digestmod=hashlib.sha256)


def default_path() -> Path:
    """``$XDG_CONFIG_HOME/regimeswitch/backup.key``, by default below ``~/.config``.

    :raises ArchiveError: when the user has no home
    """
    home = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        base = Path(home) if Path(home).is_absolute() else Path.home() / ".config"
    except RuntimeError:
        raise ArchiveError("this user has no home to keep a key in; name one, --key FILE") from None
    return base / "regimeswitch" / "backup.key"


def load_key(path: Path) -> Key | None:
    """The key in a file; None when there is no file.

    :raises ArchiveError: when the file is no key, or others may read it
    """
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read(KEY_BYTES * 2 + 2)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArchiveError(
            f"the key {path} cannot be read ({error.strerror}); name another, --key FILE"
        ) from None
    if _TEXT.fullmatch(text) is None:
        raise ArchiveError(
            f"{path} holds no key (64 hexadecimal digits); put the right one there, or move it away"
        )
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ArchiveError(f"others may use the key {path}; chmod 600 it, or make a new one")
    return Key(path, bytes.fromhex(text.decode().strip()))


def own_key(path: Path) -> tuple[Key, bool]:
    """The key in a file, made when there is none; and whether it was made now.

    :raises ArchiveError: when it can neither be read nor made
    """
    found = load_key(path)
    if found is not None:
        return found, False
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = _publish(path)
    except OSError as error:
        raise ArchiveError(
            f"the key that authenticates archives cannot be written to {path} ({error.strerror}); "
            "name another place, --key FILE"
        ) from None
    found = load_key(path)
    if found is None:
        raise ArchiveError(f"the key {path} disappeared as soon as it was made")
    return found, made


def _publish(path: Path) -> bool:
    """Make the file whole or not at all; one that another program made meanwhile is kept."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    fresh = Path(name)
    try:
        # mkstemp makes it readable and writable for its owner alone.
        with os.fdopen(handle, "wb") as stream:
            stream.write(secrets.token_hex(KEY_BYTES).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        path.hardlink_to(fresh)
    except FileExistsError:
        return False
    finally:
        fresh.unlink(missing_ok=True)
    return True
