"""Pictures of a report page, light and dark: ``python report_pictures.py REPORT.html FOLDER``.

The first screen, and the parts about the models where the page has them. The same page gives the
same pictures with the same browser and fonts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from devtools import Browser, browser


WIDTH = 1280
FIRST = "account-chart"
"""The first picture ends below it: summary, and the chart of the account."""
MODELS = ("calibration", "features")
"""Sections of the second picture."""
HEIGHT = 1600
UNDRAWN = 'document.querySelectorAll(".chart:not(.js-plotly-plot)").length'
PLACE = """
(({top, bottom}) => [top + scrollY, bottom - top])(
  document.getElementById("%s").getBoundingClientRect())
"""


def shown_whole(opened: Browser) -> None:
    """Make the window as high as the page: charts are drawn when they come into sight."""
    opened.resize(WIDTH, opened.run("document.documentElement.scrollHeight"))
    opened.until(f"{UNDRAWN} === 0")


def made_small(path: Path) -> None:
    """256 colours are enough for what a page shows, and a third of the bytes."""
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256)
    small.save(path, optimize=True)


def take(opened: Browser, report: Path, folder: Path) -> list[Path]:
    """Write the pictures; those of the models only where the page has their charts."""
    written = []
    for scheme in ("light", "dark"):
        opened.open(report, scheme, WIDTH)
        shown_whole(opened)
        written.append(folder / f"report-{scheme}.png")
        top, high = opened.run(PLACE % FIRST)
        opened.picture(written[-1], (0, 0, WIDTH, top + high))
        if opened.run('document.querySelector("#calibration .chart") !== null'):
            (top, _), (last, high) = (opened.run(PLACE % name) for name in MODELS)
            written.append(folder / f"report-models-{scheme}.png")
            height = min(last + high - top, HEIGHT)
            opened.picture(written[-1], (0, top, WIDTH, height))
    return written


def main(words: Sequence[str]) -> int:
    """Take the pictures and say where they are."""
    if len(words) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    report, folder = map(Path, words)
    folder.mkdir(parents=True, exist_ok=True)
    with browser() as opened:
        for path in take(opened, report, folder):
            made_small(path)
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
