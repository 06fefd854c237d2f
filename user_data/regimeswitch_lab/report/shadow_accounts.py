"""The shadow book of a run as accounts: what other ways to trade the same candles had made."""

from __future__ import annotations

import pandas as pd

from regimeswitch.bot.trading.shadow_columns import (
    HOLD_COLUMN,
    RULES_COLUMN,
    shadow_curves,
    side_cost,
)
from regimeswitch.settings.modes import POSITION
from regimeswitch_lab.report.candle_history import Histories
from regimeswitch_lab.report.report_source import Source
from regimeswitch_lab.report.shadow_balances import shadow_balances


NAMES = {RULES_COLUMN: "rules alone (shadow)", HOLD_COLUMN: "buy and hold with costs (shadow)"}
"""What the page calls them."""


def shadow_accounts(source: Source, histories: Histories) -> dict[str, pd.DataFrame]:
    """Balances by name; none in signal mode, which has no shadow book, and without candles."""
    if source.settings.entries.mode != POSITION or not histories.pairs:
        return {}
    frames = {one.pair: one.frame for one in histories.pairs}
    cost = side_cost(source.config, source.settings)
    curves = shadow_curves(frames, source.timeframe, source.settings, cost)
    return shadow_balances(curves, NAMES, source.capital)
