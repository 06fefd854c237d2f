"""The tables of answers and states as a page shows them.

``python -m regimeswitch.bot.connection.response_page docs/faults.md`` writes them into the page;
what stands between their marks is replaced, nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from regimeswitch.bot.connection.response_rows import Meaning
from regimeswitch.bot.connection.response_states import STATES
from regimeswitch.bot.connection.response_table import TABLE


BEGIN, END = "<!-- {}: begin -->", "<!-- {}: end -->"
HEADINGS = ("answer", "the request", "entries", "exits", "next try", "said")
TABLES = {"table of answers": TABLE, "table of states": STATES}


def markdown(rows: Sequence[Meaning]) -> str:
    """A whole table, with a line break at its end."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(tuple(_cells(one)) for one in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(one: Meaning) -> Iterator[str]:
    yield f"{one.key}: {one.name}"
    yield from (one.means, one.entries, one.exits, one.next_try, one.said_plainly)


def with_tables(page: str) -> str:
    """A page with the tables as they are now.

    :raises ValueError: when the page lacks one of the marks
    """
    for name, rows in TABLES.items():
        before, begin, rest = page.partition(f"{BEGIN.format(name)}\n")
        _, end, after = rest.partition(END.format(name))
        if not begin or not end:
            raise ValueError(f"the page needs the marks of the {name}: {BEGIN.format(name)!r}")
        page = f"{before}{begin}{markdown(rows)}{end}{after}"
    return page


def main(names: list[str]) -> None:
    """Write the table into pages."""
    for name in names:
        path = Path(name)
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
