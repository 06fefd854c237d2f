"""``regimeswitch faults`` as a user runs it: the core of the matrix, guarded and not, and kills."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from regimeswitch.bot.freqai import model_files
from regimeswitch_lab.cli import main
from regimeswitch_lab.fault_matrix.judge import judge_model
from regimeswitch_lab.fault_matrix.matrix import CORE, all_cases
from regimeswitch_lab.fault_matrix.verdict import COUNTS, CaseVerdict


pytestmark = [
    pytest.mark.slow,
    # freqtrade's own warnings, in its own code.
    pytest.mark.filterwarnings("default"),
]


def faults(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and exported figures, everything in this process."""
    export = folder / "figures.json"
    line = ["faults", "--jobs", "1", "--work", str(folder / "work"), "--export", str(export)]
    code = main([*line, *arguments])
    return code, json.loads(export.read_text()) if export.is_file() else {}


def test_the_core_of_the_matrix_is_survived(tmp_path: Path) -> None:
    code, figures = faults(tmp_path, "--core")
    assert figures["failures"] == []
    assert (code, figures["cases"], figures["survived"]) == (0, len(CORE), 12)
    assert {name: figures[name] for name in COUNTS} == dict.fromkeys(COUNTS, 0)


def test_without_guards_the_same_cases_are_not(tmp_path: Path) -> None:
    names = [
        "live entry 504 after acceptance",
        "dry-run order book 429",
        "dry-run candle spike",
    ]
    code, figures = faults(tmp_path, "--without-guards", "--cases", *names)
    assert (code, figures["survived"]) == (1, 0)
    assert [failure["case"] for failure in figures["failures"]] == names
    # Three bought for one that was wanted, two of them in no trade.
    assert (figures["duplicate_orders"], figures["orphans_unreported"]) == (2, 2)
    assert figures["trades_on_bad_candles"] == 1
    assert figures["requests_during_ban"] > 5


def test_positions_that_grow_and_shrink_survive(tmp_path: Path) -> None:
    names = ["live addition 504 after acceptance", "live reduction -1007 after acceptance"]
    code, figures = faults(tmp_path, "--cases", *names)
    assert figures["failures"] == []
    assert (code, figures["survived"]) == (0, 2)


def test_without_guards_an_addition_is_made_more_than_once(tmp_path: Path) -> None:
    name = "live addition 504 after acceptance"
    code, figures = faults(tmp_path, "--without-guards", "--cases", name)
    assert (code, figures["survived"]) == (1, 0)
    assert figures["duplicate_orders"] >= 1
    assert figures["orphans_unreported"] >= 1
    # What the trade owns is not what the account holds, and nobody said so.
    assert figures["lost_trades"] >= 1


def test_a_bot_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    code, figures = faults(tmp_path, "--kills", "10")
    assert figures["failures"] == []
    assert (code, figures["survived"]) == (0, 1)
    log = (tmp_path / "work/001/bot.log").read_text()
    assert log.count("Starting worker") >= 7


def test_a_training_that_takes_too_long_is_notified_while_the_last_model_serves(
    tmp_path: Path,
) -> None:
    code, figures = faults(tmp_path, "--cases", "dry-run model training too long")
    assert (code, figures["failures"]) == (0, [])
    log = (tmp_path / "work/001/bot.log").read_text()
    said = "BTC/USDT: training has taken more than 4 minutes; the last models serve"
    assert log.count(f"alerts WARNING {said}") == log.count(f"'status': 'Warning: {said}") == 1
    # The bot ends as the training does: the message that it is over is sent by the next one.
    assert log.count("'status': 'Info: BTC/USDT: the long training is over") == 1


def test_the_list_of_digests_that_is_spoiled_is_the_one_that_is_written() -> None:
    # FreqAI warns when it is imported.
    from regimeswitch_lab.fault_matrix import model_trouble

    assert model_trouble.MANIFEST == model_files.MANIFEST


def test_trouble_counts_as_notified_by_what_was_not_said_before() -> None:
    begun = datetime(2025, 1, 1, 0, 5, tzinfo=UTC)
    usual = "2025-01-01 00:00:00,000 freqtrade.exchange WARNING Using 3 calls\n"
    again = usual.replace("00:00:00", "00:10:00")
    for more, told in (("", False), (again.replace("Using", "Failed"), True)):
        verdict = CaseVerdict("one")
        judge_model(verdict, [True] * 8, [1, 2], usual + again + more, begun)
        assert (verdict.why == []) == told
    verdict = CaseVerdict("one")
    judge_model(verdict, [False] * 8, [2, 2], usual, begun)
    assert len(verdict.why) == 4


def test_the_matrix_covers_what_can_go_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faults", "--list"]) == 0
    names = capsys.readouterr().out.splitlines()
    assert names == [case.name for case in all_cases()]
    assert len(names) == len(set(names)) >= 60
    assert set(CORE) < set(names)
    changes = [name for name in names if "addition" in name or "reduction" in name]
    assert len(changes) >= 15
    for words in ("live", "dry-run", "entry", "exit", "stop", "cancel", "klines", "account"):
        assert any(words in name for name in names)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--cases", "live entry 504 after acceptence"], "did you mean 'live entry 504 after"),
        (["--kills", "2", "--core"], "leave the other choices of cases out"),
        (["--work", "."], "is not empty"),
    ],
)
def test_bad_usage_is_one_clear_line(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["faults", *arguments]) == 2
    assert text in " ".join(capsys.readouterr().err.split())
