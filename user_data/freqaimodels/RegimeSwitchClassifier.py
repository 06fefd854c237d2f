"""FreqAI model: buy, hold or sell from the sub-model of the current regime.

Use it with any FreqAI strategy: ``freqtrade backtesting --freqaimodel RegimeSwitchClassifier``.
"""

import sys
from pathlib import Path


sys.path.append(str(Path(__file__).resolve().parents[1]))

import pandas as pd

from regimeswitch.bot.freqai.adapter import RegimeFreqaiModel
from regimeswitch.bot.freqai.columns import base_of


class RegimeSwitchClassifier(RegimeFreqaiModel):
    """One classifier per regime. The class map is the strategy's ``freqai.class_names``."""

    task = "classifier"

    def fit(self, data_dictionary, dk, **kwargs):
        """Train and judge base and sub-models on ``data_dictionary["train_rows"]``."""
        rows = data_dictionary["train_rows"]
        if not self.class_names:
            self.class_names = sorted(pd.unique(rows.y))
        return self.recipe.fit(rows, dk.label_list[0], self.class_names)

    def target_columns(self, forecast, dk):
        """The most probable class, and one probability column per class."""
        probabilities = forecast.answers
        classes = self.model.ensemble_.classes_
        self.class_names = list(classes)
        answer = {dk.label_list[0]: classes[probabilities.argmax(axis=1)]}
        return pd.DataFrame(answer | dict(zip(classes, probabilities.T, strict=True)))

    def numeric_columns(self):
        """The probabilities are numbers, too, those of the base as well."""
        return [*self.class_names, *map(base_of, self.class_names), *super().numeric_columns()]
