"""An ensemble in training on one set of rows, which are prepared once for all of its models.

The base first, then what continues it: sub-models of regimes and fine-tuned models of pairs. Each
can be grown in steps and asked in between.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Collection, Sequence

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone

from regimeswitch.market.regimes import NAMES
from regimeswitch.model.ensemble_base import SUB_MODELS, Codes, RegimeEnsemble, regime_flags
from regimeswitch.model.learners import trees_of
from regimeswitch.model.training_set import Rows
from regimeswitch.model.trees import Floats, Growing, Mask, PreparedRows, Trees


REGIMES = tuple(NAMES.values())
NO_WEIGHT = "no weight in validation, not fitted: base"
_ROWS = {
    "lightgbm": ("lightgbm_trees", "LightGBMRows"),
    "xgboost": ("xgboost_trees", "XGBoostRows"),
    "sklearn": ("forest_trees", "ForestRows"),
}

Possible = tuple[dict[str, int], dict[str, str]]
"""By regime: rows, and why it can have no sub-model; empty where it can."""


class EnsembleTraining:
    """Prepared rows, and the models that grow on them.

    :param ensemble: unfitted; it is fitted by this
    :param X: features, shape (n, features), without NaN
    :param y: labels, shape (n,)
    :param regime: codes of :mod:`regimeswitch.market.hysteresis`, shape (n,)
    :param sample_weight: shape (n,); None = 1
    :param prepared: the rows, prepared for the base's learner; None = they are prepared here
    :raises ValueError: when lengths differ, a label is no class, or ``sub_models`` is not known
    """

    def __init__(
        self,
        ensemble: RegimeEnsemble,
        X: ArrayLike,
        y: ArrayLike,
        regime: ArrayLike,
        sample_weight: ArrayLike | None = None,
        prepared: PreparedRows | None = None,
    ) -> None:
        if ensemble.sub_models not in SUB_MODELS:
            raise ValueError(
                'sub_models must be "separate", "warm_start" or "none" '
                f"(got {ensemble.sub_models!r})"
            )
        count = len(np.asarray(X))
        weight = np.ones(count) if sample_weight is None else np.asarray(sample_weight)
        lengths = [count, len(np.asarray(y)), len(np.asarray(regime)), len(weight)]
        if len(set(lengths)) > 1:
            raise ValueError(
                "X, y, regime and sample_weight must be of one length (got "
                f"{', '.join(map(str, lengths))})"
            )
        self.ensemble = ensemble
        self.numbers = ensemble.learn_labels(y)
        self._weight = weight.astype(np.float64)
        self._matrix, self._codes = ensemble.matrix(X, regime)
        ensemble.n_features_in_ = np.asarray(X).shape[1]
        ensemble.estimators_, ensemble.weights_ = {}, {}
        self.rows = self._prepared(ensemble.base) if prepared is None else prepared
        self._base: Growing | None = None
        self._below: Floats | None = None

    def _prepared(self, learner: BaseEstimator) -> PreparedRows:
        package = type(learner).__module__.split(".")[0]
        module, name = _ROWS[package]
        kind = getattr(importlib.import_module(f"regimeswitch.model.{module}"), name)
        rows: PreparedRows = kind(
            learner, self._matrix, self.numbers, self._weight, self.ensemble.class_count
        )
        return rows

    @property
    def base_trees(self) -> int:
        """Trees that the base is to have."""
        return trees_of(self.ensemble.base)

    def grow_base(self, trees: int) -> None:
        """Add trees to the base, which answers from now on.

        :param trees: number
        """
        if self._base is None:
            self._base = self.rows.begin()
        self.ensemble.base_ = self._base.grow(trees)

    def finish_base(self) -> None:
        """The base is complete: models may continue it."""
        if self._base is not None:
            self._below = self._base.own_scores()
            self.ensemble.base_ = self._base.finished()
        self._base = None

    def fit_base(self) -> RegimeEnsemble:
        """Train the base and nothing else; the fitted ensemble."""
        self.grow_base(self.base_trees)
        self.finish_base()
        return self.ensemble

    def on_base(self, chosen: Mask) -> Growing:
        """A model that continues the base on some of the rows.

        :param chosen: shape (n,)
        """
        if self._below is None:
            self._below = self.ensemble.base_.scores(self._matrix)
        return self.rows.begin(chosen, self.ensemble.base_, self._below)

    def sub_model(self, name: str, chosen: Mask) -> tuple[Growing, int]:
        """A regime's model in training, and the trees that it is to get.

        :param name: of the regime, whose learner may be its own
        :param chosen: the regime's rows, shape (n,)
        """
        ensemble = self.ensemble
        own = (ensemble.learners or {}).get(name)
        if ensemble.sub_models == "warm_start" and own is None:
            return self.on_base(chosen), ensemble.own_trees
        learner = ensemble.base if own is None else own
        rows = self.rows if own is None else self._prepared(own)
        if ensemble.sub_models == "separate":
            return rows.begin(chosen), trees_of(learner)
        shared = rows.begin()
        shared.grow(trees_of(learner))
        base = shared.finished()
        return rows.begin(chosen, base, base.scores(self._matrix)), ensemble.own_trees

    def possible(self, codes: Codes) -> Possible:
        """Rows of each regime, and why it can have no sub-model; empty where it can.

        :param codes: regimes that sub-models are trained by, shape (n,)
        """
        counted = {name: (codes == code) & (self._weight > 0) for code, name in NAMES.items()}
        rows = {name: int(mask.sum()) for name, mask in counted.items()}
        return rows, {
            name: self.ensemble.refusal(self.numbers[mask]) for name, mask in counted.items()
        }

    def with_sub_models(
        self, codes: ArrayLike | None = None, names: Collection[str] = REGIMES
    ) -> RegimeEnsemble:
        """A copy of the ensemble, see :meth:`add_sub_models`."""
        return self.add_sub_models(copy.copy(self.ensemble), codes, names)

    def add_sub_models(
        self,
        fitted: RegimeEnsemble,
        codes: ArrayLike | None = None,
        names: Collection[str] = REGIMES,
    ) -> RegimeEnsemble:
        """Train sub-models.

        :param fitted: gets them; with the fitted base of this training
        :param codes: regimes that sub-models are trained by, shape (n,); None = those of the rows.
            With ``regime_feature`` the models see the regimes of the rows in any case.
        :param names: of the regimes that get one; the base serves the others
        """
        regimes = self._codes if codes is None else np.asarray(codes)
        fitted.rows_, refusals = self.possible(regimes)
        wanted = [(code, name) for code, name in NAMES.items() if not refusals[name]]
        wanted = [(code, name) for code, name in wanted if name in names]
        models = Parallel(n_jobs=fitted.jobs, prefer="threads")(
            delayed(_complete)(*self.sub_model(name, regimes == code)) for code, name in wanted
        )
        fitted.estimators_ = {name: one for (_, name), one in zip(wanted, models, strict=True)}
        fitted.weights_ = dict.fromkeys(fitted.estimators_, 1.0)
        fitted.reasons_ = {name: reason or NO_WEIGHT for name, reason in refusals.items()}
        fitted.reasons_ |= dict.fromkeys(fitted.estimators_, f"{fitted.sub_models} sub-model")
        return fitted

    def fine_tuned(self, masks: Sequence[Mask], trees: int) -> list[Trees]:
        """The base continued on some rows, e.g. those of one pair.

        :param masks: rows of each model, shape (n,)
        :param trees: to add to each, number
        """
        return list(
            Parallel(n_jobs=self.ensemble.jobs, prefer="threads")(
                delayed(_complete)(self.on_base(mask), trees) for mask in masks
            )
        )


class PreparedRound:
    """All rows of a round of trainings, prepared once for the folds and for the final models.

    :param ensemble: unfitted; it is not changed
    :param rows: of the whole training window
    """

    def __init__(self, ensemble: RegimeEnsemble, rows: Rows) -> None:
        self.ensemble, self.rows = ensemble, rows
        self._whole: dict[bool, EnsembleTraining] = {}

    def whole(self, feature: bool) -> EnsembleTraining:
        """The training on all rows.

        :param feature: with the regime as features
        """
        if feature not in self._whole:
            plain, prepared = self._whole.get(False), None
            if feature and plain is not None:
                prepared = plain.rows.with_columns(regime_flags(self.rows.regime))
            self._whole[feature] = training_of(self.ensemble, self.rows, feature, prepared)
        return self._whole[feature]

    def part(self, train: Rows, chosen: Mask, feature: bool) -> EnsembleTraining:
        """A training on some of the rows.

        :param train: those rows; their labels may be others than in ``rows``
        :param chosen: which they are, shape (n,)
        :param feature: with the regime as features
        """
        known = clone(self.ensemble).set_params(regime_feature=feature)
        prepared = self.whole(feature).rows.take(chosen, known.learn_labels(train.y))
        return training_of(self.ensemble, train, feature, prepared)


def training_of(
    ensemble: RegimeEnsemble, rows: Rows, feature: bool, prepared: PreparedRows | None = None
) -> EnsembleTraining:
    """A training of the ensemble on some rows.

    :param ensemble: unfitted; it is not changed
    :param rows: to learn from
    :param feature: with the regime as features
    :param prepared: the rows, prepared; None = they are prepared here
    """
    single = clone(ensemble).set_params(regime_feature=feature)
    return EnsembleTraining(single, rows.X, rows.y, rows.regime, rows.weight, prepared)


def _complete(growing: Growing, trees: int) -> Trees:
    growing.grow(trees)
    return growing.finished()
