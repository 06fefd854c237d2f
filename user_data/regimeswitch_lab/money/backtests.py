"""One run of ``freqtrade backtesting`` in a child process, offline, and what it left behind."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from regimeswitch_lab.backtest_stats import read_stats, read_wallet
from regimeswitch_lab.inputs import HOME
from regimeswitch_lab.money.money_metrics import with_start
from regimeswitch_lab.offline.child import run_logged
from regimeswitch_lab.offline.overlay import child_environment


class BacktestError(RuntimeError):
    """A backtest that failed; the text names its log."""


@dataclass(frozen=True)
class Backtest:
    """Result of a run.

    :param trades: as freqtrade exports them
    :param balance: ``date`` and ``total_quote``: the whole account at each candle
    """

    trades: list[dict[str, Any]]
    balance: pd.DataFrame


def run_backtest(
    configs: list[Path],
    overlay: dict[str, Any],
    datadir: Path,
    pairs: list[str],
    timerange: str,
    userdir: Path,
    log: Path,
    model: str,
) -> Backtest:
    """Run freqtrade's backtester with ``overlay`` on top of ``configs`` and the environment.

    :param userdir: keeps models and results; runs of the same models may share it
    :param log: gets all that freqtrade says
    :raises BacktestError: when freqtrade fails
    """
    userdir.mkdir(parents=True, exist_ok=True)
    extra = log.with_suffix(".json")
    extra.write_text(json.dumps(overlay, indent=2))
    results = userdir / "backtest_results"
    before = set(results.glob("*.zip")) if results.is_dir() else set()
    line = [
        *(sys.executable, "-m", "regimeswitch_lab", "offline", "--datadir", str(datadir)),
        *("--", "freqtrade", "backtesting"),
        *(word for path in [*configs, extra] for word in ("--config", str(path))),
        *("--userdir", str(userdir), "--datadir", str(datadir)),
        *("--strategy", "RegimeSwitchStrategy", "--strategy-path", str(HOME / "strategies")),
        *("--freqaimodel", model, "--freqaimodel-path", str(HOME / "freqaimodels")),
        *("--pairs", *pairs, "--timerange", timerange, "--cache", "none"),
    ]
    code = run_logged(line, log, child_environment(os.environ, decided=overlay))
    new = (set(results.glob("*.zip")) if results.is_dir() else set()) - before
    if code or not new:
        raise BacktestError(f"the backtest failed (exit code {code}); read {log}")
    return read_result(new.pop())


def read_result(path: Path) -> Backtest:
    """Trades and balance from freqtrade's result file."""
    ((name, strategy),) = read_stats(path)["strategy"].items()
    totals = read_wallet(path, name).groupby("date", sort=True)["total_quote"].sum()
    # The last row comes before open positions are closed, with their fee, at the end of the range.
    totals.iloc[-1] = strategy["final_balance"]
    begin = pd.Timestamp(strategy["backtest_start"], tz="UTC")
    balance = with_start(totals.reset_index(), begin, float(strategy["starting_balance"]))
    return Backtest(list(strategy["trades"]), balance)
