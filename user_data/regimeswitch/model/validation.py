"""The trial: every candidate answers to rows that are later than those it learned from.

Candidates: class frequencies, the base, the base with the regime as a feature, the sub-models as
configured, the same sub-models on shuffled regimes (placebo), and each pair's own finish.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from regimeswitch.model.ensemble import RegimeEnsemble
from regimeswitch.model.shrinkage import (
    Loss,
    Verdict,
    earned_trust,
    log_loss,
    purged_folds,
    shuffled_regimes,
    squared_error,
)
from regimeswitch.model.training_set import Rows
from regimeswitch.settings import EvidenceSettings


Floats = NDArray[np.float64]
Fold = tuple[Rows, Rows]
"""Rows to learn from, and later rows."""
Measure = Callable[[NDArray[Any]], Loss]
"""From the truth of some rows to the loss of answers to them."""
LEAST_TRAINING = 200
"""Training rows below which a fold is left out."""
LEAST_FINISH = 300
"""Rows below which a pair gets no finish of its own."""


@dataclass(frozen=True)
class Judged:
    """The judged rows and what each candidate answered, arrays of shape (n, columns)."""

    truth: NDArray[Any]
    regime: NDArray[np.int64]
    time: NDArray[np.int64]
    pair: NDArray[Any]
    move: Floats
    frequencies: Floats
    base: Floats
    base_regime: Floats
    served_base: Floats
    sub_model: Floats
    placebo: Floats
    finish: Floats
    feature: bool
    measure: Measure

    def loss(self, chosen: NDArray[np.bool_] | None = None) -> Loss:
        """The loss of answers to the judged rows, or to the chosen ones."""
        return self.measure(self.truth if chosen is None else self.truth[chosen])

    def mean_losses(self, chosen: NDArray[np.bool_]) -> dict[str, float]:
        """Mean loss of each candidate on the chosen rows."""
        loss = self.loss(chosen)
        names = ("frequencies", "base", "base_regime", "sub_model", "placebo")
        return {name: float(loss(getattr(self, name)[chosen]).mean()) for name in names}


def with_trust(
    verdict: Verdict, code: int, judged: Judged | None, horizon: int, gate: bool
) -> Verdict:
    """A fitted sub-model's weight against the base and against the placebo, and why.

    :param code: of its regime
    :param judged: validation rows; None = there were none
    :param horizon: of the labels, base candles
    :param gate: ``evidence.gate``
    """
    if not gate:
        return replace(verdict, trust=1.0, reason="gate is off: served as it is")
    if judged is None or not (mask := judged.regime == code).any():
        return replace(verdict, reason="no rows to judge it by: base")
    trust, blocks, reason = earned_trust(
        judged.served_base[mask],
        judged.sub_model[mask],
        judged.loss(mask),
        judged.time[mask],
        horizon,
        judged.placebo[mask],
    )
    return replace(verdict, effective=blocks, trust=trust, reason=reason)


def loss_of(truth: NDArray[Any]) -> Loss:
    """Log loss for class numbers, squared error for other numbers."""
    return log_loss(truth) if truth.dtype.kind == "i" else squared_error(truth)


def folds_of(rows: Rows, settings: EvidenceSettings, horizon: int) -> list[Fold]:
    """Purged folds with rows enough to learn from."""
    return [
        (rows.take(train), rows.take(later))
        for train, later in purged_folds(rows.time, settings.tail, settings.folds, horizon)
        if train.sum() >= LEAST_TRAINING and later.any()
    ]


def judge(
    ensemble: RegimeEnsemble,
    folds: Sequence[Fold],
    pair_trees: int,
    seed: int,
    day: int,
    measure: Measure = loss_of,
) -> Judged | None:
    """Try all candidates on purged folds; None where there is none.

    :param ensemble: unfitted
    :param folds: of :func:`folds_of`
    :param pair_trees: of each pair's finish; 0 = none
    :param day: base candles of the blocks whose regimes the placebo shuffles
    """
    if not folds:
        return None
    tasks = [(train, feature) for train, _ in folds for feature in (False, True)]
    fitted = Parallel(n_jobs=ensemble.jobs, prefer="threads")(
        delayed(fit_base)(ensemble, train, feature) for train, feature in tasks
    )
    plain, informed = fitted[::2], fitted[1::2]
    answers = [
        [
            model.answers(later.X, later.regime)
            for model, (_, later) in zip(models, folds, strict=True)
        ]
        for models in (plain, informed)
    ]
    losses = [
        sum(
            measure(fitted[0].numbers(later.y))(given).sum()
            for given, (_, later) in zip(side, folds, strict=True)
        )
        for side in answers
    ]
    feature = bool(losses[1] < losses[0])
    parts = [
        _answers_of_fold(ensemble, base, train, later, pair_trees, seed, day)
        | {"base": given, "base_regime": given_regime, "feature": feature}
        for base, (train, later), given, given_regime in zip(
            informed if feature else plain, folds, *answers, strict=True
        )
    ]
    joined = {
        field.name: np.concatenate([part[field.name] for part in parts])
        for field in fields(Judged)
        if field.name not in ("feature", "measure")
    }
    return Judged(**joined, feature=feature, measure=measure)


def fit_base(ensemble: RegimeEnsemble, rows: Rows, feature: bool) -> RegimeEnsemble:
    """The base alone, with or without the regime as features."""
    single = clone(ensemble).set_params(sub_models="none", regime_feature=feature)
    fitted: RegimeEnsemble = single.fit(rows.X, rows.y, rows.regime, rows.weight)
    return fitted


def fit_finishes(
    ensemble: RegimeEnsemble, rows: Rows, pairs: list[Any], trees: int
) -> dict[Any, BaseEstimator]:
    """The fitted base continued on the rows of each of the pairs."""

    def finish(name: Any) -> BaseEstimator:
        own = rows.take(rows.pair == name)
        return ensemble.finished(own.X, own.y, own.regime, trees, own.weight)

    fitted = Parallel(n_jobs=ensemble.jobs, prefer="threads")(delayed(finish)(p) for p in pairs)
    return dict(zip(pairs, fitted, strict=True))


def pairs_with_rows(rows: Rows) -> list[Any]:
    """Pairs with rows enough for a finish of their own; none when there is only one pair."""
    names, counts = np.unique(rows.pair, return_counts=True)
    if len(names) < 2:
        return []
    return [name for name, count in zip(names, counts, strict=True) if count >= LEAST_FINISH]


def _answers_of_fold(
    ensemble: RegimeEnsemble,
    base: RegimeEnsemble,
    train: Rows,
    later: Rows,
    pair_trees: int,
    seed: int,
    day: int,
) -> dict[str, Any]:
    base.set_params(sub_models=ensemble.sub_models)
    placebo = shuffled_regimes(train.regime, train.time, train.pair, day, seed)
    own, shuffled = (
        base.with_regimes(train.X, train.y, codes, train.weight)
        for codes in (train.regime, placebo)
    )
    given = base.answers(later.X, later.regime, trust={})
    finish = given.copy()
    if pair_trees:
        wanted = [name for name in pairs_with_rows(train) if (later.pair == name).any()]
        for name, model in fit_finishes(base, train, wanted, pair_trees).items():
            mask = later.pair == name
            finish[mask] = base.answers_of(model, later.X[mask], later.regime[mask])
    return {
        "truth": base.numbers(later.y),
        "regime": later.regime,
        "time": later.time,
        "pair": later.pair,
        "move": later.move,
        "frequencies": np.tile(frequencies(base, train), (len(later), 1)),
        "served_base": given,
        "sub_model": own.answers(later.X, later.regime),
        "placebo": shuffled.answers(later.X, later.regime),
        "finish": finish,
    }


def frequencies(base: RegimeEnsemble, rows: Rows) -> Floats:
    """What is served without knowing anything: class frequencies or the mean, shape (columns,)."""
    numbers = base.numbers(rows.y)
    if numbers.dtype.kind == "i":
        counts = np.bincount(numbers, weights=rows.weight, minlength=len(base.classes_))
        counts = np.maximum(counts, 1.0)
        return np.asarray(counts / counts.sum())
    return np.array([np.average(numbers, weights=rows.weight)])
