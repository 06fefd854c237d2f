"""The diagram of docs/architecture.md as a picture, for pages that ask no network for anything.

``python website/diagram.py docs/architecture.md docs/pictures/architecture.svg`` draws it. GitHub
draws mermaid by itself; on a site a browser would have to load it from a CDN.
"""

from __future__ import annotations

import hashlib
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch


MERMAID = re.compile(r"```mermaid\n(.*?)```", re.DOTALL)
NODE = re.compile(r'^ +(\w+)[\[(]+"(.+?)"[\])]+$', re.MULTILINE)
ARROW = re.compile(r"^ +(\w+) (-->|-\.->) (\w+)$", re.MULTILINE)
LETTERS = 34
"""Of a line in a box."""
WIDTH, SPACE = 3.4, 0.5
"""Of a box, and between two, in inches; a line of text is 0.19 high."""
LINE = 0.19
DIRECT, FURTHER, CALL = "#1f2328", "#c8ced5", "#1f6feb"


@dataclass(frozen=True)
class Diagram:
    """Boxes and arrows.

    :ivar nodes: text by name
    :ivar imports: who imports whom
    :ivar calls: who starts whom while it runs
    """

    nodes: dict[str, str]
    imports: list[tuple[str, str]]
    calls: list[tuple[str, str]]

    @classmethod
    def read(cls, page: str) -> Diagram:
        """From a page with one mermaid flowchart.

        :raises ValueError: when there is none, or more
        """
        (text,) = MERMAID.findall(page)
        arrows = [(begin, kind, end) for begin, kind, end in ARROW.findall(text)]
        return cls(
            dict(NODE.findall(text)),
            [(begin, end) for begin, kind, end in arrows if kind == "-->"],
            [(begin, end) for begin, kind, end in arrows if kind != "-->"],
        )

    def depth(self, name: str) -> int:
        """Longest way from a box that nothing leads to."""
        above = [begin for begin, end in [*self.imports, *self.calls] if end == name]
        return 1 + max(map(self.depth, above)) if above else 0

    def is_direct(self, arrow: tuple[str, str]) -> bool:
        """No other way of arrows leads there."""
        begin, end = arrow
        arrows = [*self.imports, *self.calls]
        waiting = [b for a, b in arrows if a == begin and b != end]
        seen: set[str] = set()
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting += [b for a, b in arrows if a == one]
        return end not in seen


def digest(page: str) -> str:
    """Of the diagram's text; the picture carries it, so that an old one is found out."""
    (text,) = MERMAID.findall(page)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def draw(diagram: Diagram) -> Figure:
    """Boxes in rows by depth; arrows that skip a box on another way are pale."""
    rows: dict[int, list[str]] = {}
    for name in diagram.nodes:
        rows.setdefault(diagram.depth(name), []).append(name)
    texts = {name: textwrap.fill(text, LETTERS) for name, text in diagram.nodes.items()}
    heights = {name: LINE * (text.count("\n") + 1) + 0.25 for name, text in texts.items()}
    across = max(len(names) for names in rows.values()) * (WIDTH + SPACE) + SPACE
    down = sum(max(heights[name] for name in names) + 0.6 for names in rows.values())
    figure = Figure(figsize=(across, down))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, across), ylim=(0, down))
    axes.set_axis_off()
    axes.add_patch(FancyBboxPatch((0, 0), across, down, facecolor="white", edgecolor="none"))
    places: dict[str, FancyBboxPatch] = {}
    top = down - 0.3
    for _, names in sorted(rows.items()):
        highest = max(heights[name] for name in names)
        for number, name in enumerate(names):
            x = across / 2 + (number - len(names) / 2) * (WIDTH + SPACE) + SPACE / 2
            y = top - highest / 2 - heights[name] / 2
            box = FancyBboxPatch(
                (x, y),
                WIDTH,
                heights[name],
                boxstyle="round,pad=0,rounding_size=0.08",
                facecolor="#f6f8fa",
                edgecolor=DIRECT,
                linewidth=1,
                zorder=3,
            )
            places[name] = box
            axes.add_patch(box)
            middle = (x + WIDTH / 2, y + heights[name] / 2)
            axes.text(*middle, texts[name], ha="center", va="center", fontsize=9, zorder=4)
        top -= highest + 0.6
    for arrow in [*diagram.imports, *diagram.calls]:
        calls, direct = arrow in diagram.calls, diagram.is_direct(arrow)
        axes.add_patch(arrow_between(places[arrow[0]], places[arrow[1]], calls, direct))
    return figure


def arrow_between(
    upper: FancyBboxPatch, lower: FancyBboxPatch, calls: bool, direct: bool
) -> FancyArrowPatch:
    """From the bottom of a box to the top of another."""
    begin = (upper.get_x() + upper.get_width() / 2, upper.get_y())
    end = (lower.get_x() + lower.get_width() / 2, lower.get_y() + lower.get_height())
    return FancyArrowPatch(
        begin,
        end,
        arrowstyle="-|>",
        mutation_scale=11,
        linestyle=":" if calls else "-",
        linewidth=1.3 if direct else 0.8,
        color=CALL if calls else DIRECT if direct else FURTHER,
        zorder=2 if direct or calls else 1,
        shrinkA=0,
        shrinkB=0,
    )


def main(page: Path, out: Path) -> None:
    """Draw the diagram of a page into a file ending in .svg."""
    text = page.read_text(encoding="utf-8")
    about = {"Date": None, "Description": f"{page.name}: {digest(text)}"}
    out.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "regimeswitch"}):
        draw(Diagram.read(text)).savefig(out, metadata=about)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
