"""Where a regime ends that positions are held in: the exit marks, and what closes the rest.

The exit column of a strategy is what FreqUI draws. Set on every candle of an unwanted regime it
covers the chart; so it is set where such a regime begins, and a position that is open later all
the same (a candle that the bot has missed, an order that did not fill) is found by its regime.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from regimeswitch.bot.trading.signal_columns import put_signals
from regimeswitch.settings import REGIME_NAMES, Settings
from regimeswitch.settings.modes import POSITION


SHORT_OVER = "short_over"


def closing_regimes(settings: Settings, short: bool) -> tuple[str, ...]:
    """Regimes whose beginning closes positions.

    :param short: of short positions, which are held in bear
    """
    holds = settings.entries.mode == POSITION
    if short:
        return ("bull", "sideways") if holds else ("bull",)
    if holds:
        return tuple(name for name in REGIME_NAMES if name not in settings.entries.regimes)
    return settings.entries.exit_regimes


def end_tag(regime: str, settings: Settings, short: bool) -> str:
    """Reason of an exit that the beginning of a regime gives.

    :param regime: the one that begins
    """
    if short and settings.entries.mode != POSITION:
        return SHORT_OVER
    return f"regime_{regime}"


def regime_ends(regime: pd.Series, settings: Settings, short: bool) -> pd.Series:
    """The candles on which a regime gives way to one that closes positions.

    A switch between two such regimes counts as well: a position that a person has forced in one of
    them ends with it.

    :param regime: active regime of each candle, shape (n,); missing = UNKNOWN
    :param short: of short positions
    :return: booleans, same index; row t depends on rows t - 1 and t. False on the first row and
        after UNKNOWN: when that regime began is not known
    """
    before = regime.shift()
    closes = regime.isin(closing_regimes(settings, short))
    return closes & before.notna() & (before != regime)


def mark_ends(frame: pd.DataFrame, settings: Settings, short: bool) -> None:
    """Write the exit signals of regimes that end, with their tags, into a frame.

    :param frame: analysed candles with ``regime``
    :param short: of short positions
    """
    ends = regime_ends(frame["regime"], settings, short).to_numpy()
    texts = np.full(len(frame), None, dtype=object)
    texts[ends] = [end_tag(name, settings, short) for name in frame["regime"].to_numpy()[ends]]
    tags = pd.Series(texts, frame.index, dtype="str")
    put_signals(frame, ends, "exit_short" if short else "exit_long", "exit_tag", tags)
