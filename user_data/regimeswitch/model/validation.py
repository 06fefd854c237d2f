"""Model validation: every candidate answers for rows that are later than those it learned from.

Purged walk-forward validation. Candidates: class frequencies, the base, the base with the regime as
a feature, the sub-models as configured, the same sub-models on shuffled regimes (placebo), and the
base fine-tuned on the rows of each pair. Only what can change a weight is fitted: a placebo for no
regime whose sub-model does not beat the base, and neither placebo nor fine-tuning where nothing is
weighed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from regimeswitch.market.regimes import CODES, NAMES
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
    :param placebo: of the sub-models trained on shuffled regimes; NaN in a regime whose sub-model
        does not beat the base, which needs none
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
        :return: by ``frequencies``, ``base``, ``base_regime``, ``sub_model`` and, where there is
            one, ``placebo``
        """
        loss = self.loss(chosen)
        answers = {
            "frequencies": self.frequencies,
            "base": self.plain_base,
            "base_regime": self.regime_base,
            "sub_model": self.sub_model,
            "placebo": self.placebo,
        }
        means = {name: float(loss(given[chosen]).mean()) for name, given in answers.items()}
        return {name: mean for name, mean in means.items() if np.isfinite(mean)}


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
    horizon: int,
    weighs: bool = True,
    measure: Measure = loss_of,
) -> ValidationAnswers | None:
    """Train the candidates on purged folds and ask them about the later rows.

    :param ensemble: unfitted
    :param folds: of :func:`folds_of`
    :param pair_trees: trees of each pair's fine-tuning; 0 = none
    :param seed: of the placebo
    :param day: base candles of the blocks whose regimes the placebo shuffles
    :param horizon: of the labels, base candles
    :param weighs: ``evidence.gate``; False = neither placebo nor fine-tuning is asked for
    :param measure: from a truth to the loss that decides
    :return: None where there is no fold
    """
    if not folds:
        return None
    bases, chosen = _bases(ensemble, folds, measure)
    for base in bases:
        base.set_params(sub_models=ensemble.sub_models)
    known = _joined([_known(base, train, later) for base, (train, later) in _each(bases, folds)])
    answers = ValidationAnswers(**chosen, **known, fine_tuned=chosen["base"], measure=measure)
    if not weighs:
        return answers
    tuned = [_tuned(base, *fold, pair_trees) for base, fold in _each(bases, folds)]
    answers = replace(answers, fine_tuned=np.concatenate(tuned))
    names = _beating_the_base(answers, horizon)
    placebos = [_placebo(base, *fold, names, seed, day) for base, fold in _each(bases, folds)]
    return replace(answers, placebo=np.concatenate(placebos))


def _each(
    bases: Sequence[RegimeEnsemble], folds: Sequence[Fold]
) -> Iterable[tuple[RegimeEnsemble, Fold]]:
    return zip(bases, folds, strict=True)


def _joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Arrays of all folds, one after the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _bases(
    ensemble: RegimeEnsemble, folds: Sequence[Fold], measure: Measure
) -> tuple[list[RegimeEnsemble], dict[str, Any]]:
    """The better base of each fold, with or without the regime as a feature in all of them.

    :return: fitted bases, and the fields of :class:`ValidationAnswers` that are about them
    """
    tasks = [(train, feature) for train, _ in folds for feature in (False, True)]
    fitted = Parallel(n_jobs=ensemble.jobs, prefer="threads")(
        delayed(fit_base)(ensemble, train, feature) for train, feature in tasks
    )
    sides = fitted[::2], fitted[1::2]
    answers, losses = [], []
    for side in sides:
        given = [base.answers(later.X, later.regime) for base, (_, later) in _each(side, folds)]
        found = [
            measure(base.numbers(later.y))(one).sum()
            for one, (base, (_, later)) in zip(given, _each(side, folds), strict=True)
        ]
        answers.append(np.concatenate(given))
        losses.append(sum(found))
    feature = bool(losses[1] < losses[0])
    about = {"plain_base": answers[0], "regime_base": answers[1], "base": answers[feature]}
    return sides[feature], {**about, "regime_feature": feature}


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


def with_weights(base: RegimeEnsemble, rows: Rows, weights: Mapping[str, float]) -> RegimeEnsemble:
    """A fitted base with the sub-models that have a weight, fitted on all rows.

    :param base: fitted; a copy is returned
    :param rows: to learn from
    :param weights: of sub-models by regime name; those of weight 0 are not fitted
    """
    served = {name: weight for name, weight in weights.items() if weight > 0}
    fitted = base.with_regimes(rows.X, rows.y, rows.regime, rows.weight, served)
    fitted.weights_ = {name: served[name] for name in fitted.estimators_}
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


def _known(base: RegimeEnsemble, train: Rows, later: Rows) -> dict[str, Any]:
    """The later rows of a fold, their class frequencies and what the sub-models answer."""
    own = base.with_regimes(train.X, train.y, train.regime, train.weight)
    given = base.base_answers(later.X, later.regime)
    return {
        "truth": base.numbers(later.y),
        "regime": later.regime,
        "time": later.time,
        "pair": later.pair,
        "move": later.move,
        "frequencies": np.tile(frequencies(base, train), (len(later), 1)),
        "sub_model": own.sub_model_answers(later.X, later.regime, given),
        "placebo": np.full_like(given, np.nan),
    }


def _tuned(base: RegimeEnsemble, train: Rows, later: Rows, pair_trees: int) -> Floats:
    """Answers of the base fine-tuned on each pair with enough rows, and those of the base."""
    result = base.base_answers(later.X, later.regime)
    if pair_trees:
        wanted = [name for name in pairs_with_rows(train) if (later.pair == name).any()]
        for name, model in fit_pair_models(base, train, wanted, pair_trees).items():
            mask = later.pair == name
            result[mask] = base.answers_of(model, later.X[mask], later.regime[mask])
    return result


def _beating_the_base(answers: ValidationAnswers, horizon: int) -> list[str]:
    """Regimes whose sub-models beat the base: the placebo alone can take their weight away."""
    names = []
    for code, name in NAMES.items():
        mask = answers.regime == code
        sides = answers.base[mask], answers.sub_model[mask]
        if validated_weight(*sides, answers.loss(mask), answers.time[mask], horizon).weight > 0:
            names.append(name)
    return names


def _placebo(
    base: RegimeEnsemble, train: Rows, later: Rows, names: Collection[str], seed: int, day: int
) -> Floats:
    """Answers of sub-models of shuffled regimes in the regimes ``names``, NaN in the others."""
    given = base.base_answers(later.X, later.regime)
    result = np.full_like(given, np.nan)
    if names:
        codes = shuffled_regimes(train.regime, train.time, train.pair, day, seed)
        shuffled = base.with_regimes(train.X, train.y, codes, train.weight, names)
        asked = np.isin(later.regime, [CODES[name] for name in names])
        answers = shuffled.sub_model_answers(later.X, later.regime, given)
        result[asked] = answers[asked]
    return result


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
