"""Part ``backtest``: whole runs of ``freqtrade backtesting``, models trained from scratch."""

import re
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

from benchmarks.children import PYTHON, ChildError, run, serving
from benchmarks.configs import freqtrade
from benchmarks.market import END
from benchmarks.rounds import Figures, Workplace, in_turn, median, medians, ratios
from benchmarks.sides import PRODUCT, SHIPPED
from benchmarks.sizes import Sizes, pairs


def backtests(place: Workplace, sizes: Sizes) -> dict[str, Any]:
    """Backtests of the same pairs and weeks by every side: CPU, and the peak of memory."""
    with serving("exchange_server", place.candles) as (url, _):
        runs: dict[str, Callable[[str], Figures]] = {
            side: partial(_backtest, place, sizes, side, url) for side in (*sizes.sides, SHIPPED)
        }
        name = f"backtest {sizes.backtest_pairs} pairs"
        found = in_turn(place, name, sizes.repeat, runs)
    shipped = found.pop(SHIPPED)
    trained = {side: runs[0]["trained_on"] for side, runs in found.items() if side != PRODUCT}
    if len({str(one) for one in trained.values()}) != 1:
        raise ChildError(f"the rivals of a backtest have learned from different rows: {trained}")
    seconds, memory = medians(found, "seconds"), medians(found, "peak_mb")
    return {
        "pairs": sizes.backtest_pairs,
        "windows": sizes.windows,
        "train_days": sizes.train_days,
        "seconds": seconds,
        "ratios": ratios(seconds, PRODUCT),
        "peak_mb": memory,
        "memory_ratios": ratios(memory, PRODUCT),
        "shipped": {
            "seconds": round(median(shipped, "seconds"), 4),
            "peak_mb": round(median(shipped, "peak_mb"), 1),
        },
    }


def _backtest(place: Workplace, sizes: Sizes, side: str, url: str, name: str) -> Figures:
    home, log = place.home / name.replace(" ", "-"), place.log(name)
    shutil.rmtree(home, ignore_errors=True)
    stop = date.fromisoformat(END) - timedelta(days=1)
    start = stop - timedelta(days=7 * sizes.windows)
    chosen = pairs(sizes.backtest_pairs)
    command = [
        *(PYTHON, "-m", "freqtrade"),
        *freqtrade(place, side, home, "backtesting", chosen, sizes.train_days, url),
        *("--datadir", str(place.candles), "--cache", "none"),
        *("--timerange", f"{start:%Y%m%d}-{stop:%Y%m%d}"),
    ]
    spent = run(command, log)
    text = log.read_text(encoding="utf-8", errors="replace")
    models = len([*(home / "user_data/models").glob("*/*/*_model.*")])
    if "raised exception" in text or models != sizes.windows * len(chosen):
        raise ChildError(
            f"{models} of {sizes.windows * len(chosen)} trainings went well; read {log}"
        )
    shutil.rmtree(home)
    rows = [int(one) for one in re.findall(r"Training model on (\d+) data points", text)]
    return {"seconds": spent.seconds, "peak_mb": spent.peak_mb, "trained_on": rows}
