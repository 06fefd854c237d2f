"""The model that is served: one ensemble, weighted by validation, then calibrated.

Validation (:mod:`regimeswitch.model.validation`) decides how the base is made, the weight vector
over class frequencies, base, sub-model and pair fine-tuning, how probabilities are calibrated, and
how much of a forecast move is expected. Then everything is trained again on all rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from regimeswitch.market.features import DAY_CANDLES
from regimeswitch.market.regimes import NAMES
from regimeswitch.model.blend_weights import (
    BASE,
    FINE_TUNED,
    FREQUENCIES,
    SUB_MODEL,
    BlendWeights,
)
from regimeswitch.model.calibration import Calibrator, calibration_error
from regimeswitch.model.drift import DriftReference
from regimeswitch.model.ensemble_base import RegimeEnsemble
from regimeswitch.model.ensemble_training import Possible, PreparedRound
from regimeswitch.model.expected_return import Edge, class_moves, measured, number_moves
from regimeswitch.model.shrinkage import ValidatedWeight, validated_weight
from regimeswitch.model.training_set import Rows, TrainingSpan
from regimeswitch.model.validation import (
    NO_VALIDATION_ROWS,
    NOT_VALIDATED,
    STOPPED,
    ValidationAnswers,
    folds_of,
    frequencies,
    sub_model_weight,
    validate,
)
from regimeswitch.model.validation_folds import pairs_with_rows
from regimeswitch.settings import EvidenceSettings


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """What is served for n rows.

    :param answers: probabilities, shape (n, classes), or forecasts, shape (n, 1)
    :param sub_model: weight of the regime's sub-model against the base, shape (n,), 0 to 1
    :param move: expected move, in label thresholds, shape (n,)
    :param size: expected absolute move, in label thresholds, shape (n,)
    :param size_ratio: ``size`` against the typical one, shape (n,); 1 = as always
    :param validated_error: expected calibration error on the validation rows of each row's regime,
        shape (n,); 0 where it was not measured
    :param base: the same with the base in the place of sub-models and pair fine-tuning; None in
        itself
    """

    answers: Floats
    sub_model: Floats
    move: Floats
    size: Floats
    size_ratio: Floats
    validated_error: Floats
    base: Forecast | None = None


class BlendedModel:
    """An ensemble with validated weights, fitted on rows of one or more pairs.

    :param ensemble: unfitted; its ``regime_feature`` is decided by validation
    :param settings: the section ``evidence``
    :param horizon: of the labels, base candles
    :param pair_trees: trees of each pair's fine-tuning; 0 = none
    :param seed: of the placebo
    :param day: base candles of a day, the blocks that the placebo shuffles

    Fitted: ``ensemble_``, ``pair_models_`` (fine-tuned, by pair, only where of weight above 0),
    ``frequencies_``, ``weights_`` (:class:`~regimeswitch.model.blend_weights.BlendWeights`), and
    why they are what they are: ``regime_validation_`` (by regime), ``pair_validation_`` (by pair)
    and ``model_validation_`` (all together, against ``frequencies_``). ``calibrator_``, ``edge_``,
    ``calibration_errors_`` (by regime: before, after), ``rows_`` and ``validation_rows_``
    (numbers), ``span_``, ``feature_losses_`` (of the base's first trees, without and with the
    regime as a feature). ``feature_names_`` and ``reference_`` are for whoever made the rows to
    keep.
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
        self.reference_: DriftReference | None = None

    def fit(self, rows: Rows) -> Self:
        """Validate on purged folds, then train on all rows what has a weight.

        :param rows: at least one, of one or more pairs, in any order
        :return: itself
        """
        folds = folds_of(rows, self.settings, self.horizon)
        whole = PreparedRound(clone(self.ensemble), rows)
        answers = validate(
            whole,
            folds,
            self.pair_trees,
            self.seed,
            self.day,
            self.horizon,
            self.settings.gate,
        )
        self.rows_, self.span_ = len(rows), TrainingSpan.of(rows)
        self.validation_rows_ = 0 if answers is None else len(answers.truth)
        self.feature_losses_ = None if answers is None else answers.feature_losses
        feature = answers is not None and answers.regime_feature
        training = whole.whole(feature)
        self.ensemble_ = training.fit_base()
        self.frequencies_ = frequencies(self.ensemble_, rows)
        self.weights_ = self._weights(rows, answers, training.possible(rows.regime))
        served = self.weights_.sub_models
        self.ensemble_ = training.with_sub_models(names=served)
        self.ensemble_.weights_ = {name: served[name] for name in self.ensemble_.estimators_}
        pairs = list(self.weights_.pairs)
        tuned = training.fine_tuned([rows.pair == name for name in pairs], self.pair_trees)
        self.pair_models_ = dict(zip(pairs, tuned, strict=True))
        self._calibrate(rows, answers)
        return self

    def _weights(
        self, rows: Rows, answers: ValidationAnswers | None, possible: Possible
    ) -> BlendWeights:
        """From the inside out: each share is found on the blend of those before it."""
        self.regime_validation_ = {
            name: self._sub_model(name, code, answers, possible) for code, name in NAMES.items()
        }
        found = self.regime_validation_
        weights = BlendWeights({name: one.weight for name, one in found.items() if one.weight})
        self.pair_validation_ = self._pairs(rows, answers, weights)
        pairs = {name: one.weight for name, one in self.pair_validation_.items() if one.weight}
        weights = replace(weights, pairs=pairs)
        self.model_validation_ = self._models(answers, weights)
        return replace(weights, models=self.model_validation_.weight)

    def _sub_model(
        self, name: str, code: int, answers: ValidationAnswers | None, possible: Possible
    ) -> ValidatedWeight:
        """A regime's sub-model against the base and against the placebo."""
        counts, refusals = possible
        known = ValidatedWeight(rows=counts[name], reason=refusals[name])
        if answers is not None and (mask := answers.regime == code).any():
            losses = answers.mean_losses(mask)
            known = replace(known, validation_rows=int(mask.sum()), losses=losses)
        if known.reason:
            return known
        return sub_model_weight(known, code, answers, self.horizon, self.settings.gate)

    def _pairs(
        self, rows: Rows, answers: ValidationAnswers | None, weights: BlendWeights
    ) -> dict[Any, ValidatedWeight]:
        """Each pair's fine-tuned model against base and sub-model."""
        if answers is None or not self.pair_trees or not self.settings.gate:
            return {}
        shared = _blended(answers, weights)
        result = {}
        for name in pairs_with_rows(rows):
            mask, count = answers.pair == name, int((rows.pair == name).sum())
            if name in answers.stopped:
                result[name] = ValidatedWeight(count, int(mask.sum()), reason=STOPPED)
                continue
            found = validated_weight(
                shared[mask],
                answers.fine_tuned[mask],
                answers.loss(mask),
                answers.time[mask],
                self.horizon,
                rival="base and sub-model",
            )
            result[name] = replace(found, rows=count)
        return result

    def _models(self, answers: ValidationAnswers | None, weights: BlendWeights) -> ValidatedWeight:
        """All models together against class frequencies, which alone are served in noise."""
        known = ValidatedWeight(self.rows_, weight=1.0)
        if not self.settings.gate:
            return replace(known, reason=NOT_VALIDATED)
        if answers is None:
            return replace(known, reason=NO_VALIDATION_ROWS)
        given, loss = _blended(answers, weights), answers.loss()
        found = validated_weight(
            answers.frequencies,
            given,
            loss,
            answers.time,
            self.horizon,
            rival="class frequencies",
        )
        losses = {
            "frequencies": float(loss(answers.frequencies).mean()),
            "served": float(loss(given).mean()),
        }
        return replace(found, rows=self.rows_, losses=losses)

    def _calibrate(self, rows: Rows, answers: ValidationAnswers | None) -> None:
        """Probabilities, and how much of a forecast move came true, on the validation rows."""
        numbers = self.ensemble_.numbers(rows.y)
        classifies = numbers.dtype.kind == "i"
        self.calibrator_ = Calibrator()
        self.calibration_errors_: dict[str, dict[str, float]] = {}
        self.edge_: Edge = (
            class_moves(numbers, len(self.ensemble_.classes_), rows.move)
            if classifies
            else number_moves(rows.move)
        )
        if answers is None:
            return
        given = _blended(answers, self.weights_)
        # Frequencies alone come from all rows; validation rows could only add noise.
        if classifies and self.settings.calibrate and self.weights_.models > 0:
            self.calibrator_.fit(given, answers.truth)
        served = self.calibrator_.transform(given)
        if classifies:
            self.calibration_errors_ = {
                name: {
                    "before": calibration_error(given[mask], answers.truth[mask]),
                    "after": calibration_error(served[mask], answers.truth[mask]),
                }
                for code, name in NAMES.items()
                if (mask := answers.regime == code).any()
            }
        block = answers.time // self.horizon
        self.edge_ = measured(self.edge_, served, answers.regime, answers.move, block)

    def answers(
        self, X: ArrayLike, regime: ArrayLike, pair: Any, weights: BlendWeights | None = None
    ) -> Floats:
        """Served answers: blended, then calibrated.

        :param X: features at the close of each candle, shape (n, features), without NaN
        :param regime: codes of :mod:`regimeswitch.market.hysteresis`, shape (n,)
        :param pair: name of the pair of all rows, or an array of names, shape (n,); a pair that
            was not trained on is served without fine-tuning
        :param weights: of the blend; None = ``weights_``
        :return: probabilities, shape (n, classes), or forecasts, shape (n, 1)
        :raises ValueError: when ``X`` and ``regime`` differ in length
        """
        matrix, codes = np.asarray(X), np.asarray(regime)
        chosen = self.weights_ if weights is None else weights
        return self._blend(self._components(matrix, codes, pair, chosen), codes, pair, chosen)

    def _blend(
        self, components: dict[str, Floats], codes: NDArray[Any], pair: Any, weights: BlendWeights
    ) -> Floats:
        return self.calibrator_.transform(weights.blended(components, codes, pair))

    def _components(
        self, matrix: NDArray[Any], codes: NDArray[Any], pair: Any, weights: BlendWeights
    ) -> dict[str, Floats]:
        """Answers of each component, asked where its weight is above 0 and the base's elsewhere."""
        rows = self.ensemble_.asked(matrix, codes)
        base = rows.base()
        asked = [name for name, weight in weights.sub_models.items() if weight > 0]
        fine_tuned = base.copy()
        names = np.broadcast_to(np.asarray(pair), (len(codes),))
        for name in weights.pairs:
            mask = names == name
            if mask.any():
                fine_tuned[mask] = rows.of(self.pair_models_[name], mask)
        return {
            FREQUENCIES: self.frequencies_,
            BASE: base,
            SUB_MODEL: rows.sub_models(asked),
            FINE_TUNED: fine_tuned,
        }

    def forecast(self, X: ArrayLike, regime: ArrayLike, pair: Any) -> Forecast:
        """Served answers, and the move and size that are expected from them.

        :param X: features at the close of each candle, shape (n, features), without NaN
        :param regime: codes, shape (n,)
        :param pair: name of the pair of all rows, or an array of names, shape (n,)
        :raises ValueError: when ``X`` and ``regime`` differ in length
        """
        matrix, codes = np.asarray(X), np.asarray(regime)
        components = self._components(matrix, codes, pair, self.weights_)
        both = (BlendWeights(models=self.weights_.models), self.weights_)
        blends = [weights.blended(components, codes, pair) for weights in both]
        # In one call: for the one row of a new candle its checks are most of it.
        calibrated = np.split(self.calibrator_.transform(np.concatenate(blends)), len(both))
        alone, served = (
            self._forecast_of(answers, codes, weights)
            for answers, weights in zip(calibrated, both, strict=True)
        )
        return replace(served, base=alone)

    def _forecast_of(self, answers: Floats, codes: NDArray[Any], weights: BlendWeights) -> Forecast:
        errors = np.zeros(len(codes))
        for code, name in NAMES.items():
            errors[codes == code] = self.calibration_errors_.get(name, {}).get("after", 0.0)
        return Forecast(
            answers,
            weights.sub_model(codes),
            self.edge_.move(answers, codes),
            self.edge_.size(answers),
            self.edge_.size_ratio(answers),
            errors,
        )


def _blended(answers: ValidationAnswers, weights: BlendWeights) -> Floats:
    components = {
        FREQUENCIES: answers.frequencies,
        BASE: answers.base,
        SUB_MODEL: answers.sub_model,
        FINE_TUNED: answers.fine_tuned,
    }
    return weights.blended(components, answers.regime, answers.pair)
