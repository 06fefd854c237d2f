"""Small made-up worlds whose truth is known: what the regime changes, and what it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regimeswitch.market.labels import CLASSES
from regimeswitch.model.blended import BlendedModel
from regimeswitch.model.factory import RegimeEnsembleClassifier
from regimeswitch.model.learners import make_learner
from regimeswitch.model.shrinkage import log_loss
from regimeswitch.model.training_set import Rows
from regimeswitch.model.validation import fit_base
from regimeswitch.settings import EvidenceSettings


HORIZON = 12
STEP = 3
FEATURES = 6
PAIRS = ("AAA/USDT", "BBB/USDT", "CCC/USDT")
STRETCH = 200
"""Rows of one stretch of a regime: 600 candles, two days."""


@dataclass(frozen=True)
class World:
    """Training and later test rows."""

    train: Rows
    test: Rows


def world(
    effects: dict[int, float],
    shares: dict[int, float],
    rows: int = 5000,
    seed: int = 0,
    own_effects: dict[str, float] | None = None,
    stretch: int = STRETCH,
) -> World:
    """Moves follow the first feature, as strongly as the regime wants it.

    :param effects: regime code to the strength of the first feature
    :param shares: regime code to its share of the stretches
    :param rows: per pair; a third of them are the test
    :param own_effects: strength by pair, instead of the regime's
    """
    rng = np.random.default_rng(seed)
    codes = list(shares)
    parts = []
    for pair in PAIRS:
        stretches = rows // stretch + 1
        drawn = rng.choice(codes, stretches, p=[shares[code] for code in codes])
        regime = np.repeat(drawn, stretch)[:rows].astype(np.int64)
        X = rng.normal(size=(rows, FEATURES)).astype(np.float32)
        strength = np.array([effects[code] for code in regime])
        if own_effects and pair in own_effects:
            strength[:] = own_effects[pair]
        move = strength * X[:, 0] + rng.normal(size=rows)
        y = np.select([move > 0.8, move < -0.8], ["buy", "sell"], "hold")
        time = np.arange(rows, dtype=np.int64) * STEP + 1_000_000
        name = np.full(rows, pair)
        parts.append(Rows(X, y, regime, time, name, np.ones(rows), move))
    everything = Rows.joined(parts)
    cut = 1_000_000 + 2 * rows // 3 * STEP
    return World(
        everything.take(everything.time + HORIZON < cut), everything.take(everything.time >= cut)
    )


def ensemble(sub_models: str = "warm_start", jobs: int = 1) -> RegimeEnsembleClassifier:
    """The product's own learner."""
    base = make_learner("lightgbm", "classifier")
    return RegimeEnsembleClassifier(
        base, sub_models=sub_models, min_rows=100, jobs=jobs, classes=CLASSES
    )


def blended(rows: Rows, pair_trees: int = 0, jobs: int = 1, validates: bool = True) -> BlendedModel:
    model = BlendedModel(ensemble(jobs=jobs), EvidenceSettings(gate=validates), HORIZON, pair_trees)
    return model.fit(rows)


def single(rows: Rows, feature: bool) -> BlendedModel:
    """One model for all regimes, with or without the regime as features."""
    return fit_base(ensemble(), rows, feature)


def loss(model: object, rows: Rows) -> float:
    """Mean log loss on rows."""
    order = {name: number for number, name in enumerate(CLASSES)}
    labels = np.array([order[name] for name in rows.y])
    if isinstance(model, BlendedModel):
        answers = model.answers(rows.X, rows.regime, rows.pair)
    else:
        answers = model.answers(rows.X, rows.regime)
    return float(log_loss(labels)(answers).mean())
