"""A training in which everything is fitted: no race, a placebo for each regime, all final models.

What :class:`regimeswitch.model.blended.BlendedModel` leaves out must not change what it serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from regimeswitch.market.regimes import NAMES
from regimeswitch.model.blend_weights import BASE, FINE_TUNED, FREQUENCIES, SUB_MODEL, BlendWeights
from regimeswitch.model.blended import BlendedModel
from regimeswitch.model.ensemble_training import PreparedRound
from regimeswitch.model.shrinkage import log_loss, shuffled_regimes, validated_weight
from regimeswitch.model.training_set import Rows
from regimeswitch.model.validation import folds_of, frequencies
from regimeswitch.model.validation_folds import pairs_with_rows


Answers = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class FullTraining:
    """Weights of all candidates, and what is served by models that are all fitted.

    :param model: fitted on ``rows``; its base is made the same way
    """

    model: BlendedModel
    rows: Rows

    def weights(self) -> BlendWeights:
        """Each weight found on complete candidates and against a complete placebo."""
        later, answers = self._validated()
        labels = self.model.ensemble_.numbers(later.y)
        regimes, pairs = {}, {}
        for code, name in NAMES.items():
            regimes[name] = self._weight(later.regime == code, later, labels, answers, "own")
        weights = BlendWeights(regimes)
        parts = {BASE: answers["base"], SUB_MODEL: answers["own"], FINE_TUNED: answers["base"]}
        parts[FREQUENCIES] = answers["frequencies"]
        answers |= {"shared": weights.blended(parts, later.regime, later.pair)}
        for name in pairs_with_rows(self.rows) if self.model.pair_trees else []:
            pairs[name] = self._weight(later.pair == name, later, labels, answers, "tuned")
        return BlendWeights(regimes, pairs, self.model.weights_.models)

    def _weight(
        self, mask: Any, later: Rows, labels: Any, answers: Answers, candidate: str
    ) -> float:
        own = candidate == "own"
        found = validated_weight(
            answers["base" if own else "shared"][mask],
            answers[candidate][mask],
            log_loss(labels[mask]),
            later.time[mask],
            self.model.horizon,
            answers["placebo"][mask] if own else None,
        )
        return found.weight

    def _validated(self) -> tuple[Rows, Answers]:
        parts = list(self._folds())
        joined = {name: np.concatenate([one[name] for _, one in parts]) for name in parts[0][1]}
        return Rows.joined([later for later, _ in parts]), joined

    def _folds(self) -> Iterator[tuple[Rows, Answers]]:
        model = self.model
        whole = PreparedRound(model.ensemble, self.rows)
        for fold in folds_of(self.rows, model.settings, model.horizon):
            train, later = fold.train, fold.later
            training = whole.part(train, fold.chosen, model.ensemble_.regime_feature)
            training.fit_base()
            codes = shuffled_regimes(train.regime, train.time, train.pair, model.day, model.seed)
            own, placebo = training.with_sub_models(), training.with_sub_models(codes)
            base = own.asked(later.X, later.regime).base()
            yield (
                later,
                {
                    "frequencies": np.tile(frequencies(own, train), (len(later), 1)),
                    "base": base,
                    "own": own.answers(later.X, later.regime),
                    "placebo": placebo.answers(later.X, later.regime),
                    "tuned": self._tuned(training, own, train, later),
                },
            )

    def _tuned(self, training: Any, ensemble: Any, train: Rows, later: Rows) -> Any:
        asked = ensemble.asked(later.X, later.regime)
        result = asked.base().copy()
        names = pairs_with_rows(train) if self.model.pair_trees else []
        masks = [train.pair == name for name in names]
        models = training.fine_tuned(masks, self.model.pair_trees)
        for name, one in zip(names, models, strict=True):
            result[later.pair == name] = asked.of(one, later.pair == name)
        return result

    def answers(self, test: Rows, weights: BlendWeights) -> Any:
        """Served answers, where every regime and pair has a final model."""
        whole = PreparedRound(self.model.ensemble, self.rows)
        training = whole.whole(self.model.ensemble_.regime_feature)
        training.fit_base()
        asked = training.with_sub_models().asked(test.X, test.regime)
        parts = {FREQUENCIES: self.model.frequencies_, BASE: asked.base()}
        parts |= {SUB_MODEL: asked.sub_models(), FINE_TUNED: asked.base().copy()}
        names = pairs_with_rows(self.rows) if self.model.pair_trees else []
        masks = [self.rows.pair == name for name in names]
        models = training.fine_tuned(masks, self.model.pair_trees)
        for name, one in zip(names, models, strict=True):
            parts[FINE_TUNED][test.pair == name] = asked.of(one, test.pair == name)
        blended = weights.blended(parts, test.regime, test.pair)
        return self.model.calibrator_.transform(blended)
