"""The table of answers as a page shows it; ``python -m regimeswitch.bot.meaningpage`` writes it.

The page is ``docs/faults.md``; what stands between the two marks is replaced, nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from regimeswitch.bot.meaningrows import Meaning
from regimeswitch.bot.meaningtable import TABLE


BEGIN, END = "<!-- table of answers: begin -->", "<!-- table of answers: end -->"
HEADINGS = ("answer", "the request", "entries", "exits", "next try", "said")


def markdown() -> str:
    """The whole table, with a line break at its end."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *(tuple(_cells(one)) for one in TABLE)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(one: Meaning) -> Iterator[str]:
    yield f"{one.key}: {one.name}"
    yield from (one.means, one.entries, one.exits, one.next_try, one.said_plainly)


def with_table(page: str) -> str:
    """A page with the table as it is now.

    :raises ValueError: when the page lacks one of the marks
    """
    before, begin, rest = page.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}")
    return f"{before}{begin}{markdown()}{end}{after}"


def main(names: list[str]) -> None:
    """Write the table into pages."""
    for name in names:
        path = Path(name)
        path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
