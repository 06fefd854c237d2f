"""Tables of the commands, in pipes and in terminals."""

from __future__ import annotations

import pytest
from rich.table import Table

from regimeswitch_lab.screen import screen


NAMES = [f"a_column_with_a_long_name_{number:02}" for number in range(12)]


@pytest.mark.parametrize(("columns", "whole"), [(None, True), ("60", False)])
def test_a_table_is_whole_in_a_pipe_unless_a_width_is_given(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    columns: str | None,
    whole: bool,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    table = Table(*NAMES)
    table.add_row(*NAMES)
    screen().print(table)
    printed = capsys.readouterr().out
    assert all(printed.count(name) == 2 for name in NAMES) == whole
    assert "…" in printed or whole
