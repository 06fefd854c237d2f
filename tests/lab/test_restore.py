"""``regimeswitch restore``: nothing is overwritten, and a failure leaves all as it was."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import forked
from archives import (
    archive,
    bot,
    elsewhere,
    files_below,
    key_home,
    own_key,
    resealed,
    restore,
    said,
)
from bots import Bot, trades_of
from regimeswitch_lab.backup.manifest import Manifest
from regimeswitch_lab.backup.placing import Placement, Unit
from regimeswitch_lab.backup.sealed import open_archive, write_archive
from regimeswitch_lab.cli import main


__all__ = ["archive", "bot", "elsewhere", "key_home"]


@pytest.mark.parametrize(
    "name",
    [
        "tradesv3.dryrun.sqlite",
        "tradesv3.dryrun.sqlite-wal",
        "data/binance/BTC_USDT-5m.feather",
        "restored-config.json",
        "models/IDENTIFIER/precious",
    ],
)
def test_other_data_is_not_overwritten(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with open_archive(archive) as opened:
        name = name.replace("IDENTIFIER", opened.manifest.identifiers[0])
    there = tmp_path / "new" / name
    there.parent.mkdir(parents=True)
    there.write_text("precious")
    assert restore(archive, tmp_path / "new") == 1
    text = said(capsys)
    assert "holds other data" in text
    assert "Nothing was changed." in text
    assert files_below(tmp_path / "new") == {name: b"precious"}
    assert restore(archive, tmp_path / "new", "--force") == 0
    (aside,) = (tmp_path / "new").glob("before-restore-*")
    assert (aside / name).read_text() == "precious"
    assert len(trades_of(tmp_path / "new/tradesv3.dryrun.sqlite")) == 3


def test_code_that_is_there_already_is_no_hindrance(archive: Path, tmp_path: Path) -> None:
    code = tmp_path / "new/strategies/RegimeSwitchStrategy.py"
    code.parent.mkdir(parents=True)
    code.write_text("# code")
    assert restore(archive, tmp_path / "new") == 0
    assert code.read_text() == "# code"


def test_a_link_or_a_file_in_place_of_a_folder_is_refused(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "new/models").symlink_to(tmp_path / "elsewhere")
    assert restore(archive, tmp_path / "new", "--force") == 1
    assert "is not a folder of its own" in said(capsys)
    (tmp_path / "new/models").unlink()
    (tmp_path / "new/models").write_text("a file")
    assert restore(archive, tmp_path / "new", "--force") == 1
    assert "is not a folder of its own" in said(capsys)
    (tmp_path / "file").write_text("a file")
    assert restore(archive, tmp_path / "file") == 1
    assert "is a file; name a folder" in said(capsys)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_failure_on_the_way_moves_everything_back(tmp_path: Path) -> None:
    staging, userdir = tmp_path / "staging", tmp_path / "user_data"
    for folder in (staging, userdir):
        folder.mkdir()
        for name in ("a", "b"):
            (folder / name).write_text(f"{name} of {folder.name}")
    (staging / "b").unlink()
    with pytest.raises(FileNotFoundError):
        Placement(staging, userdir).place([Unit("a", "a"), Unit("b", "b", is_database=True)])
    assert files_below(userdir) == {"a": b"a of user_data", "b": b"b of user_data"}
    assert files_below(staging) == {"a": b"a of staging"}


def test_an_archive_that_cannot_be_written_leaves_nothing(archive: Path, tmp_path: Path) -> None:
    with open_archive(archive) as opened:
        pass
    with pytest.raises(FileNotFoundError):
        write_archive(tmp_path / "b.zip", opened.manifest, tmp_path, own_key(), lambda done: None)
    assert not list(tmp_path.iterdir())


def test_an_archive_of_another_version_is_restored_and_says_so(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def older(parts: dict[str, Any]) -> None:
        parts["manifest"]["versions"] |= {"freqtrade": "2025.1", "features": "1"}

    changed = resealed(archive, tmp_path / "o.zip", older, own_key())
    assert restore(changed, tmp_path / "new") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "made with freqtrade 2025.1, here is" in out
    assert "the bot will train its models anew" in out


def test_an_archive_of_format_1_is_restored(archive: Path, tmp_path: Path) -> None:
    def without_messages(parts: dict[str, Any]) -> None:
        parts["manifest"]["format"] = 1

    changed = resealed(archive, tmp_path / "o.zip", without_messages, own_key())
    assert restore(changed, tmp_path / "new") == 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["ARCHIVE"], "--userdir is needed"),
        (["none.zip", "--check"], "none.zip does not exist"),
        (["ARCHIVE", "--check", "--export", "none/a.json"], "--export none/a.json cannot"),
    ],
)
def test_bad_usage_of_restore_is_one_message(
    archive: Path, capsys: pytest.CaptureFixture[str], words: list[str], text: str
) -> None:
    given_words = [str(archive) if word == "ARCHIVE" else word for word in words]
    assert main(["restore", *given_words]) == 2
    message = said(capsys)
    assert text in message
    assert message.count("regimeswitch restore:") == 1


def test_the_list_comes_back_as_it_was_written(archive: Path) -> None:
    with open_archive(archive) as opened:
        assert Manifest.parse(opened.manifest.text().encode()) == opened.manifest


def test_the_commands_as_a_user_types_them(bot: Bot, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "regimeswitch_lab"]
    archive = tmp_path / "a.zip"
    for words, text in (
        (
            ["backup", "--config", bot.config, "--userdir", bot.userdir, "--out", archive],
            "3 trades",
        ),
        (["restore", archive, "--userdir", tmp_path / "new"], "Start it with: freqtrade trade"),
    ):
        done = forked.run([*line, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert text in done.stdout
        assert "Traceback" not in done.stderr
