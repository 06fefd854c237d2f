"""Every model of the comparison, trained on one window and asked about the candles after it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import MinMaxScaler

from regimeswitch.market.candles import candles_spanning
from regimeswitch.market.features import DAY_CANDLES
from regimeswitch.market.labels import CLASSES
from regimeswitch.model.blended import BlendedModel
from regimeswitch.model.ensemble_training import training_of
from regimeswitch.model.factory import row_step, unfitted_ensemble, unfitted_model
from regimeswitch.model.shrinkage import shuffled_regimes
from regimeswitch.model.training_set import Rows, recency_weighted, thinned
from regimeswitch.model.validation import fit_base
from regimeswitch.settings import Settings
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.prove.dataset import PairData
from regimeswitch_lab.stock import stock_probabilities


Floats = NDArray[np.float64]
Answers = dict[str, Floats]

MODELS = ("stock", "single", "single_regime", "separate", "warm_start", "blended", "placebo")
UNSWITCHED = "unswitched"
"""The blended model with all sub-model weights at 0: the difference is what the regimes add."""
FREQUENCIES = "frequencies"


@dataclass(frozen=True)
class Window:
    """Training from ``begin`` to ``end``, test from ``end`` to ``until``; candle numbers."""

    begin: int
    end: int
    until: int


@dataclass(frozen=True)
class Recipe:
    """What the models are made of.

    :param training_parameters: ``freqai.model_training_parameters``
    :param timeframe: the base timeframe
    :param weight_factor: ``freqai.feature_parameters.weight_factor``; 0 = all rows weigh the same
    :param label_period: ``freqai.feature_parameters.label_period_candles``
    """

    settings: Settings
    training_parameters: Mapping[str, Any]
    shares: bool
    timeframe: str
    weight_factor: float = 0.0
    label_period: int = 0

    @property
    def horizon(self) -> int:
        """Of the labels, base candles."""
        return self.settings.labels.horizon_in(self.timeframe)


def training_rows(data: PairData, window: Window, horizon: int) -> Rows:
    """All rows of a pair whose labels are known before the window's end."""
    return data.rows((data.time >= window.begin) & (data.time + horizon < window.end))


def test_places(data: PairData, window: Window) -> NDArray[np.int64]:
    """Positions of the candles of the test part with complete features and a known label."""
    inside = (data.time >= window.end) & (data.time < window.until)
    return np.flatnonzero(inside & data.usable)


def shared_training(rows: Sequence[Rows], recipe: Recipe) -> Rows:
    """Rows of several pairs, thinned and weighted as in a bot."""
    joined = Rows.joined(rows)
    step = row_step(len(joined), recipe.settings, recipe.timeframe, volatility=False)
    return recency_weighted(joined.take(thinned(joined.time, step)), recipe.weight_factor)


@dataclass(frozen=True)
class Part:
    """One pair's part in one window.

    :ivar rows: to learn from; weighted, and where they are not shared scaled as FreqAI does
    :ivar X: features of the test rows, likewise
    :ivar regime: codes of the test rows
    """

    pair: str
    rows: Rows
    X: NDArray[np.float32]
    regime: NDArray[np.int64]


def part_of(data: PairData, window: Window, recipe: Recipe) -> Part:
    """What one pair's own models of one window see."""
    known = training_rows(data, window, recipe.horizon)
    rows = recency_weighted(known, recipe.weight_factor)
    places = test_places(data, window)
    X = data.X[places]
    if not recipe.shares and len(rows):
        scaled = scaling(rows.X)
        rows, X = replace(rows, X=scaled(rows.X)), scaled(X)
    return Part(data.pair, rows, X, data.regime[places])


def scaling(X: NDArray[np.float32]) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """FreqAI's feature pipeline of a pair: without constant features, each from -1 to 1.

    :param X: features of the training rows, shape (n, features)
    :return: from features to scaled features, of any rows
    """
    varying = np.ptp(X, axis=0) > 0
    scaler = MinMaxScaler(feature_range=(-1, 1)).fit(X[:, varying].astype(np.float64))

    def scaled(features: NDArray[np.float32]) -> NDArray[np.float32]:
        kept = features[:, varying].astype(np.float64)
        return np.asarray(scaler.transform(kept) if len(kept) else kept, dtype=np.float32)

    return scaled


