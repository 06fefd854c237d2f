"""Who made an archive: the key of this machine, another one, or nobody knows."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from archives import (
    archive,
    backup,
    bot,
    elsewhere,
    files_below,
    key_home,
    own_key,
    packed,
    resealed,
    restore,
    said,
)
from bots import Bot, trades_of
from regimeswitch_lab.backup.archive_key import Key, default_path, load_key
from regimeswitch_lab.backup.manifest import ArchiveError
from regimeswitch_lab.backup.sealed import open_archive
from regimeswitch_lab.cli import main


__all__ = ["archive", "bot", "elsewhere", "key_home"]


def as_it_is(parts: dict[str, Any]) -> None:
    """The content stays; only whose it is changes."""


def other_key(folder: Path) -> Key:
    path = folder / "other.key"
    path.touch(0o600)
    path.write_text("ab" * 32 + "\n")
    found = load_key(path)
    assert found is not None
    return found


def leading_elsewhere(parts: dict[str, Any]) -> None:
    """A configuration that sends a bot to another exchange, and imports by its logging."""
    add_to_config(
        parts,
        exchange={"name": "binance", "ccxt_config": {"urls": {"api": "https://evil.example"}}},
        log_config={"handlers": {"h": {"()": "os.system", "command": "id"}}},
        freqaimodel_path="/elsewhere/evil",
    )


def add_to_config(parts: dict[str, Any], **sections: Any) -> None:
    content = json.loads(parts["files"]["restored-config.json"]) | sections
    data = json.dumps(content).encode()
    parts["files"]["restored-config.json"] = data
    for member in parts["manifest"]["members"]:
        if member["name"] == "restored-config.json":
            member |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_the_key_is_made_once_and_for_its_owner_alone(
    bot: Bot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert backup(bot, tmp_path / "a.zip") == 0
    path = default_path()
    assert path == tmp_path / "xdg/regimeswitch/backup.key"
    assert f"{path} was made" in capsys.readouterr().out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_bytes()
    assert backup(bot, tmp_path / "b.zip") == 0
    assert path.read_bytes() == text
    assert "was made" not in capsys.readouterr().out
    for name in ("a.zip", "b.zip"):
        whole = (tmp_path / name).read_bytes()
        assert not any(text.strip() in content for content in packed(tmp_path / name).values())
        assert text.strip() not in whole
        assert bytes.fromhex(text.decode()) not in whole
        with open_archive(tmp_path / name, own_key()) as opened:
            assert opened.origin == "this key"
    assert [one.name for one in path.parent.iterdir()] == ["backup.key"]


def test_the_key_is_where_people_without_xdg_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for unset in ("", "relative"):
        monkeypatch.setenv("XDG_CONFIG_HOME", unset)
        assert default_path() == tmp_path / ".config/regimeswitch/backup.key"


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("ab" * 32, 0o640, "others may use the key"),
        ("ab" * 32, 0o604, "others may use the key"),
        ("short", 0o600, "holds no key (64 hexadecimal digits)"),
        ("", 0o600, "holds no key"),
        ("ab" * 33, 0o600, "holds no key"),
    ],
)
def test_a_key_that_proves_nothing_is_refused(
    bot: Bot, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, mode: int, words: str
) -> None:
    path = tmp_path / "k.key"
    path.write_text(text)
    path.chmod(mode)
    assert backup(bot, tmp_path / "a.zip", "--key", path) == 1
    message = said(capsys)
    assert words in message
    assert not text or text not in message
    assert not (tmp_path / "a.zip").exists()


def test_a_key_goes_nowhere_with_what_it_vouches_for(
    bot: Bot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backup(bot, tmp_path / "a.zip", "--key", bot.userdir / "my.db") == 2
    assert "must not go where the archive goes" in said(capsys)
    assert not (bot.userdir / "my.db").exists()


def test_a_place_that_takes_no_key_is_one_message(
    bot: Bot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("a file")
    assert backup(bot, tmp_path / "a.zip", "--key", tmp_path / "file/backup.key") == 1
    assert "name another, --key FILE" in said(capsys)
    assert not (tmp_path / "a.zip").exists()


def test_a_user_without_a_home_names_the_key(
    archive: Path,
    bot: Bot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As in a container that runs under a number alone."""

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    key = own_key().path
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert backup(bot, tmp_path / "a.zip") == 1
    assert restore(archive, tmp_path / "new") == 1
    assert said(capsys).count("name one, --key FILE") == 2
    assert backup(bot, tmp_path / "a.zip", "--key", key) == 0
    assert restore(archive, tmp_path / "new", "--key", key) == 0


