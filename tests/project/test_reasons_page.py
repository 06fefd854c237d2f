"""docs/regimes.md names every reason for no entry."""

from __future__ import annotations

import re

import pytest

from project import ROOT
from regimeswitch.bot.trading import entry_filters


PAGE = " ".join((ROOT / "docs/regimes.md").read_text().split())
REASONS = [
    value
    for name, value in vars(entry_filters).items()
    if re.fullmatch(r"[A-Z_]+", name) and isinstance(value, str) and " " in value
]


@pytest.mark.parametrize("reason", REASONS)
def test_the_page_names_the_reason(reason: str) -> None:
    assert f"`{reason}`" in PAGE


def test_every_reason_was_looked_for() -> None:
    assert {"no range", "no proven edge", "volatility unknown"} <= set(REASONS)
