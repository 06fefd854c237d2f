"""Model files on disk: written whole or not at all, and known by their digests when read."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from regimeswitch.bot.compatibility.internals import MODEL_FILES
from regimeswitch.bot.whole_files import make_durable, replacing


MANIFEST = "digests.json"
_FOLDER = re.compile(r"sub-train-(?P<coin>.+)_(?P<stamp>\d{10})$")


class DamagedFileError(ValueError):
    """A file that cannot be trusted; the text says why."""


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_manifest(folder: Path, identifier: str) -> None:
    """Declare a model folder complete: which files belong to it, and for which settings."""
    names = sorted(path.name for path in folder.iterdir() if path.suffix in (".joblib", ".pkl"))
    names += sorted(path.name for path in folder.glob("*_metadata.json"))
    for name in names:
        make_durable(folder / name)
    content = {"identifier": identifier, "files": {name: digest(folder / name) for name in names}}
    with replacing(folder / MANIFEST) as fresh:
        fresh.write_text(json.dumps(content), encoding="utf-8")


def check_model(folder: Path, filename: str, identifier: str) -> None:
    """Whether a saved model may be served.

    A folder without a manifest, of an older version, is believed where all its files load.

    :param filename: beginning of its files' names
    :raises DamagedFileError: saying what is wrong
    """
    missing = [end for end in MODEL_FILES if not (folder / f"{filename}{end}").is_file()]
    if missing:
        raise DamagedFileError(f"{filename}{missing[0]} is missing")
    if not (folder / MANIFEST).is_file():
        for end in MODEL_FILES:
            _load(folder / f"{filename}{end}")
        return
    manifest = read_json(folder / MANIFEST)
    if manifest.get("identifier") != identifier:
        raise DamagedFileError(
            f"it was trained with other settings ({manifest.get('identifier')}, not {identifier})"
        )
    for name, known in dict(manifest.get("files", {})).items():
        path = folder / str(name)
        if not path.is_file() or digest(path) != known:
            raise DamagedFileError(f"{name} is not the file that was written")


def read_json(path: Path) -> dict[str, Any]:
    """A file with one JSON object.

    :raises DamagedFileError: when it holds anything else
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedFileError(f"{path.name} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise DamagedFileError(f"{path.name} holds no object")
    return content


def _load(path: Path) -> None:
    """Try whether a file of an older version can be read at all."""
    if path.suffix == ".json":
        read_json(path)
        return
    try:
        pickle.loads(path.read_bytes())
    except UNREADABLE as error:
        raise DamagedFileError(f"{path.name} cannot be read: {error}") from None


UNREADABLE = (
    *(pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError),
    *(TypeError, ValueError, MemoryError, OverflowError),
)
"""What reading a damaged pickle can raise."""


def saved_models(home: Path, coin: str) -> list[tuple[int, Path]]:
    """Folders of a coin's models, newest first, with the end of their training."""
    found = [(match, path) for path in home.iterdir() if (match := _FOLDER.match(path.name))]
    own = [(int(match["stamp"]), path) for match, path in found if match["coin"] == coin]
    return sorted((one for one in own if one[1].is_dir()), reverse=True)


def set_aside(path: Path, why: str = "damaged") -> None:
    """Rename a file or folder, so that it is neither used nor lost.

    :param why: ends its new name
    """
    if path.exists():
        target = path.with_name(f"{path.name}.{why}")
        number = 1
        while target.exists():
            number += 1
            target = path.with_name(f"{path.name}.{why}{number}")
        path.rename(target)


def no_model() -> dict[str, Any]:
    """FreqAI's entry of a pair that has no model."""
    return {"model_filename": "", "trained_timestamp": 0, "data_path": "", "extras": {}}


def known_digests(path: Path) -> list[str]:
    """Digests that a file may have; none where nothing was written down."""
    record = path.with_name(f"{path.name}.digests")
    if not record.is_file():
        return []
    try:
        return [str(one) for one in read_json(record).get("known", [])]
    except DamagedFileError:
        return []


def write_known(path: Path, copy: Path, write: Callable[[Path], None]) -> None:
    """Replace a file and then its copy; at no moment is there neither of them.

    :param write: writes the content into the path it is given
    """
    with replacing(path) as fresh:
        write(fresh)
        new = digest(fresh)
        with replacing(path.with_name(f"{path.name}.digests")) as record:
            record.write_text(json.dumps({"known": [new, *known_digests(path)[:1]]}))
    with replacing(copy) as fresh:
        fresh.write_bytes(path.read_bytes())


def trusted_copy(path: Path, copy: Path) -> Path | None:
    """The one of two copies that is whole, the first before the second; None when neither is."""
    known = known_digests(path)
    for one in (path, copy):
        if not one.is_file():
            continue
        if known:
            if digest(one) in known:
                return one
            continue
        try:
            _load(one)
        except DamagedFileError:
            continue
        return one
    return None
