"""Read a report page as a browser's parser does: tables, elements, embedded data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any


VOID = {"meta", "link", "br", "img", "input", "hr"}


@dataclass
class Table:
    """Texts of one table."""

    caption: str = ""
    rows: list[list[str]] = field(default_factory=list)
    unscoped: int = 0

    @property
    def body(self) -> dict[str, dict[str, str]]:
        """Cells by the first cell of their row and by column."""
        head, *rows = self.rows
        return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


class Page(HTMLParser):
    """One parsed page.

    :ivar elements: name and attributes of each
    :ivar text: all that is shown
    :ivar scripts: content of scripts and styles by id, or by their number
    :ivar unclosed: elements that are open at the end
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[Table] = []
        self.text = ""
        self.scripts: dict[str, str] = {}
        self.unclosed: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        if tag not in VOID:
            self.unclosed.append(tag)
        if tag == "table":
            self.tables.append(Table())
        elif tag == "tr" and self.tables:
            self.tables[-1].rows.append([])
        elif tag in ("td", "th") and self.tables:
            self.tables[-1].rows[-1].append("")
            self.tables[-1].unscoped += tag == "th" and "scope" not in found
        elif tag in ("script", "style"):
            self._inside = found.get("id") or f"{tag} {len(self.scripts)}"
            self.scripts[self._inside] = ""

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag
        if tag in ("script", "style"):
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts[self._inside] += data
            return
        self.text += data
        words = " ".join(data.replace("\N{NO-BREAK SPACE}", " ").split())
        if "caption" in self.unclosed:
            self.tables[-1].caption = f"{self.tables[-1].caption} {words}".strip()
        elif {"td", "th"} & set(self.unclosed):
            row = self.tables[-1].rows[-1]
            row[-1] = f"{row[-1]} {words}".strip()

    @property
    def words(self) -> str:
        """The text with its white space folded."""
        return " ".join(self.text.split())

    @property
    def data(self) -> dict[str, Any]:
        """What the charts draw."""
        found: dict[str, Any] = json.loads(self.scripts["data"])
        return found

    def table(self, caption: str) -> Table:
        """The one table whose caption begins so."""
        (found,) = [one for one in self.tables if one.caption.startswith(caption)]
        return found
