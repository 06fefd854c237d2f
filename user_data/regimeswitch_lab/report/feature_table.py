"""Which features the models split by, in each regime, and where the regimes differ.

From what each training has written beside its models; the models themselves are not opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from regimeswitch.settings import REGIME_NAMES
from regimeswitch_lab.report.report_source import Source
from regimeswitch_lab.report.trainings import number, own_metadata


BASE = "base"
MODELS = (BASE, *REGIME_NAMES)
ROWS = 20
DIFFERENT = 3
"""Features that are named where regimes differ most."""


@dataclass(frozen=True)
class FeatureRow:
    """One feature.

    :ivar shares: of a model's gain, mean of all trainings, fraction, by model: ``base`` and the
        regimes that have a sub-model. A training in which it is not among those kept counts as 0,
        so that shares are at least these
    """

    name: str
    shares: Mapping[str, float]

    @property
    def largest(self) -> float:
        """In any model."""
        return max(self.shares.values())

    @property
    def spread(self) -> float:
        """Between the regime that uses it most and the one that uses it least; 0 with one."""
        own = [share for name, share in self.shares.items() if name != BASE]
        return max(own) - min(own) if own else 0.0


@dataclass(frozen=True)
class FeatureTable:
    """The most used features.

    :ivar trainings: number, those that pairs share counted once
    :ivar models: columns of the table
    """

    trainings: int
    models: tuple[str, ...]
    rows: tuple[FeatureRow, ...]

    @property
    def different(self) -> list[FeatureRow]:
        """Those that regimes use most differently."""
        known = [row for row in self.rows if row.spread > 0]
        return sorted(known, key=lambda row: -row.spread)[:DIFFERENT]


def read_features(source: Source, folder: Path | None) -> FeatureTable | None:
    """The features of all trainings; None where none has written them down.

    :param folder: of one FreqAI identifier; None = where the source says
    """
    found: dict[tuple[str, str], Mapping[str, Mapping[str, float]]] = {}
    for one in [folder] if folder else source.models:
        for path, own in own_metadata(one):
            if shares := _read(own.get("features")):
                # Pairs that share a training have the same shares at the same time.
                found[path.parent.name.rpartition("_")[2], repr(shares)] = shares
    return _table(list(found.values())) if found else None


def _read(content: object) -> dict[str, dict[str, float]]:
    models = content if isinstance(content, Mapping) else {}
    return {
        name: {str(key): value for key, one in models[name].items() if (value := number(one))}
        for name in MODELS
        if isinstance(models.get(name), Mapping)
    }


def _table(trainings: Sequence[Mapping[str, Mapping[str, float]]]) -> FeatureTable:
    models = tuple(name for name in MODELS if any(name in one for one in trainings))
    names = {name for one in trainings for shares in one.values() for name in shares}
    rows = [FeatureRow(name, _means(name, models, trainings)) for name in names]
    rows.sort(key=lambda row: (-row.largest, row.name))
    return FeatureTable(len(trainings), models, tuple(rows[:ROWS]))


def _means(
    name: str, models: Sequence[str], trainings: Sequence[Mapping[str, Mapping[str, float]]]
) -> dict[str, float]:
    found = {}
    for model in models:
        shares = [one[model].get(name, 0.0) for one in trainings if model in one]
        found[model] = sum(shares) / len(shares)
    return found
