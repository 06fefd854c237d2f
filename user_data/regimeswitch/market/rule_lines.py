"""The regime rule as lines: prices at which its raw regime begins and ends, for charts.

The lines change no decision. They are the thresholds of :mod:`regimeswitch.market.regimes`, solved
for the close of the rule's candle, so that a close above a line means what the rule means by it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from regimeswitch.market.candles import seen_rows, timeframe_seconds
from regimeswitch.market.regimes import STALE_RULE_CANDLES, average_true_range, moving_average
from regimeswitch.settings import RegimeSettings


AVERAGE_LINE = "rule_average"
BAND_LINES = ("rule_bull_enter", "rule_bull_exit", "rule_bear_exit", "rule_bear_enter")
"""From the highest to the lowest."""
DISTANCE_LINES = (
    *("distance_bull_enter", "distance_bull_exit"),
    *("distance_bear_exit", "distance_bear_enter"),
)
"""The same on the scale of ``regime_distance``."""


def price_lines(settings: RegimeSettings) -> tuple[str, ...]:
    """Lines of a rule in the price pane.

    The rule volatility has no price at which it turns, and the vote has three answers: of it the
    lines are those of its rule trend.
    """
    lines = {
        "trend": (AVERAGE_LINE, *BAND_LINES),
        "change": BAND_LINES,
        "volatility": (AVERAGE_LINE,),
        "vote": (AVERAGE_LINE, *BAND_LINES),
    }
    return lines[settings.rule]


def distance_lines(settings: RegimeSettings) -> dict[str, float]:
    """Thresholds of ``regime_distance`` by column; empty for a rule that does not look at it."""
    if settings.rule not in ("trend", "vote"):
        return {}
    enter, leave = settings.trend_enter, settings.trend_exit
    return dict(zip(DISTANCE_LINES, (enter, leave, -leave, -enter), strict=True))


def rule_prices(candles: pd.DataFrame, settings: RegimeSettings) -> pd.DataFrame:
    """Average and bands of the rule on each of its own candles.

    :param candles: rule candles of one pair, sorted by date, shape (n, ...)
    :param settings: the section ``regime``
    :return: the columns :func:`price_lines`, price units, shape (n, lines); row t includes candle t
        where it is an average or an ATR. NaN while what a line needs is warming up

    >>> settings = RegimeSettings(
    ...     average_period=5, unit="percent", trend_enter=3.0, trend_exit=1.0
    ... )
    >>> candles = pd.DataFrame({"close": [100.0] * 5})
    >>> rule_prices(candles, settings).iloc[-1].round(6).tolist()
    [100.0, 103.0, 101.0, 99.0, 97.0]
    """
    lines = price_lines(settings)
    if settings.rule == "change":
        begin = candles["close"].shift(settings.change_candles)
        shares = (
            *(settings.change_bull, settings.change_exit),
            *(-settings.change_exit, settings.change_bear),
        )
        bands = [begin * (1 + share) for share in shares]
        return pd.DataFrame(dict(zip(lines, bands, strict=True)), index=candles.index)
    average = pd.Series(moving_average(candles, settings), index=candles.index)
    columns = {AVERAGE_LINE: average}
    if BAND_LINES[0] in lines:
        unit = (
            average / 100
            if settings.unit == "percent"
            else pd.Series(average_true_range(candles, settings.atr_period), index=candles.index)
        )
        multiples = distance_lines(settings).values()
        bands = [average + multiple * unit for multiple in multiples]
        columns |= dict(zip(BAND_LINES, bands, strict=True))
    return pd.DataFrame(columns)


def rule_line_columns(
    base: pd.DataFrame, candles: pd.DataFrame, settings: RegimeSettings, timeframe: str
) -> pd.DataFrame:
    """The lines of the rule for a frame of base candles.

    :param base: candles of the traded pair, sorted by date; index and length are kept
    :param candles: of ``settings.timeframe`` and of the same pair, sorted by date
    :param timeframe: of ``base``
    :return: the columns of :func:`price_lines` and :func:`distance_lines`; row t uses candles that
        closed at or before its close; NaN where they are not known yet, or are stale
    """
    prices = rule_prices(candles, settings)
    stale = STALE_RULE_CANDLES * timeframe_seconds(settings.timeframe)
    times = (base["date"], timeframe, candles["date"], settings.timeframe, stale)
    # The row -1 of a candle that sees none is the one put at the end.
    seen = np.vstack([prices.to_numpy(), np.full(len(prices.columns), np.nan)])[seen_rows(*times)]
    lines = dict(zip(prices.columns, seen.T, strict=True)) | distance_lines(settings)
    return pd.DataFrame(lines, index=base.index)
