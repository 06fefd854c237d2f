"""Other freqtrade commands on the project: lists, hyperopt, plots and both bias analyses."""

from __future__ import annotations

import csv
import os
import re
import sys
from collections.abc import Callable
from copy import deepcopy
from math import isnan
from pathlib import Path

import pytest

import forked
from heldpairs import POSITION
from project import QUICK, ROOT, Run
from regimeswitch.bot.trial_ledger import NAME, trials_of
from results import stored_predictions


pytestmark = pytest.mark.slow

DAY = 86400
RANGE_START = 1734480000  # 2024-12-18


def test_lists_show_the_classes_from_another_folder(tmp_path: Path) -> None:
    for command, names in (
        ("list-strategies", ["RegimeSwitchStrategy"]),
        ("list-freqaimodels", ["RegimeSwitchClassifier", "RegimeSwitchRegressor"]),
        ("list-hyperoptloss", ["RegimeSwitchLoss"]),
    ):
        done = forked.run(
            [sys.executable, "-m", "freqtrade", command, "--userdir", str(ROOT / "user_data")],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=120,
            check=False,
            env={**os.environ, "COLUMNS": "200"},
        )
        assert done.returncode == 0, done.stderr
        for name in names:
            line = next(line for line in done.stdout.splitlines() if name in line)
            assert "LOAD FAILED" not in line


def test_hyperopt_with_two_workers_runs_four_epochs(freqtrade: Callable[..., Run]) -> None:
    run = freqtrade(
        "hyperopt",
        *("--hyperopt-loss", "RegimeSwitchLoss", "--spaces", "buy", "sell"),
        *("--hyperopt-path", str(ROOT / "user_data/hyperopts")),
        *("--epochs", "4", "--job-workers", "2", "--min-trades", "1", "--random-state", "7"),
        *("--timerange", "20241225-20250101", "--pairs", "BTC/USDT", "--no-color"),
        "--disable-param-export",
    )
    assert run.code == 0, run.log[-3000:]
    assert "raised exception" not in run.log
    assert "4 epochs saved" in run.words, run.log[-3000:]
    assert re.search(r'"?buy_bull"?: 0\.\d+', run.log)


def test_hyperopt_with_another_loss_is_in_the_ledger(freqtrade: Callable[..., Run]) -> None:
    run = freqtrade(
        "hyperopt",
        *("--hyperopt-loss", "SharpeHyperOptLoss", "--spaces", "stoploss", "--epochs", "2"),
        *("--job-workers", "1", "--min-trades", "1", "--random-state", "7", "--no-color"),
        *("--timerange", "20241225-20250101", "--pairs", "BTC/USDT", "--disable-param-export"),
        config={"regimeswitch": POSITION},
    )
    assert run.code == 0, run.log[-3000:]
    (one,) = trials_of(run.userdir / NAME)
    assert one.result == {"loss": "SharpeHyperOptLoss", "epochs": 2}
    assert (one.pairs, one.window) == (("BTC/USDT",), "20241225-20250101")


def test_lookahead_analysis_finds_no_bias(freqtrade: Callable[..., Run], tmp_path: Path) -> None:
    export = tmp_path / "lookahead.csv"
    config = deepcopy(QUICK)
    config["freqai"]["identifier"] = "lookahead"
    run = freqtrade(
        "lookahead-analysis",
        *("--strategy", "RegimeSwitchStrategy", "--pairs", "BTC/USDT"),
        *("--minimum-trade-amount", "5", "--targeted-trade-amount", "8"),
        *("--lookahead-analysis-exportfilename", str(export)),
        *("--timerange", "20241218-20250101"),
        config=config,
        timeout=500,
    )
    assert run.code == 0, run.log[-3000:]
    assert "raised exception" not in run.log
    (row,) = csv.DictReader(export.read_text().splitlines())
    assert row["has_bias"] == "False", row
    assert int(row["total_signals"]) >= 5
    assert (row["biased_entry_signals"], row["biased_exit_signals"]) == ("0", "0")
    assert not row["biased_indicators"], row


def test_recursive_analysis_is_clean_at_the_configured_start_up_candles(
    freqtrade: Callable[..., Run],
) -> None:
    config = deepcopy(QUICK)
    config["freqai"]["identifier"] = "recursive"
    # A whole number of backtest periods plus one candle: both runs then train the same window.
    stop = RANGE_START + 7 * DAY + 300
    run = freqtrade(
        "recursive-analysis",
        *("--strategy", "RegimeSwitchStrategy", "--pairs", "BTC/USDT"),
        *("--timerange", f"{RANGE_START}-{stop}", "--startup-candle", "2040", "2400"),
        config=config,
    )
    assert run.code == 0, run.log[-3000:]
    assert "raised exception" not in run.log
    assert "No lookahead bias on indicators found" in run.words
    # FreqAI finds its own predictions again here, so this looks at regimes and ATR; the features
    # and probabilities are compared in the next test.
    variances = variances_of(run.log)
    assert variances or "No variance on indicator(s) found" in run.words
    assert not any(name.startswith("regime") for name in variances), variances
    # Unknown, not different, until half of five days of forecasts have settled (docs/drift.md).
    for name in ("calibration_error", "model_limit"):
        assert all(isnan(value) for value in variances.pop(name, ())), name
    assert all(abs(value) < 0.1 for values in variances.values() for value in values), variances


def variances_of(log: str) -> dict[str, list[float]]:
    """Per cent by indicator, from the table that recursive-analysis prints."""
    variances = {}
    for line in log.splitlines():
        cells = [cell.strip() for cell in line.strip("│┃ ").split("│")]
        if len(cells) >= 3 and cells[1].endswith(("%", "-")):
            variances[cells[0]] = [float(c.rstrip("%")) for c in cells[1:] if c.endswith("%")]
    return variances


def test_served_probabilities_do_not_depend_on_the_start_up_candles(
    freqtrade: Callable[..., Run],
) -> None:
    served = []
    for candles in ("own", 2600):
        config = deepcopy(QUICK)
        config["freqai"]["identifier"] = f"start-{candles}"
        if candles != "own":
            config["startup_candle_count"] = candles
        run = freqtrade(
            "backtesting",
            *("--timerange", "20241225-20250101", "--pairs", "BTC/USDT"),
            config=config,
        )
        assert run.code == 0, run.log[-3000:]
        assert "raised exception" not in run.log
        (frame,) = (
            frame
            for path, frame in stored_predictions(run.userdir)
            if f"start-{candles}" in path.as_posix()
        )
        served.append(frame[["buy", "hold", "sell", "do_predict"]])
    variance = ((served[1] - served[0]).abs() / served[0].abs().clip(lower=1e-12)).max()
    print("largest relative difference:", variance.to_dict())
    assert variance.max() < 1e-3, variance
