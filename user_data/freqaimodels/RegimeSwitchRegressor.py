"""FreqAI model: a number, such as the forward return, from the current regime's sub-model.

In position mode RegimeSwitchStrategy asks it for the volatility of the next 24 hours.

Use it with any FreqAI strategy: ``freqtrade backtesting --freqaimodel RegimeSwitchRegressor``.
"""

import sys
from pathlib import Path


sys.path.append(str(Path(__file__).resolve().parents[1]))

import pandas as pd

from regimeswitch.bot.freqai.adapter import RegimeFreqaiModel
from regimeswitch.bot.freqai.columns import BASE_ANSWER


class RegimeSwitchRegressor(RegimeFreqaiModel):
    """One regressor per regime."""

    task = "regressor"

    def fit(self, data_dictionary, dk, **kwargs):
        """Train and judge base and sub-models on ``data_dictionary["train_rows"]``."""
        return self.recipe.fit(data_dictionary["train_rows"], dk.label_list[0])

    def target_columns(self, forecast, dk):
        """The forecast, under the name of the strategy's target."""
        return pd.DataFrame({dk.label_list[0]: forecast.answers[:, 0]})

    def numeric_columns(self):
        """The base's forecast is a number, too."""
        return [BASE_ANSWER, *super().numeric_columns()]
