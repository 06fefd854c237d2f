"""Where and how commands print their tables."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


WIDE = 10_000


def screen() -> Console:
    """Standard output; in a pipe or a file no table is cut, unless ``COLUMNS`` gives a width."""
    console = Console()
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(width=WIDE)


def table_of(
    title: str | None,
    headings: Sequence[str],
    rows: Iterable[Iterable[Any]],
    *,
    caption: str | None = None,
    words: int = 1,
) -> Table:
    """A table of words and numbers.

    :param words: so many columns from the left are words, the others are numbers
    """
    table = Table(title=title, caption=caption)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number < words else "right")
    for row in rows:
        table.add_row(*map(str, row))
    return table
