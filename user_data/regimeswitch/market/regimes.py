"""The regime of every candle: rules trend, change, volatility and vote.

:func:`regime_columns` is the one function behind the strategy, both models and every command.
Each measure is computed window by window from a fixed number of candles, so that its value does
not depend on where a frame begins. Rows without enough history are UNKNOWN.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regimeswitch.market.candles import COUNTED, resample, seen_rows, timeframe_seconds
from regimeswitch.market.hysteresis import (
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
from regimeswitch.market.windows import window_ema, window_mean, window_std
from regimeswitch.settings import RegimeSettings


NAMES = {BULL: "bull", BEAR: "bear", SIDEWAYS: "sideways"}
CODES = {name: code for code, name in NAMES.items()}
NAMED = pd.array(
    [NAMES.get(code) for code in range(len(NAMES) + 1)],
    dtype=pd.StringDtype("python", na_value=np.nan),
)
"""A code's name at its place; missing for UNKNOWN. As Python objects: taken ten times as fast as
from Arrow arrays."""
STALE_RULE_CANDLES = 3
REGIME_COLUMNS = (
    *("regime_raw", "regime", "regime_pending"),
    *("regime_code", "regime_age", "regime_distance"),
)
"""What :func:`regime_columns` gives."""

Floats = NDArray[np.float64]


def average_true_range(candles: pd.DataFrame, period: int) -> Floats:
    """Simple mean of the true range over ``period`` candles, in price units.

    True range: Wilder, New Concepts in Technical Trading Systems, 1978. The simple mean replaces
    his recursive one, which never forgets its start.

    :param candles: frame of one pair, sorted by date; high, low and close are read
    :param period: in candles, the last one included
    :return: shape (n,); NaN for the first ``period`` rows, since a true range needs the close
        before it, and where a window holds a NaN
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


def moving_average(candles: pd.DataFrame, settings: RegimeSettings) -> Floats:
    """The average that the rule measures from.

    :param candles: rule candles of one pair, sorted by date
    :param settings: the section ``regime``: ``average`` and ``average_period``
    :return: price units, shape (n,); row t includes candle t; NaN while it is warming up
    """
    close = candles["close"].to_numpy(dtype=np.float64)
    smooth = window_ema if settings.average == "ema" else window_mean
    return smooth(close, settings.average_period)


def average_distance(candles: pd.DataFrame, settings: RegimeSettings) -> Floats:
    """Distance of the close from its moving average; positive above it.

    :param candles: rule candles of one pair, sorted by date
    :param settings: the section ``regime``; its average, its ``unit`` and its ATR
    :return: shape (n,), in ATR multiples or in percent of the average. Row t includes candle t. NaN
        while an average is warming up, and where its unit (ATR or average) is zero
    """
    close = candles["close"].to_numpy(dtype=np.float64)
    average = moving_average(candles, settings)
    if settings.unit == "percent":
        return (_ratio(close, average) - 1) * 100
    return _ratio(close - average, average_true_range(candles, settings.atr_period))


def trend_rule(candles: pd.DataFrame, settings: RegimeSettings) -> Codes:
    """Rule ``trend``: :func:`average_distance` against its bands.

    Bull from ``trend_enter`` on until below ``trend_exit``, bear mirrored, else sideways.

    :param candles: rule candles of one pair, sorted by date
    :param settings: the section ``regime``
    :return: codes, shape (n,); UNKNOWN where the distance is NaN, see
        :func:`regimeswitch.market.hysteresis.banded_state`

    >>> settings = RegimeSettings(
    ...     average_period=5, unit="percent", trend_enter=3.0, trend_exit=1.0
    ... )
    >>> closes = [100, 100, 100, 100, 100, 106, 104, 103, 100, 90]
    >>> candles = pd.DataFrame({"close": closes})
    >>> average_distance(candles, settings).round(1).tolist()[4:]
    [0.0, 4.7, 2.0, 0.4, -2.5, -10.5]
    >>> [NAMES[code] for code in trend_rule(candles, settings).tolist()[4:]]
    ['sideways', 'bull', 'bull', 'sideways', 'sideways', 'bear']
    """
    return _symmetric(
        average_distance(candles, settings), settings.trend_enter, settings.trend_exit
    )


