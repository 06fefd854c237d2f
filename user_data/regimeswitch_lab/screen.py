"""Where commands print their tables."""

from __future__ import annotations

import os

from rich.console import Console


WIDE = 10_000


def screen() -> Console:
    """Standard output; in a pipe or a file no table is cut, unless ``COLUMNS`` gives a width."""
    console = Console()
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(width=WIDE)
