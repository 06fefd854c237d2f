"""The size of the next day, per regime: models that add to HAR, and are served where they beat it.

Base and sub-models learn the ratio of realised variance to HAR's forecast of it, so that a model
that has learned nothing is HAR. In a purged walk-forward validation each regime's blend of base and
sub-model is held against both rivals, the exponential mean and HAR, by QLIKE; where it is not
better than both, the better one of the two is served.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from regimeswitch.market.regimes import NAMES
from regimeswitch.market.volatility_forecast import RIVAL_COLUMNS, Har, ewma_variance
from regimeswitch.model.ensemble_base import RegimeEnsemble
from regimeswitch.model.ensemble_training import Possible, PreparedRound
from regimeswitch.model.shrinkage import (
    MIN_BLOCKS,
    MIN_VARIANCE,
    ValidatedWeight,
    blend,
    qlike,
    validated_weight,
)
from regimeswitch.model.training_set import Rows, TrainingSpan
from regimeswitch.model.validation import (
    NO_VALIDATION_ROWS,
    NOT_VALIDATED,
    ValidationAnswers,
    folds_of,
    sub_model_weight,
    validate,
)
from regimeswitch.model.validation_folds import Fold
from regimeswitch.settings import EvidenceSettings


Floats = NDArray[np.float64]

EWMA, HAR = "EWMA", "HAR"
EVERYWHERE = "unknown"
"""Key of what is served where the regime is unknown: the better rival over all regimes."""
MIN_ROWS = 50
"""Rows below which nothing can be fitted."""


@dataclass(frozen=True)
class VolatilityForecast:
    """What is served for n rows.

    :ivar volatility: of the next 24 hours, annual, fraction, shape (n,); NaN where it is unknown
    :ivar sub_model: weight of the regime's sub-model in it, shape (n,), 0 to 1
    :ivar models: weight of base and sub-model against the rival, shape (n,), 0 to 1
    """

    volatility: Floats
    sub_model: Floats
    models: Floats


@dataclass(frozen=True)
class ServedVolatility:
    """What a regime is served, and why.

    :ivar rows: training rows
    :ivar validation_rows: number; ``blocks``: of them, days that do not overlap
    :ivar losses: mean QLIKE on the validation rows, by forecast
    :ivar rival: the better one of EWMA and HAR, over all regimes where this one has too few days
    :ivar weight: of base and sub-model against the rival, 0 to 1; ``z``: smaller gain over EWMA and
        HAR in standard errors, None where none was measured
    :ivar sub_model: weight of the sub-model against the base, 0 to 1
    :ivar reason: in words, of ``weight``; ``sub_model_reason`` of the other
    """

    rows: int = 0
    validation_rows: int = 0
    blocks: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    rival: str = EWMA
    weight: float = 0.0
    z: float | None = None
    sub_model: float = 0.0
    reason: str = ""
    sub_model_reason: str = ""

    @property
    def served(self) -> str:
        """The forecast that is served, in words."""
        if not self.weight:
            return self.rival
        model = "sub-model" if self.sub_model else "base"
        return f"{model}, weight {self.weight:.2f} against {self.rival}"


class VolatilityModel:
    """A forecast of the next 24 hours' volatility, fitted on rows of one or more pairs.

    The last columns of ``X`` are :data:`regimeswitch.market.volatility_forecast.RIVAL_COLUMNS`,
    which the rivals are computed from and which the models see as well; ``y`` is the label
    :func:`regimeswitch.market.labels.next_day_volatility`.

    :param ensemble: unfitted regressor of ratios, see
        :data:`regimeswitch.model.learners.RATIO_OBJECTIVES`
    :param settings: the section ``evidence``
    :param horizon: of the labels, base candles: 24 hours, or FreqAI's label period if it is longer
    :param day: base candles of a day, the blocks that the placebo shuffles
    :param seed: of the placebo

    Fitted: ``har_``, ``ensemble_`` (its ``weights_`` are validation's), ``served_`` (by regime, and
    for unknown ones), ``rows_`` and ``validation_rows_`` (numbers), ``span_``. ``feature_names_``
    is for whoever made the rows to keep.
    """

    def __init__(
        self,
        ensemble: RegimeEnsemble,
        settings: EvidenceSettings,
        horizon: int,
        day: int,
        seed: int = 42,
    ) -> None:
        self.ensemble = ensemble
        self.settings = settings
        self.horizon = horizon
        self.day = day
        self.seed = seed
        self.feature_names_: list[str] | None = None

    def fit(self, rows: Rows) -> Self:
        """Validate on purged folds, then train on all rows.

        :param rows: of one or more pairs, in any order; rows whose rivals or label are missing
            (NaN) are left out
        :return: itself
        :raises ValueError: when fewer than :data:`MIN_ROWS` rows are left
        """
        rows = rows.take(np.isfinite(rivals_of(rows.X)).all(axis=1) & np.isfinite(rows.y))
        if len(rows) < MIN_ROWS:
            raise ValueError(
                f"{len(rows)} rows know the volatility of their last month and of their next day, "
                f"fewer than {MIN_ROWS}; use earlier candles or a longer freqai.train_period_days"
            )
        folds = [_against_har(fold) for fold in folds_of(rows, self.settings, self.horizon)]
        ratios = [fold for fold, _ in folds]
        self.har_ = Har.fit(rivals_of(rows.X), rows.y)
        ratio = with_ratios(rows, self.har_)
        whole, gate = PreparedRound(clone(self.ensemble), ratio), self.settings.gate
        answers = validate(whole, ratios, 0, self.seed, self.day, self.horizon, gate, qlike)
        ewma = np.concatenate([one for _, one in folds])[:, None] if folds else np.zeros((0, 1))
        self.rows_, self.span_ = len(rows), TrainingSpan.of(rows)
        self.validation_rows_ = 0 if answers is None else len(answers.truth)
        feature = answers is not None and answers.regime_feature
        training = whole.whole(feature)
        training.fit_base()
        possible = training.possible(ratio.regime)
        found = {
            name: self._sub_model(name, code, answers, possible) for code, name in NAMES.items()
        }
        served = {name: one.weight for name, one in found.items() if one.weight > 0}
        self.ensemble_ = training.with_sub_models(names=served)
        self.ensemble_.weights_ = {name: served[name] for name in self.ensemble_.estimators_}
        self.served_ = {
            name: self._served(found[name], code, answers, ewma) for code, name in NAMES.items()
        }
        self.served_[EVERYWHERE] = _rival_alone(answers, ewma)
        return self

    def _sub_model(
        self, name: str, code: int, answers: ValidationAnswers | None, possible: Possible
    ) -> ValidatedWeight:
        """Weight of a regime's sub-model against the base and against the placebo."""
        counts, refusals = possible
        known = ValidatedWeight(rows=counts[name], reason=refusals[name])
        if known.reason:
            return known
        return sub_model_weight(known, code, answers, self.horizon, self.settings.gate)

    def _served(
        self,
        sub_model: ValidatedWeight,
        code: int,
        answers: ValidationAnswers | None,
        ewma: Floats,
    ) -> ServedVolatility:
        """Weight of base and sub-model together against the better rival; both must be beaten."""
        known = ServedVolatility(
            rows=sub_model.rows, sub_model=sub_model.weight, sub_model_reason=sub_model.reason
        )
        if answers is None or not (mask := answers.regime == code).any():
            alone = replace(_rival_alone(answers, ewma), rows=sub_model.rows)
            if self.settings.gate:
                reason = sub_model.reason
                return replace(alone, reason=NO_VALIDATION_ROWS, sub_model_reason=reason)
            return replace(known, rival=alone.rival, weight=1.0, reason=NOT_VALIDATED)
        given = blend(answers.base[mask], answers.sub_model[mask], sub_model.weight)
        forecasts = {EWMA: ewma[mask], HAR: np.ones((int(mask.sum()), 1))}
        loss = answers.loss(mask)
        losses = {name: float(loss(one).mean()) for name, one in forecasts.items()}
        rival, other = sorted(losses, key=losses.__getitem__)
        if len(np.unique(answers.time[mask] // self.horizon)) < MIN_BLOCKS:
            # On so few days which rival is better is as little known as anything else.
            rival = _rival_alone(answers, ewma).rival
            other = EWMA if rival == HAR else HAR
        found = validated_weight(
            forecasts[rival],
            given,
            loss,
            answers.time[mask],
            self.horizon,
            rival=rival,
            others={other: forecasts[other]},
        )
        if not self.settings.gate:
            found = replace(found, weight=1.0, reason=NOT_VALIDATED)
        others = {"base": answers.base[mask], "sub_model": answers.sub_model[mask]}
        if np.isfinite(answers.placebo[mask]).all():
            others["placebo"] = answers.placebo[mask]
        others["served"] = blend(forecasts[rival], given, found.weight)
        losses |= {name: float(loss(one).mean()) for name, one in others.items()}
        return replace(
            known,
            validation_rows=found.validation_rows,
            blocks=found.blocks,
            losses=losses,
            rival=rival,
            weight=found.weight,
            z=found.z,
            reason=found.reason,
        )

    def forecast(self, X: ArrayLike, regime: ArrayLike, pair: Any = None) -> VolatilityForecast:
        """What is served for some rows.

        :param X: features, :data:`RIVAL_COLUMNS` the last of them, shape (n, features); a missing
            feature must be a number, a missing rival NaN: its row is then unknown
        :param regime: codes, shape (n,)
        :param pair: not asked for; pairs differ in nothing but their rows
        :raises ValueError: when ``X`` and ``regime`` differ in length
        """
        matrix, codes = np.asarray(X), np.asarray(regime)
        known = rivals_of(matrix)
        complete = np.isfinite(known).all(axis=1)
        har = self.har_.variance(known)
        variance = np.full(len(codes), np.nan)
        weights, sub_models = np.zeros(len(codes)), np.zeros(len(codes))
        ratio = self.ensemble_.answers(np.nan_to_num(matrix), codes)[:, 0]
        for code, name in {0: EVERYWHERE, **NAMES}.items():
            mask = (codes == code) & complete
            served = self.served_[name]
            rival = har[mask] if served.rival == HAR else ewma_variance(known[mask])
            model = har[mask] * np.maximum(ratio[mask], MIN_VARIANCE)
            variance[mask] = blend(rival, model, served.weight)
            weights[mask], sub_models[mask] = served.weight, served.weight * served.sub_model
        return VolatilityForecast(np.sqrt(variance), sub_models, weights)


def rivals_of(X: NDArray[Any]) -> Floats:
    """The columns :data:`RIVAL_COLUMNS` of features.

    :param X: features, the rivals' columns the last of them, shape (n, features)
    :return: shape (n, 4); NaN where a rival is missing
    """
    return np.asarray(X[:, -len(RIVAL_COLUMNS) :], dtype=np.float64)


def with_ratios(rows: Rows, har: Har) -> Rows:
    """The rows with realised variance over HAR's forecast of it as label.

    :param rows: labelled with the log of the next day's volatility, rivals complete
    :param har: fitted on rows that are not later
    """
    forecast = har.variance(rivals_of(rows.X))
    return replace(rows, y=np.exp(2 * rows.y.astype(np.float64)) / forecast)


def _against_har(fold: Fold) -> tuple[Fold, Floats]:
    """A fold in ratios to HAR, which knows the earlier rows alone; the later rows' EWMA alike."""
    har = Har.fit(rivals_of(fold.train.X), fold.train.y)
    known = rivals_of(fold.later.X)
    ratios = replace(fold, train=with_ratios(fold.train, har), later=with_ratios(fold.later, har))
    return ratios, ewma_variance(known) / har.variance(known)


def _rival_alone(answers: ValidationAnswers | None, ewma: Floats) -> ServedVolatility:
    """The better rival over all regimes; the exponential mean where nothing could be validated."""
    if answers is None:
        return ServedVolatility(reason=NO_VALIDATION_ROWS)
    forecasts = {EWMA: ewma, HAR: np.ones_like(ewma)}
    losses = {name: float(answers.loss()(one).mean()) for name, one in forecasts.items()}
    better = min(losses, key=losses.__getitem__)
    return ServedVolatility(
        validation_rows=len(ewma), losses=losses, rival=better, reason="the better rival"
    )