def change_rule(candles: pd.DataFrame, settings: RegimeSettings) -> Codes:
    """Rule ``change``: the price change over ``change_days``, a fraction, against its bands.

    :param candles: rule candles of one pair, sorted by date; candles are counted, so that a span
        with a gap in it is longer than ``change_days``
    :param settings: the section ``regime``
    :return: codes, shape (n,); UNKNOWN for the first ``settings.change_candles`` rows, and where
        one of both closes is NaN or the earlier one zero
    """
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
    Bollinger, Bollinger on Bollinger Bands, 2001: the bands lie two standard deviations around the
    mean, the width is their distance relative to it.

    :param candles: rule candles of one pair, sorted by date
    :param settings: the section ``regime``; ATR and bands have the length ``bollinger_period``, the
        average is that of :func:`average_distance`
    :return: codes, shape (n,); UNKNOWN while one of the measures is warming up or is divided by
        zero, as after ``volatility_window`` candles without any move
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

    :param candles: rule candles of one pair, sorted by date
    :param settings: the section ``regime``
    :return: codes, shape (n,); UNKNOWN where one of the three is
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
    :param settings: the section ``regime``; ``rule`` names one of :data:`RULES`
    :return: codes of :mod:`regimeswitch.market.hysteresis`, shape (n,)
    """
    return RULES[settings.rule](candles, settings)


def regime_columns(
    base: pd.DataFrame,
    settings: RegimeSettings,
    rule_candles: pd.DataFrame | None = None,
    timeframe: str = "5m",
) -> pd.DataFrame:
    """Regime columns for a frame of base candles.

    A raw regime becomes active when it has held for the grace period without a break. UNKNOWN rows
    after that (no rule candle, or one that is too old) leave the active regime as it is.

    :param base: candles of the traded pair, sorted by date; index and length are kept, nothing is
        modified
    :param settings: the section ``regime``
    :param rule_candles: candles of ``settings.timeframe`` of the anchor pair. None or empty: they
        are made from ``base`` itself, which is then the anchor.
    :param timeframe: of ``base``; it divides ``settings.timeframe``
    :return: frame with the columns ``regime_raw``, ``regime``, ``regime_pending`` (text, missing =
        UNKNOWN), ``regime_code`` (1 bull, 2 bear, 3 sideways, 0 UNKNOWN), ``regime_age`` (candles
        since the last switch) and ``regime_distance`` (of the rule candle's close from its
        average, in ``settings.unit``). Row t uses rule candles that closed at or before its close;
        a last one that closed more than :data:`STALE_RULE_CANDLES` of its lengths before gives
        a raw UNKNOWN and no distance.
    :raises ValueError: when ``base`` is to make the rule candles and its timeframe is the longer

    >>> settings = RegimeSettings(
    ...     timeframe="15m", average_period=5, unit="percent", grace_candles=2
    ... )
    >>> price = np.r_[np.full(15, 100.0), 102.0, 104.0, 106.0, 106.0, 106.0]
    >>> base = pd.DataFrame(dict.fromkeys(["open", "high", "low", "close", "volume"], price))
    >>> base["date"] = pd.date_range("2024-01-01", periods=20, freq="5min", tz="UTC")
    >>> regime_columns(base, settings).iloc[14:, :4].fillna("-")
       regime_raw    regime regime_pending  regime_code
    14   sideways         -              -            0
    15   sideways  sideways              -            3
    16   sideways  sideways              -            3
    17       bull  sideways           bull            3
    18       bull      bull              -            1
    19       bull      bull              -            1

    Row 17 closes at 01:30 and is the first to see the 15m candle of 01:15; one row later bull has
    held for two candles.
    """
    if rule_candles is None or rule_candles.empty:
        rule_candles = _own_rule_candles(base, settings, timeframe)
    stale = STALE_RULE_CANDLES * timeframe_seconds(settings.timeframe)
    rows = seen_rows(base["date"], timeframe, rule_candles["date"], settings.timeframe, stale)
    # The row -1 of a candle that sees none is the one put at the end.
    raw = np.r_[raw_regimes(rule_candles, settings), np.int8(UNKNOWN)][rows]
    distance = np.r_[average_distance(rule_candles, settings), np.nan][rows]
    active = after_grace(raw, settings.grace_in(timeframe))
    return pd.DataFrame(
        {
            "regime_raw": _names(raw),
            "regime": _names(active),
            "regime_pending": _names(pending(raw, active)),
            "regime_code": active,
            "regime_age": age(active),
            "regime_distance": distance,
        },
        index=base.index,
        copy=False,
    )


def by_regime(codes: pd.Series, values: Mapping[str, float]) -> Floats:
    """A number of each candle's regime.

    :param codes: ``regime_code`` of :func:`regime_columns`, shape (n,)
    :param values: by name of the regime
    :return: shape (n,); NaN where the regime is UNKNOWN

    >>> by_regime(pd.Series([1, 0, 3]), {"bull": 0.3, "bear": 0.5, "sideways": 0.4}).tolist()
    [0.3, nan, 0.4]
    """
    known = np.array([np.nan, *(values[NAMES[code]] for code in range(1, len(NAMES) + 1))])
    return np.asarray(known[codes.to_numpy(dtype=np.int64)])


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
    return NAMED.take(codes)
