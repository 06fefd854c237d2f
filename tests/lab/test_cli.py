"""The command line itself: mistyped commands, completion in a shell, readers that go away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from regimeswitch_lab.cli import COMMANDS, main


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("replya", "there is no command 'replya'; did you mean replay? the commands: backup, "),
        ("backtesting", "there is no command 'backtesting'; the commands: backup, contract, "),
    ],
)
def test_a_mistyped_command_is_named_with_the_nearest(
    word: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word]) == 2
    assert capsys.readouterr().err.startswith(f"regimeswitch: {said}")


def completed(line: str, folder: Path) -> list[str]:
    """What a shell is offered at the end of a line, by argcomplete's protocol."""
    found = folder / "found"
    done = subprocess.run(
        [sys.executable, "-m", "regimeswitch_lab"],
        env=os.environ
        | {
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(found),
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [word.strip() for word in found.read_text().split("\n") if word.strip()]


def test_a_shell_completes_commands_and_options(tmp_path: Path) -> None:
    assert set(completed("regimeswitch ", tmp_path)) >= set(COMMANDS)
    assert completed("regimeswitch sch", tmp_path) == ["schema"]
    assert completed("regimeswitch schema --mark", tmp_path) == ["--markdown"]


def test_a_reader_that_has_enough_ends_a_command_without_a_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "regimeswitch_lab", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (128 + signal.SIGPIPE, "")
