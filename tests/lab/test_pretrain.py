"""``regimeswitch pretrain`` as a user runs it: the models of a backtest, made side by side."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joblib import delayed

from offlines import exit_code
from pretrained import (
    RANGE,
    backtest_line,
    left_behind,
    model_home,
    records,
    small,
    wait_until,
)
from project import Run
from regimeswitch.bot.freqai.backtest_windows import StoredWindow
from regimeswitch.bot.freqai.training_recipe import TrainingRecipe
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.offline.freqtrade_arguments import read_call
from regimeswitch_lab.pretrain.backtest_config import backtest_config
from regimeswitch_lab.pretrain.window_tasks import logged_lines, missing_tasks
from regimeswitch_lab.pretrain.window_trainer import TrainingTask, alone
from regimeswitch_lab.side_by_side import Processes, WorkersError
from results import trades_of


pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

Freqtrade = Callable[..., Run]


def test_killed_in_the_middle_it_goes_on_and_a_backtest_finds_the_same(
    serial_backtest: Run,
    freqtrade_here: Freqtrade,
    market: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = backtest_line(tmp_path, market)
    userdir = tmp_path / "user_data"
    command = [sys.executable, "-m", "regimeswitch_lab", "pretrain", "--jobs", "2", "--", *line]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE) as process:
        # Killed while a window is done and another one is being trained.
        wait_until(lambda: records(userdir) or process.poll() is not None)
        os.killpg(process.pid, signal.SIGKILL)
    done = records(userdir)
    assert 0 < len(done) < 8

    assert exit_code("pretrain", "--jobs", "1", "--", *line) == 0
    said = capsys.readouterr().out
    assert "8 windows of 2 pairs" in said and f"{8 - len(done)} trained" in said
    assert f"{len(done)} were there" in said
    assert {path: time for path, time in records(userdir).items() if path in done} == done
    assert left_behind(userdir) == left_behind(serial_backtest.userdir)
    log = (userdir / "logs/pretrain.log").read_text()
    assert "model fitted on" in log

    # Nothing is missing any more.
    assert exit_code("pretrain", "--jobs", "1", "--", *line) == 0
    assert "0 trained" in capsys.readouterr().out
    before = records(userdir)
    found = freqtrade_here("backtesting", "--timerange", RANGE, config=small(), datadir=market)
    assert found.code == 0, found.log[-3000:]
    for trained in ("model fitted", "Could not find backtesting", "Could not find model"):
        assert trained not in found.log
    assert records(userdir) == before
    trades = trades_of(userdir)
    assert trades == trades_of(serial_backtest.userdir) and trades
    for path in model_home(userdir).glob("backtested/*"):
        there = model_home(serial_backtest.userdir) / "backtested" / path.name
        assert path.read_bytes() == there.read_bytes()


def test_models_of_each_pair_and_a_buffer(
    freqtrade_here: Freqtrade, market: Path, tmp_path: Path
) -> None:
    """FreqAI changes its windows while it trains where it cuts a buffer off."""
    models = {"sub_models": "none", "rows": "pair"}
    features = {"feature_parameters": {"buffer_train_data_candles": 10}}
    days = "20241227-20241231"
    (tmp_path / "other").mkdir()
    sections: dict[str, Any] = {"regimeswitch": {"models": models}, "freqai": features}
    backtest = ("backtesting", "--timerange", days)
    run = freqtrade_here(*backtest, config=small(**sections), datadir=market)
    assert run.code == 0, run.log[-3000:]
    line = backtest_line(tmp_path / "other", market, "--timerange", days, **sections)
    assert exit_code("pretrain", "--jobs", "1", "--", *line) == 0
    assert left_behind(tmp_path / "other/user_data") == left_behind(run.userdir)
    assert len(records(run.userdir)) == 4
    again = freqtrade_here(*backtest, config=small(**sections), datadir=market)
    assert again.code == 0 and "model fitted" not in again.log

    # A model that is loaded after another one of the pair was trained keeps its own pipeline.
    before, home = left_behind(run.userdir), model_home(run.userdir)
    first, second = sorted(home.glob("sub-train-BTC_*"))
    shutil.rmtree(first)
    (found,) = home.glob(f"backtesting_predictions/*btc_{second.name[-10:]}*")
    found.unlink()
    again = freqtrade_here(*backtest, config=small(**sections), datadir=market)
    assert again.code == 0 and again.log.count("model fitted") == 1
    after = left_behind(run.userdir)
    # FreqAI lists the model that it trained last.
    del before["pair_dictionary.json"], after["pair_dictionary.json"]
    assert after == before


def test_a_training_that_fails_is_a_finding_and_keeps_nothing(
    market: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: object) -> None:
        raise ValueError("no rows of that kind")

    monkeypatch.setattr(TrainingRecipe, "fit", fail)
    line = backtest_line(tmp_path, market, "--timerange", "20241229-20241231")
    assert exit_code("pretrain", "--jobs", "1", "--", *line) == 1
    out, err = capsys.readouterr()
    assert "2 windows of 2 pairs: 0 trained" in out
    assert "2 trainings failed; a backtest would try them again" in err
    assert "BTC/USDT on 2024-12-26 to 2024-12-29: ValueError: no rows of that kind" in err
    assert records(tmp_path / "user_data") == {}
    assert not list((tmp_path / "user_data").glob("models/*/backtesting_predictions/*"))


LIVE = "--freqai-backtest-live-models"
WRITE = "write the command of the backtest after --"


@pytest.mark.parametrize(
    ("sections", "more", "reported"),
    [
        ({"freqai": {"enabled": False}}, [], "freqai.enabled is not true"),
        ({"freqai": {"continual_learning": True}}, [], "freqai.continual_learning true: a window"),
        ({}, [LIVE], "nothing is trained; leave it out"),
        ({}, ["--strategy-list", "RegimeSwitchStrategy"], "--strategy-list: pretrain trains for"),
        ({}, ["--freqaimodel", "LightGBMClassifier"], "'LightGBMClassifier' is not RegimeSwitch's"),
        ({}, ["--freqaimodel", "NoSuchModel"], "Impossible to load FreqaiModel 'NoSuchModel'"),
        ({}, ["--timerange", "20300101-20300201"], "--timerange '20300101-20300201' holds no"),
        (
            {"regimeswitch": {"models": {"sub_models": "none"}, "entries": {"mode": "position"}}},
            [],
            "nothing is trained in this backtest",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(
    market: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    sections: dict[str, Any],
    more: list[str],
    reported: str,
) -> None:
    line = backtest_line(tmp_path, market, *more, **sections)
    if LIVE in more:
        line = [word for word in line if word not in ("--timerange", RANGE)]
    assert exit_code("pretrain", "--jobs", "1", "--", *line) == 2
    out, err = capsys.readouterr()
    assert reported in err and err.startswith("regimeswitch pretrain: ") and out == ""


PLAIN = """
from freqtrade.strategy import IStrategy

