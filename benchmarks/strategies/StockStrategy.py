"""A FreqAI strategy as a user writes it, with the product's features and labels.

It knows no regimes and checks no candles; freqtrade and FreqAI do with it what they do with any.
"""

import sys
from pathlib import Path


sys.path.append(str(Path(__file__).resolve().parents[2] / "user_data"))

import pandas as pd
from freqtrade.strategy import IStrategy

from regimeswitch.bot.bot_settings import settings_from, startup_from
from regimeswitch.market.features import basic_features, calendar_features, period_features
from regimeswitch.market.labels import CLASS_COLUMN, CLASSES, class_labels
from regimeswitch.market.volatility_features import volatility_features


BUY, SELL = 0.5, 0.5


class StockStrategy(IStrategy):
    """In on a probable buy, out on a probable sell."""

    INTERFACE_VERSION = 3
    timeframe = "5m"
    process_only_new_candles = True
    use_exit_signal = True
    stoploss = -0.25
    minimal_roi = {"0": 10.0}  # noqa: RUF012

    def __init__(self, config):
        super().__init__(config)
        self.rs = settings_from(config)
        # As many as the product's, so that both learn from the same rows.
        self.startup_candle_count = startup_from(config, self.rs)

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        """Features of one look-back period."""
        return pd.concat(
            [dataframe, period_features(dataframe, period, self._base(metadata))], axis=1
        )

    def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
        """Features without a look-back period."""
        return pd.concat([dataframe, basic_features(dataframe, self._base(metadata))], axis=1)

    def _base(self, metadata):
        return self.timeframe if metadata["tf"] == self.timeframe else None

    def feature_engineering_standard(self, dataframe, metadata, **kwargs):
        """Calendar features, and volatility, range and volume against the past week."""
        activity = volatility_features(dataframe, self.timeframe)
        return pd.concat([dataframe, calendar_features(dataframe), activity], axis=1)

    def set_freqai_targets(self, dataframe, metadata, **kwargs):
        """Buy, hold or sell."""
        self.freqai.class_names = list(CLASSES)
        labels = class_labels(dataframe, self.rs.labels, self.timeframe)
        return dataframe.assign(**{CLASS_COLUMN: labels})

    def populate_indicators(self, dataframe, metadata):
        """Predictions."""
        return self.freqai.start(dataframe, metadata, self)

    def populate_entry_trend(self, dataframe, metadata):
        """In on a probable buy."""
        known = (dataframe["do_predict"] == 1) & (dataframe["buy"] > BUY)
        dataframe.loc[known, ["enter_long", "enter_tag"]] = (1, "buy")
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        """Out on a probable sell."""
        known = (dataframe["do_predict"] == 1) & (dataframe["sell"] > SELL)
        dataframe.loc[known, "exit_long"] = 1
        return dataframe
