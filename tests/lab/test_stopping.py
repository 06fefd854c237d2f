"""Commands that are stopped: real processes, real signals, one and two of them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from offlines import fake_freqtrade, is_running, start, wait_for
from project import QUICK, ROOT, write_config
from regimeswitch_lab.cli import main
from regimeswitch_lab.replay.stage import merged


# A command of the command line's own kind, whose work a test decides.
PROGRAM = """
import argparse, os, pathlib, subprocess, sys, time
from types import ModuleType
from regimeswitch_lab import cli
from regimeswitch_lab import kept
from regimeswitch_lab.stop_signals import held, temporary_folder

def add_parser(subparsers):
    subparsers.add_parser("work").set_defaults(run=run)

def ready(*parts):
    pathlib.Path("ready").write_text(" ".join(map(str, parts)))

def child():
    code = "import signal, time; signal.signal(signal.SIGTERM, {}); time.sleep(60)"
    ignoring = code.format("signal.SIG_IGN")
    nested = f"import subprocess as s, sys; s.run([sys.executable, '-c', {ignoring!r}])"
    return subprocess.Popen([sys.executable, "-c", nested])

def run(args):
BODY

module = ModuleType("regimeswitch_lab.work")
module.add_parser = add_parser
sys.modules["regimeswitch_lab.work"] = module
cli.COMMANDS["work"] = "work"
kept.KEPT["work"] = lambda args: "the work is kept"
sys.exit(cli.main(["work"]))
"""


def started(folder: Path, body: str) -> subprocess.Popen[str]:
    """A command whose ``run`` is the body; it has written the file ``ready``."""
    (folder / "tmp").mkdir()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            PROGRAM.replace("BODY", textwrap.indent(textwrap.dedent(body), "    ")),
        ],
        cwd=folder,
        env=os.environ | {"TMPDIR": str(folder / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(folder / "ready")
    return process


def ended(process: subprocess.Popen[str], *numbers: int, pause: float = 0.2) -> tuple[str, float]:
    """Send signals; what is on standard error, and how long it took from the last one on."""
    for place, number in enumerate(numbers):
        if place:
            time.sleep(pause)
        process.send_signal(number)
    began = time.monotonic()
    with process:
        _, errors = process.communicate(timeout=30)
    return errors, time.monotonic() - began


ASLEEP = """
with temporary_folder():
    ready("now")
    time.sleep(60)
