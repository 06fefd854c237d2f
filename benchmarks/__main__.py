"""``python -m benchmarks``: what the product costs, beside rivals that do the same work.

Sides run in turn, A B A B, each in a process of its own; the medians of their CPU seconds count,
not the time on the clock. A run that is over is kept in the work folder: a benchmark that was
stopped goes on where it was, as long as neither code nor versions have changed.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.backtests import backtests
from benchmarks.children import ChildError
from benchmarks.exchange_load import exchange
from benchmarks.labelling import labelling
from benchmarks.live import live, live_memory
from benchmarks.machine import machine, stamp
from benchmarks.market import candles
from benchmarks.results import summary
from benchmarks.rounds import Workplace
from benchmarks.scale_page import write_page
from benchmarks.sizes import SIZES, Sizes
from benchmarks.training import training


Part = Callable[[Workplace, Sizes], dict[str, Any]]
PARTS: dict[str, Part] = {
    "labelling": labelling,
    "training": training,
    "backtest": backtests,
    "live": live,
    "live_memory": live_memory,
    "exchange": exchange,
}


def measured(name: str, place: Workplace, sizes: Sizes) -> dict[str, Any]:
    """The figures of a part, and how busy the machine was meanwhile."""
    print(f"{name}: runs in {place.home}", flush=True)
    place.loads.clear()
    return PARTS[name](place, sizes) | {"highest_load": max(place.loads)}


def main() -> None:
    """Measure the parts that were asked for, print and export what they found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--size", choices=SIZES, default="full", help="how much (full)")
    parser.add_argument("--work", type=Path, default=Path(".bench"), help="runs, logs (.bench)")
    parser.add_argument(
        "--jobs", type=int, default=2, help="runs at a time (2); 1 on a busy machine"
    )
    parser.add_argument("--export", type=Path, metavar="FILE.json")
    parser.add_argument("--page", type=Path, help="docs/scale.md, for its figures of these parts")
    args = parser.parse_args()
    chosen = [name for name in args.parts.split(",") if name]
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        parser.error(f"--parts: no part {', '.join(unknown)}; choose from {', '.join(PARTS)}")
    sizes, work = SIZES[args.size], args.work.resolve()
    home = work / f"{args.size}-{stamp()}"
    home.mkdir(parents=True, exist_ok=True)
    place = Workplace(home, candles(work, sizes), args.jobs)
    busy, cores = os.getloadavg()[0], os.cpu_count() or 1
    if busy > cores / 2:
        print(f"load {busy:.1f} on {cores} cores: others disturb this; the figures say so too")
    try:
        details = {name: measured(name, place, sizes) for name in chosen}
    except ChildError as error:
        sys.exit(f"benchmarks: {error}; what is finished is kept")
    figures = {"size": args.size, "machine": machine(), **summary(details), "details": details}
    if args.export:
        args.export.parent.mkdir(parents=True, exist_ok=True)
        args.export.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    if args.page:
        write_page(args.page, figures)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
