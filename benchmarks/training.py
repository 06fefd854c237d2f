"""Part ``training``: a round of all pairs, shared rows and validation, against a model a pair."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.children import ChildError, answer, module
from benchmarks.growth import exponent
from benchmarks.rounds import Figures, Workplace, in_turn, median, medians, ratios
from benchmarks.sides import PRODUCT
from benchmarks.sizes import Sizes


def training(place: Workplace, sizes: Sizes) -> dict[str, Any]:
    """Rounds of all numbers of pairs by every side, and how the product's grow."""
    rounds = {
        number: _round(place, sizes, number, sizes.train_days, sizes.sides)
        for number in sizes.training_pairs
    }
    costs = {number: medians(found, "seconds") for number, found in rounds.items()}
    by_days = {
        days: _round(place, sizes, 1, days, (PRODUCT,))[PRODUCT] for days in sizes.training_days
    }
    growing = {
        days: {"rows": runs[0]["rows"], "seconds": median(runs, "seconds")}
        for days, runs in by_days.items()
    }
    return {
        "train_days": sizes.train_days,
        "rounds": [
            {
                "pairs": number,
                "rows": rounds[number][PRODUCT][0]["rows"],
                "seconds": cost,
                "ratios": ratios(cost, PRODUCT),
            }
            for number, cost in costs.items()
        ],
        "by_rows": list(growing.values()),
        "exponents": {
            "training_pairs": exponent({n: cost[PRODUCT] for n, cost in costs.items()}),
            "training_candles": exponent({one["rows"]: one["seconds"] for one in growing.values()}),
        },
    }


def _round(
    place: Workplace, sizes: Sizes, number: int, days: int, sides: tuple[str, ...]
) -> dict[str, list[Figures]]:
    """Runs of a round by side; all of them have learned from the same rows."""
    rows = _rows(place, sizes)
    runs: dict[str, Callable[[str], Figures]] = {
        side: partial(_fit, place, side, number, days, rows) for side in sides
    }
    found = in_turn(place, f"training {number} pairs {days} days", sizes.repeat, runs)
    given = {one["digest"] for figures in found.values() for one in figures}
    if len(given) != 1:
        raise ChildError(f"the sides of a round of {number} pairs were given different rows")
    return found


def _rows(place: Workplace, sizes: Sizes) -> Path:
    """The file of the rows of all pairs in the longest window; a round takes its own of them."""
    path = place.home / "rows.joblib"
    if not path.exists():
        fresh = path.with_suffix(".fresh")
        number = max(sizes.training_pairs)
        days = max(sizes.train_days, *sizes.training_days)
        command = module("training_child", "rows", place.candles, number, days, fresh)
        answer(command, place.log(path.stem))
        fresh.rename(path)
    return path


def _fit(place: Workplace, side: str, number: int, days: int, rows: Path, name: str) -> Figures:
    command = module("training_child", "fit", side, number, days, rows)
    found: Figures = json.loads(answer(command, place.log(name)).splitlines()[-1])
    return found
