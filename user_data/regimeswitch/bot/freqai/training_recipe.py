"""What a training fits: unfitted models by the settings, fitted on the rows it is given."""

from __future__ import annotations

from typing import Any

from regimeswitch.market.labels import VOLATILITY_TARGET
from regimeswitch.model.factory import (
    TrainedModel,
    unfitted_ensemble,
    unfitted_model,
    unfitted_volatility_model,
)
from regimeswitch.model.learners import Task
from regimeswitch.model.training_set import Rows
from regimeswitch.settings import Settings


class TrainingRecipe:
    """How the models of one configuration are fitted.

    :param config: freqtrade's, with the section ``freqai``
    :param shares: rows of all pairs are learned from together
    """

    def __init__(
        self, config: dict[str, Any], settings: Settings, task: Task, shares: bool
    ) -> None:
        self._settings, self._task, self._shares = settings, task, shares
        self._parameters = config["freqai"].get("model_training_parameters", {})
        self._timeframe = str(config["timeframe"])
        features = config["freqai"]["feature_parameters"]
        self._label_period = int(features.get("label_period_candles", 0))

    def fit(self, rows: Rows, label: str, classes: list[Any] | None = None) -> TrainedModel:
        """A model by the strategy's target: next day's volatility, a class, or another number.

        :param classes: of a classifier, the fixed class map
        """
        if label == VOLATILITY_TARGET and self._task == "regressor":
            return unfitted_volatility_model(
                self._settings, self._parameters, self._timeframe, self._label_period
            ).fit(rows)
        ensemble = unfitted_ensemble(self._settings.models, self._task, self._parameters, classes)
        return unfitted_model(
            ensemble, self._settings, self._shares, self._timeframe, self._label_period
        ).fit(rows)
