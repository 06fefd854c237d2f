"""Models that are damaged, too old or not to be had: neutral, or served by the last good one."""

from __future__ import annotations

import errno
import json
import logging
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.freqai.data_drawer import FreqaiDataDrawer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import regimeswitch.bot.freqai.model_files
from movedbots import MovedBot, live_config, moved_bot
from project import QUICK
from regimeswitch.bot.compatibility.internals import MODEL_FILES
from regimeswitch.bot.freqai.model_files import (
    MANIFEST,
    DamagedFileError,
    check_model,
    trusted_copy,
    write_known,
    write_manifest,
)
from regimeswitch.bot.freqai.model_guard import ModelGuard
from regimeswitch.bot.messages.alerts import Alarms
from regimeswitch.bot.messages.message import Message
from regimeswitch.bot.whole_files import replacing
from regimeswitch.settings import SafetySettings


__all__ = ["moved_bot"]


def model_folder(home: Path) -> Path:
    folder = home / "sub-train-BTC_1735516800"
    folder.mkdir()
    for end in MODEL_FILES:
        content = b"{}" if end.endswith("json") else pickle.dumps([1, 2, 3])
        (folder / f"cb{end}").write_bytes(content)
    return folder


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(which=st.sampled_from(MODEL_FILES), place=st.integers(0, 200), cut=st.booleans())
def test_any_cut_or_changed_file_of_a_model_is_found(
    tmp_path_factory: pytest.TempPathFactory, which: str, place: int, cut: bool
) -> None:
    folder = model_folder(tmp_path_factory.mktemp("model"))
    write_manifest(folder, "rs1")
    check_model(folder, "cb", "rs1")
    path = folder / f"cb{which}"
    content = path.read_bytes()
    place %= len(content)
    spoiled = content[:place] + (b"" if cut else bytes([content[place] ^ 1]) + content[place + 1 :])
    path.write_bytes(spoiled)
    with pytest.raises(DamagedFileError, match="is not the file that was written"):
        check_model(folder, "cb", "rs1")


