"""What ``regimeswitch backup`` does not copy, and files that change while they are copied."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from archives import (
    backup,
    bot,
    elsewhere,
    key_home,
    restore,
    said,
)
from bots import TRAINED, Bot, trades_of, write_database, write_models
from regimeswitch_lab.backup.manifest import ArchiveError
from regimeswitch_lab.backup.steady import copy_steadily
from regimeswitch_lab.cli import main


__all__ = ["bot", "elsewhere", "key_home"]


def without_part(bot: Bot) -> None:
    next(bot.models.glob("*/*_label_pipeline.pkl")).unlink()


def cut_off(bot: Bot) -> None:
    path = next(bot.models.glob("*/*_model.joblib"))
    path.write_bytes(path.read_bytes()[:-3])


def another_digest(bot: Bot) -> None:
    folder = next(bot.models.glob("sub-train-BTC_*"))
    name = next(folder.glob("*_model.joblib")).name
    (folder / "digests.json").write_text(json.dumps({"files": {name: "0" * 64}}))


def half_listed(bot: Bot) -> None:
    (bot.models / "pair_dictionary.json").write_text('{"BTC')


def of_others(bot: Bot) -> None:
    bot.change(regimeswitch={"labels": {"horizon": 13}})


def no_database(bot: Bot) -> None:
    bot.database.unlink()


def two_databases(bot: Bot) -> None:
    write_database(bot.userdir / "tradesv3.sqlite")


def no_sqlite(bot: Bot) -> None:
    bot.change(db_url="postgresql://me:PASS-1@host/trades")


def no_such_database(bot: Bot) -> None:
    bot.change(db_url="sqlite:///none.sqlite")


def another_database(bot: Bot) -> None:
    bot.database.unlink()
    database = sqlite3.connect(bot.database)
    database.execute("CREATE TABLE something (a)")
    database.close()


def damaged_database(bot: Bot) -> None:
    sqlite3.connect(bot.database).close()
    content = bytearray(bot.database.read_bytes())
    content[4096:4200] = b"\xff" * 104
    bot.database.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_part, "_label_pipeline.pkl is missing; after 20 tries"),
        (cut_off, "_model.joblib is not complete; after 20 tries"),
        (another_digest, "digests.json is not complete; after 20 tries"),
        (half_listed, "pair_dictionary.json is not complete; after 20 tries"),
        (of_others, "but this configuration uses regimeswitch-rs"),
        (no_database, "name the bot's, --db-url sqlite:///FILE"),
        (two_databases, "there are several databases"),
        (no_sqlite, "the database (postgresql) is no SQLite file"),
        (no_such_database, "the database none.sqlite does not exist"),
        (another_database, "is no database of freqtrade"),
        (damaged_database, "home/user_data/tradesv3.dryrun.sqlite"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_cannot_be_copied_is_one_message_and_leaves_nothing(
    bot: Bot,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Bot], None],
    words: str,
) -> None:
    monkeypatch.setattr("regimeswitch_lab.backup.steady.PAUSE_SECONDS", 0)
    spoil(bot)
    assert backup(bot, tmp_path / "a.zip") == 1
    text = said(capsys).replace(" ", "")
    assert words.replace(" ", "") in text
    assert text.count("regimeswitchbackup:") == 1
    assert "PASS-1" not in text
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--userdir", "none"], "--userdir none does not exist"),
        (["--config", "none.json"], "--config none.json cannot be read"),
        (["--config", "text.json"], "--config text.json is not JSON"),
        (["--config", "adds.json"], "adds.json with what it adds and the environment cannot"),
        (["--config", "wrong.json"], 'did you mean "horizon"?'),
        (["--out", "none/a.zip"], "the folder none does not exist"),
        (["--out", "there.zip"], "there.zip is there already"),
        (["--out", "home"], "home is there already"),
        (["--export", "none/a.json"], "--export none/a.json cannot be written"),
    ],
)
def test_bad_usage_of_backup_is_one_message(
    bot: Bot, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    Path("text.json").write_text("{")
    Path("adds.json").write_text('{"add_config_files": ["none.json"]}')
    Path("there.zip").write_text("precious")
    wrong = {**bot.content(), "regimeswitch": {"labels": {"horizn": 1}}}
    Path("wrong.json").write_text(json.dumps(wrong))
    assert backup(bot, Path("a.zip"), *more) == 2
    text = said(capsys)
    assert words in text
    assert text.count("regimeswitch backup:") == 1
    assert Path("there.zip").read_text() == "precious"


def test_damaged_models_do_not_hold_back_the_trades(bot: Bot, tmp_path: Path) -> None:
    cut_off(bot)
    assert backup(bot, tmp_path / "a.zip", "--without-models") == 0
    assert restore(tmp_path / "a.zip", tmp_path / "new") == 0
    assert len(trades_of(tmp_path / "new/tradesv3.dryrun.sqlite")) == 3
    assert not (tmp_path / "new/models").exists()


def test_force_replaces_an_archive(bot: Bot, tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_text("old")
    assert backup(bot, archive, "--force") == 0
    assert main(["restore", str(archive), "--check"]) == 0


# --- training goes on while files are copied


def test_a_training_meanwhile_gives_no_half_model(bot: Bot, tmp_path: Path) -> None:
    """A training ends between two files of the copy, again and again; then it is over."""
    looks = iter(range(1, 100))

    def choose() -> dict[str, Path]:
        number = next(looks)
        files = {path.name: path for path in sorted(bot.models.glob("*.*"))}
        # The second look of a try comes after its copies.
        if number in (2, 4):
            write_models(bot, TRAINED + number)
        return files

    copy_steadily(choose, tmp_path / "copy", pause=lambda seconds: None)
    listed = json.loads((tmp_path / "copy/pair_dictionary.json").read_text())
    predictions = (tmp_path / "copy/historic_predictions.pkl").read_bytes()
    assert listed["BTC/USDT"]["trained_timestamp"] == TRAINED + 4
    assert predictions == (bot.models / "historic_predictions.pkl").read_bytes()
    assert next(looks) == 7


def test_files_that_never_stand_still_are_given_up(bot: Bot, tmp_path: Path) -> None:
    numbers = iter(range(1000))

    def choose() -> dict[str, Path]:
        path = bot.models / "historic_predictions.pkl"
        path.write_bytes(b"x" * next(numbers) + b".")
        return {"p.pkl": path}

    with pytest.raises(ArchiveError, match="files change while they are copied; after 20 tries"):
        copy_steadily(choose, tmp_path / "copy", pause=lambda seconds: None)
