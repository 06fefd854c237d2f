"""What the rules without models, and holding, would have earned on a bot's candles.

The light version of position mode's accounts, see :mod:`regimeswitch.risk.shadow_book`. Nothing
trades on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.enums import RunMode
from numpy.typing import NDArray

from regimeswitch.bot.freqai.addition_columns import predicted
from regimeswitch.bot.freqai.columns import base_of
from regimeswitch.bot.freqai.stored_predictions import VIEWS
from regimeswitch.bot.searched_candles import cleaned_once
from regimeswitch.bot.trading.entry_filters import position_reasons
from regimeswitch.market.candles import OHLCV
from regimeswitch.market.volatility import (
    DAILY_ATR_COLUMN,
    VOLATILITY_COLUMN,
    WEIGHT_COLUMN,
    target_weights,
)
from regimeswitch.risk.model_additions import (
    FORECAST_COLUMN,
    MODEL_WEIGHT_COLUMN,
    entry_scales,
    slot_weights,
    vetoed,
)
from regimeswitch.risk.shadow_book import Prices, RuleSignals, index_of, slot_returns, slot_values
from regimeswitch.settings import REGIME_NAMES, Settings


RULES_COLUMN, HOLD_COLUMN, BASE_COLUMN = "shadow_rules", "shadow_hold", "shadow_base"
SHADOW_COLUMNS = (RULES_COLUMN, HOLD_COLUMN, BASE_COLUMN)
"""The last one only with models: the rule with one model, the base without sub-models."""
SHADOWED = (RunMode.DRY_RUN, RunMode.LIVE, *VIEWS)
"""Modes in which frames carry the columns: where people look at candles. A backtest has
:func:`shadow_curves`."""
BASE_ANSWERS = (base_of(FORECAST_COLUMN), base_of("buy"), base_of("sell"))
"""What the base of a model of position mode has answered; each kind of model has its own."""
_READ = ("regime", "regime_raw", "bad_candle", "volume", VOLATILITY_COLUMN, DAILY_ATR_COLUMN)


def side_cost(config: Mapping[str, Any], settings: Settings) -> float:
    """Fee and slippage of one side, fraction: freqtrade's ``fee`` where the config has one.

    :return: with ``entries.slippage``; without a ``fee``, that of ``labels.fee``
    """
    fee = config.get("fee")
    return float(settings.labels.fee if fee is None else fee) + settings.entries.slippage


def rule_signals(frame: pd.DataFrame, settings: Settings) -> RuleSignals:
    """What the rule of position mode says, whatever the models say.

    :param frame: analysed candles of position mode
    """
    volatility = frame[VOLATILITY_COLUMN].to_numpy(dtype=np.float64)
    weights = target_weights(volatility, settings.risk.volatility_target)
    known = frame[list(_READ)].assign(**{WEIGHT_COLUMN: weights})
    unwanted = [name for name in REGIME_NAMES if name not in settings.entries.regimes]
    atr = frame[DAILY_ATR_COLUMN].to_numpy(dtype=np.float64)
    multiple = settings.stop_multiple
    return RuleSignals(
        enter=(position_reasons(known, settings) == "").to_numpy(),
        leave=frame["regime"].isin(unwanted).to_numpy(),
        weight=weights,
        stop=multiple * atr if multiple else np.full(len(atr), np.nan),
    )


def knows_base(frame: pd.DataFrame) -> bool:
    """Whether a model of position mode has answered on the frame, and so its base."""
    return "do_predict" in frame and any(
        name in frame and bool((frame[name] > 0).any()) for name in BASE_ANSWERS
    )


def base_signals(frame: pd.DataFrame, settings: Settings) -> RuleSignals:
    """What the rule says with one model, the base in the place of every sub-model.

    The base does what its kind can add, whether or not the bot lets its own models do it: its
    forecast of volatility sizes a slot as ``risk.size_from``, its probabilities take away from an
    entry as ``entries.veto`` with ``veto_margin`` and ``risk.veto_scale``. Without an answer of it
    a candle is as the rule has it.

    :param frame: analysed candles of position mode
    """
    rule = rule_signals(frame, settings)
    risk = settings.risk.model_copy(update={"size_from": "forecast"})
    entries = settings.entries.model_copy(update={"veto": "forecast"})
    volatility = frame[VOLATILITY_COLUMN].to_numpy(dtype=np.float64)
    forecast, buy, sell = (predicted(frame, name) for name in BASE_ANSWERS)
    against = vetoed(buy, sell, predicted(frame, MODEL_WEIGHT_COLUMN), entries)
    weights = slot_weights(volatility, forecast, risk) * entry_scales(against, risk)
    return replace(rule, weight=weights)


def shadow_columns(
    frame: pd.DataFrame, timeframe: str, settings: Settings, cost: float
) -> pd.DataFrame:
    """Worth of one unit in a slot of this pair, at the close of each candle.

    :param frame: analysed candles of position mode
    :param timeframe: of ``frame``
    :param cost: of :func:`side_cost`
    :return: :data:`SHADOW_COLUMNS` on the same index, that of the base only where its model has
        answered; 1 up to the first candle whose regime is
        known. A bot's frame begins later with every candle, so levels move: compare changes
    """
    rows = _known_rows(frame)
    prices = _prices(frame.iloc[rows], timeframe, settings)
    signals = rule_signals(frame.iloc[rows], settings)
    count = len(prices.close)
    found = {
        RULES_COLUMN: slot_values(prices, signals, cost),
        HOLD_COLUMN: slot_values(prices, RuleSignals.holding(count), cost),
    }
    if knows_base(frame):
        alone = base_signals(frame.iloc[rows], settings)
        found[BASE_COLUMN] = slot_values(prices, alone, cost)
    before = np.ones(len(frame) - count)
    whole = {name: np.r_[before, values] for name, values in found.items()}
    return pd.DataFrame(whole, index=frame.index)


def shadow_curves(
    frames: Mapping[str, pd.DataFrame], timeframe: str, settings: Settings, cost: float
) -> pd.DataFrame:
    """What a whole bot would have made of one unit: for reports.

    :param frames: analysed candles of position mode by pair, of one range; each pair is a slot
    :param timeframe: and ``cost`` as in :func:`shadow_columns`
    :return: by ``date`` (opening time of the candle): ``shadow_rules``, slots that share the
        capital equally at all times, ``shadow_base``, the same with one model, where any pair has
        its answers, and ``shadow_hold``, equal parts of the capital that are bought once; a pair
        that comes later earns nothing before

    Of a backtest, with the frames that freqtrade has analysed::

        curves = shadow_curves(frames, "5m", settings, side_cost(config, settings))
    """
    rules, holds, bases = {}, {}, {}
    for pair, frame in frames.items():
        known = frame.iloc[_known_rows(frame)]
        prices = _prices(known, timeframe, settings)
        rules[pair] = pd.Series(
            slot_returns(prices, rule_signals(known, settings), cost), index=known["date"]
        )
        alone = base_signals(known, settings)
        bases[pair] = pd.Series(slot_returns(prices, alone, cost), index=known["date"])
        values = slot_values(prices, RuleSignals.holding(len(known)), cost)
        holds[pair] = pd.Series(values, index=known["date"])
    returns, worths = pd.DataFrame(rules).sort_index(), pd.DataFrame(holds).sort_index()
    curves = {
        RULES_COLUMN: index_of(returns.to_numpy(dtype=np.float64)),
        HOLD_COLUMN: worths.ffill().fillna(1.0).mean(axis=1),
    }
    if any(knows_base(frame) for frame in frames.values()):
        by_base = pd.DataFrame(bases).sort_index()
        curves[BASE_COLUMN] = index_of(by_base.to_numpy(dtype=np.float64))
    return pd.DataFrame(curves, index=returns.index)


def _known_rows(frame: pd.DataFrame) -> slice:
    """From the first candle on whose regime is known."""
    known: NDArray[np.int64] = np.flatnonzero(frame["regime"].notna())
    return slice(int(known[0]) if len(known) else len(frame), None)


def _prices(frame: pd.DataFrame, timeframe: str, settings: Settings) -> Prices:
    if frame.empty:
        return Prices(*(np.empty(0) for _ in range(4)))
    good = cleaned_once(frame[OHLCV], timeframe, settings.safety)
    columns = (good[name].to_numpy(dtype=np.float64) for name in ("open", "high", "low", "close"))
    return Prices(*columns)
