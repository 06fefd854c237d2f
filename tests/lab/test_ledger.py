"""The ledger of trials: what is in it, how it counts, and what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from frames import candle_frame
from regimeswitch.bot.trial_ledger import (
    KNOWN,
    NAME,
    LedgerError,
    append,
    candles_hash,
    counted,
    ledger_beside,
    note_hyperopt,
    settings_hash,
    trials_of,
)
from regimeswitch_lab.cli import main


def noted(file: Path, command: str, settings: str, candles: str = "c") -> None:
    append(file, command, settings, candles, ["BTC/USDT"], "20240101-20240201", {"sharpe": 0.5})


def test_the_same_settings_on_other_candles_are_one_trial(tmp_path: Path) -> None:
    file = tmp_path / "more" / NAME
    assert trials_of(file) == []
    for command, settings, candles in (
        ("money", "a", "1"),
        ("money", "a", "2"),
        ("money", "b", "1"),
        ("prove", "a", "1"),
        ("hyperopt", "a", "1"),
        ("hyperopt", "a", "1"),
    ):
        noted(file, command, settings, candles)
    trials = trials_of(file)
    assert len(trials) == 6
    assert counted(trials) == 5
    assert trials[0].pairs == ("BTC/USDT",)
    assert trials[0].result == {"sharpe": 0.5}


def test_commands_that_keep_runs_side_by_side_share_a_ledger(tmp_path: Path) -> None:
    assert ledger_beside(tmp_path / "money") == ledger_beside(tmp_path / "prove")
    assert ledger_beside(Path(".money")) == Path.cwd() / NAME


def test_hashes_tell_settings_and_candles_apart() -> None:
    assert settings_hash({"a": 1, "b": 2}) == settings_hash({"b": 2, "a": 1})
    assert settings_hash({"a": 1}) != settings_hash({"a": 2})
    one = candle_frame(50, 1)
    assert candles_hash([one]) == candles_hash([one.copy()])
    assert candles_hash([one]) != candles_hash([one.assign(close=one["close"] * 1.001)])
    assert candles_hash([one, one]) != candles_hash([one])


def test_the_command_shows_and_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, export = tmp_path / NAME, tmp_path / "trials.json"
    noted(file, "money", "abc123")
    noted(file, "money", "def456")
    assert main(["trials", "--ledger", str(file), "--export", str(export)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "2 settings tried in 2 runs" in told
    assert f"counts {KNOWN + 2:,}" in told
    content = json.loads(export.read_text())
    assert (content["settings"], content["before"]) == (2, KNOWN)
    assert [one["settings"] for one in content["entries"]] == ["abc123", "def456"]


def test_without_a_ledger_nothing_was_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trials", "--ledger", str(tmp_path / NAME)]) == 0
    assert "0 settings tried in 0 runs" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("line", ["{", "[]", '{"time": "now"}', '"text"'])
def test_a_line_that_is_none_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    file = tmp_path / NAME
    noted(file, "money", "a")
    with file.open("a") as stream:
        stream.write(f"{line}\n")
    with pytest.raises(LedgerError, match="line 2: no entry of a ledger"):
        trials_of(file)
    assert main(["trials", "--ledger", str(file)]) == 2
    assert "take the line out" in " ".join(capsys.readouterr().err.split())


def test_every_epoch_of_hyperopt_is_a_trial(tmp_path: Path) -> None:
    from freqtrade.resolvers.hyperopt_resolver import HyperOptLossResolver

    from project import ROOT

    config = {
        "hyperopt_loss": "RegimeSwitchLoss",
        "user_data_dir": ROOT / "user_data",
        "timeframe": "5m",
    }
    loss = HyperOptLossResolver.load_hyperoptloss(config)
    dates = pd.date_range("2024-01-01", periods=2, freq="30D", tz="UTC")
    for _ in range(2):
        value = loss.hyperopt_loss_function(
            results=pd.DataFrame(),
            trade_count=0,
            min_date=dates[0],
            max_date=dates[1],
            starting_balance=1000,
            config=config | {"user_data_dir": tmp_path},
            processed={"BTC/USDT": candle_frame(20)},
        )
    trials = trials_of(tmp_path / NAME)
    assert counted(trials) == 2
    assert trials[0].window == "20240101-20240131"
    assert trials[0].result == {"loss": value, "trades": 0}


def test_a_run_of_hyperopt_with_another_loss_counts_its_epochs(tmp_path: Path) -> None:
    config = {
        "hyperopt_loss": "SharpeHyperOptLoss",
        "epochs": 40,
        "timerange": "20240101-20240201",
        "exchange": {"pair_whitelist": ["BTC/USDT"]},
        "user_data_dir": tmp_path,
    }
    note_hyperopt(config)
    # Ours writes a line for each epoch by itself.
    note_hyperopt({**config, "hyperopt_loss": "RegimeSwitchLoss"})
    (one,) = trials_of(tmp_path / NAME)
    assert (one.command, one.pairs, one.window) == ("hyperopt", ("BTC/USDT",), config["timerange"])
    assert one.result == {"loss": "SharpeHyperOptLoss", "epochs": 40}
    assert counted([one, one]) == 80
