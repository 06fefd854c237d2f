"""FreqAI model: buy, hold or sell from the sub-model of the current regime.

Use it with any FreqAI strategy: ``freqtrade backtesting --freqaimodel RegimeSwitchClassifier``.
"""

import sys
from pathlib import Path


sys.path.append(str(Path(__file__).resolve().parents[1]))

import pandas as pd

from regimeswitch.bot.model import RegimeFreqaiModel
from regimeswitch.ensemble import RegimeEnsembleClassifier


class RegimeSwitchClassifier(RegimeFreqaiModel):
    """One classifier per regime. The class map is the strategy's ``freqai.class_names``."""

    task = "classifier"

    def fit(self, data_dictionary, dk, **kwargs):
        """Train base and sub-models; ``data_dictionary`` carries the regime of each row."""
        labels = data_dictionary["train_labels"].iloc[:, 0].to_numpy()
        if not self.class_names:
            self.class_names = sorted(pd.unique(labels))
        ensemble = RegimeEnsembleClassifier(**self.make_ensemble_parts(), classes=self.class_names)
        return ensemble.fit(
            data_dictionary["train_features"].to_numpy(),
            labels,
            data_dictionary["train_regime"],
            data_dictionary["train_weights"],
        )

    def answers(self, X, regime, dk):
        """The most probable class, and one probability column per class."""
        probabilities = self.model.predict_proba(X, regime)
        classes = self.model.classes_
        self.class_names = list(classes)
        answers = pd.DataFrame({dk.label_list[0]: classes[probabilities.argmax(axis=1)]})
        return answers.assign(**dict(zip(classes, probabilities.T, strict=True)))

    def _numeric_outputs(self):
        return [*self.class_names, *super()._numeric_outputs()]
