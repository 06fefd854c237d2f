"""Model validation: every candidate answers for rows that are later than those it learned from.

Purged walk-forward validation. Candidates: class frequencies, the base, the base with the regime as
a feature, the sub-models as configured, the same sub-models on shuffled regimes (placebo), and the
base fine-tuned on the rows of each pair.
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
    ValidatedWeight,
    log_loss,
    purged_folds,
    shuffled_regimes,
    squared_error,
    validated_weight,
)
from regimeswitch.model.training_set import Rows
from regimeswitch.settings import EvidenceSettings


Floats = NDArray[np.float64]
Fold = tuple[Rows, Rows]
"""Rows to learn from, and later rows."""
Measure = Callable[[NDArray[Any]], Loss]
"""From the truth of some rows to the loss of answers to them."""
MIN_TRAINING_ROWS = 200
"""Training rows below which a fold is left out."""
MIN_PAIR_ROWS = 300
"""Rows below which nothing is fine-tuned on a pair."""
NOT_VALIDATED = "evidence.gate is off: not validated"
NO_VALIDATION_ROWS = "no validation rows"


@dataclass(frozen=True)
class ValidationAnswers:
    """The validation rows of all folds, and what each candidate answered for them.

    :param truth: class numbers or numbers, shape (n,)
    :param regime: codes of :mod:`regimeswitch.market.hysteresis`, shape (n,)
    :param time: candle number, shape (n,)
    :param pair: name of the pair, shape (n,)
    :param move: forward return in label thresholds, shape (n,); NaN where not known
    :param frequencies: class frequencies or mean of the training rows, shape (n, columns)
    :param plain_base: answers of the base without the regime as a feature, shape (n, columns)
    :param regime_base: of the base with it
    :param base: of the better one of the two, on which the rest is built
    :param sub_model: of the sub-model of each row's regime
    :param placebo: of the sub-models trained on shuffled regimes
    :param fine_tuned: of the base fine-tuned on the row's pair; of the base itself where that has
        too few rows
    :param regime_feature: the base is better with the regime as a feature
    :param measure: from a truth to the loss of answers for it
    """

    truth: NDArray[Any]
    regime: NDArray[np.int64]
    time: NDArray[np.int64]
    pair: NDArray[Any]
    move: Floats
    frequencies: Floats
    plain_base: Floats
    regime_base: Floats
    base: Floats
    sub_model: Floats
    placebo: Floats
    fine_tuned: Floats
    regime_feature: bool
    measure: Measure

    def loss(self, chosen: NDArray[np.bool_] | None = None) -> Loss:
        """The loss of answers for the validation rows.

        :param chosen: mask of the rows that count, shape (n,); None = all
        """
        return self.measure(self.truth if chosen is None else self.truth[chosen])

    def mean_losses(self, chosen: NDArray[np.bool_]) -> dict[str, float]:
        """Mean loss of each candidate.

        :param chosen: mask of the rows that count, shape (n,), at least one
        :return: by ``frequencies``, ``base``, ``base_regime``, ``sub_model`` and ``placebo``
        """
        loss = self.loss(chosen)
        answers = {
            "frequencies": self.frequencies,
            "base": self.plain_base,
            "base_regime": self.regime_base,
            "sub_model": self.sub_model,
            "placebo": self.placebo,
        }
        return {name: float(loss(given[chosen]).mean()) for name, given in answers.items()}


def sub_model_weight(
    known: ValidatedWeight,
    code: int,
    answers: ValidationAnswers | None,
    horizon: int,
    validates: bool,
) -> ValidatedWeight:
    """A fitted sub-model's weight against the base and against the placebo, and why.

    :param known: rows and losses of the sub-model
    :param code: of its regime
    :param answers: None = there were no validation rows
    :param horizon: of the labels, base candles
    :param validates: ``evidence.gate``; False = weight 1
    """
    if not validates:
        return replace(known, weight=1.0, reason=NOT_VALIDATED)
    if answers is None or not (mask := answers.regime == code).any():
        return replace(known, reason=NO_VALIDATION_ROWS)
    found = validated_weight(
        answers.base[mask],
        answers.sub_model[mask],
        answers.loss(mask),
        answers.time[mask],
        horizon,
        answers.placebo[mask],
    )
    return replace(found, rows=known.rows, losses=known.losses)


def loss_of(truth: NDArray[Any]) -> Loss:
    """Log loss for class numbers, squared error for other numbers.

    :param truth: integers are class numbers, shape (n,)
    """
    return log_loss(truth) if truth.dtype.kind == "i" else squared_error(truth)


def folds_of(rows: Rows, settings: EvidenceSettings, horizon: int) -> list[Fold]:
    """Purged folds with at least :data:`MIN_TRAINING_ROWS` rows to learn from.

    :param rows: of one or more pairs
    :param settings: the section ``evidence``: share and number of the folds
    :param horizon: of the labels, base candles
    :return: training rows and later rows of each fold, in the order of time; may be empty
    """
    return [
        (rows.take(train), rows.take(later))
        for train, later in purged_folds(rows.time, settings.tail, settings.folds, horizon)
        if train.sum() >= MIN_TRAINING_ROWS and later.any()
    ]


def validate(
    ensemble: RegimeEnsemble,
    folds: Sequence[Fold],
    pair_trees: int,
    seed: int,
    day: int,
    measure: Measure = loss_of,
) -> ValidationAnswers | None:
    """Train all candidates on purged folds and ask them about the later rows.

    :param ensemble: unfitted
    :param folds: of :func:`folds_of`
    :param pair_trees: trees of each pair's fine-tuning; 0 = none
    :param seed: of the placebo
    :param day: base candles of the blocks whose regimes the placebo shuffles
    :param measure: from a truth to the loss that decides
    :return: None where there is no fold
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
        | {"plain_base": given, "regime_base": given_regime}
        for base, (train, later), given, given_regime in zip(
            informed if feature else plain, folds, *answers, strict=True
        )
    ]
    joined = {
        field.name: np.concatenate([part[field.name] for part in parts])
        for field in fields(ValidationAnswers)
        if field.name not in ("regime_feature", "measure")
    }
    return ValidationAnswers(**joined, regime_feature=feature, measure=measure)