"""
# A child, and its own that ignores SIGTERM.
CHILDREN = """
one = child()
time.sleep(0.5)
ready(one.pid, *map(int, open(f"/proc/{one.pid}/task/{one.pid}/children").read().split()))
"""
# Swallows the first signal, as an unlucky place in somebody else's code may.
STUBBORN = f"""
with temporary_folder():
{textwrap.indent(CHILDREN, "    ")}
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_is_one_line_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    process = started(tmp_path, ASLEEP)
    errors, _ = ended(process, number)
    assert process.returncode == 128 + number
    assert errors == f"regimeswitch work: stopped by {number.name}; the work is kept\n"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_second_signal_ends_everything_now(tmp_path: Path) -> None:
    process = started(tmp_path, STUBBORN)
    numbers = [int(word) for word in (tmp_path / "ready").read_text().split()]
    assert len(numbers) == 2
    errors, seconds = ended(process, signal.SIGINT, signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGINT
    assert errors == "regimeswitch work: stopped by SIGINT; the work is kept\n"
    assert seconds < 8
    assert [one for one in numbers if is_running(one)] == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_children_that_ignore_the_end_are_killed(tmp_path: Path) -> None:
    process = started(tmp_path, CHILDREN + "time.sleep(60)")
    numbers = [int(word) for word in (tmp_path / "ready").read_text().split()]
    ended(process, signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM
    assert [one for one in numbers if is_running(one)] == []


def test_a_step_that_was_begun_is_done(tmp_path: Path) -> None:
    process = started(
        tmp_path,
        """
        with held("the step is done"):
            ready("now")
            for _ in range(10):
                time.sleep(0.1)
            pathlib.Path("done").touch()
        """,
    )
    errors, _ = ended(process, signal.SIGTERM)
    assert (tmp_path / "done").exists()
    assert errors == "regimeswitch work: stopped by SIGTERM; the step is done\n"
    assert process.returncode == 128 + signal.SIGTERM


def test_an_error_while_it_stops_is_no_other_end(tmp_path: Path) -> None:
    process = started(
        tmp_path,
        """
        ready("now")
        try:
            time.sleep(60)
        finally:
            raise ValueError("broken off")
        """,
    )
    errors, _ = ended(process, signal.SIGINT)
    assert process.returncode == 128 + signal.SIGINT
    assert errors == "regimeswitch work: stopped by SIGINT; the work is kept\n"


def test_no_signal_no_change(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    assert main(["schema"]) == 0
    assert before == [signal.getsignal(number) for number in numbers]
    assert json.loads(capsys.readouterr().out)


def test_a_bot_that_does_not_end_is_killed(home: Path, candles: Path) -> None:
    program = fake_freqtrade(
        home,
        """
        import os, pathlib, signal, subprocess, sys, time
        got = []
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda number, frame: got.append(number))
        pathlib.Path("pids").write_text(str(os.getpid()))
        while len(got) < 3:
            time.sleep(0.02)
            pathlib.Path("got").write_text(str(len(got)))
        time.sleep(60)
        """,
    )
    with start(
        home,
        "dry-run",
        "--datadir",
        candles,
        "--api-port",
        0,
        PATH=f"{Path(program).parent}:{os.environ['PATH']}",
    ) as process:
        bot = int(wait_for(home / "pids"))
        for _ in range(3):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.4)
        _, errors = process.communicate(timeout=30)
    assert not is_running(bot)
    assert process.returncode == 128 + signal.SIGTERM
    assert errors.splitlines()[-1] == (
        "regimeswitch dry-run: stopped by SIGTERM; trades and models are gone, which "
        "--userdir DIR would keep"
    )
    assert not list((home / "tmp").glob("regimeswitch-*"))


@contextmanager
def killed_at_last(line: list[str], **rest: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive a test that fails."""
    with subprocess.Popen(line, text=True, **rest) as process:
        try:
            yield process
        finally:
            for one in [*descendants(process), process] if process.poll() is None else []:
                one.kill()


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def wait_until(true: Callable[[], object], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "children", "kept"),
    [
        (["prove", "--step-days", "5"], 2, "finished windows are kept in work, and used"),
        (["money", "--confirm"], 2, "finished backtests are kept in work, and used the next time"),
        (["replay"], 2, "the logs are in work; it begins anew next time"),
    ],
)
def test_ctrl_c_in_the_middle_of_work(
    market: Path, home: Path, words: list[str], children: int, kept: str
) -> None:
    """As a terminal sends it: to the whole process group."""
    config = home / "quick.json"
    config.write_text(json.dumps(merged(json.loads((ROOT / "config.json").read_text()), QUICK)))
    line = [
        *(sys.executable, "-m", "regimeswitch_lab", *words, "--datadir", market),
        *("--pairs", "BTC/USDT", "ETH/USDT", "--timerange", "20241220-20241230"),
        *("--config", config, "--work", "work"),
    ]
    with killed_at_last(
        [str(word) for word in line],
        cwd=home,
        env=os.environ | {"TMPDIR": str(home / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    ) as process:
        wait_until(lambda: len(descendants(process)) >= children, process)
        time.sleep(0.5)
        started = descendants(process)
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    name = words[0]
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in output + errors
    assert errors.splitlines()[-1].startswith(f"regimeswitch {name}: stopped by SIGINT; {kept}")
    left = psutil.wait_procs(started, timeout=10)[1]
    assert [(one, one.cmdline()) for one in left] == []
    assert list((home / "tmp").iterdir()) == []


# freqtrade's own start of trading, with a worker whose clean-up takes a while.
TRADING = """
import pathlib, sys, threading, time, types

class Worker:
    def __init__(self, args):
        ENDING.install()

    def run(self):
        threading.Thread(target=time.sleep, args=(60,)).start()
        pathlib.Path("ready").write_text("now")
        time.sleep(60)

    def exit(self):
        for step in range(3):
            time.sleep(0.5)
            with open("steps", "a") as file:
                file.write(str(step))

sys.modules["freqtrade.worker"] = module = types.ModuleType("freqtrade.worker")
module.Worker = Worker
from freqtrade.commands.trade_commands import start_trading
from regimeswitch.bot.shutdown import ENDING
try:
    start_trading({})
finally:
    pathlib.Path("over").touch()
"""


def test_a_second_signal_does_not_tear_the_clean_up_apart(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", TRADING], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    wait_for(tmp_path / "ready")
    _, seconds = ended(process, signal.SIGTERM, signal.SIGTERM, pause=0.7)
    assert process.returncode == 130
    assert (tmp_path / "steps").read_text() == "012"
    assert (tmp_path / "over").exists()
    assert seconds < 4


@pytest.mark.slow
def test_two_signals_in_a_training_end_the_bot(market: Path, home: Path) -> None:
    trees = {"n_estimators": 100_000, "learning_rate": 0.001}
    config = write_config(
        home, **QUICK | {"freqai": QUICK["freqai"] | {"model_training_parameters": trees}}
    )
    log = home / "log"
    line = [
        *(sys.executable, "-m", "regimeswitch_lab", "dry-run", "--datadir", market),
        *("--api-port", 0, "--userdir", "kept", "--config", ROOT / "config.json", config),
    ]
    with (
        log.open("w") as stream,
        killed_at_last([str(word) for word in line], cwd=home, stdout=stream, stderr=stream) as bot,
    ):
        wait_until(lambda: "training points due to" in words_of(log), bot)
        time.sleep(1)
        started = descendants(bot)
        bot.send_signal(signal.SIGTERM)
        wait_until(lambda: "waiting for its training" in words_of(log), bot)
        bot.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert bot.wait(60) == 0
        seconds = time.monotonic() - began
    assert seconds < 15
    assert [one for one in started if is_running(one.pid)] == []
    words = words_of(log)
    assert "stopped: trades are in sqlite:///" in words
    assert "the training of BTC/USDT was broken off" in words
    assert "Traceback" not in words
    assert words.endswith(
        "regimeswitch dry-run: stopped by SIGTERM; trades and models are kept in kept"
    )
    with closing(sqlite3.connect(home / "kept/trades.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def words_of(log: Path) -> str:
    """A log without the line breaks of freqtrade."""
    return " ".join(log.read_text().split())
