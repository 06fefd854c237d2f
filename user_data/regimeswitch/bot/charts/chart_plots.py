"""What FreqUI draws beside the candles: ``plot_config`` by mode and model, in full and rounded.

A chart asks for a thousand candles with every column of the analysed frame. So what is drawn is
rounded, and what FreqAI keeps for itself is left out, in the copy that is served: decisions read
the columns as they were computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.bot.freqai.columns import (
    AGE_COLUMN,
    BASE_ANSWER,
    DRIFT_OUTPUTS,
    ERROR_COLUMN,
    EXPECTED_COLUMN,
    LIMIT_COLUMN,
    OUTPUTS,
    POSITION_OUTPUTS,
    RATIO_COLUMN,
    REFUSAL_COLUMN,
    SENT_COLUMN,
    SIZE_COLUMN,
    SUB_MODEL_WEIGHT_COLUMN,
    TRAINED_COLUMN,
    base_of,
)
from regimeswitch.bot.trading.entry_filters import costs_of
from regimeswitch.bot.trading.entry_reasons import CODE_COLUMN, legend
from regimeswitch.bot.trading.shadow_columns import BASE_COLUMN, HOLD_COLUMN, RULES_COLUMN
from regimeswitch.market.labels import CLASS_COLUMN, RETURN_COLUMN, VOLATILITY_TARGET
from regimeswitch.market.regimes import by_regime
from regimeswitch.market.rule_lines import (
    AVERAGE_LINE,
    BAND_LINES,
    DISTANCE_LINES,
    distance_lines,
    price_lines,
)
from regimeswitch.market.volatility import DAILY_ATR_COLUMN, VOLATILITY_COLUMN, WEIGHT_COLUMN
from regimeswitch.risk.model_additions import FORECAST_COLUMN, MODEL_WEIGHT_COLUMN
from regimeswitch.settings import REGIME_NAMES, Settings
from regimeswitch.settings.modes import POSITION


COSTS_COLUMN = "entry_costs"
"""What the expected move of a candle must exceed: fees, slippage and the margin of its regime."""
GREEN, RED, BLUE, GREY = "#2ea043", "#da3633", "#1f6feb", "#8b949e"
PURPLE, OCHRE = "#a371f7", "#d29922"
COLORS = {
    AVERAGE_LINE: OCHRE,
    **dict(zip(BAND_LINES, (GREEN, "#7ee787", "#ffa198", RED), strict=True)),
    "regime_distance": OCHRE,
}
PROBABILITIES = ("buy", "hold", "sell")
DIGITS = 6
"""Significant digits of prices that are drawn."""
DECIMALS = {
    **dict.fromkeys(PROBABILITIES, 3),
    **dict.fromkeys((SUB_MODEL_WEIGHT_COLUMN, WEIGHT_COLUMN), 4),
    **dict.fromkeys((VOLATILITY_COLUMN, FORECAST_COLUMN, RATIO_COLUMN), 4),
    **dict.fromkeys((RULES_COLUMN, HOLD_COLUMN, BASE_COLUMN), 4),
    "regime_distance": 3,
    **dict.fromkeys((EXPECTED_COLUMN, SIZE_COLUMN, COSTS_COLUMN, RETURN_COLUMN), 6),
}
"""Decimals of what is drawn or written beside it."""
SIGNALS = ("enter_long", "exit_long", "enter_short", "exit_short")
WHOLE = (*SIGNALS, *DISTANCE_LINES, "do_predict", "regime_age", "bad_candle", LIMIT_COLUMN)
"""Columns that are served without a decimal where they have none."""
PRICES = (AVERAGE_LINE, *BAND_LINES, DAILY_ATR_COLUMN, "stop_atr")
BASE_NAMES = (
    BASE_ANSWER,
    *map(base_of, (*PROBABILITIES, EXPECTED_COLUMN, SIZE_COLUMN, RATIO_COLUMN, FORECAST_COLUMN)),
)
UNDRAWN = (*BASE_NAMES, *DRIFT_OUTPUTS, AGE_COLUMN, ERROR_COLUMN, MODEL_WEIGHT_COLUMN)
"""Behind a drawn column, and in the report: what the base answers, and what a limit looks at."""
FREQAI_PRICES = ("high_price", "low_price", "close_price", "date_pred")
"""Copies of the candles that FreqAI keeps with the predictions of a running bot."""
BETWEEN_BOTS = (SENT_COLUMN, REFUSAL_COLUMN)


def plots(settings: Settings, trains: bool, model: str) -> dict[str, Any]:
    """``plot_config`` of a strategy.

    :param trains: whether models are trained; without them nothing of theirs is drawn
    :param model: ``freqaimodel``
    """
    holds = settings.entries.mode == POSITION
    lines = price_lines(settings.regime) if settings.regime.anchor == "self" else ()
    panes: dict[str, dict[str, str]] = {}
    if holds:
        panes |= {
            "Share of a slot": {WEIGHT_COLUMN: GREEN},
            "Volatility a year": {VOLATILITY_COLUMN: GREY},
        }
        if trains and model.endswith("Regressor"):
            panes["Volatility a year"] |= {FORECAST_COLUMN: BLUE}
        panes["Shadow book"] = {RULES_COLUMN: GREEN, HOLD_COLUMN: GREY}
        if trains:
            panes["Shadow book"][BASE_COLUMN] = BLUE
    panes |= _panes_of_models(settings, holds, model) if trains else {}
    distance = {"regime_distance": OCHRE}
    if lines:
        colors = (GREEN, "#7ee787", "#ffa198", RED)
        distance |= dict(zip(distance_lines(settings.regime), colors, strict=False))
    panes |= {
        "Distance from the average": distance,
        f"No entry: {legend()}": {CODE_COLUMN: RED},
    }
    return {
        "main_plot": {name: {"color": COLORS[name]} for name in lines},
        "subplots": {
            title: {name: {"color": color} for name, color in columns.items()}
            for title, columns in panes.items()
        },
    }


def _panes_of_models(settings: Settings, holds: bool, model: str) -> dict[str, dict[str, str]]:
    classifies = not model.endswith("Regressor")
    panes: dict[str, dict[str, str]] = {}
    if classifies:
        panes["Probability"] = dict(zip(PROBABILITIES, (GREEN, GREY, RED), strict=True))
    if not holds:
        panes["Forecast against costs"] = {EXPECTED_COLUMN: BLUE, COSTS_COLUMN: RED}
    return panes | {
        "Sub-model weight": {SUB_MODEL_WEIGHT_COLUMN: PURPLE},
        "Drift limits: 1 age, 2 PSI, 4 calibration": {LIMIT_COLUMN: RED},
    }


def entry_costs(codes: pd.Series, settings: Settings) -> NDArray[np.float64]:
    """What the expected move must exceed in signal mode, by candle; NaN where the regime is
    UNKNOWN.

    :param codes: of the active regime, shape (n,)
    """
    margins = settings.entries.margin.model_dump()
    wanted = {str(name): costs_of(settings) + margins[name] for name in REGIME_NAMES}
    return by_regime(codes, wanted)


def shrink(frame: pd.DataFrame, settings: Settings, model: str) -> None:
    """Round what is served to a chart, and drop what tells nothing, in place.

    :param frame: analysed candles, the copy that is served; its other columns are left alone
    :param model: ``freqaimodel``
    """
    for column in [name for name in frame if _is_idle(str(name), settings, model)]:
        del frame[column]
    for name, decimals in DECIMALS.items():
        if name in frame:
            frame[name] = frame[name].astype(float).round(decimals)
    for name in PRICES:
        if name in frame:
            frame[name] = _to_digits(frame[name].to_numpy(dtype=np.float64))
    for name in WHOLE:
        if name in frame:
            _shorten(frame, name)


def _shorten(frame: pd.DataFrame, name: str) -> None:
    """Whole numbers as such; a signal that is not set as 0."""
    column = frame[name].astype(float)
    column = column.fillna(0.0) if name in SIGNALS else column
    if bool((column % 1 == 0).all()):
        frame[name] = column.astype(np.int64)


def _is_idle(name: str, settings: Settings, model: str) -> bool:
    """Whether a column is constant by its making, or tells a chart nothing of its own."""
    # The most probable class follows from the probabilities, the refusal from the reasons.
    hidden = (*FREQAI_PRICES, TRAINED_COLUMN, CLASS_COLUMN, *BETWEEN_BOTS, *UNDRAWN)
    if name in hidden or _is_statistic(name):
        return True
    if settings.entries.mode != POSITION:
        return False
    # The logarithm of the forecast; what only signal mode reads; what a classifier does not say.
    idle = {VOLATILITY_TARGET, *OUTPUTS} - {SUB_MODEL_WEIGHT_COLUMN}
    return name in idle or (name == FORECAST_COLUMN and not model.endswith("Regressor"))


def _is_statistic(name: str) -> bool:
    """Whether FreqAI has made a column from what its labels and predictions are like on average."""
    of, _, ending = name.rpartition("_")
    return ending in ("mean", "std") and (
        of.startswith("&") or of in (*PROBABILITIES, *POSITION_OUTPUTS, *BASE_NAMES, *DRIFT_OUTPUTS)
    )


def _to_digits(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounded to :data:`DIGITS` significant digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.abs(values))))
        rounded = np.round(values * scale) / scale
    return np.where(np.isfinite(rounded), rounded, values)
