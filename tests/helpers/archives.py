"""A bot to back up, an archive of it, and the two commands."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bots import Bot, make_bot
from regimeswitch_lab.backup.archive_key import Key, load_key
from regimeswitch_lab.backup.manifest import ArchiveError
from regimeswitch_lab.backup.sealed import open_archive, seal, unpack
from regimeswitch_lab.cli import main


SECRETS = {
    "exchange": {
        "key": "KEY-1",
        "secret": "SECRET-2",
        "password": "PASS-3",
        "ccxt_config": {"apiKey": "KEY-4", "httpsProxy": "http://me:PASS-5@proxy:80", "a": [1]},
    },
    "telegram": {"token": "TOKEN-6", "chat_id": "778899"},
    "api_server": {"password": "PASS-8", "jwt_secret_key": "JWT-9", "ws_token": ["TOKEN-10"]},
    "webhook": {"enabled": False, "url": "https://hook/SECRET-11"},
    "db_url": "",
}
Parts = dict[str, Any]
"""What an archive is made of: its list, its files, files that it has twice."""
CONFIG, CANDLES = "restored-config.json", "data/binance/BTC_USDT-5m.feather"
HIDDEN = ("KEY-", "SECRET-", "PASS-", "TOKEN-", "JWT-", "778899")


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    return make_bot(tmp_path / "home")


@pytest.fixture(scope="module")
def key_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the key of this machine lies, in place of the user's own."""
    return tmp_path_factory.mktemp("config")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, key_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(key_home))


def own_key() -> Key:
    """The key of this machine, which made the archive."""
    found = load_key(Path(os.environ["XDG_CONFIG_HOME"]) / "regimeswitch/backup.key")
    assert found is not None
    return found


def backup(bot: Bot, out: Path, *more: object) -> int:
    words = ["--config", bot.config, "--userdir", bot.userdir, "--out", out, *more]
    return main(["backup", *map(str, words)])


def restore(archive: Path, userdir: Path, *more: object) -> int:
    return main(["restore", str(archive), "--userdir", str(userdir), *map(str, more)])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was written to standard error, its line breaks folded."""
    return " ".join(capsys.readouterr().err.split())


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def packed(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, key_home: Path) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("archive")
    made = make_bot(folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(key_home))
        assert backup(made, folder / "a.zip") == 0
    yield folder / "a.zip"


def refused(path: Path) -> str:
    """Why an archive is refused; fails when it is not, and when anything was written."""
    target = path.parent / "target"
    with pytest.raises(ArchiveError) as caught, open_archive(path) as opened:
        unpack(opened, opened.manifest, target, lambda done: None)
    return str(caught.value)


def resealed(
    source: Path,
    target: Path,
    change: Callable[[Parts], None],
    key: Key | None = None,
) -> Path:
    """An archive with other content and a seal that is right: made on purpose, not damaged.

    :param key: whose it is; None is somebody who has no key
    """
    content = packed(source)
    manifest = json.loads(content.pop("manifest.json"))
    everything = {"manifest": manifest, "files": content, "twice": []}
    change(everything)
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("manifest.json", json.dumps(everything["manifest"]))
        for name, data in [*everything["files"].items(), *everything["twice"]]:
            # By a name alone, zipfile cannot write an empty one.
            archive.writestr(zipfile.ZipInfo(name), data)
    with target.open("r+b") as stream:
        seal(stream, key)
    return target


def put(parts: Parts, name: str, kind: str, data: bytes) -> None:
    """A file with a list entry that fits it; one of that name is replaced."""
    members = [one for one in parts["manifest"]["members"] if one["name"] != name]
    digest = hashlib.sha256(data).hexdigest()
    entry = {"name": name, "kind": kind, "size": len(data), "sha256": digest}
    parts["manifest"]["members"] = [*members, entry]
    parts["files"][name] = data
