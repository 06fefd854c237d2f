"""Validation over time of models that forecast the size of the next day, from their metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from regimeswitch.settings import REGIME_NAMES
from regimeswitch_lab.report.report_source import Source
from regimeswitch_lab.report.trainings import FOLDER, number, own_metadata


@dataclass(frozen=True)
class SizeTraining:
    """What one training found in one regime.

    :ivar moment: end of the training range, UTC
    :ivar coins: pairs that it served, by their base currency
    :ivar scores: QLIKE on the validation rows by forecast: ``EWMA``, ``HAR``, ``base``,
        ``sub_model``, ``placebo``, ``served``; lower is better
    :ivar served: what forecasts in this regime, in words
    """

    moment: pd.Timestamp
    coins: tuple[str, ...]
    regime: str
    rows: int
    validated: int
    scores: Mapping[str, float]
    served: str
    reason: str


def read_sizes(source: Source, folder: Path | None) -> list[SizeTraining]:
    """All trainings of a source, in order of time and regime; empty where there are none.

    :param folder: of one FreqAI identifier; None = where the source says
    """
    folders = [folder] if folder else list(source.models)
    found: dict[tuple[int, str], tuple[Mapping[str, Any], list[str]]] = {}
    for one in folders:
        for path, own in own_metadata(one):
            name = FOLDER.fullmatch(path.parent.name)
            if name is not None and own.get("volatility"):
                # Pairs that share a training have the same metadata.
                key = (int(name["stamp"]), repr(own["volatility"]))
                found.setdefault(key, (own["volatility"], []))[1].append(name["coin"])
    rows = [row for (stamp, _), one in found.items() for row in _rows(stamp, *one)]
    return sorted(rows, key=lambda row: (row.moment, row.coins))


def _rows(stamp: int, told: Mapping[str, Any], coins: list[str]) -> Iterator[SizeTraining]:
    for regime in (name for name in REGIME_NAMES if name in told):
        verdict = told[regime]
        scores = {name: number(value) for name, value in (verdict.get("scores") or {}).items()}
        yield SizeTraining(
            moment=pd.Timestamp(stamp, unit="s", tz="UTC"),
            coins=tuple(sorted(coins)),
            regime=regime,
            rows=int(verdict.get("rows") or 0),
            validated=int(verdict.get("judged") or 0),
            scores={name: value for name, value in scores.items() if value is not None},
            served=str(verdict.get("served", "")),
            reason=str(verdict.get("reason", "")),
        )