def test_a_copied_key_restores_on_another_machine(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copied.key"
    copy.touch(0o600)
    copy.write_bytes(own_key().path.read_bytes())
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another-machine"))
    assert restore(archive, tmp_path / "new") == 1
    assert restore(archive, tmp_path / "new", "--key", copy) == 0
    assert (tmp_path / "new/models").is_dir()
    assert not (tmp_path / "another-machine").exists(), "a restore makes no key"


@pytest.mark.parametrize("origin", ["no key", "another key"])
def test_pickles_that_nobody_vouches_for_are_refused(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], origin: str
) -> None:
    key = other_key(tmp_path) if origin == "another key" else None
    foreign = resealed(archive, tmp_path / "f.zip", as_it_is, key)
    assert restore(foreign, tmp_path / "new") == 1
    text = said(capsys)
    assert "and 9 more in it can run code" in text
    if key:
        assert f"another key than this machine's ({key.id})" in text
        assert key.secret.hex() not in text
    else:
        assert "no key shows who made it" in text
    assert "Nothing was changed." in text
    assert not (tmp_path / "new").exists()

    assert restore(foreign, tmp_path / "data", "--data-only") == 0
    found = files_below(tmp_path / "data")
    assert len(trades_of(tmp_path / "data/tradesv3.dryrun.sqlite")) == 3
    assert not [name for name in found if name.startswith("models") or name.endswith(".pkl")]
    assert any(name.endswith(".feather") for name in found)
    assert f"made with {origin}" in capsys.readouterr().out

    assert restore(foreign, tmp_path / "whole", "--trust") == 0
    assert (tmp_path / "whole/models").is_dir()


def test_checking_says_whose_it_is_and_writes_nothing(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = resealed(archive, tmp_path / "f.zip", as_it_is)
    export = tmp_path / "r.json"
    for path, origin in ((archive, "this key"), (foreign, "no key")):
        assert main(["restore", str(path), "--check", "--export", str(export)]) == 0
        assert json.loads(export.read_text())["made_with"] == origin
        out = capsys.readouterr().out
        assert ("nothing shows that it is yours" in out) == (origin == "no key")


def test_a_foreign_configuration_leads_nowhere_else(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = resealed(archive, tmp_path / "f.zip", leading_elsewhere)
    assert restore(foreign, tmp_path / "new", "--data-only") == 0
    kept = json.loads((tmp_path / "new/restored-config.json").read_text())
    assert kept["exchange"]["ccxt_config"] == {}
    assert "evil" not in json.dumps(kept)
    assert "os.system" not in json.dumps(kept)
    out = capsys.readouterr().out
    for name in ("exchange.ccxt_config.urls", "log_config.handlers", "freqaimodel_path"):
        assert name in out


def test_an_archive_of_a_version_without_keys_is_read_as_one_of_nobody(
    archive: Path, tmp_path: Path
) -> None:
    old = resealed(archive, tmp_path / "old.zip", as_it_is)
    with open_archive(old, own_key()) as opened:
        assert (opened.origin, opened.key_id) == ("no key", "")


def test_this_key_s_archive_that_was_changed_is_refused_whatever_is_said(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has no key can change content and digest, and cannot make the HMAC fit."""
    content = bytearray(archive.read_bytes())
    content[60] ^= 1
    digest = hashlib.sha256(content[:-64]).hexdigest().encode()
    (tmp_path / "t.zip").write_bytes(content[:-64] + digest)
    for more in ((), ("--trust",), ("--data-only",)):
        assert restore(tmp_path / "t.zip", tmp_path / "new", *more) == 1
        assert "was changed since, or never was" in said(capsys)
    with (
        pytest.raises(ArchiveError, match="was changed since"),
        open_archive(tmp_path / "t.zip", own_key()),
    ):
        pass
