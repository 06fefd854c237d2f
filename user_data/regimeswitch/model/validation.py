"""Model validation: every candidate answers for rows that are later than those it learned from.

Purged walk-forward validation. Candidates: class frequencies, the base, the base with the regime as
a feature, the sub-models as configured, the same sub-models on shuffled regimes (placebo), and the
base fine-tuned on the rows of each pair. Only what can change a weight is fitted: candidates race
(:mod:`regimeswitch.model.validation_folds`), there is a placebo for those regimes alone whose
sub-model beats the base, and neither placebo nor fine-tuning where nothing is weighed.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from regimeswitch.market.regimes import CODES, NAMES
from regimeswitch.model.ensemble_base import RegimeEnsemble
from regimeswitch.model.ensemble_training import PreparedRound, training_of
from regimeswitch.model.shrinkage import (
    MIN_BLOCKS,
    MIN_Z,
    Loss,
    ValidatedWeight,
    block_mean,
    log_loss,
    purged_folds,
    shuffled_regimes,
    squared_error,
    validated_weight,
)
from regimeswitch.model.training_set import Rows, thinned, thinning_step
from regimeswitch.model.trees import Floats
from regimeswitch.model.validation_folds import (
    Fold,
    FoldTraining,
    Measure,
    first_trees,
    raced,
)
from regimeswitch.settings import EvidenceSettings


MIN_TRAINING_ROWS = 200
"""Training rows below which a fold is left out."""
FOLD_ROWS = 20_000
"""Training rows of a fold above which some are left out."""
NOT_VALIDATED = "evidence.gate is off: not validated"
NO_VALIDATION_ROWS = "no validation rows"
STOPPED = "no gain over base by its first trees"


@dataclass(frozen=True)
class ValidationAnswers:
    """The validation rows of all folds, and what each candidate answered for them.

    :param truth: class numbers or numbers, shape (n,)
    :param regime: codes of :mod:`regimeswitch.market.hysteresis`, shape (n,)
    :param time: candle number, shape (n,)
    :param pair: name of the pair, shape (n,)
    :param move: forward return in label thresholds, shape (n,); NaN where not known
    :param frequencies: class frequencies or mean of the training rows, shape (n, columns)
    :param base: answers of the base, on which the rest is built, shape (n, columns)
    :param sub_model: of the sub-model of each row's regime
    :param placebo: of the sub-models trained on shuffled regimes; NaN in a regime whose sub-model
        does not beat the base, which needs none
    :param fine_tuned: of the base fine-tuned on the row's pair; of the base itself where that has
        too few rows
    :param stopped: regimes and pairs whose model got no more than its first trees
    :param regime_feature: the base has the regime as a feature
    :param feature_losses: mean loss of the first trees of the base without it and with it
    :param measure: from a truth to the loss of answers for it
    """

    truth: NDArray[Any]
    regime: NDArray[np.int64]
    time: NDArray[np.int64]
    pair: NDArray[Any]
    move: Floats
    frequencies: Floats
    base: Floats
    sub_model: Floats
    placebo: Floats
    fine_tuned: Floats
    stopped: frozenset[Hashable]
    regime_feature: bool
    feature_losses: tuple[float, float]
    measure: Measure

    def loss(self, chosen: NDArray[np.bool_] | None = None) -> Loss:
        """The loss of answers for the validation rows.

        :param chosen: mask of the rows that count, shape (n,); None = all
        """
        return self.measure(self.truth if chosen is None else self.truth[chosen])

    def mean_losses(self, chosen: NDArray[np.bool_]) -> dict[str, float]:
        """Mean loss of each candidate.

        :param chosen: mask of the rows that count, shape (n,), at least one
        :return: by ``frequencies``, ``base``, ``sub_model`` and, where there is one, ``placebo``
        """
        loss = self.loss(chosen)
        answers = {
            "frequencies": self.frequencies,
            "base": self.base,
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
    if NAMES[code] in answers.stopped:
        return replace(known, reason=STOPPED)
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

    Their models only show which candidates help, so that :data:`FOLD_ROWS` of overlapping labels
    are enough: above that, every n-th candle is learned from. All later rows are answered for.

    :param rows: of one or more pairs
    :param settings: the section ``evidence``: share and number of the folds
    :param horizon: of the labels, base candles
    :return: training rows and later rows of each fold, in the order of time; may be empty
    """
    folds = [
        (_every_nth(rows, train, horizon), later)
        for train, later in purged_folds(rows.time, settings.tail, settings.folds, horizon)
    ]
    return [
        Fold(rows.take(train), rows.take(later), train)
        for train, later in folds
        if train.sum() >= MIN_TRAINING_ROWS and later.any()
    ]


