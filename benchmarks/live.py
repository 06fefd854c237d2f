"""Parts ``live`` and ``live_memory``: bots on paper, their time for a candle and their memory."""

import shutil
import statistics
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.children import ChildError, Spent, module, run, serving
from benchmarks.configs import freqtrade
from benchmarks.growth import exponent
from benchmarks.live_plan import LiveFindings, LivePlan
from benchmarks.market import END
from benchmarks.rounds import Figures, Workplace, in_turn, medians, ratios
from benchmarks.sides import PRODUCT, STOCK
from benchmarks.sizes import Sizes, pairs


BEGIN = datetime.fromisoformat(END).replace(tzinfo=UTC) - timedelta(days=1, minutes=-10)
"""Close of the candle after which a bot trains; not on the hour, where more candles close."""
SIDES = (PRODUCT, STOCK)
FIRST = 2
"""Candles after a round of trainings: stock FreqAI has no prediction for the first one."""


def live(place: Workplace, sizes: Sizes) -> dict[str, Any]:
    """What a round of trainings and then one new candle cost bots, by number of pairs."""
    bots = [_bot(place, sizes, number) for number in sizes.live_pairs]
    growing = {
        f"live_{name}": exponent({one["pairs"]: one[f"{name}_seconds"][PRODUCT] for one in bots})
        for name in ("analysis", "round")
    }
    return {
        "train_days": sizes.live_days,
        "candles": sizes.live_candles,
        "bots": bots,
        "exponents": growing,
    }


def live_memory(place: Workplace, sizes: Sizes) -> dict[str, Any]:
    """Peak of memory of bots that start, train every pair once and analyse a candle."""

    def measured(side: str, name: str) -> Figures:
        home = place.home / name.replace(" ", "-")
        shutil.rmtree(home, ignore_errors=True)
        bot = Bot(place, side, sizes.memory_pairs, sizes.train_days, home, name)
        _, spent = bot.run(0, candles=FIRST, trains=True)
        shutil.rmtree(home)
        return {"peak_mb": spent.peak_mb}

    runs: dict[str, Callable[[str], Figures]] = {side: partial(measured, side) for side in SIDES}
    name = f"live memory {sizes.memory_pairs} pairs"
    memory = medians(in_turn(place, name, sizes.memory_repeat, runs), "peak_mb")
    return {
        "pairs": sizes.memory_pairs,
        "train_days": sizes.train_days,
        "peak_mb": memory,
        "ratios": ratios(memory, PRODUCT),
    }


def _bot(place: Workplace, sizes: Sizes, number: int) -> dict[str, Any]:
    rounds = {side: _trained(place, sizes, side, number) for side in SIDES}
    runs: dict[str, Callable[[str], Figures]] = {
        side: partial(_measured, place, sizes, side, number, rounds[side][0]) for side in SIDES
    }
    found = in_turn(place, f"live {number} pairs", sizes.repeat, runs)
    analysis, loop = medians(found, "analysis"), medians(found, "loop")
    return {
        "pairs": number,
        "round_seconds": {side: one["seconds"] for side, (_, one) in rounds.items()},
        "peak_mb": {side: one["peak_mb"] for side, (_, one) in rounds.items()},
        "analysis_seconds": analysis,
        "loop_seconds": loop,
        "ratios": ratios(analysis, PRODUCT),
        "loop_ratios": ratios(loop, PRODUCT),
    }


def _measured(
    place: Workplace, sizes: Sizes, side: str, number: int, trained: Path, name: str
) -> Figures:
    """The median candle of a bot that starts with the models of an earlier one."""
    home = place.home / name.replace(" ", "-")
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(trained, home)
    bot = Bot(place, side, number, sizes.live_days, home, name)
    findings, _ = bot.run(FIRST + 1, sizes.live_candles, trains=False)
    shutil.rmtree(home)
    return {
        "analysis": statistics.median(findings.analysed),
        "loop": statistics.median(findings.looped),
    }


def _trained(place: Workplace, sizes: Sizes, side: str, number: int) -> tuple[Path, Figures]:
    """The files of a bot that has trained every pair once, and what that has cost it."""
    name = f"live round {number} pairs {side}"
    home = place.home / name.replace(" ", "-")

    def train() -> Figures:
        shutil.rmtree(home, ignore_errors=True)
        bot = Bot(place, side, number, sizes.live_days, home, name)
        findings, spent = bot.run(0, candles=FIRST, trains=True)
        return {"seconds": findings.round_seconds, "peak_mb": spent.peak_mb}

    return home, place.once(name, train)


class Bot:
    """A bot of one side, with an exchange of its own beside it.

    :param number: of pairs
    :param days: of a training window
    :param home: its files
    :param name: of the run, for the log
    """

    def __init__(
        self, place: Workplace, side: str, number: int, days: int, home: Path, name: str
    ) -> None:
        self.place = place
        self.side = side
        self.pairs = pairs(number)
        self.days = days
        self.home = home
        self.log = place.log(name)

    def run(self, later: int, candles: int, trains: bool) -> tuple[LiveFindings, Spent]:
        """Lead the bot through a first candle and more.

        :param later: how many candles after the first moment of all bots it begins
        :raises ChildError: when it ends early, or has no prediction of a pair
        """
        self.home.mkdir(exist_ok=True)
        start = int(BEGIN.timestamp()) + 300 * later
        clock, out = self.home / "clock", self.home / "findings.json"
        clock.write_bytes((start * 1000).to_bytes(8, "little"))
        out.unlink(missing_ok=True)
        with serving("exchange_server", self.place.candles, "--clock", clock) as (url, _):
            arguments = freqtrade(
                self.place, self.side, self.home, "trade", self.pairs, self.days, url
            )
            arguments += ["--db-url", f"sqlite:///{self.home / 'trades.sqlite'}"]
            plan = LivePlan(arguments, str(clock), start, candles, trains, str(out))
            spent = run(module("live_bot", plan.write(self.home / "plan.json")), self.log)
        findings = LiveFindings.read(out)
        if findings.predicted != len(self.pairs) or len(findings.analysed) != candles:
            raise ChildError(
                f"{findings.predicted} of {len(self.pairs)} pairs were predicted, "
                f"{len(findings.analysed)} of {candles} candles analysed; read {self.log}"
            )
        return findings, spent
