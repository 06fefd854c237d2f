"""What a person sees of a freqtrade command: progress, tables, errors; the log is a file."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

import forked
from heldpairs import POSITION
from project import ROOT
from regimeswitch_lab.offline.child import run_child
from regimeswitch_lab.offline.log_filter import Messages, Tables


LINE = "2026-01-01 10:00:00,123 - freqtrade.part - {} - {}\n"


@pytest.fixture
def progress() -> Progress:
    return Progress(console=Console(file=io.StringIO()))


def given(progress: Progress, *lines: str) -> tuple[Messages, str]:
    file = io.StringIO()
    messages = Messages(file, progress)
    for line in lines:
        messages.take(line)
    return messages, file.getvalue()


def test_progress_says_what_freqtrade_is_at(progress: Progress) -> None:
    training = "Training ETH/USDT, 2/2 pairs from 2024-07-04 to 2024-11-01, 4/9 trains"
    messages, kept = given(progress, LINE.format("INFO", training))
    (task,) = progress.tasks
    assert (task.description, task.total, task.completed) == (
        "training ETH/USDT, window 4 of 9",
        18,
        12,
    )
    assert training in kept and not messages.error
    messages.take(LINE.format("INFO", "Backtesting with data from 2024-11-01 up to 2024-12-31"))
    (task,) = progress.tasks
    assert (task.description, task.total) == ("backtest", None)


def test_the_first_error_is_remembered_with_what_belongs_to_it(progress: Progress) -> None:
    lines = [
        LINE.format("WARNING", "nothing much"),
        LINE.format("ERROR", "the config cannot be used:"),
        "entries.buy: 3 is not allowed\n",
        LINE.format("INFO", "Cleaning up"),
        LINE.format("ERROR", "and another"),
    ]
    messages, kept = given(progress, *lines)
    assert messages.error == lines[1:3]
    assert kept == "".join(lines)


def test_a_traceback_that_no_message_comes_before_is_an_error(progress: Progress) -> None:
    lines = ["Traceback (most recent call last):\n", "  File x\n", "ImportError: no module\n"]
    assert given(progress, *lines)[0].error == lines


def test_tables_that_say_it_again_are_in_the_log_alone() -> None:
    first = ["      ENTER TAG STATS   \n", "┏━━┓\n", "│ a │\n", "└──┘\n"]
    again = ["   MIXED TAG STATS  \n", "┏━━┓\n", "│ b │\n", "└──┘\n"]
    file, shown = io.StringIO(), io.StringIO()
    tables = Tables(file, shown)
    for line in [*first, *again, "Backtested\n"]:
        tables.take(line)
    assert shown.getvalue() == "".join([*first, "Backtested\n"])
    assert file.getvalue() == "".join([*first, *again, "Backtested\n"])


def test_a_child_is_read_to_its_end_also_where_it_leaves_another_behind() -> None:
    program = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('to out')\nprint('to err', file=sys.stderr)\nsys.exit(3)\n"
    )
    out: list[str] = []
    errors: list[str] = []
    readers = {"stdout": out.append, "stderr": errors.append}
    code = run_child([sys.executable, "-c", program], os.environ, readers)
    assert (code, out, errors) == (3, ["to out\n"], ["to err\n"])


def offline(folder: Path, market: Path, **config: Any) -> subprocess.CompletedProcess[str]:
    """``regimeswitch offline --log`` with a backtest, position mode without models."""
    overlay = folder / "overlay.json"
    overlay.write_text(json.dumps({"regimeswitch": POSITION} | config))
    return forked.run(
        [
            *(sys.executable, "-m", "regimeswitch_lab", "offline", "--datadir", str(market)),
            *("--log", str(folder / "logs/run.log"), "--", "freqtrade", "backtesting"),
            *("--config", str(ROOT / "config.json"), "--config", str(overlay)),
            *("--userdir", str(folder), "--datadir", str(market)),
            *("--strategy-path", str(ROOT / "user_data/strategies")),
            *("--pairs", "BTC/USDT", "--timerange", "20241215-20250101", "--cache", "none"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "COLUMNS": "160"},
        spares=1,
    )


@pytest.mark.slow
def test_a_backtest_shows_its_tables_and_keeps_its_log(market: Path, tmp_path: Path) -> None:
    done = offline(tmp_path, market)
    assert done.returncode == 0, done.stderr
    log = (tmp_path / "logs/run.log").read_text()
    assert "BACKTESTING REPORT" in done.stdout and "SUMMARY METRICS" in done.stdout
    assert "MIXED TAG STATS" not in done.stdout and "MIXED TAG STATS" in log
    assert set(done.stdout.splitlines()) <= set(log.splitlines())
    # Nothing of the log, and no address of the exchange but the line that says where it is.
    assert "INFO" not in done.stdout + done.stderr and " - INFO - " in log
    assert done.stderr.count("127.0.0.1") == 1
    assert len(done.stdout.splitlines()) < 105
    assert max(map(len, done.stdout.splitlines())) <= 160
    assert f"freqtrade's log is in {tmp_path / 'logs/run.log'}" in done.stderr


@pytest.mark.slow
def test_a_backtest_that_fails_says_why_on_the_terminal(market: Path, tmp_path: Path) -> None:
    done = offline(tmp_path, market, use_exit_signal=False)
    assert done.returncode == 2
    assert "a position would not be closed when its regime ends; set it to true" in done.stderr
    assert "INFO" not in done.stderr
