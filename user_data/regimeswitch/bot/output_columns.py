"""Every column that models and strategy put on a candle, and the page that lists them.

``python -m regimeswitch.bot.output_columns docs/columns.md`` writes the page; a test compares the
list with the frames of a run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regimeswitch.bot.charts.chart_plots import COSTS_COLUMN
from regimeswitch.bot.freqai.columns import (
    EXPECTED_COLUMN,
    RATIO_COLUMN,
    REFUSAL_COLUMN,
    SENT_COLUMN,
    SIZE_COLUMN,
    SUB_MODEL_WEIGHT_COLUMN,
    TRAINED_COLUMN,
)
from regimeswitch.bot.trading.entry_reasons import CODE_COLUMN
from regimeswitch.bot.trading.shadow_columns import HOLD_COLUMN, RULES_COLUMN
from regimeswitch.market.labels import CLASS_COLUMN, CLASSES, RETURN_COLUMN, VOLATILITY_TARGET
from regimeswitch.market.rule_lines import AVERAGE_LINE, BAND_LINES, DISTANCE_LINES
from regimeswitch.market.volatility import DAILY_ATR_COLUMN, VOLATILITY_COLUMN, WEIGHT_COLUMN
from regimeswitch.risk.model_additions import FORECAST_COLUMN, MODEL_WEIGHT_COLUMN, SCALE_COLUMN


_BANDS = (
    "from which on bull begins",
    "below which bull ends",
    "above which bear ends",
    "down from which bear begins",
)
ALWAYS, SIGNAL, POSITION = "always", "signal mode", "position mode"
CLASSIFIER, REGRESSOR, MODELS = "classifier", "regressor", "models"


@dataclass(frozen=True)
class OutputColumn:
    """One column of a candle's row.

    :param name: in the frame
    :param there: when it is there
    :param unit: of its values, or the values themselves
    :param meaning: known at the close of the candle, in words
    """

    name: str
    there: str
    unit: str
    meaning: str


OUTPUT_COLUMNS = (
    OutputColumn(
        "regime_raw",
        ALWAYS,
        "bull, bear, sideways",
        "the rule's answer; missing while there is too little history",
    ),
    OutputColumn(
        "regime",
        ALWAYS,
        "bull, bear, sideways",
        "the active regime, after bands and grace period; it chooses the sub-model",
    ),
    OutputColumn(
        "regime_pending", ALWAYS, "bull, bear, sideways", "the candidate in its grace period"
    ),
    OutputColumn(
        "regime_code", ALWAYS, "0 to 3", "the active regime: 1 bull, 2 bear, 3 sideways, 0 unknown"
    ),
    OutputColumn(
        "regime_age",
        ALWAYS,
        "candles",
        "since the last switch; missing before the first one seen",
    ),
    OutputColumn(
        "regime_distance",
        ALWAYS,
        "ATR or percent",
        "distance of the rule candle's close from its average",
    ),
    OutputColumn(
        AVERAGE_LINE,
        ALWAYS,
        "quote currency",
        "the rule's moving average; missing for rules without",
    ),
    *(
        OutputColumn(name, ALWAYS, "quote currency", f"close of the rule's candle {what}")
        for name, what in zip(BAND_LINES, _BANDS, strict=True)
    ),
    *(
        OutputColumn(name, ALWAYS, "as the distance", f"`regime_distance` {what}")
        for name, what in zip(DISTANCE_LINES, _BANDS, strict=True)
    ),
    OutputColumn("bad_candle", ALWAYS, "true, false", "the candle cannot be true or has no trade"),
    OutputColumn(
        "no_trade_reason", ALWAYS, "text", "why the candle opens nothing; empty where it opens"
    ),
    OutputColumn(CODE_COLUMN, ALWAYS, "0 to 8", "kind of the reason; 0 = may enter"),
    OutputColumn(
        COSTS_COLUMN,
        SIGNAL,
        "fraction",
        "what `expected_return` must exceed: fees, slippage, margin",
    ),
    OutputColumn(
        "stop_atr", SIGNAL, "quote currency", "ATR of a 5-minute candle, of which stops are made"
    ),
    OutputColumn(
        VOLATILITY_COLUMN,
        POSITION,
        "fraction a year",
        "exponential mean of the pair's own volatility",
    ),
    OutputColumn(
        WEIGHT_COLUMN, POSITION, "0 to 1", "share of its slot that a position of the pair gets"
    ),
    OutputColumn(
        DAILY_ATR_COLUMN, POSITION, "quote currency", "ATR of daily candles, for the disaster stop"
    ),
    OutputColumn(
        RULES_COLUMN,
        f"{POSITION}, not in a backtest",
        "1 = first candle",
        "what the rule without models would have made of its slot, after costs",
    ),
    OutputColumn(
        HOLD_COLUMN,
        f"{POSITION}, not in a backtest",
        "1 = first candle",
        "what holding the pair would have made, after costs",
    ),
    OutputColumn(
        SCALE_COLUMN,
        f"{POSITION}, `entries.veto`",
        "0 to 1",
        "share of an entry that the models' veto leaves",
    ),
    OutputColumn(
        CLASS_COLUMN, CLASSIFIER, ", ".join(CLASSES), "the most probable class of the next move"
    ),
    *(
        OutputColumn(name, CLASSIFIER, "0 to 1", f"calibrated probability of {name}")
        for name in CLASSES
    ),
    OutputColumn(
        RETURN_COLUMN, f"{REGRESSOR}, {SIGNAL}", "fraction", "forecast return over the horizon"
    ),
    OutputColumn(
        VOLATILITY_TARGET,
        f"{REGRESSOR}, {POSITION}",
        "logarithm",
        "of the forecast volatility of the next 24 hours",
    ),
    OutputColumn(
        SUB_MODEL_WEIGHT_COLUMN,
        MODELS,
        "0 to 1",
        "weight of the regime's sub-model; 0 = the base answers",
    ),
    OutputColumn(
        EXPECTED_COLUMN,
        MODELS,
        "fraction",
        "forecast return times the lower 95 % bound of its calibration slope",
    ),
    OutputColumn(SIZE_COLUMN, MODELS, "fraction", "expected absolute return"),
    OutputColumn(
        RATIO_COLUMN, MODELS, "ratio", f"`{SIZE_COLUMN}` against that of the training rows"
    ),
    OutputColumn(
        FORECAST_COLUMN,
        f"{MODELS}, {POSITION}",
        "fraction a year",
        "forecast volatility of the next 24 hours; 0 = unknown, and with the classifier",
    ),
    OutputColumn(
        MODEL_WEIGHT_COLUMN,
        f"{MODELS}, {POSITION}",
        "0 to 1",
        "weight of all models against class frequencies, or against EWMA and HAR",
    ),
    OutputColumn(
        TRAINED_COLUMN, MODELS, "epoch seconds", "end of the training behind the prediction"
    ),
    OutputColumn(
        "do_predict",
        MODELS,
        "0, 1, 2",
        "FreqAI's: 1 = usable; 0 = no model, a missing feature or an outlier; 2 = model expired",
    ),
    OutputColumn(
        SENT_COLUMN,
        '`bots.role` "model"',
        "text",
        "version, hash of the settings, close, regime and predictions, exactly, for a trading bot",
    ),
    OutputColumn(
        REFUSAL_COLUMN,
        '`bots.role` "trading"',
        "text",
        "why the candle has no prediction of a model bot; empty where it has one",
    ),
    OutputColumn(
        "DI_values", f"{MODELS}, `DI_threshold`", "ratio", "FreqAI's dissimilarity index of the row"
    ),
)
HEAD = """\
# Columns of a candle

Written by `python -m regimeswitch.bot.output_columns docs/columns.md`. All is known at the close of
the candle. FreqUI, `freqtrade plot-dataframe`, the API's `pair_candles` and other strategies see
these names. Rows without a prediction have 0 in the columns of the models. FreqAI adds statistics
of the predictions (`buy_mean`, `buy_std` and so on), which nothing here reads.
[Regimes](regimes.md) and [evidence](evidence.md) say how the columns come about.

| column | there with | unit or values | meaning |
|---|---|---|---|
"""


def markdown() -> Iterator[str]:
    """The page, in parts."""
    yield HEAD
    for one in OUTPUT_COLUMNS:
        yield f"| `{one.name}` | {one.there} | {one.unit} | {one.meaning} |\n"


def main(names: list[str]) -> None:
    """Write the page to the files."""
    for name in names:
        Path(name).write_text("".join(markdown()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
