"""The figures that stand for a benchmark, by name; those of parts that did not run are absent."""

from collections.abc import Mapping
from typing import Any

from benchmarks.sides import STOCK


ROUND_PAIRS, BOT_PAIRS = 6, 10
"""Of the round of ``training_ratio`` and the bot of ``live_ratio``; or the nearest to it."""


def summary(details: Mapping[str, Any]) -> dict[str, Any]:
    """Ratios to the stock model, seconds and exponents out of the figures of the parts.

    :param details: figures by part
    """
    found: dict[str, Any] = {}
    if "training" in details:
        rounds = details["training"]["rounds"]
        found["training_ratio"] = _nearest(rounds, ROUND_PAIRS)["ratios"][STOCK]
    if "backtest" in details:
        found["backtest_ratio"] = details["backtest"]["ratios"][STOCK]
        found["memory_ratio"] = details["backtest"]["memory_ratios"][STOCK]
    if "live" in details:
        found["live_ratio"] = _nearest(details["live"]["bots"], BOT_PAIRS)["ratios"][STOCK]
    if "live_memory" in details:
        found["live_memory_ratio"] = details["live_memory"]["ratios"][STOCK]
    if "labelling" in details:
        found["labelling_seconds_per_million"] = details["labelling"]["seconds_per_million"]
    exponents = [part["exponents"] for part in details.values() if "exponents" in part]
    if exponents:
        found["exponents"] = {name: one for part in exponents for name, one in part.items()}
    return found


def _nearest(found: list[dict[str, Any]], pairs: int) -> dict[str, Any]:
    return min(found, key=lambda one: abs(one["pairs"] - pairs))