def test_a_model_without_a_file_of_other_settings_or_half_written_is_refused(
    tmp_path: Path,
) -> None:
    folder = model_folder(tmp_path)
    check_model(folder, "cb", "rs1")
    (folder / "cb_model.joblib").write_bytes(pickle.dumps(list(range(99)))[:-20])
    with pytest.raises(DamagedFileError, match="cannot be read"):
        check_model(folder, "cb", "rs1")
    (folder / "cb_model.joblib").write_bytes(pickle.dumps(1))
    write_manifest(folder, "rs1")
    with pytest.raises(DamagedFileError, match=r"other settings \(rs1, not rs2\)"):
        check_model(folder, "cb", "rs2")
    (folder / "cb_label_pipeline.pkl").unlink()
    with pytest.raises(DamagedFileError, match=r"label_pipeline\.pkl is missing"):
        check_model(folder, "cb", "rs1")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), replacing(path) as fresh:
        fresh.write_text("half")
        raise OSError(errno.ENOSPC, "full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_copies_the_one_that_is_whole_is_trusted(tmp_path: Path) -> None:
    path, copy = tmp_path / "a.pkl", tmp_path / "b.pkl"
    assert trusted_copy(path, copy) is None
    path.write_bytes(pickle.dumps("before digests were written"))
    assert trusted_copy(path, copy) == path
    for content in (b"one", b"two"):
        write_known(path, copy, lambda fresh, content=content: fresh.write_bytes(content) and None)
    assert trusted_copy(path, copy) == path
    path.write_bytes(b"twO")
    assert trusted_copy(path, copy) == copy
    copy.write_bytes(b"")
    assert trusted_copy(path, copy) is None


def home_of(running: MovedBot) -> Path:
    return Path(running.drawer.full_path)


def newest(running: MovedBot) -> Path:
    return Path(running.drawer.pair_dict["BTC/USDT"]["data_path"])


def restarted(make: Callable[..., MovedBot], running: MovedBot, config: dict[str, Any]) -> MovedBot:
    """Another bot on the files of the one that has ended, at the same time."""
    fresh = make(config)
    fresh.now = running.now
    return fresh


def told(caplog: pytest.LogCaptureFixture, words: str) -> int:
    """How often the people who watch the bot were told."""
    own = [one for one in caplog.records if one.name == "regimeswitch.bot.messages.alerts"]
    return sum(words in one.getMessage() for one in own)


class BrokenError(RuntimeError):
    """What a training raises."""


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_damaged_files_cost_a_bot_its_model_at_most_and_it_recovers(
    moved_bot: Callable[..., MovedBot], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    config = live_config(QUICK)
    first = moved_bot(config)
    first.step()
    trained = first.wait_for_training(after=0)
    first.step()
    later = first.wait_for_training(after=trained)
    # FreqAI tells of a training before it writes the model.
    assert wait(lambda: (newest(first) / MANIFEST).is_file())
    first.close()

    # The newest model and the predictions are spoiled: the older model serves at once.
    model = next(newest(first).glob("*_model.joblib"))
    model.write_bytes(model.read_bytes()[:-1000])
    predictions = home_of(first) / "historic_predictions.pkl"
    predictions.write_bytes(predictions.read_bytes()[:100])
    caplog.clear()
    second = restarted(moved_bot, first, config)
    assert "the model cannot be used" in caplog.text
    assert "served by the one of" in caplog.text
    assert "historic_predictions.pkl is damaged; its copy is used" in caplog.text
    assert second.drawer.pair_dict["BTC/USDT"]["trained_timestamp"] == trained
    assert second.step()["do_predict"].iloc[-1] == 1
    assert second.wait_for_training(after=trained) > later
    second.close()

    # Nothing is left: neutral, then trained again.
    for folder in home_of(first).glob("sub-train-*"):
        for path in folder.glob("*_model.joblib"):
            path.write_bytes(b"")
    for name in ("historic_predictions.pkl", "historic_predictions.backup.pkl"):
        (home_of(first) / name).write_bytes(b"\x80")
    (home_of(first) / "global_metadata.json").write_text("{")
    caplog.clear()
    third = restarted(moved_bot, second, config)
    assert "there are no forecasts until it is trained again" in " ".join(caplog.text.split())
    assert third.step()["do_predict"].iloc[-1] == 0
    stamp = third.wait_for_training(after=0)
    assert third.step()["do_predict"].iloc[-1] == 1
    assert stamp > trained
    assert "Traceback" not in caplog.text
    assert json.loads((home_of(first) / "pair_dictionary.json").read_text())


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_training_that_fails_is_reported_once_and_the_last_model_serves_until_it_expires(
    moved_bot: Callable[..., MovedBot],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO)
    running = moved_bot(live_config(QUICK))
    running.step()
    trained = running.wait_for_training(after=0)
    freqai = running.bot.strategy.freqai
    fit, saves = freqai.fit, regimeswitch.bot.freqai.model_files.make_durable
    tries: list[str] = []

    def fails(*arguments: Any, **options: Any) -> None:
        tries.append("fit")
        raise BrokenError("no luck")

    def full(path: Path) -> None:
        tries.append("save")
        raise OSError(errno.ENOSPC, "No space left on device")

    freqai.fit = fails
    frame = running.step()
    assert wait(lambda: tries and "BTC/USDT" not in freqai.train_queue)
    for _ in range(2):
        frame = running.step()
    assert frame["do_predict"].iloc[-1] == 1
    assert told(caplog, "training failed (BrokenError: no luck); the last model serves on") == 1
    assert len(tries) <= 2

    # The next try cannot be written: as if it had not been.
    freqai.fit = fit
    monkeypatch.setattr(regimeswitch.bot.freqai.model_files, "make_durable", full)
    running.now += timedelta(minutes=20)
    running.step()
    assert wait(lambda: "save" in tries and "BTC/USDT" not in freqai.train_queue)
    assert running.drawer.pair_dict["BTC/USDT"]["trained_timestamp"] == trained

    # The model gets too old, which is told once, and nothing is opened.
    running.now += timedelta(minutes=30)
    for _ in range(4):
        freqai.train_queue.clear()
        frame = running.step()
    assert frame["do_predict"].iloc[-1] == 2
    assert not frame["enter_long"].fillna(0).iloc[-1]
    assert told(caplog, "the model is older than 1 hours") == 1

    monkeypatch.setattr(regimeswitch.bot.freqai.model_files, "make_durable", saves)
    running.now += timedelta(hours=2)
    running.step()
    running.wait_for_training(after=running.now.timestamp() - 600)
    frame = running.step()
    assert frame["do_predict"].iloc[-1] == 1
    assert "BTC/USDT: trained again" in caplog.text
    assert "served by a fresh model again" in caplog.text


def wait(reached: Callable[[], Any]) -> bool:
    for _ in range(300):
        if reached():
            return True
        time.sleep(0.1)
    return False


def test_a_training_that_takes_too_long_is_reported_once_and_its_end_too(tmp_path: Path) -> None:
    heard: list[Message] = []
    guard = ModelGuard(tmp_path, "rs1", SafetySettings(training_minutes=10))
    guard.listen(Alarms(heard.append, "model"))
    drawer = SimpleNamespace(pair_dict={"A/B": {"model_filename": ""}})
    with guard.training("A/B", drawer, deque(["A/B"]), lambda: 0.0):
        for minute in (5, 11, 12):
            guard.look("A/B", 0, 1.0, 60.0 * minute)
    assert [(one.pairs, one.text.split(" (since")[0]) for one in heard] == [
        (
            ("A/B",),
            "training has taken more than 10 minutes; the last models serve on until they expire",
        ),
        (("A/B",), "the long training is over"),
    ]


def test_predictions_can_be_written_by_two_threads_at_once(tmp_path: Path) -> None:
    """FreqAI's training thread writes them, and so does the bot when it is stopped."""
    told: list[Message] = []
    guard = ModelGuard(tmp_path, "rs1", SafetySettings())
    guard.listen(Alarms(told.append))
    drawers = [FreqaiDataDrawer(tmp_path, {"freqai": {}}) for _ in range(2)]
    for number, drawer in enumerate(drawers):
        drawer.historic_predictions = {"thread": number}

    def write(drawer: Any) -> None:
        for number in range(40):
            drawer.historic_predictions["count"] = number
            drawer.save_historic_predictions_to_disk()

    for drawer in drawers:
        guard.watch(drawer)
    threads = [threading.Thread(target=write, args=(drawer,)) for drawer in drawers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == []
    paths = [drawer.historic_predictions_path, drawer.historic_predictions_bkp_path]
    assert trusted_copy(*paths) == paths[0]
    assert paths[0].read_bytes() == paths[1].read_bytes()
