"""``regimeswitch replay`` as a user runs it: the real bot, restarts, faults on purpose."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from offlines import exit_code
from project import ROOT
from regimeswitch_lab.replay.stage import merged
from replays import busy, replay_with


# A bot is led through a day: minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

PAIRS = ["BTC/USDT", "ETH/USDT"]
# Enters and leaves often, in every regime, by signal and by price.
BUSY = busy(buy=0.2, sell=0.22, max_hold_candles=24, stop_atr=3.0, take_profit_atr=3.0)


# Keys of FreqAI's that change what is learned, answered or kept beside the answers.
MANY_KEYS: dict[str, Any] = {
    "freqai": {
        "fit_live_predictions_candles": 5,
        "data_split_parameters": {"test_size": 0.1, "shuffle": True, "random_state": 1},
        "feature_parameters": {
            "DI_threshold": 5,
            "use_SVM_to_remove_outliers": True,
            "noise_standard_deviation": 0.01,
            "buffer_train_data_candles": 10,
            "weight_factor": 0.9,
            "include_shifted_candles": 1,
        },
    }
}


def replay(
    folder: Path, *arguments: object, config: dict[str, Any] = BUSY
) -> tuple[int, dict[str, Any], str]:
    return replay_with(config, folder, *arguments)


@pytest.fixture(scope="module")
def replayed(
    market: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, int, dict[str, Any], str]:
    """A replay of 100 candles that is killed once and ended once, and where it was run."""
    folder = tmp_path_factory.mktemp("replay")
    return (
        folder,
        *replay(
            folder,
            *("--datadir", market, "--timerange", "20241227-", "--count", 100),
            *("--restarts", 2, "--retrain-hours", 4, "--loop-seconds", 30),
            *("--work", folder / "work"),
        ),
    )


def test_a_bot_decides_as_the_backtest_does(
    replayed: tuple[Path, int, dict[str, Any], str],
) -> None:
    _, code, figures, output = replayed
    assert code == 0, output
    assert figures["decision_diffs"] == figures["trade_diffs"] == 0
    assert (figures["candles"], figures["pairs"]) == (100, PAIRS)
    assert figures["pair_candles"] == 200
    assert figures["restarts"] == 2
    assert figures["retrainings"] == 2
    assert figures["models"] == 6
    assert figures["trades"] >= 6
    assert figures["features"] == 107
    shown = {"buy", "hold", "sell", "do_predict", "regime", "enter_tag", "exit_tag", "trained_at"}
    assert shown <= set(figures["columns"])
    execution = figures["execution"]
    assert execution["entry_basis_points"]["highest"] == pytest.approx(0, abs=1e-6)
    assert execution["signal_exit_basis_points"]["count"] > 0
    assert execution["price_exit_basis_points"]["count"] > 0
    assert 0 < execution["price_exit_seconds"]["highest"] < 300
    assert "The bot decided as the backtest did." in output
    # Each restart falls into a candle that has already been decided on.
    assert any("4 pair-candles analysed again after a restart" in b for b in figures["boundaries"])


def test_stored_predictions_are_those_of_the_models(
    replayed: tuple[Path, int, dict[str, Any], str], market: Path
) -> None:
    folder = replayed[0]
    work = folder / "work"
    (predictions,) = (work / "live/user_data/models").glob("*/historic_predictions.pkl")

    def check() -> tuple[int, dict[str, Any], str]:
        return replay(
            folder,
            *("--live", work / "live/trades.sqlite", "--userdir", work / "live/user_data"),
            *("--config", ROOT / "config.json", folder / "overlay.json", work / "replay.json"),
            *("--datadir", market),
        )

    code, figures, output = check()
    assert code == 0, output
    assert figures["decision_diffs"] == figures["trade_diffs"] == 0
    # The last two models are kept, and a kill loses what came after the training before it.
    assert figures["candles"] > 60
    assert figures["trades"] >= 2
    stored = pickle.loads(predictions.read_bytes())
    row = stored["BTC/USDT"].index[-5]
    stored["BTC/USDT"].loc[row, "buy"] += 0.001
    predictions.write_bytes(pickle.dumps(stored))
    code, figures, output = check()
    assert code == 1
    assert figures["decision_diffs"] == 1
    (difference,) = figures["differences"]
    assert set(difference["columns"]) == {"buy"}
    assert "They differ." in output


def test_freqai_s_keys_and_a_range_of_whole_periods_are_no_differences(
    market: Path, tmp_path: Path
) -> None:
    code, figures, output = replay(
        tmp_path,
        *("--datadir", market, "--timerange", "20241228-", "--count", 24),
        *("--pairs", "BTC/USDT", "--retrain-hours", 1, "--work", tmp_path / "work"),
        config=merged(BUSY, MANY_KEYS),
    )
    assert code == 0, output
    assert figures["decision_diffs"] == figures["trade_diffs"] == 0
    assert figures["models"] == 2
    assert {"DI_values", "trained_at", "do_predict"} <= set(figures["columns"])
    end = "2024-12-28 02:00: after the range; the training due then is not made"
    assert end in figures["boundaries"]


@pytest.mark.parametrize(
    ("sabotage", "column"), [("memory", "%-since_start"), ("late-window", "trained_at")]
)
def test_a_fault_on_purpose_is_found(
    market: Path, tmp_path: Path, sabotage: str, column: str
) -> None:
    code, figures, output = replay(
        tmp_path,
        *("--datadir", market, "--timerange", "20241228-", "--count", 14),
        *("--pairs", "BTC/USDT", "--retrain-hours", 1, "--work", tmp_path / "work"),
        *("--sabotage", sabotage),
    )
    assert code == 1, output
    assert figures["differences_by_column"][column] > 0
    assert len(figures["models_different"]) == figures["models"] == 2
    assert figures["decision_diffs"] >= 16
    assert "They differ." in output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "--datadir and --timerange are needed"),
        (["--datadir", "none", "--timerange", "20241228-"], "BTC_USDT-5m.feather is missing"),
        (["--timerange", "x-y"], "'x-y' is not a time range; write YYYYMMDD-YYYYMMDD"),
        (["--timerange", "20241101-"], "candles begin at 2024-10-18; with 20 days of training"),
        (["--timerange", "20241228-20241228"], "it ends where it begins or before"),
        (["--timerange=-20241201"], "holds no candle of BTC/USDT, ETH/USDT"),
        (["--timerange", "20250601-"], "holds no candle of BTC/USDT, ETH/USDT"),
        (["--timerange", "20241228-", "--retrain-hours", "0.5"], "0.5 must be 1 or more"),
        (
            ["--timerange", "20241228-", "--retrain-hours", "1.01"],
            "give whole candles and at least",
        ),
        (
            ["--timerange", "20241228-", "--count", "3", "--restarts", "2"],
            "--restarts 2 needs at least two candles between restarts",
        ),
        (["--live", "none.sqlite"], "--live none.sqlite does not exist"),
    ],
)
def test_bad_usage_is_one_clear_error(
    market: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    text: str,
) -> None:
    overlay = tmp_path / "overlay.json"
    overlay.write_text(json.dumps(BUSY))
    given = ["--config", str(ROOT / "config.json"), str(overlay), *arguments]
    if "--datadir" not in given and "--timerange" in " ".join(given):
        given += ["--datadir", str(market)]
    assert exit_code("replay", *given, "--work", tmp_path / "work") == 2
    assert text in " ".join(capsys.readouterr().err.split())


def test_a_bot_that_would_stay_stopped_is_refused(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = json.loads((ROOT / "config.json").read_text())
    config.pop("initial_state")
    path = tmp_path / "stopped.json"
    path.write_text(json.dumps(config))
    given = ["--config", path, "--datadir", market, "--timerange", "20241228-"]
    assert exit_code("replay", *given, "--work", tmp_path / "work") == 2
    assert 'initial_state is "stopped": this bot would decide' in capsys.readouterr().err


def test_a_bot_without_stored_predictions_is_one_clear_error(tmp_path: Path) -> None:
    database = tmp_path / "empty.sqlite"
    database.touch()
    code, _, output = replay(tmp_path, "--live", database, "--userdir", tmp_path)
    assert code == 2, output
    assert "holds no stored predictions" in " ".join(output.split())
    assert "Traceback" not in output
