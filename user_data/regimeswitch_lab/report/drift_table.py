"""Age, drift and calibration of each sub-model over time, from what was served and measured."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from regimeswitch.bot.freqai.columns import (
    AGE_COLUMN,
    ERROR_COLUMN,
    LIMIT_COLUMN,
    LIMIT_OUTPUTS,
    PSI_COLUMN,
    SHIFTED_COLUMN,
    TRAINED_COLUMN,
    VALIDATED_COLUMN,
)
from regimeswitch.bot.freqai.recent_drift import FILE
from regimeswitch.model.drift import ALL
from regimeswitch.settings import REGIME_NAMES
from regimeswitch_lab.report.candle_history import Histories
from regimeswitch_lab.report.report_source import Source
from regimeswitch_lab.report.stored_forecasts import stored_frames
from regimeswitch_lab.report.trainings import FOLDER, number, own_metadata


WORST = 3
NEEDED = (*LIMIT_OUTPUTS, PSI_COLUMN, SHIFTED_COLUMN, VALIDATED_COLUMN, TRAINED_COLUMN)


@dataclass(frozen=True)
class DriftRow:
    """One training in one regime, over all candles that it served there.

    :ivar moment: end of the training range, UTC
    :ivar rows: training rows of the regime; None where the model is gone
    :ivar candles: that it served, of all pairs
    :ivar age: largest, days
    :ivar psi: mean of ``feature_psi``; ``largest``: the largest
    :ivar shifted: mean share of the features beyond the usual
    :ivar error: mean calibration error of what had settled; None where none had
    :ivar validated: the same on the validation rows; None where it was not measured
    :ivar beyond: share of the candles that were beyond a limit
    :ivar worst: features with the largest mean PSI, those that are beyond the usual
    """

    moment: pd.Timestamp
    regime: str
    rows: int | None
    candles: int
    age: float
    psi: float
    largest: float
    shifted: float
    error: float | None
    validated: float | None
    beyond: float
    worst: tuple[str, ...]


def read_drift(source: Source, histories: Histories, folder: Path | None) -> list[DriftRow]:
    """Rows in order of training and regime; empty where nothing was kept.

    :param folder: of one FreqAI identifier; None = where the source says
    :raises regimeswitch_lab.inputs.InputError: when a file of forecasts cannot be read
    """
    frames = [
        frame.assign(regime=history.frame["regime"])
        for history, frame in stored_frames(source, histories, folder, NEEDED)
    ]
    if not frames:
        return []
    whole = pd.concat(frames, ignore_index=True)
    served = whole[(whole[TRAINED_COLUMN] > 0) & whole["regime"].isin(REGIME_NAMES)]
    folders = [folder] if folder else list(source.models)
    numbers, worst = _training_rows(folders), _worst(folders)
    found = []
    for stamp, of_training in served.groupby(TRAINED_COLUMN, sort=True):
        for regime in REGIME_NAMES:
            part = of_training[of_training["regime"] == regime]
            if len(part):
                key = (int(float(str(stamp))), regime)
                found.append(_row(*key, part, numbers.get(key), worst))
    return found


def _row(
    stamp: int,
    regime: str,
    part: pd.DataFrame,
    rows: int | None,
    worst: Mapping[tuple[int, str], tuple[str, ...]],
) -> DriftRow:
    errors, validated = (
        part.loc[part[name] > 0, name] for name in (ERROR_COLUMN, VALIDATED_COLUMN)
    )
    return DriftRow(
        moment=pd.Timestamp(stamp, unit="s", tz="UTC"),
        regime=regime,
        rows=rows,
        candles=len(part),
        age=float(part[AGE_COLUMN].max()),
        psi=float(part[PSI_COLUMN].mean()),
        largest=float(part[PSI_COLUMN].max()),
        shifted=float(part[SHIFTED_COLUMN].mean()),
        error=float(errors.mean()) if len(errors) else None,
        validated=float(validated.mean()) if len(validated) else None,
        beyond=float((part[LIMIT_COLUMN] > 0).mean()),
        worst=worst.get((stamp, regime)) or worst.get((stamp, ALL), ()),
    )


def _training_rows(folders: Sequence[Path]) -> dict[tuple[int, str], int]:
    """By end of the training and regime; pairs that share a training have the same."""
    found: dict[tuple[int, str], int] = {}
    for one in folders:
        for path, own in own_metadata(one):
            name = FOLDER.fullmatch(path.parent.name)
            rows = own.get("rows")
            if name is None or not isinstance(rows, Mapping):
                continue
            for regime in REGIME_NAMES:
                if (count := number(rows.get(regime))) is not None:
                    found[int(name["stamp"]), regime] = int(count)
    return found


def _worst(folders: Sequence[Path]) -> dict[tuple[int, str], tuple[str, ...]]:
    """By end of the training and group: the features that were named most, by the sum of PSI."""
    sums: dict[tuple[int, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for one in folders:
        for path in sorted(one.glob(f"sub-train-*/{FILE}")):
            name = FOLDER.fullmatch(path.parent.name)
            for group, features in _measured(path) if name else ():
                for feature, value in features.items():
                    if name is not None and (psi := number(value)) is not None:
                        sums[int(name["stamp"]), group][str(feature)] += psi
    return {
        key: tuple(sorted(found, key=lambda name: (-found[name], name))[:WORST])
        for key, found in sums.items()
    }


def _measured(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Group and its worst features, of each day of a file; nothing of one that cannot be read."""
    try:
        days = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    for groups in days.values() if isinstance(days, Mapping) else ():
        for group, one in groups.items() if isinstance(groups, Mapping) else ():
            worst = one.get("worst") if isinstance(one, Mapping) else None
            if isinstance(worst, Mapping):
                yield str(group), worst
