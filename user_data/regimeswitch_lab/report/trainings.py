"""Validation of the models over time, from what FreqAI keeps beside each of them.

Classifiers first; then the models that forecast the size of the next day.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from regimeswitch.settings import REGIME_NAMES
from regimeswitch_lab.report.report_source import Note, Source


FOLDER = re.compile(r"sub-train-(?P<coin>.+)_(?P<stamp>\d{10})$")
OWN = "regimeswitch"
"""Key of FreqAI's metadata that holds ours."""


@dataclass(frozen=True)
class SubModel:
    """What one training found of the sub-model of one regime.

    :ivar weight: in the blend with the base model, 0 to 1
    :ivar scores: log loss on the validation rows, by model: ``base``, ``sub_model``, ``placebo``
        (the same training with regimes shifted in time), ``frequencies`` (of the classes); lower is
        better
    :ivar slope: calibration slope of the forecasts; None where it was not measured
    :ivar error_before: expected calibration error of the probabilities in this regime, before their
        calibration; ``error_after`` with it; None where it was not measured
    """

    regime: str
    rows: int
    validated: int
    weight: float
    scores: Mapping[str, float]
    slope: float | None
    error_before: float | None
    error_after: float | None
    reason: str


@dataclass(frozen=True)
class Training:
    """One training.

    :ivar moment: end of the training range, UTC
    :ivar coins: pairs that it served, by their base currency
    :ivar weight: of the whole model against the frequencies of the classes, 0 to 1
    """

    moment: pd.Timestamp
    coins: tuple[str, ...]
    weight: float
    reason: str
    sub_models: tuple[SubModel, ...]


def read_trainings(source: Source, folder: Path | None, trained: bool) -> list[Training] | Note:
    """All trainings of a source in order of time, or what to do where there are none.

    :param folder: of one FreqAI identifier; None = where the source says
    :param trained: whether the configuration trains models at all
    """
    if not trained:
        return Note(
            "No model was trained: the regime rule trades by itself.",
            'Set regimeswitch.models.sub_models to another value than "none", and freqai.enabled '
            "to true, to train sub-models.",
        )
    folders = [folder] if folder else list(source.models)
    found: list[tuple[int, str, Any]] = []
    for one in folders:
        found += _metadata(one)
    if not found and any(_forecasts_size(one) for one in folders):
        return Note(
            "The models of this run forecast the size of the next day, not its direction.",
            "A classifier (freqaimodel RegimeSwitchClassifier) has weights and calibration here.",
        )
    if not found:
        looked = ", ".join(map(str, folders)) or "no folder"
        return Note(
            f"No model of this run was found (looked in {looked}): no validation over time.",
            "Backtest with freqai.save_backtest_models true, and name the folder of the identifier "
            "in user_data/models with --models.",
        )
    return _joined(found)


def _metadata(folder: Path) -> list[tuple[int, str, Any]]:
    """Epoch seconds, coin and our part of the metadata of each model."""
    return [
        (int(name["stamp"]), name["coin"], own)
        for path, own in own_metadata(folder)
        if (name := FOLDER.fullmatch(path.parent.name)) and own.get("model")
    ]


def _forecasts_size(folder: Path) -> bool:
    """Whether models of a folder forecast the size of the next day."""
    return any(own.get("volatility") for _, own in own_metadata(folder))


def own_metadata(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Our part of each metadata file that can be read."""
    for path in sorted(folder.glob("sub-train-*/*_metadata.json")):
        try:
            own = json.loads(path.read_text(encoding="utf-8")).get(OWN)
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(own, dict):
            yield path, own


def _joined(found: list[tuple[int, str, Any]]) -> list[Training]:
    """Pairs that share a training have the same metadata, up to their own fine-tuning."""
    shared: dict[tuple[int, str], tuple[Any, list[str]]] = {}
    for stamp, coin, own in found:
        key = json.dumps([own["model"], own.get("evidence")], sort_keys=True)
        shared.setdefault((stamp, key), (own, []))[1].append(coin)
    rows = [
        Training(
            moment=pd.Timestamp(stamp, unit="s", tz="UTC"),
            coins=tuple(sorted(coins)),
            weight=number(own["model"].get("trust")) or 0.0,
            reason=str(own["model"].get("reason", "")),
            sub_models=tuple(_sub_models(own)),
        )
        for (stamp, _), (own, coins) in shared.items()
    ]
    return sorted(rows, key=lambda row: (row.moment, row.coins))


def _sub_models(own: Mapping[str, Any]) -> list[SubModel]:
    evidence = own.get("evidence") or {}
    slopes = own.get("edge") or {}
    errors = own.get("calibration_error") or {}
    rows = []
    for regime in (name for name in REGIME_NAMES if name in evidence):
        verdict = evidence[regime]
        scores = {name: number(value) for name, value in (verdict.get("scores") or {}).items()}
        rows.append(
            SubModel(
                regime=regime,
                rows=int(verdict.get("rows") or 0),
                validated=int(verdict.get("judged") or 0),
                weight=number(verdict.get("trust")) or 0.0,
                scores={name: value for name, value in scores.items() if value is not None},
                slope=number((slopes.get(regime) or {}).get("measured")),
                error_before=number((errors.get(regime) or {}).get("before")),
                error_after=number((errors.get(regime) or {}).get("after")),
                reason=str(verdict.get("reason", "")),
            )
        )
    return rows


def number(value: Any) -> float | None:
    """None also for what JSON of Python has beside numbers: NaN, infinity."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


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


def _rows(stamp: int, verdicts: Mapping[str, Any], coins: list[str]) -> Iterator[SizeTraining]:
    for regime in (name for name in REGIME_NAMES if name in verdicts):
        verdict = verdicts[regime]
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
