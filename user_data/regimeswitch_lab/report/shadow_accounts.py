"""The shadow book of a run as accounts: what other ways to trade the same candles had made."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from regimeswitch.bot.bot_settings import is_learning
from regimeswitch.bot.trading.shadow_columns import (
    BASE_ANSWERS,
    BASE_COLUMN,
    HOLD_COLUMN,
    RULES_COLUMN,
    shadow_curves,
    side_cost,
)
from regimeswitch.risk.model_additions import MODEL_WEIGHT_COLUMN
from regimeswitch.settings.modes import POSITION
from regimeswitch_lab.report.candle_history import Histories
from regimeswitch_lab.report.report_source import Note, Source
from regimeswitch_lab.report.shadow_balances import shadow_balances
from regimeswitch_lab.report.stored_forecasts import stored_frames


NAMES = {
    RULES_COLUMN: "rules alone (shadow)",
    BASE_COLUMN: "rules with one model (shadow)",
    HOLD_COLUMN: "buy and hold with costs (shadow)",
}
"""What the page calls them."""
NO_MODEL = Note(
    "No account of one model: no model is configured.",
    'Train models: regimeswitch.models.sub_models other than "none", and freqai.enabled true.',
)
NOT_KEPT = Note(
    "No account of one model: the answers of its base were not kept for this run.",
    "Backtest again with this version, or let the bot run for a whole day with it.",
)


def shadow_accounts(
    source: Source, histories: Histories, folder: Path | None
) -> tuple[dict[str, pd.DataFrame], Note | None]:
    """Balances by name, and why that of one model is missing.

    None in signal mode, which has no shadow book, and without candles.

    :param folder: of one FreqAI identifier; None = where the source says
    :raises regimeswitch_lab.inputs.InputError: when a file of forecasts cannot be read
    """
    if source.settings.entries.mode != POSITION or not histories.pairs:
        return {}, None
    frames = {one.pair: one.frame for one in histories.pairs}
    for history, stored in stored_frames(source, histories, folder, ()):
        known = [name for name in (*BASE_ANSWERS, MODEL_WEIGHT_COLUMN) if name in stored]
        frames[history.pair] = history.frame.assign(**stored[["do_predict", *known]])
    cost = side_cost(source.config, source.settings)
    curves = shadow_curves(frames, source.timeframe, source.settings, cost)
    missing = None
    if BASE_COLUMN not in curves:
        missing = NOT_KEPT if is_learning(source.config, source.settings) else NO_MODEL
    return shadow_balances(curves, NAMES, source.capital), missing
