"""The product: an ensemble that has proven, on later rows than it learned from, what it is worth.

The trial of :mod:`regimeswitch.model.validation` decides how the base is made, how far each
sub-model and each pair's own finish is trusted, how probabilities are calibrated, and what a
forecast is worth. Then everything is trained again on all rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from regimeswitch.market.features import DAY_CANDLES
from regimeswitch.market.regimes import NAMES
from regimeswitch.model.calibration import Calibrator, calibration_error
from regimeswitch.model.ensemble import RegimeEnsemble
from regimeswitch.model.expected_return import Edge, class_moves, measured, number_moves
from regimeswitch.model.shrinkage import Verdict, blend, earned_trust
from regimeswitch.model.training_set import Rows
from regimeswitch.model.validation import (
    Judged,
    fit_finishes,
    folds_of,
    frequencies,
    judge,
    pairs_with_rows,
    with_trust,
)
from regimeswitch.settings import EvidenceSettings


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """What is served for n rows.

    :param answers: probabilities, shape (n, classes), or forecasts, shape (n, 1)
    :param trust: weight of the regime's sub-model, 0 to 1
    :param move: proven expected move, in label thresholds
    :param size: expected absolute move, in label thresholds
    :param size_ratio: ``size`` against the typical one; 1 = as always
    """

    answers: Floats
    trust: Floats
    move: Floats
    size: Floats
    size_ratio: Floats


class GatedModel:
    """An ensemble with evidence, fitted on :class:`regimeswitch.model.training_set.Rows` of one or
    more pairs.

    :param ensemble: unfitted; its ``regime_feature`` is decided by the evidence
    :param settings: the section ``evidence``
    :param horizon: of the labels, base candles
    :param pair_trees: trees of each pair's own finish; 0 = none
    :param seed: of the placebo
    :param day: base candles of a day, the blocks that the placebo shuffles

    Fitted: ``ensemble_`` (its ``trust_`` is the evidence's), ``finishes_`` and ``finish_trust_``
    (by pair, only where above 0), ``verdicts_`` (by regime), ``pair_verdicts_``,
    ``model_verdict_`` (all together, against ``frequencies_``), ``calibrator_``,
    ``edge_``, ``ece_`` (calibration error by regime: before, after), ``rows_`` and
    ``judged_rows_`` (numbers). ``feature_names_`` is for whoever made the rows to keep.
    """

    def __init__(
        self,
        ensemble: RegimeEnsemble,
        settings: EvidenceSettings,
        horizon: int,
        pair_trees: int = 0,
        seed: int = 42,
        day: int = DAY_CANDLES,
    ) -> None:
        self.ensemble = ensemble
        self.settings = settings
        self.horizon = horizon
        self.pair_trees = pair_trees
        self.seed = seed
        self.day = day
        self.feature_names_: list[str] | None = None

    def fit(self, rows: Rows) -> Self:
        """Judge on purged folds, then train on all rows."""
        ensemble = clone(self.ensemble)
        folds = folds_of(rows, self.settings, self.horizon)
        judged = judge(ensemble, folds, self.pair_trees, self.seed, self.day)
        self.rows_ = len(rows)
        self.judged_rows_ = 0 if judged is None else len(judged.truth)
        ensemble.set_params(regime_feature=judged is not None and judged.feature)
        self.ensemble_ = ensemble.fit(rows.X, rows.y, rows.regime, rows.weight)
        self.verdicts_ = {name: self._verdict(name, code, judged) for code, name in NAMES.items()}
        self.ensemble_.trust_ = {
            name: self.verdicts_[name].trust for name in self.ensemble_.estimators_
        }
        self._finish(rows, judged)
        self._weigh_against_frequencies(rows, judged)
        self._calibrate_and_price(rows, judged)
        return self

    def _verdict(self, name: str, code: int, judged: Judged | None) -> Verdict:
        verdict = Verdict(rows=self.ensemble_.rows_[name], reason=self.ensemble_.reasons_[name])
        if judged is not None and (mask := judged.regime == code).any():
            verdict = replace(verdict, judged=int(mask.sum()), scores=judged.mean_losses(mask))
        if name not in self.ensemble_.estimators_:
            return verdict
        return with_trust(verdict, code, judged, self.horizon, self.settings.gate)

    def _finish(self, rows: Rows, judged: Judged | None) -> None:
        """Each pair's own finish, where it earned its weight against the shared models."""
        self.pair_verdicts_: dict[Any, Verdict] = {}
        if judged is not None and self.pair_trees and self.settings.gate:
            shared = self._blended(judged)
            for name in pairs_with_rows(rows):
                mask = judged.pair == name
                trust, blocks, reason = earned_trust(
                    shared[mask],
                    judged.finish[mask],
                    judged.loss(mask),
                    judged.time[mask],
                    self.horizon,
                )
                self.pair_verdicts_[name] = Verdict(
                    int((rows.pair == name).sum()), int(mask.sum()), blocks, {}, trust, reason
                )
        self.finish_trust_ = {
            name: verdict.trust for name, verdict in self.pair_verdicts_.items() if verdict.trust
        }
        self.finishes_ = fit_finishes(
            self.ensemble_, rows, list(self.finish_trust_), self.pair_trees
        )

    def _blended(self, judged: Judged) -> Floats:
        return blend(
            judged.served_base, judged.sub_model, self.ensemble_.trust(judged.regime)[:, None]
        )

    def _weigh_against_frequencies(self, rows: Rows, judged: Judged | None) -> None:
        """All models together against knowing nothing: in noise, nothing is what is served."""
        self.frequencies_ = frequencies(self.ensemble_, rows)
        self.model_verdict_ = Verdict(len(rows), trust=1.0, reason="gate is off: served as it is")
        if not self.settings.gate:
            return
        if judged is None:
            self.model_verdict_ = Verdict(len(rows), trust=1.0, reason="no rows to judge it by")
            return
        given = self._finished_answers(judged)
        trust, blocks, reason = earned_trust(
            judged.frequencies,
            given,
            judged.loss(),
            judged.time,
            self.horizon,
            None,
            "class frequencies",
        )
        scores = {
            "frequencies": float(judged.loss()(judged.frequencies).mean()),
            "served": float(judged.loss()(given).mean()),
        }
        count = len(judged.truth)
        self.model_verdict_ = Verdict(len(rows), count, blocks, scores, trust, reason)

    def _finished_answers(self, judged: Judged) -> Floats:
        given = self._blended(judged)
        for name, weight in self.finish_trust_.items():
            mask = judged.pair == name
            given[mask] = blend(given[mask], judged.finish[mask], weight)
        return given

    def _calibrate_and_price(self, rows: Rows, judged: Judged | None) -> None:
        numbers = self.ensemble_.numbers(rows.y)
        classifies = numbers.dtype.kind == "i"
        self.calibrator_ = Calibrator()
        self.ece_: dict[str, dict[str, float]] = {}
        self.edge_: Edge = (
            class_moves(numbers, len(self.ensemble_.classes_), rows.move)
            if classifies
            else number_moves(rows.move)
        )
        if judged is None:
            return
        given = blend(judged.frequencies, self._finished_answers(judged), self.model_verdict_.trust)
        # Frequencies alone come from all rows; the judged ones could only add noise.
        if classifies and self.settings.calibrate and self.model_verdict_.trust > 0:
            self.calibrator_.fit(given, judged.truth)
        served = self.calibrator_.transform(given)
        if classifies:
            self.ece_ = {
                name: {
                    "before": calibration_error(given[mask], judged.truth[mask]),
                    "after": calibration_error(served[mask], judged.truth[mask]),
                }
                for code, name in NAMES.items()
                if (mask := judged.regime == code).any()
            }
        block = judged.time // self.horizon
        self.edge_ = measured(self.edge_, served, judged.regime, judged.move, block)

    def answers(
        self,
        X: ArrayLike,
        regime: ArrayLike,
        pair: Any,
        trust: Mapping[str, float] | None = None,
    ) -> Floats:
        """Served answers: blended, finished for the pair, calibrated; shape (n, columns).

        :param X: features, shape (n, features)
        :param regime: codes, shape (n,)
        :param pair: name of the pair of all rows, or an array of names, shape (n,)
        :param trust: weight of the sub-models by regime name; None = what they earned
        """
        matrix, codes = np.asarray(X), np.asarray(regime)
        result = self.ensemble_.answers(matrix, codes, trust)
        names = np.broadcast_to(np.asarray(pair), (len(codes),))
        for name, model in self.finishes_.items():
            mask = names == name
            if mask.any():
                own = self.ensemble_.answers_of(model, matrix[mask], codes[mask])
                result[mask] = blend(result[mask], own, self.finish_trust_[name])
        result = blend(self.frequencies_, result, self.model_verdict_.trust)
        return self.calibrator_.transform(result)

    def forecast(self, X: ArrayLike, regime: ArrayLike, pair: Any) -> Forecast:
        """Served answers and what they are worth; arguments of :meth:`answers`."""
        codes = np.asarray(regime)
        answers = self.answers(X, codes, pair)
        return Forecast(
            answers,
            self.ensemble_.trust(codes),
            self.edge_.move(answers, codes),
            self.edge_.size(answers),
            self.edge_.size_ratio(answers),
        )
