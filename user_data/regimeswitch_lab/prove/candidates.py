"""Every model of the comparison, trained on one window and asked about the candles after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimeswitch.market.candles import candles_spanning
from regimeswitch.market.features import DAY_CANDLES
from regimeswitch.market.labels import CLASSES
from regimeswitch.model.blended import GatedModel
from regimeswitch.model.factory import unfitted_ensemble, unfitted_model
from regimeswitch.model.shrinkage import shuffled_regimes
from regimeswitch.model.training_set import Rows, thinned, thinning_step
from regimeswitch.model.validation import fit_base
from regimeswitch.settings import Settings
from regimeswitch_lab.inputs import InputError
from regimeswitch_lab.prove.dataset import PairData
from regimeswitch_lab.stock import stock_probabilities


Floats = NDArray[np.float64]
Answers = dict[str, Floats]

MODELS = ("stock", "single", "single_regime", "separate", "warm_start", "gated", "placebo")
UNSWITCHED = "unswitched"
"""The product with every trust at zero: what the regimes themselves are worth is the rest."""
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
    """

    settings: Settings
    training_parameters: Mapping[str, Any]
    shares: bool
    timeframe: str

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
    """Rows of several pairs, thinned as in a bot."""
    joined = Rows.joined(rows)
    models = recipe.settings.models
    least = models.row_step_in(recipe.timeframe)
    step = thinning_step(len(joined), models.row_budget, least, recipe.horizon)
    return joined.take(thinned(joined.time, step))


def answers_of_window(
    pairs: Sequence[PairData], window: Window, recipe: Recipe
) -> tuple[list[Answers], list[dict[str, Any]]]:
    """Probabilities of each model on each pair's test rows, and what the gate said.

    :return: by pair, model name to probabilities, shape (test rows, 3); and the gate's findings of
        each training, one when rows are shared
    """
    own = [training_rows(data, window, recipe.horizon) for data in pairs]
    places = [test_places(data, window) for data in pairs]
    answers = [
        _of_the_pair_alone(rows, data, at)
        for rows, data, at in zip(own, pairs, places, strict=True)
    ]
    groups = [list(range(len(pairs)))] if recipe.shares else [[i] for i in range(len(pairs))]
    findings = []
    for group in groups:
        members = [i for i in group if len(own[i])]
        if not members:
            names = ", ".join(pairs[i].pair for i in group)
            raise InputError(
                f"{names}: no row to learn from in the {window.end - window.begin} candles of a "
                "window; leave it out of --pairs, start --timerange later, or set models.rows to "
                '"shared"'
            )
        rows = (
            shared_training([own[i] for i in members], recipe) if recipe.shares else own[group[0]]
        )
        models, gated = _trained(rows, recipe)
        findings.append(finding(gated))
        for i in group:
            answers[i] |= _answered(models, gated, pairs[i], places[i])
    return answers, findings


def _of_the_pair_alone(rows: Rows, data: PairData, places: NDArray[np.int64]) -> Answers:
    """FreqAI's own model on all the pair's rows, and their class frequencies."""
    counts = np.maximum([(rows.y == name).sum() for name in CLASSES], 1.0)
    return {
        FREQUENCIES: np.tile(counts / counts.sum(), (len(places), 1)),
        "stock": stock_probabilities(rows, data.X[places], list(CLASSES))
        if len(places) and len(np.unique(rows.y)) > 1
        else np.tile(counts / counts.sum(), (len(places), 1)),
    }


def _trained(rows: Rows, recipe: Recipe) -> tuple[dict[str, Any], GatedModel]:
    settings = recipe.settings
    ensemble = unfitted_ensemble(
        settings.models, "classifier", recipe.training_parameters, list(CLASSES)
    )
    single = fit_base(ensemble, rows, feature=False)
    day = candles_spanning(DAY_CANDLES, recipe.timeframe)
    shuffled = shuffled_regimes(rows.regime, rows.time, rows.pair, day, settings.models.seed)

    def switched(form: str, codes: NDArray[np.int64]) -> Any:
        single.set_params(sub_models=form)
        return single.with_regimes(rows.X, rows.y, codes, rows.weight)

    models = {
        "single": fit_base(ensemble, rows, feature=False),
        "single_regime": fit_base(ensemble, rows, feature=True),
        "separate": switched("separate", rows.regime),
        "warm_start": switched("warm_start", rows.regime),
        "placebo": switched(settings.models.sub_models, shuffled),
    }
    return models, unfitted_model(ensemble, settings, recipe.shares, recipe.timeframe).fit(rows)


def _answered(
    models: Mapping[str, Any], gated: GatedModel, data: PairData, places: NDArray[np.int64]
) -> Answers:
    X, regime = data.X[places], data.regime[places]
    result = {name: model.answers(X, regime) for name, model in models.items()}
    result["gated"] = gated.answers(X, regime, data.pair)
    result[UNSWITCHED] = gated.answers(X, regime, data.pair, trust={})
    return result


def finding(gated: GatedModel) -> dict[str, Any]:
    """What the gate of one training said."""
    return {
        "model_trust": gated.model_verdict_.trust,
        "trust": {name: verdict.trust for name, verdict in gated.verdicts_.items()},
        "reason": {name: verdict.reason for name, verdict in gated.verdicts_.items()},
        "proven": {name: slope.proven for name, slope in gated.edge_.slopes.items()},
        "regime_feature": bool(gated.ensemble_.regime_feature),
        "finish": {str(name): trust for name, trust in gated.finish_trust_.items()},
    }
