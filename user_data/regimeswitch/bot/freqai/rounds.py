"""Rounds of shared training: one model for all pairs, and pairs that join between two rounds."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from freqtrade.configuration import TimeRange
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

from regimeswitch.bot.freqai.feature_names import OWN, written
from regimeswitch.bot.freqai.training_rows import without_own_rows
from regimeswitch.model.factory import TrainedModel
from regimeswitch.model.training_report import metadata_of


logger = logging.getLogger(__name__)

LEAST_ROUND_SECONDS = 3600


@dataclass
class Rounds:
    """Shared trainings by window, and the pairs served by another's model.

    :param adopted: by pair, when the model that serves it was trained (epoch seconds)
    """

    models: dict[tuple[int, int], TrainedModel] = field(default_factory=dict)
    adopted: dict[str, int] = field(default_factory=dict)
    newest: TimeRange | None = None

    def training(self, start: int, stop: int, train: Callable[[], TrainedModel]) -> TrainedModel:
        """The model of a window; trained when nobody has asked for it before."""
        if (start, stop) not in self.models:
            self.models[start, stop] = train()
        return self.models[start, stop]

    def joined(self, wanted: TimeRange, trained: int, hours: float) -> TimeRange:
        """Live: the window of the current round, or ``wanted`` as the window of a new one.

        :param trained: when the pair was last trained; a round serves each pair once
        :param hours: FreqAI's ``live_retrain_hours``
        """
        newest = self.newest
        age = None if newest is None else wanted.stopts - newest.stopts
        lasts = max(hours * 3600, LEAST_ROUND_SECONDS)
        if newest is None or age is None or not 0 <= age < lasts or trained >= newest.stopts:
            self.newest = newest = TimeRange("date", "date", wanted.startts, wanted.stopts)
            self.models.clear()
        # FreqAI cuts its buffer off the very object that it is given, once for each pair.
        return copy.copy(newest)


def adopt(pair: str, dd: Any, config: dict[str, Any], rounds: Rounds) -> None:
    """Serve a pair that has no model by the newest of the other pairs'; its own training follows.

    :param dd: FreqAI's data drawer
    """
    if dd.pair_dict[pair]["model_filename"]:
        return
    trained = {
        name: info
        for name, info in dd.pair_dict.items()
        if info["model_filename"] and info["trained_timestamp"] and name not in rounds.adopted
    }
    if not trained:
        return
    donor, info = max(trained.items(), key=lambda item: int(item[1]["trained_timestamp"]))
    source = FreqaiDataKitchen(config, True, donor)
    model: TrainedModel = dd.load_data(donor, source)
    dk = FreqaiDataKitchen(config, True, pair)
    dk.data = {**copy.deepcopy(source.data), "regimeswitch": metadata_of(model, pair)}
    dk.label_list = list(source.label_list)
    dk.training_features_list = [
        name.replace(f"_{written(donor)}_", f"_{OWN}_").replace(OWN, written(pair))
        for name in source.training_features_list
    ]
    dk.label_pipeline = source.label_pipeline
    without_own_rows(dk)
    dk.set_paths(pair, int(info["trained_timestamp"]))
    dk.set_new_model_names(pair, int(info["trained_timestamp"]))
    dd.save_data(model, pair, dk)
    rounds.adopted[pair] = int(info["trained_timestamp"])
    logger.info(f"{pair}: no model of its own yet; served by the one trained with {donor}")
