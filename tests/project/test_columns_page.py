"""docs/regimes.md names every column of an analysed frame and every reason for no entry."""

from __future__ import annotations

import re

import pytest

from project import ROOT
from regimeswitch.bot.freqai.columns import POSITION_OUTPUTS, TRAINED_COLUMN
from regimeswitch.bot.trading import entry_filters
from regimeswitch.market.labels import CLASS_COLUMN, CLASSES, RETURN_COLUMN, VOLATILITY_TARGET
from regimeswitch.market.regimes import REGIME_COLUMNS
from regimeswitch.market.volatility import DAILY_ATR_COLUMN, VOLATILITY_COLUMN, WEIGHT_COLUMN
from regimeswitch.risk.model_additions import SCALE_COLUMN


PAGE = " ".join((ROOT / "docs/regimes.md").read_text().split())
OF_STRATEGY = ("bad_candle", "stop_atr", "no_trade_reason", "do_predict")
COLUMNS = (
    *(*REGIME_COLUMNS, *OF_STRATEGY, *POSITION_OUTPUTS, TRAINED_COLUMN, *CLASSES),
    *(VOLATILITY_COLUMN, WEIGHT_COLUMN, DAILY_ATR_COLUMN, SCALE_COLUMN),
    *(CLASS_COLUMN, RETURN_COLUMN, VOLATILITY_TARGET),
)
REASONS = [
    value
    for name, value in vars(entry_filters).items()
    if re.fullmatch(r"[A-Z_]+", name) and isinstance(value, str) and " " in value
]


@pytest.mark.parametrize("column", COLUMNS)
def test_the_page_names_the_column(column: str) -> None:
    assert f"`{column}`" in PAGE


@pytest.mark.parametrize("reason", REASONS)
def test_the_page_names_the_reason(reason: str) -> None:
    assert f"`{reason}`" in PAGE


def test_every_reason_was_looked_for() -> None:
    assert {"no range", "no proven edge", "volatility unknown"} <= set(REASONS)
