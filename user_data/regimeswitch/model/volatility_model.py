"""The size of the next day, per regime: models that add to HAR, and are served where they beat it.

Base and sub-models learn the ratio of realised variance to HAR's forecast of it, so that a model
that has learned nothing is HAR. On purged later rows each regime's blend of base and sub-model
answers against both rivals, the exponential mean and HAR, by QLIKE; where it does not beat both,
the better one of the two is served.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from regimeswitch.market.regimes import NAMES
from regimeswitch.market.volatility_forecast import RIVAL_COLUMNS, Har, ewma_variance
from regimeswitch.model.ensemble import RegimeEnsemble
from regimeswitch.model.shrinkage import (
    LEAST_BLOCKS,
    SMALLEST_VARIANCE,
    Verdict,
    blend,
    earned_trust,
    qlike,
)
from regimeswitch.model.training_set import Rows
from regimeswitch.model.validation import Fold, Judged, folds_of, judge, with_trust
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
    :ivar sub_model: weight of the regime's sub-model in it, 0 to 1
    :ivar models: weight of base and sub-model against the rival, 0 to 1
    """

    volatility: Floats
    sub_model: Floats
    models: Floats


@dataclass(frozen=True)
class Served:
    """What a regime is served, and why.

    :ivar rows: training rows
    :ivar judged: validation rows; ``blocks``: of them, days that do not overlap
    :ivar scores: mean QLIKE on the validation rows, by forecast
    :ivar rival: the better one of EWMA and HAR, over all regimes where this one has too few days
    :ivar weight: of base and sub-model against the rival, 0 to 1
    :ivar sub_model: weight of the sub-model against the base, 0 to 1
    :ivar reason: in words, of ``weight``; ``sub_model_reason`` of the other
    """

    rows: int = 0
    judged: int = 0
    blocks: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    rival: str = EWMA
    weight: float = 0.0
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

    Fitted: ``har_``, ``ensemble_`` (its ``trust_`` is the validation's), ``served_`` (by regime,
    and for unknown ones), ``rows_`` and ``judged_rows_`` (numbers). ``feature_names_`` is for
    whoever made the rows to keep.
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
        """Validate on purged folds, then train on all rows; rows without rivals are left out.

        :raises ValueError: when fewer than :data:`MIN_ROWS` rows are left
        """
        rows = rows.take(np.isfinite(rivals_of(rows.X)).all(axis=1) & np.isfinite(rows.y))
        if len(rows) < MIN_ROWS:
            raise ValueError(
                f"{len(rows)} rows know the volatility of their last month and of their next day, "
                f"fewer than {MIN_ROWS}; use earlier candles or a longer freqai.train_period_days"
            )
        ensemble = clone(self.ensemble)
        folds = [_against_har(fold) for fold in folds_of(rows, self.settings, self.horizon)]
        ratios = [fold for fold, _ in folds]
        judged = judge(ensemble, ratios, 0, self.seed, self.day, qlike)
        ewma = np.concatenate([one for _, one in folds])[:, None] if folds else np.zeros((0, 1))
        self.rows_ = len(rows)
        self.judged_rows_ = 0 if judged is None else len(judged.truth)
        self.har_ = Har.fit(rivals_of(rows.X), rows.y)
        ensemble.set_params(regime_feature=judged is not None and judged.feature)
        ratio = with_ratios(rows, self.har_)
        self.ensemble_ = ensemble.fit(ratio.X, ratio.y, ratio.regime, ratio.weight)
        verdicts = {name: self._sub_model(name, code, judged) for code, name in NAMES.items()}
        self.ensemble_.trust_ = {name: verdicts[name].trust for name in self.ensemble_.estimators_}
        self.served_ = {
            name: self._served(verdicts[name], code, judged, ewma) for code, name in NAMES.items()
        }
        self.served_[EVERYWHERE] = _rival_alone(judged, ewma)
        return self

    def _sub_model(self, name: str, code: int, judged: Judged | None) -> Verdict:
        """Weight of a regime's sub-model against the base and against the placebo."""
        verdict = Verdict(rows=self.ensemble_.rows_[name], reason=self.ensemble_.reasons_[name])
        if name not in self.ensemble_.estimators_:
            return verdict
        return with_trust(verdict, code, judged, self.horizon, self.settings.gate)

    def _served(self, sub_model: Verdict, code: int, judged: Judged | None, ewma: Floats) -> Served:
        """Weight of base and sub-model together against the better rival; both must be beaten."""
        known = Served(
            rows=sub_model.rows, sub_model=sub_model.trust, sub_model_reason=sub_model.reason
        )
        if judged is None or not (mask := judged.regime == code).any():
            alone = replace(_rival_alone(judged, ewma), rows=sub_model.rows)
            reason = "no rows to judge it by"
            if self.settings.gate:
                return replace(alone, reason=reason, sub_model_reason=sub_model.reason)
            return replace(known, rival=alone.rival, weight=1.0, reason="gate is off")
        given = blend(judged.served_base[mask], judged.sub_model[mask], sub_model.trust)
        forecasts = {EWMA: ewma[mask], HAR: np.ones((int(mask.sum()), 1))}
        loss = judged.loss(mask)
        scores = {name: float(loss(answers).mean()) for name, answers in forecasts.items()}
        rival, other = sorted(scores, key=scores.__getitem__)
        if len(np.unique(judged.time[mask] // self.horizon)) < LEAST_BLOCKS:
            # On so few days which rival is better is as little known as anything else.
            rival = _rival_alone(judged, ewma).rival
            other = EWMA if rival == HAR else HAR
        weight, blocks, reason = earned_trust(
            forecasts[rival],
            given,
            loss,
            judged.time[mask],
            self.horizon,
            rival=rival,
            others={other: forecasts[other]},
        )
        if not self.settings.gate:
            weight, reason = 1.0, "gate is off: served as it is"
        others = {
            "base": judged.served_base[mask],
            "sub_model": judged.sub_model[mask],
            "placebo": judged.placebo[mask],
            "served": blend(forecasts[rival], given, weight),
        }
        scores |= {name: float(loss(answers).mean()) for name, answers in others.items()}
        return replace(
            known,
            judged=int(mask.sum()),
            blocks=blocks,
            scores=scores,
            rival=rival,
            weight=weight,
            reason=reason,
        )

    def forecast(self, X: ArrayLike, regime: ArrayLike, pair: Any = None) -> VolatilityForecast:
        """What is served for some rows.

        :param X: features, :data:`RIVAL_COLUMNS` the last of them, shape (n, features); a missing
            feature must be a number, a missing rival NaN: its row is then unknown
        :param regime: codes, shape (n,)
        :param pair: not asked for; pairs differ in nothing but their rows
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
            model = har[mask] * np.maximum(ratio[mask], SMALLEST_VARIANCE)
            variance[mask] = blend(rival, model, served.weight)
            weights[mask], sub_models[mask] = served.weight, served.weight * served.sub_model
        return VolatilityForecast(np.sqrt(variance), sub_models, weights)


def rivals_of(X: NDArray[Any]) -> Floats:
    """The columns :data:`RIVAL_COLUMNS` of features, shape (n, 4)."""
    return np.asarray(X[:, -len(RIVAL_COLUMNS) :], dtype=np.float64)


def with_ratios(rows: Rows, har: Har) -> Rows:
    """The rows with realised variance over HAR's forecast of it as label."""
    forecast = har.variance(rivals_of(rows.X))
    return replace(rows, y=np.exp(2 * rows.y.astype(np.float64)) / forecast)


def _against_har(fold: Fold) -> tuple[Fold, Floats]:
    """A fold in ratios to HAR, which knows the earlier rows alone; the later rows' EWMA alike."""
    train, later = fold
    har = Har.fit(rivals_of(train.X), train.y)
    known = rivals_of(later.X)
    return (with_ratios(train, har), with_ratios(later, har)), (
        ewma_variance(known) / har.variance(known)
    )


def _rival_alone(judged: Judged | None, ewma: Floats) -> Served:
    """The better rival over all regimes; the exponential mean where nothing could be judged."""
    if judged is None:
        return Served(reason="no rows to judge it by")
    forecasts = {EWMA: ewma, HAR: np.ones_like(ewma)}
    scores = {name: float(judged.loss()(one).mean()) for name, one in forecasts.items()}
    better = min(scores, key=scores.__getitem__)
    return Served(judged=len(ewma), scores=scores, rival=better, reason="the better rival")
