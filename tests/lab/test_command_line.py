"""What all commands share: usual options, former spellings, errors as one line."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from regimeswitch_lab.cli import main
from regimeswitch_lab.options import FINDING, OK, USAGE, option, refusing


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="regimeswitch exchange")
    option(made, "--datadir", old="--candles", required=True)
    option(made, "--export")
    return made


@pytest.mark.parametrize("name", ["--datadir", "--candles"])
def test_a_former_spelling_is_taken_and_the_new_one_named(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parser().parse_args([name, "demo"]).datadir == Path("demo")
    told = "regimeswitch exchange: --candles is now --datadir; the next release drops it\n"
    assert capsys.readouterr().err == ("" if name == "--datadir" else told)


def test_help_and_refusals_name_the_new_spelling_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--candles" not in parser().format_help()
    with pytest.raises(SystemExit):
        parser().parse_args([])
    assert "required: --datadir\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "new"),
    [
        (("exchange", "--candles", "none"), "--datadir"),
        (("offline", "--candles", "none", "--", "freqtrade", "trade"), "--datadir"),
        (("replay", "--candles", "5", "--datadir", "none"), "--count"),
    ],
)
def test_every_command_takes_its_former_spelling(
    command: tuple[str, ...], new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == USAGE
    first, second = capsys.readouterr().err.splitlines()
    told = f"--candles is now {new}; the next release drops it"
    assert first == f"regimeswitch {command[0]}: {told}"
    assert second.startswith(f"regimeswitch {command[0]}: ")


def test_an_option_is_changed_where_it_is_added() -> None:
    made = argparse.ArgumentParser()
    option(made, "--config", default=[], help="others")
    assert made.parse_args([]).config == []
    assert made.parse_args(["--config", "a.json", "b.json"]).config == [
        Path("a.json"),
        Path("b.json"),
    ]


@pytest.mark.parametrize(
    ("error", "code"), [(None, OK), (ValueError("bad"), USAGE), (OSError("gone"), FINDING)]
)
def test_errors_are_one_line_and_an_exit_code(
    error: Exception | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    @refusing("orders", ValueError, finding=[OSError])
    def run(args: argparse.Namespace) -> int:
        if error is not None:
            raise error
        return OK

    assert run(argparse.Namespace()) == code
    assert capsys.readouterr().err == (f"regimeswitch orders: {error}\n" if error else "")


def test_what_is_no_refusal_is_raised() -> None:
    @refusing("orders", ValueError)
    def run(args: argparse.Namespace) -> int:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        run(argparse.Namespace())