def fit_base(ensemble: RegimeEnsemble, rows: Rows, feature: bool) -> RegimeEnsemble:
    """The base alone, without sub-models.

    :param ensemble: unfitted; its ``regime_feature`` does not count
    :param rows: to learn from
    :param feature: with the regime as features
    :return: a new fitted ensemble
    """
    single = clone(ensemble).set_params(sub_models="none", regime_feature=feature)
    fitted: RegimeEnsemble = single.fit(rows.X, rows.y, rows.regime, rows.weight)
    return fitted


def fit_pair_models(
    ensemble: RegimeEnsemble, rows: Rows, pairs: list[Any], trees: int
) -> dict[Any, BaseEstimator]:
    """The fitted base fine-tuned on the rows of each of the pairs.

    :param ensemble: fitted
    :param rows: of all pairs
    :param pairs: names of those to fine-tune for; each has rows
    :param trees: added for each, number
    :return: by pair a learner that :meth:`RegimeEnsemble.answers_of` asks
    """

    def fine_tuned(name: Any) -> BaseEstimator:
        own = rows.take(rows.pair == name)
        return ensemble.fine_tuned(own.X, own.y, own.regime, trees, own.weight)

    fitted = Parallel(n_jobs=ensemble.jobs, prefer="threads")(delayed(fine_tuned)(p) for p in pairs)
    return dict(zip(pairs, fitted, strict=True))


def pairs_with_rows(rows: Rows) -> list[Any]:
    """Pairs with at least :data:`MIN_PAIR_ROWS` rows; none when there is only one pair.

    :param rows: of all pairs
    :return: names, sorted
    """
    names, counts = np.unique(rows.pair, return_counts=True)
    if len(names) < 2:
        return []
    return [name for name, count in zip(names, counts, strict=True) if count >= MIN_PAIR_ROWS]


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
    given = base.base_answers(later.X, later.regime)
    fine_tuned = given.copy()
    if pair_trees:
        wanted = [name for name in pairs_with_rows(train) if (later.pair == name).any()]
        for name, model in fit_pair_models(base, train, wanted, pair_trees).items():
            mask = later.pair == name
            fine_tuned[mask] = base.answers_of(model, later.X[mask], later.regime[mask])
    return {
        "truth": base.numbers(later.y),
        "regime": later.regime,
        "time": later.time,
        "pair": later.pair,
        "move": later.move,
        "frequencies": np.tile(frequencies(base, train), (len(later), 1)),
        "base": given,
        "sub_model": own.sub_model_answers(later.X, later.regime, given),
        "placebo": shuffled.sub_model_answers(later.X, later.regime, given),
        "fine_tuned": fine_tuned,
    }


def frequencies(base: RegimeEnsemble, rows: Rows) -> Floats:
    """What is served without a model: class frequencies or the mean, by sample weight.

    :param base: fitted, which knows the classes
    :param rows: training rows
    :return: shape (columns,); no class frequency is 0
    """
    numbers = base.numbers(rows.y)
    if numbers.dtype.kind == "i":
        counts = np.bincount(numbers, weights=rows.weight, minlength=len(base.classes_))
        counts = np.maximum(counts, 1.0)
        return np.asarray(counts / counts.sum())
    return np.array([np.average(numbers, weights=rows.weight)])
