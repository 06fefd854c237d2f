"""Reasons for no entry by kind: a code for charts, and what would have to change.

A reason of the candles (:mod:`regimeswitch.bot.trading.entry_filters`) is the same in backtests and
live. What the account or a guard says is known to a running bot alone, for the candles that it has
judged itself; such a reason begins with the name of its kind, so that both can be kept apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regimeswitch.bot.trading import entry_filters


REASON_COLUMN, CODE_COLUMN = "no_trade_reason", "no_trade_code"
ACCOUNT, GUARD, LIMIT, MODEL_BOT = "account: ", "guard: ", "limit: ", "model bot: "
"""How a reason begins that does not come from the candles."""
PENDING = " pending"
NO_ANSWER_YET = f"{MODEL_BOT}no prediction yet"
"""Of a trading bot, for some seconds of every candle."""


@dataclass(frozen=True)
class ReasonKind:
    """Reasons that are drawn alike.

    :ivar label: beside its code in the chart
    :ivar meaning: which reasons these are
    """

    code: int
    label: str
    meaning: str


KINDS = (
    ReasonKind(0, "may enter", "nothing keeps the pair from being entered"),
    ReasonKind(1, "data", "candles, regime, volatility or a prediction are missing or bad"),
    ReasonKind(2, "regime", "the active regime is not one that positions are opened in"),
    ReasonKind(3, "switch pending", "the same, and a wanted regime serves its grace period"),
    ReasonKind(4, "models", "no proven edge, a weak forecast, a veto, or too much drift"),
    ReasonKind(
        5, "account", "slots, caps, money, the smallest order, a lock, a stop in this regime"
    ),
    ReasonKind(6, "guard", "orders, limits or candles of the exchange cannot be relied on"),
    ReasonKind(7, "loss limit", "the loss of a day or from the peak has reached its limit"),
    ReasonKind(8, "model bot", "a trading bot has no prediction of a model bot that it may use"),
)
"""Kinds by code."""

_DATA = {
    entry_filters.NO_PREDICTION: (
        "a model must have been trained, and its prediction not have expired"
    ),
    entry_filters.BAD_CANDLE: "the next candle must be a good one",
    entry_filters.NO_RANGE: "the pair must be traded again: the candle has no volume or no range",
    entry_filters.UNKNOWN_REGIME: (
        "the rule needs more candles, and one regime that holds for the whole grace period"
    ),
    entry_filters.LATE_RULE: "candles of the rule's timeframe must arrive again",
    entry_filters.UNKNOWN_VOLATILITY: "volatility and daily ATR need more candles of the pair",
}
_MODELS = {
    entry_filters.DRIFTED: (
        "a later training must bring age, PSI and calibration within regimeswitch.drift"
    ),
    entry_filters.NO_EDGE: "a later training must prove an expected move",
    entry_filters.WEAK: "the forecast must pass the threshold of its regime",
    entry_filters.BELOW_COSTS: "the expected move must exceed fees, slippage and margin",
    entry_filters.VETO: "the probability of sell must fall to that of buy plus entries.veto_margin",
    entry_filters.AGAINST: "the same answer would close the position: it must turn",
}
_OTHERS = {
    f"{ACCOUNT}all ": "a position must be closed, or max_open_trades be raised",
    f"{ACCOUNT}locked until ": "the lock must end, or be deleted (FreqUI, or /unlock)",
    f"{ACCOUNT}stopped out": "the regime must end and begin anew",
    f"{ACCOUNT}the stake is below": "a slot must be worth more: more capital, fewer pairs or slots",
    f"{ACCOUNT}no money": "a position must be closed, or money be added",
    f"{ACCOUNT}risk.": "a position must be closed, or the named key be raised",
    f"{ACCOUNT}the regime of": "the rule needs more candles",
    NO_ANSWER_YET: "the model bot's row must arrive",
    f"{MODEL_BOT}no model bot": "a model bot with the pair in its list must run",
    MODEL_BOT: "the model bot must run, with the version and settings of this bot",
    GUARD: "it clears by itself once the cause is gone; orders in doubt: `regimeswitch orders`",
    f"{LIMIT}the loss of the day": "the next day must begin, 00:00 UTC",
    f"{LIMIT}the loss from": "the pause of risk.peak_pause_days must be over",
    f"{LIMIT}the equity": "a price of each open position is needed",
}
"""What would have to change, by how a reason of account or guards begins."""
_PREFIXES = {ACCOUNT: 5, GUARD: 6, LIMIT: 7, MODEL_BOT: 8}


def is_of_candles(reason: str) -> bool:
    """Whether a reason is one that a backtest of the same candles has as well."""
    return not reason.startswith(tuple(_PREFIXES))


def candle_reason(reason: str) -> str:
    """What the candles alone say: nothing where account or guard keep the pair out."""
    return reason if is_of_candles(reason) else ""


def candle_code(code: int) -> int:
    """The same of a code."""
    return 0 if code in _PREFIXES.values() else code


def code_of(reason: str) -> int:
    """Code of a reason's kind."""
    if reason in _DATA:
        return 1
    if reason in _MODELS:
        return 4
    if reason.startswith("regime "):
        return 3 if reason.endswith(PENDING) else 2
    return next((code for begin, code in _PREFIXES.items() if reason.startswith(begin)), 0)


def codes_of(reasons: pd.Series) -> pd.Series:
    """Code of each candle's reason, shape (n,), same index."""
    places, kinds = pd.factorize(reasons)
    codes = np.array([code_of(reason) for reason in kinds], dtype=np.int8)
    return pd.Series(codes[places], reasons.index)


def change_wanted(reason: str) -> str:
    """What would have to change; empty for a regime, whose needs depend on the settings."""
    known = (_DATA | _MODELS).get(reason, "")
    others = (change for begin, change in _OTHERS.items() if reason.startswith(begin))
    return known or next(others, "")


def legend() -> str:
    """The codes in one line, as the name of an axis."""
    return ", ".join(f"{kind.code} {kind.label}" for kind in KINDS)
