"""Runs of several sides in turn, each kept once it is over, and the median of what they cost."""

import json
import os
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


Figures = dict[str, Any]
"""What one run has found: numbers by name, and what it was given."""


@dataclass(frozen=True)
class Workplace:
    """Where a benchmark works: what is finished there is not run again.

    :ivar home: of this version of the code and this size
    :ivar candles: of the synthetic market
    """

    home: Path
    candles: Path

    @property
    def _kept(self) -> Path:
        return self.home / "runs.jsonl"

    def kept(self) -> dict[str, Figures]:
        """Finished runs by name."""
        if not self._kept.exists():
            return {}
        lines = [json.loads(line) for line in self._kept.read_text().splitlines()]
        return {line["name"]: line["figures"] for line in lines}

    def once(self, name: str, work: Callable[[], Figures]) -> Figures:
        """The figures of a run; it is made when it is not there yet."""
        kept = self.kept()
        if name not in kept:
            figures = work() | {"load": round(os.getloadavg()[0], 2)}
            with self._kept.open("a") as stream:
                stream.write(json.dumps({"name": name, "figures": figures}) + "\n")
            print(f"  {name}: {said(figures)}", flush=True)
            return figures
        return kept[name]

    def log(self, name: str) -> Path:
        """The log of a run."""
        return self.home / f"{name.replace(' ', '-').replace('/', '')}.log"


def said(figures: Figures) -> str:
    """The numbers of a run in a line."""
    numbers = {name: one for name, one in figures.items() if isinstance(one, float)}
    return ", ".join(f"{name} {one:,.2f}" for name, one in numbers.items())


def in_turn(
    place: Workplace, name: str, repeat: int, sides: Mapping[str, Callable[[str], Figures]]
) -> dict[str, list[Figures]]:
    """A B A B: every side once, then every side again.

    :param name: of what is measured, part of the name of each run
    :param sides: each is called with the name of its run
    :return: the figures of each side's runs
    """
    found: dict[str, list[Figures]] = {side: [] for side in sides}
    for number in range(repeat):
        for side, work in sides.items():
            one = f"{name} {side} {number}"
            found[side].append(place.once(one, lambda work=work, one=one: work(one)))
    return found


def median(runs: list[Figures], name: str) -> float:
    """Of one number of several runs."""
    return statistics.median(float(one[name]) for one in runs)


def medians(found: Mapping[str, list[Figures]], name: str) -> dict[str, float]:
    """The median of each side."""
    return {side: round(median(runs, name), 4) for side, runs in found.items()}


def ratios(costs: Mapping[str, float], of: str) -> dict[str, float]:
    """What one side costs, divided by what each other one does."""
    return {side: round(costs[of] / cost, 4) for side, cost in costs.items() if side != of}
