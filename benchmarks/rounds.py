"""Runs of several sides in turn, each kept once it is over, and the median of what they cost."""

import json
import os
import statistics
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any


Figures = dict[str, Any]
"""What one run has found: numbers by name, and what it was given."""


@dataclass(frozen=True)
class Workplace:
    """Where a benchmark works: what is finished there is not run again.

    :ivar home: of this version of the code and this size
    :ivar candles: of the synthetic market
    :ivar jobs: how many runs go on at a time
    :ivar loads: of the machine after each run that was asked for
    """

    home: Path
    candles: Path
    jobs: int
    loads: list[float] = field(default_factory=list)
    _writing: threading.Lock = field(default_factory=threading.Lock, repr=False)

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
        figures = kept[name] if name in kept else work() | {"load": round(os.getloadavg()[0], 2)}
        self.loads.append(figures["load"])
        if name not in kept:
            with self._writing, self._kept.open("a") as stream:
                stream.write(json.dumps({"name": name, "figures": figures}) + "\n")
                print(f"  {name}: {said(figures)}", flush=True)
        return figures

    def log(self, name: str) -> Path:
        """The log of a run."""
        return self.home / f"{name.replace(' ', '-').replace('/', '')}.log"


def said(figures: Figures) -> str:
    """The numbers of a run in a line."""
    numbers = {name: one for name, one in figures.items() if isinstance(one, float)}
    return ", ".join(f"{name} {one:,.2f}" for name, one in numbers.items())


def in_turn(
    place: Workplace,
    name: str,
    repeat: int,
    sides: Mapping[str, Callable[[str], Figures]],
    jobs: int | None = None,
) -> dict[str, list[Figures]]:
    """A B A B: every side once, then every side again.

    With two jobs two such rows go on side by side; both sides are then disturbed alike, and what
    counts is the CPU time of each.

    :param name: of what is measured, part of the name of each run
    :param sides: each is called with the name of its run
    :param jobs: where not as many as the workplace has
    :return: the figures of each side's runs
    """

    def turn(number: int) -> list[Figures]:
        names = {side: f"{name} {side} {number}" for side in sides}
        return [place.once(names[side], partial(sides[side], names[side])) for side in sides]

    with ThreadPoolExecutor(jobs or place.jobs) as beside:
        turns = [*beside.map(turn, range(repeat))]
    return {side: [one[at] for one in turns] for at, side in enumerate(sides)}


def median(runs: list[Figures], name: str) -> float:
    """Of one number of several runs."""
    return statistics.median(float(one[name]) for one in runs)


def medians(found: Mapping[str, list[Figures]], name: str) -> dict[str, float]:
    """The median of each side."""
    return {side: round(median(runs, name), 4) for side, runs in found.items()}


def ratios(costs: Mapping[str, float], of: str) -> dict[str, float]:
    """What one side costs, divided by what each other one does."""
    return {side: round(costs[of] / cost, 4) for side, cost in costs.items() if side != of}
