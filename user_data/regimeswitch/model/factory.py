"""From settings to unfitted models: the same recipe for a bot and for every command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator

from regimeswitch.market.candles import candles_spanning
from regimeswitch.market.features import DAY_CANDLES
from regimeswitch.market.volatility_forecast import day_candles
from regimeswitch.model.blended import BlendedModel
from regimeswitch.model.ensemble import RegimeEnsembleClassifier, RegimeEnsembleRegressor
from regimeswitch.model.ensemble_base import RegimeEnsemble
from regimeswitch.model.learners import RATIO_OBJECTIVES, Task, make_learner
from regimeswitch.model.training_set import thinning_step
from regimeswitch.model.volatility_model import VolatilityModel
from regimeswitch.settings import ModelSettings, Settings


TrainedModel = BlendedModel | VolatilityModel
"""What a training inside FreqAI ends with, by the target of the strategy."""


def learner_parameters(
    name: str, models: ModelSettings, training_parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Parameters of a learner over its defaults.

    :param name: of the learner
    :param models: the section ``models``
    :param training_parameters: ``freqai.model_training_parameters``; they belong to
        ``models.learner``, and ``models.parameters`` go on top

    >>> models = ModelSettings(parameters={"lightgbm": {"num_leaves": 4}})
    >>> learner_parameters("lightgbm", models, {"num_leaves": 31, "n_estimators": 50})
    {'num_leaves': 4, 'n_estimators': 50}
    """
    main = name == models.learner
    return {**(training_parameters if main else {}), **models.parameters_of(name)}


def unfitted_ensemble(
    models: ModelSettings,
    task: Task,
    training_parameters: Mapping[str, Any],
    classes: Sequence[Any] | None = None,
    ratio: bool = False,
) -> RegimeEnsemble:
    """Base and sub-models as the settings want them.

    :param models: the section ``models``
    :param task: ``classifier`` or ``regressor``
    :param training_parameters: ``freqai.model_training_parameters``
    :param classes: the fixed class map; None = the sorted classes of the training rows. A
        regressor has none.
    :param ratio: the target is a ratio of variances
    :raises LearnerError: see :func:`regimeswitch.model.learners.make_learner`
    """

    def learner(name: str) -> BaseEstimator:
        given = learner_parameters(name, models, training_parameters)
        usual = RATIO_OBJECTIVES[name] if ratio else {}
        return make_learner(name, task, {**usual, **given}, models.seed)

    parts = {
        "base": learner(models.learner),
        "sub_models": models.sub_models,
        "learners": {
            regime: learner(name)
            for regime, name in models.per_regime.items()
            if name != models.learner
        },
        "own_trees": models.own_trees,
        "min_rows": models.min_rows,
        "jobs": models.jobs,
    }
    if task == "regressor":
        return RegimeEnsembleRegressor(**parts)
    return RegimeEnsembleClassifier(**parts, classes=classes)


def unfitted_model(
    ensemble: RegimeEnsemble,
    settings: Settings,
    shares: bool,
    timeframe: str,
    label_period: int = 0,
) -> BlendedModel:
    """The model that weighs the ensemble by validation.

    :param ensemble: of :func:`unfitted_ensemble`
    :param settings: the whole section ``regimeswitch``
    :param shares: rows of all pairs are learned from together
    :param timeframe: the base timeframe, whose candles the rows' times count
    :param label_period: FreqAI's ``label_period_candles``; the longer of it and ``labels.horizon``
        is how far a label looks ahead, in base candles
    """
    models = settings.models
    trees = models.pair_finetune_trees if shares else 0
    horizon = max(label_period, settings.labels.horizon_in(timeframe))
    day = candles_spanning(DAY_CANDLES, timeframe)
    return BlendedModel(ensemble, settings.evidence, horizon, trees, models.seed, day)


def unfitted_volatility_model(
    settings: Settings,
    training_parameters: Mapping[str, Any],
    timeframe: str,
    label_period: int = 0,
) -> VolatilityModel:
    """The forecast of the next day's volatility that position mode learns.

    :param settings: the whole section ``regimeswitch``
    :param training_parameters: ``freqai.model_training_parameters``
    :param timeframe: base timeframe
    :param label_period: FreqAI's ``label_period_candles``; the longer of it and 24 hours counts
    """
    models = settings.models
    ensemble = unfitted_ensemble(models, "regressor", training_parameters, ratio=True)
    horizon = max(label_period, day_candles(timeframe))
    return VolatilityModel(
        ensemble, settings.evidence, horizon, day_candles(timeframe), models.seed
    )


def row_step(rows: int, settings: Settings, timeframe: str, volatility: bool) -> int:
    """Every how many candles a row of all pairs is kept.

    :param rows: of all pairs, number
    :param settings: the whole section ``regimeswitch``
    :param timeframe: base timeframe
    :param volatility: the label is the next day's volatility, of which neighbouring rows know
        nearly the same: one row an hour is enough
    """
    models = settings.models
    if not volatility:
        horizon = settings.labels.horizon_in(timeframe)
        return thinning_step(rows, models.row_budget, models.row_step_in(timeframe), horizon)
    day = day_candles(timeframe)
    least = max(models.row_step_in(timeframe), day // 24)
    return thinning_step(rows, models.row_budget, least, day)
