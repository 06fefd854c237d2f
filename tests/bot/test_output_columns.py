"""The list of output columns: complete, and the page is its current form."""

from __future__ import annotations

from pathlib import Path

from project import ROOT
from regimeswitch.bot.freqai.columns import OUTPUTS, POSITION_OUTPUTS, TRAINED_COLUMN
from regimeswitch.bot.output_columns import OUTPUT_COLUMNS, main, markdown
from regimeswitch.market.labels import CLASSES
from regimeswitch.market.regimes import REGIME_COLUMNS
from regimeswitch.market.volatility import POSITION_COLUMNS
from regimeswitch.risk.model_additions import SCALE_COLUMN


def test_every_column_is_in_the_list_once() -> None:
    names = [one.name for one in OUTPUT_COLUMNS]
    assert len(set(names)) == len(names)
    assert {*REGIME_COLUMNS, *POSITION_COLUMNS, SCALE_COLUMN, *CLASSES} <= {*names}
    assert {*OUTPUTS, *POSITION_OUTPUTS, TRAINED_COLUMN} <= {*names}


def test_the_page_is_current_and_written_by_the_module(tmp_path: Path) -> None:
    page = tmp_path / "columns.md"
    main([str(page)])
    assert (ROOT / "docs/columns.md").read_text() == page.read_text() == "".join(markdown())
