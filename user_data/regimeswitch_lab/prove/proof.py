"""The figures of ``regimeswitch prove``: by pair, by regime, over all pairs, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimeswitch.market.candles import candles_spanning
from regimeswitch.market.features import DAY_CANDLES
from regimeswitch.market.labels import CLASSES
from regimeswitch.market.regimes import NAMES
from regimeswitch_lab.comparison_metrics import (
    FIGURES,
    Floats,
    block_sums,
    compared,
    draws,
    figures,
    interval,
    time_blocks,
)
from regimeswitch_lab.prove.candidates import FREQUENCIES, MODELS, UNSWITCHED
from regimeswitch_lab.prove.dataset import PairData
from regimeswitch_lab.prove.walk_forward import Answered


REFERENCE = "single_regime"
SEED = 20_240
LEAST_ROWS = 500
"""Test rows of one pair in one regime below which it gets no figures of its own."""

Sums = dict[str, Floats]
Findings = Sequence[Sequence[Mapping[str, Any]]]


def proof(
    pairs: Sequence[PairData],
    answered: Sequence[Answered],
    findings: Findings,
    fee: float,
    timeframe: str,
) -> dict[str, Any]:
    """All figures, as exported.

    :param findings: weights of validation, by window and training
    :param fee: per side, fraction
    :param timeframe: the base timeframe
    """
    times = [data.time[one.places] for data, one in zip(pairs, answered, strict=True)]
    block = time_blocks(np.concatenate(times), candles_spanning(DAY_CANDLES, timeframe))
    blocks = np.split(block, np.cumsum([len(time) for time in times])[:-1])
    count = int(block.max()) + 1
    parts = list(zip(pairs, answered, blocks, strict=True))
    whole = [_sums(data, one, place, count) for data, one, place in parts]
    of_pairs = [
        {"pair": data.pair, "rows": len(one.places), **_judged(sums, fee)}
        for (data, one, _), sums in zip(parts, whole, strict=True)
    ]
    regimes: dict[str, dict[str, Any]] = {}
    for code, name in NAMES.items():
        chosen = [
            (data.pair, _sums(data, one, place, count, data.regime[one.places] == code))
            for data, one, place in parts
            if (data.regime[one.places] == code).sum() >= LEAST_ROWS
        ]
        for pair, sums in chosen:
            entry = next(entry for entry in of_pairs if entry["pair"] == pair)
            entry.setdefault("regimes", {})[name] = _judged(sums, fee)
        if chosen:
            regimes[name] = _summary([sums for _, sums in chosen], fee)
    summary = _summary(whole, fee) | {"regimes": regimes, "validation": weight_summary(findings)}
    return {"pairs": of_pairs, "summary": summary, "verdict": verdict(summary)}


def _sums(
    data: PairData,
    one: Answered,
    block: NDArray[np.int64],
    count: int,
    chosen: NDArray[np.bool_] | None = None,
) -> Sums:
    mask = np.ones(len(one.places), dtype=bool) if chosen is None else chosen
    places = one.places[mask]
    order = {name: number for number, name in enumerate(CLASSES)}
    labels = np.array([order[str(label)] for label in data.y[places]], dtype=np.int64)
    given = one.answers[FREQUENCIES][mask]
    reference = -np.log(given[np.arange(len(labels)), labels])
    forward = data.forward[places]
    return {
        name: block_sums(values[mask], labels, forward, reference, block[mask], count)
        for name, values in one.answers.items()
        if name != FREQUENCIES
    }


def _judged(sums: Sums, fee: float) -> dict[str, Any]:
    models = compared(sums, REFERENCE, fee, SEED)
    rows = next(iter(sums.values()))[:, 0].sum()
    return {"test_rows": int(rows), "models": models}


def _summary(of_pairs: Sequence[Sums], fee: float) -> dict[str, Any]:
    """Means over pairs, all pairs drawn with the same blocks of time."""
    weights = draws(len(next(iter(of_pairs[0].values()))), SEED)

    def mean_of(name: str, figure: str) -> tuple[Floats, Floats]:
        drawn = np.array([figures(weights @ sums[name], fee)[figure] for sums in of_pairs])
        whole = [figures(sums[name].sum(axis=0)[None], fee)[figure][0] for sums in of_pairs]
        # A draw may hold no row of a pair in this regime.
        known = np.isfinite(drawn)
        total = np.where(known, drawn, 0.0).sum(axis=0)
        return np.asarray(whole), np.where(
            known.any(axis=0), total / known.sum(axis=0).clip(1), np.nan
        )

    models: dict[str, dict[str, Any]] = {}
    for name in (*MODELS, UNSWITCHED):
        entry: dict[str, Any] = {}
        for figure in FIGURES:
            values, drawn = mean_of(name, figure)
            entry[figure] = {
                "median": float(np.median(values)),
                "min": float(values.min()),
                "max": float(values.max()),
                "mean": float(values.mean()),
                "ci": interval(drawn),
            }
        models[name] = entry

    def difference(one: str, other: str) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for figure in FIGURES:
            (a, drawn_a), (b, drawn_b) = mean_of(one, figure), mean_of(other, figure)
            result[figure] = {"mean": float((a - b).mean()), "ci": interval(drawn_a - drawn_b)}
        return {**result["skill"], "figures": result}

    versus = {f"{name}_vs_{REFERENCE}": difference(name, REFERENCE) for name in models}
    versus.pop(f"{REFERENCE}_vs_{REFERENCE}")
    switching = {f"blended_vs_{UNSWITCHED}": difference("blended", UNSWITCHED)}
    return {"models": models, **versus, **switching}


def weight_summary(findings: Findings) -> dict[str, Any]:
    """Mean weight of the sub-models by regime over all trainings, and how often it is above 0."""
    trainings = [finding for window in findings for finding in window]
    weights = {
        name: np.array([finding["weight"].get(name, 0.0) for finding in trainings])
        for name in NAMES.values()
    }
    return {
        "trainings": len(trainings),
        "mean_weight": {name: float(values.mean()) for name, values in weights.items()},
        "served": {name: float((values > 0).mean()) for name, values in weights.items()},
        "model_weight": float(np.mean([finding["model_weight"] for finding in trainings])),
        "regime_feature": float(np.mean([finding["regime_feature"] for finding in trainings])),
    }


def verdict(summary: Mapping[str, Any]) -> str:
    """One line in words: does switching help on these candles?"""
    switching = summary[f"blended_vs_{UNSWITCHED}"]
    rival = summary[f"blended_vs_{REFERENCE}"]
    low, high = switching["ci"]
    size = f"{switching['mean']:+.2%} skill, interval {low:+.2%} to {high:+.2%}"
    if low > 0:
        text = f"switching helps here: {size}"
    elif high < 0:
        text = f"switching harms here: {size}; set models.sub_models to none"
    elif max(summary["validation"]["mean_weight"].values()) == 0:
        text = "switching does not help here: no sub-model got a weight, the base answers"
    else:
        text = f"switching is not proven to help here: {size}"
    against = (
        f"against one model with the regime as a feature {rival['mean']:+.2%} "
        f"({rival['ci'][0]:+.2%} to {rival['ci'][1]:+.2%})"
    )
    return f"{text}; {against}"
