"""The regime of every candle: rules trend, change, volatility and vote.

:func:`regime_columns` is the one function behind the strategy, both models and every command.
Each measure is computed window by window from a fixed number of candles, so that its value does
not depend on where a frame begins. Rows without enough history are UNKNOWN.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from regimeswitch.candles import COUNTED, merge_causally, resample, timeframe_seconds
from regimeswitch.settings import EMA_LENGTHS, RegimeSettings
from regimeswitch.switching import (
    BEAR,
    BULL,
    SIDEWAYS,
    UNKNOWN,
    Codes,
    after_grace,
    age,
    banded_state,
    pending,
)


NAMES = {BULL: "bull", BEAR: "bear", SIDEWAYS: "sideways"}
CODES = {name: code for code, name in NAMES.items()}
STALE_RULE_CANDLES = 3
REGIME_COLUMNS = (
    *("regime_raw", "regime", "regime_pending"),
    *("regime_code", "regime_age", "regime_distance"),
)
"""What :func:`regime_columns` gives."""

Floats = NDArray[np.float64]


def window_mean(values: Floats, length: int) -> Floats:
    """Mean of the last ``length`` rows, row t included; NaN for the first ``length - 1`` rows.

    Every window is summed by itself: a running sum would carry the start of the frame along.
    """
    result = np.full(len(values), np.nan)
    if len(values) >= length:
        windows = sliding_window_view(np.ascontiguousarray(values), length)
        result[length - 1 :] = windows.mean(axis=1)
    return result


def window_std(values: Floats, length: int) -> Floats:
    """Standard deviation (divisor n) of the last ``length`` rows, row t included."""
    result = np.full(len(values), np.nan)
    if len(values) >= length:
        windows = sliding_window_view(np.ascontiguousarray(values), length)
        result[length - 1 :] = windows.std(axis=1)
    return result


def window_ema(values: Floats, period: int) -> Floats:
    """Exponential average (weight 2 / (period + 1)) over the last ``4 * period`` rows only.

    The cut makes it independent of where the frame begins; the weights left out sum to 0.03 %.
    """
    length = period * EMA_LENGTHS
    result = np.full(len(values), np.nan)
    if len(values) >= length:
        weights = (1 - 2 / (period + 1)) ** np.arange(length)[::-1]
        windows = sliding_window_view(np.ascontiguousarray(values), length)
        result[length - 1 :] = (windows * (weights / weights.sum())).sum(axis=1)
    return result


def average_true_range(candles: pd.DataFrame, period: int) -> Floats:
    """Simple mean of the true range over ``period`` candles, in price units.

    True range: Wilder, New Concepts in Technical Trading Systems, 1978. The simple mean replaces
    his recursive one, which never forgets its start. The first ``period`` rows are NaN.
    """
    high = candles["high"].to_numpy(dtype=np.float64)
    low = candles["low"].to_numpy(dtype=np.float64)
    close = candles["close"].to_numpy(dtype=np.float64)
    before = np.r_[np.nan, close[:-1]][: len(close)]
    true_range = np.maximum(high, before) - np.minimum(low, before)
    return window_mean(true_range, period)


def five_minute_range(candles: pd.DataFrame, period: int, timeframe: str) -> Floats:
    """Average true range of a 5-minute candle, from candles of the base timeframe.

    The range of a price that wanders grows with the square root of time (Feller, The asymptotic
    distribution of the range of sums of independent random variables, 1951), so that multiples of
    it mean the same distance with every base timeframe.

    :param candles: of the base timeframe, sorted by date, shape (n, ...)
    :param period: candles of the base timeframe
    :param timeframe: of ``candles``
    :return: price units, shape (n,); row t uses candles up to t; NaN for the first ``period`` rows
    """
    length = timeframe_seconds(timeframe) / timeframe_seconds(COUNTED)
    return np.asarray(average_true_range(candles, period) / np.sqrt(length))


def average_distance(candles: pd.DataFrame, settings: RegimeSettings) -> Floats:
    """Distance of the close from its moving average, in ATR multiples or in percent."""
    close = candles["close"].to_numpy(dtype=np.float64)
    smooth = window_ema if settings.average == "ema" else window_mean
    average = smooth(close, settings.average_period)
    if settings.unit == "percent":
        return (_ratio(close, average) - 1) * 100
    return _ratio(close - average, average_true_range(candles, settings.atr_period))


def trend_rule(candles: pd.DataFrame, settings: RegimeSettings) -> Codes:
    """Rule ``trend``: the distance from the average against its bands."""
    return _symmetric(
        average_distance(candles, settings), settings.trend_enter, settings.trend_exit
    )


def change_rule(candles: pd.DataFrame, settings: RegimeSettings) -> Codes:
    """Rule ``change``: the price change over ``change_days`` against its thresholds."""
    close = candles["close"].to_numpy(dtype=np.float64)
    span = settings.change_candles
    change = np.full(len(close), np.nan)
    change[span:] = _ratio(close[span:], close[: max(len(close) - span, 0)]) - 1
    return banded_state(
        change,
        bull_enter=settings.change_bull,
        bull_exit=settings.change_exit,
        bear_enter=settings.change_bear,
        bear_exit=-settings.change_exit,
    )


def volatility_rule(candles: pd.DataFrame, settings: RegimeSettings) -> Codes:
    """Rule ``volatility``: choppy is sideways; trending is bull above the average, bear below.

    Trending means that ATR and Bollinger-band width stand above their own mean of the last
    ``volatility_window`` candles: the mean of their two excesses (a fraction), against its bands.
    """
    close = candles["close"].to_numpy(dtype=np.float64)
    atr = _ratio(average_true_range(candles, settings.bollinger_period), close)
    middle = window_mean(close, settings.bollinger_period)
    width = _ratio(4 * window_std(close, settings.bollinger_period), middle)
    past = settings.volatility_window
    excess = (_ratio(atr, window_mean(atr, past)) + _ratio(width, window_mean(width, past))) / 2 - 1
    side = np.sign(average_distance(candles, settings))
    signed = np.maximum(excess, 0) * side
    # Choppy is exactly zero here, which must lie inside the exit band also when that is zero.
    least = float(np.finfo(np.float64).tiny)
    enter, leave = max(settings.volatility_enter, least), max(settings.volatility_exit, least)
    return _symmetric(signed, enter, leave)


def vote_rule(candles: pd.DataFrame, settings: RegimeSettings) -> Codes:
    """Rule ``vote``: what at least two of the three rules say, else sideways.

    UNKNOWN as long as one of the three is.
    """
    votes = np.stack(
        [rule(candles, settings) for rule in (trend_rule, change_rule, volatility_rule)]
    )
    result = np.full(votes.shape[1], SIDEWAYS, dtype=np.int8)
    for code in (BULL, BEAR):
        result[(votes == code).sum(axis=0) >= 2] = code
    result[(votes == UNKNOWN).any(axis=0)] = UNKNOWN
    return result


RULES = {
    "trend": trend_rule,
    "change": change_rule,
    "volatility": volatility_rule,
    "vote": vote_rule,
}


def raw_regimes(candles: pd.DataFrame, settings: RegimeSettings) -> Codes:
    """The rule's verdict on each of its own candles, row t known at the close of candle t.

    :param candles: candles of ``settings.timeframe`` of the anchor pair, sorted by date
    :return: codes of :mod:`regimeswitch.switching`, shape (n,)
    """
    return RULES[settings.rule](candles, settings)


def regime_columns(
    base: pd.DataFrame,
    settings: RegimeSettings,
    rule_candles: pd.DataFrame | None = None,
    timeframe: str = "5m",
) -> pd.DataFrame:
    """Regime columns for a frame of base candles.

    :param base: candles of the traded pair; index and length are kept, nothing is modified
    :param settings: the section ``regime``
    :param rule_candles: candles of ``settings.timeframe`` of the anchor pair. None or empty: they
        are made from ``base`` itself, which is then the anchor.
    :param timeframe: of ``base``
    :return: frame with the columns ``regime_raw``, ``regime``, ``regime_pending`` (text, missing =
        UNKNOWN), ``regime_code`` (1 bull, 2 bear, 3 sideways, 0 UNKNOWN), ``regime_age`` (candles
        since the last switch) and ``regime_distance`` (of the rule candle's close from its
        average, in ``settings.unit``). Row t uses rule candles that closed at or before its close.
    """
    if rule_candles is None or rule_candles.empty:
        rule_candles = _own_rule_candles(base, settings, timeframe)
    rules = pd.DataFrame(
        {
            "date": rule_candles["date"],
            "raw": raw_regimes(rule_candles, settings),
            "distance": average_distance(rule_candles, settings),
        }
    )
    stale = STALE_RULE_CANDLES * timeframe_seconds(settings.timeframe)
    merged = merge_causally(base["date"], timeframe, rules, settings.timeframe, stale)
    raw = merged["raw"].fillna(UNKNOWN).to_numpy().astype(np.int8)
    active = after_grace(raw, settings.grace_in(timeframe))
    return pd.DataFrame(
        {
            "regime_raw": _names(raw),
            "regime": _names(active),
            "regime_pending": _names(pending(raw, active)),
            "regime_code": active,
            "regime_age": age(active),
            "regime_distance": merged["distance"].to_numpy(),
        },
        index=base.index,
    )


def _own_rule_candles(base: pd.DataFrame, settings: RegimeSettings, timeframe: str) -> pd.DataFrame:
    if timeframe_seconds(timeframe) > timeframe_seconds(settings.timeframe):
        raise ValueError(
            f"regimeswitch.regime.timeframe {settings.timeframe!r} is shorter than the base "
            f"timeframe {timeframe!r}; set it to {timeframe!r} or longer"
        )
    return resample(base, settings.timeframe, timeframe)


def _symmetric(measure: Floats, enter: float, leave: float) -> Codes:
    return banded_state(
        measure, bull_enter=enter, bull_exit=leave, bear_enter=-enter, bear_exit=-leave
    )


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient that is NaN, not infinite, where the denominator is zero."""
    safe = np.where(denominator == 0, np.nan, denominator)
    return np.asarray(numerator / safe, dtype=np.float64)


def _names(codes: Codes) -> pd.api.extensions.ExtensionArray:
    return pd.array([NAMES.get(code) for code in codes.tolist()], dtype="str")