def answers_of_window(
    pairs: Sequence[PairData], window: Window, recipe: Recipe
) -> tuple[list[Answers], list[dict[str, Any]]]:
    """Probabilities of each model on each pair's test rows, and what validation said.

    :return: by pair, model name to probabilities, shape (test rows, 3); and the weights of
        each training, one when rows are shared
    """
    parts = [part_of(data, window, recipe) for data in pairs]
    answers = [_of_the_pair_alone(part) for part in parts]
    groups = [list(range(len(pairs)))] if recipe.shares else [[i] for i in range(len(pairs))]
    findings = []
    for group in groups:
        known = [parts[i].rows for i in group if len(parts[i].rows)]
        if not known:
            names = ", ".join(pairs[i].pair for i in group)
            raise InputError(
                f"{names}: no row to learn from in the {window.end - window.begin} candles of a "
                "window; leave it out of --pairs, start --timerange later, or set models.rows to "
                '"shared"'
            )
        rows = shared_training(known, recipe) if recipe.shares else known[0]
        models, blended = _trained(rows, recipe)
        findings.append(finding(blended))
        for i in group:
            answers[i] |= _answered(models, blended, parts[i])
    return answers, findings


def _of_the_pair_alone(part: Part) -> Answers:
    """FreqAI's own model on all the pair's rows, and their class frequencies."""
    rows, count = part.rows, len(part.X)
    counts = np.maximum([(rows.y == name).sum() for name in CLASSES], 1.0)
    return {
        FREQUENCIES: np.tile(counts / counts.sum(), (count, 1)),
        "stock": stock_probabilities(rows, part.X, list(CLASSES))
        if count and len(np.unique(rows.y)) > 1
        else np.tile(counts / counts.sum(), (count, 1)),
    }


def _trained(rows: Rows, recipe: Recipe) -> tuple[dict[str, Any], BlendedModel]:
    settings = recipe.settings
    ensemble = unfitted_ensemble(
        settings.models, "classifier", recipe.training_parameters, list(CLASSES)
    )
    training = training_of(ensemble, rows, feature=False)
    day = candles_spanning(DAY_CANDLES, recipe.timeframe)
    shuffled = shuffled_regimes(rows.regime, rows.time, rows.pair, day, settings.models.seed)
    single = copy.copy(training.fit_base())

    def switched(form: str, codes: NDArray[np.int64]) -> Any:
        training.ensemble.set_params(sub_models=form)
        return training.with_sub_models(codes)

    models = {
        "single": single,
        "single_regime": fit_base(ensemble, rows, feature=True),
        "separate": switched("separate", rows.regime),
        "warm_start": switched("warm_start", rows.regime),
        "placebo": switched(settings.models.sub_models, shuffled),
    }
    period = recipe.label_period
    blended = unfitted_model(ensemble, settings, recipe.shares, recipe.timeframe, period)
    return models, blended.fit(rows)


def _answered(models: Mapping[str, Any], blended: BlendedModel, part: Part) -> Answers:
    X, regime = part.X, part.regime
    result = {name: model.answers(X, regime) for name, model in models.items()}
    result["blended"] = blended.answers(X, regime, part.pair)
    unswitched = replace(blended.weights_, sub_models={})
    result[UNSWITCHED] = blended.answers(X, regime, part.pair, unswitched)
    return result


def finding(blended: BlendedModel) -> dict[str, Any]:
    """Weights of one training and why they are what they are."""
    validation = blended.regime_validation_
    return {
        "model_weight": blended.weights_.models,
        "weight": {name: found.weight for name, found in validation.items()},
        "reason": {name: found.reason for name, found in validation.items()},
        "slope": {name: slope.lower for name, slope in blended.edge_.slopes.items()},
        "regime_feature": bool(blended.ensemble_.regime_feature),
        "fine_tuning": {str(name): weight for name, weight in blended.weights_.pairs.items()},
    }
