"""FreqAI model: a number, such as the forward return, from the current regime's sub-model.

Use it with any FreqAI strategy: ``freqtrade backtesting --freqaimodel RegimeSwitchRegressor``.
"""

import sys
from pathlib import Path


sys.path.append(str(Path(__file__).resolve().parents[1]))

import pandas as pd

from regimeswitch.bot.model import RegimeFreqaiModel
from regimeswitch.ensemble import RegimeEnsembleRegressor


class RegimeSwitchRegressor(RegimeFreqaiModel):
    """One regressor per regime."""

    task = "regressor"

    def fit(self, data_dictionary, dk, **kwargs):
        """Train base and sub-models; ``data_dictionary`` carries the regime of each row."""
        ensemble = RegimeEnsembleRegressor(**self.make_ensemble_parts())
        return ensemble.fit(
            data_dictionary["train_features"].to_numpy(),
            data_dictionary["train_labels"].iloc[:, 0].to_numpy(dtype=float),
            data_dictionary["train_regime"],
            data_dictionary["train_weights"],
        )

    def answers(self, X, regime, dk):
        """The forecast, under the name of the strategy's target."""
        return pd.DataFrame({dk.label_list[0]: self.model.predict(X, regime)})