class Plain(IStrategy):
    timeframe = "5m"
    stoploss = -0.1

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe
"""


def test_a_strategy_without_freqai_is_refused(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Plain.py").write_text(PLAIN)
    line = backtest_line(tmp_path, market, "--strategy", "Plain", "--strategy-path", str(tmp_path))
    assert exit_code("pretrain", "--jobs", "1", "--", *line) == 2
    assert "BTC/USDT: the strategy never starts FreqAI, so there" in capsys.readouterr().err


def test_a_file_system_without_locks_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    text = r"locks lies on a file system without file locks \(No locks available\); workers would"
    with pytest.raises(InputError, match=text), alone(tmp_path / "locks" / "1"):
        pass


@pytest.mark.parametrize(
    ("words", "reported"),
    [
        ([], WRITE),
        (["--", "python"], WRITE),
        (["--", "freqtrade", "trade"], "for freqtrade backtesting, not for trade"),
        (["--", "freqtrade", "backtesting", "--nonsense"], "freqtrade does not accept this"),
    ],
)
def test_another_command_is_refused(
    capsys: pytest.CaptureFixture[str], words: list[str], reported: str
) -> None:
    assert exit_code("pretrain", *words) == 2
    assert reported in capsys.readouterr().err


def test_no_key_goes_to_a_worker(market: Path, tmp_path: Path) -> None:
    secret = "not-for-others"
    config = {"key": secret, "secret": secret, "ccxt_config": {"headers": {"x": secret}}}
    line = backtest_line(tmp_path, market)
    content = json.loads((tmp_path / "mine.json").read_text())
    content |= {"exchange": config, "db_url": f"postgresql://me:{secret}@here/db"}
    content["telegram"] = {"enabled": True, "token": secret, "chat_id": secret}
    (tmp_path / "mine.json").write_text(json.dumps(content))
    with logged_lines():
        found = backtest_config(read_call(line[1:]))
    assert secret not in repr(found)
    assert Path(found["datadir"]).is_absolute() and found["user_data_dir"].is_absolute()


def stored(stamp: int, done: bool, folder: Path) -> StoredWindow:
    window = StoredWindow(stamp, "cb", folder / str(stamp), folder / f"{stamp}.feather", {"a": "b"})
    if done:
        window.folder.mkdir(parents=True)
        window.predictions.touch()
        window.remember()
    return window


def test_tasks_are_the_windows_that_are_missing(tmp_path: Path) -> None:
    known = {
        pair: [stored(stamp, stamp in done, tmp_path / pair[:3]) for stamp in range(1, 7)]
        for pair, done in {"BTC/USDT": [1, 2], "ETH/USDT": [1]}.items()
    }
    shared = missing_tasks(known, shares=True, workers=2)
    assert shared[0] == TrainingTask(("ETH/USDT",), (2,))
    assert [task.stamps for task in shared[1:]] == [(3,), (4,), (5,), (6,)]
    assert {task.pairs for task in shared[1:]} == {("BTC/USDT", "ETH/USDT")}
    own = missing_tasks(known, shares=False, workers=2)
    assert [(task.pairs[0][:3], task.stamps) for task in own] == [
        *(("BTC", (3, 4)), ("BTC", (5, 6))),
        *(("ETH", (2, 3)), ("ETH", (4, 5)), ("ETH", (6,))),
    ]
    assert sum(task.windows for task in shared) == sum(task.windows for task in own) == 9
    assert missing_tasks({"BTC/USDT": known["BTC/USDT"][:2]}, shares=True, workers=2) == []


def test_a_process_that_is_killed_ends_the_command_with_one_line() -> None:
    with pytest.raises(WorkersError, match="start it again with fewer --jobs"):
        list(Processes(2).results([delayed(os._exit)(9)] * 2))


def test_a_record_that_is_no_json_is_none(tmp_path: Path) -> None:
    window = stored(1, True, tmp_path)
    assert window.is_done()
    (window.folder / "candles.json").write_text('{"a": ')
    assert not window.is_done() and window.known() == {}