def _every_nth(rows: Rows, train: NDArray[np.bool_], horizon: int) -> NDArray[np.bool_]:
    """The training rows of a fold, or those of every n-th of their candles."""
    distance = int(np.gcd.reduce(rows.time)) or 1
    step = thinning_step(int(train.sum()), FOLD_ROWS, 1, horizon // distance)
    return np.asarray(train & thinned(rows.time, step * distance))


def validate(
    whole: PreparedRound,
    folds: Sequence[Fold],
    pair_trees: int,
    seed: int,
    day: int,
    horizon: int,
    weighs: bool = True,
    measure: Measure = loss_of,
) -> ValidationAnswers | None:
    """Train the candidates on purged folds and ask them about the later rows.

    :param whole: all rows, and the unfitted ensemble
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
    trained, feature, losses = _bases(whole, folds, measure, horizon)
    base = [fold.rows().base() for fold in trained]
    sub_models, stopped = raced(trained, [f.regimes() for f in trained], base, measure, weighs)
    parts = [_known(fold, given) for fold, given in zip(trained, base, strict=True)]
    answers = ValidationAnswers(
        **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
        sub_model=np.concatenate(sub_models),
        fine_tuned=np.concatenate(base),
        stopped=stopped,
        regime_feature=feature,
        feature_losses=losses,
        measure=measure,
    )
    if not weighs:
        return answers
    pairs = [fold.pairs(pair_trees) for fold in trained]
    tuned, also = raced(trained, pairs, base, measure, stops=True)
    answers = replace(answers, fine_tuned=np.concatenate(tuned), stopped=stopped | also)
    names = _beating_the_base(answers, horizon)
    placebos = [_placebo(fold, names, seed, day) for fold in trained]
    return replace(answers, placebo=np.concatenate(placebos))


def _bases(
    whole: PreparedRound, folds: Sequence[Fold], measure: Measure, horizon: int
) -> tuple[list[FoldTraining], bool, tuple[float, float]]:
    """The base of each fold, with or without the regime as a feature in all of them.

    It is with the regime where that has lowered the loss of the first trees by 1.645 standard
    errors; the other one gets no more. Without such a bound few trees prefer it too often: what it
    says of the trend they have not yet learned from the other features.
    """
    sides = [[FoldTraining(whole, fold, feature) for fold in folds] for feature in (False, True)]
    trees = sides[0][0].training.base_trees
    few = first_trees(trees)
    run = Parallel(n_jobs=whole.ensemble.jobs, prefer="threads")
    given = run(delayed(fold.grow_base)(few) for side in sides for fold in side)
    answers = zip([*sides[0], *sides[1]], given, strict=True)
    losses = [measure(fold.truth)(one) for fold, one in answers]
    plain, informed = (np.concatenate(losses[i : i + len(folds)]) for i in (0, len(folds)))
    time = np.concatenate([fold.later.time for fold in folds])
    gain, error, blocks = block_mean(plain - informed, time, horizon)
    feature = blocks >= MIN_BLOCKS and gain > MIN_Z * error
    trained = sides[feature]
    run(delayed(fold.grow_base)(trees - few) for fold in trained)
    for fold in trained:
        fold.finish_base()
    return trained, feature, (float(plain.mean()), float(informed.mean()))


def _known(fold: FoldTraining, base: Floats) -> dict[str, Any]:
    """The later rows of a fold, and what needs no sub-model."""
    later = fold.later
    shares = frequencies(fold.training.ensemble, fold.train)
    return {
        "truth": fold.truth,
        "regime": later.regime,
        "time": later.time,
        "pair": later.pair,
        "move": later.move,
        "frequencies": np.tile(shares, (len(later), 1)),
        "base": base,
        "placebo": np.full_like(base, np.nan),
    }


def _beating_the_base(answers: ValidationAnswers, horizon: int) -> list[str]:
    """Regimes whose sub-models beat the base: the placebo alone can take their weight away."""
    names = []
    for code, name in NAMES.items():
        mask = answers.regime == code
        sides = answers.base[mask], answers.sub_model[mask]
        found = validated_weight(*sides, answers.loss(mask), answers.time[mask], horizon)
        if found.weight > 0 and name not in answers.stopped:
            names.append(name)
    return names


def _placebo(fold: FoldTraining, names: Collection[str], seed: int, day: int) -> Floats:
    """Answers of sub-models of shuffled regimes in the regimes ``names``, NaN in the others."""
    train, later = fold.train, fold.later
    result = np.full_like(fold.rows().base(), np.nan)
    if names:
        codes = shuffled_regimes(train.regime, train.time, train.pair, day, seed)
        shuffled = fold.training.with_sub_models(codes, names)
        asked = np.isin(later.regime, [CODES[name] for name in names])
        result[asked] = fold.rows().of_ensemble(shuffled).sub_models()[asked]
    return result


def fit_base(ensemble: RegimeEnsemble, rows: Rows, feature: bool) -> RegimeEnsemble:
    """The base alone, without sub-models.

    :param ensemble: unfitted; its ``regime_feature`` does not count
    :param rows: to learn from
    :param feature: with the regime as features
    :return: a new fitted ensemble
    """
    return training_of(ensemble, rows, feature).fit_base()


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
