"""The report page in a browser: from disk, light and dark, without a network and without errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from devtools import Browser, Scheme, browser
from report_pictures import made_small, shown_whole, take
from reported import Result, report


pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

AXE = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
FAULTS = """
axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}).then((found) =>
  found.violations.map((one) => `${one.impact} ${one.id}: ${one.nodes[0].html}`))
"""


@pytest.fixture(scope="module")
def page(forecast_result: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With every part that a page can have."""
    out = tmp_path_factory.mktemp("browser") / "report.html"
    found = forecast_result
    report(out, found.path, "--datadir", found.market, "--models", found.models)
    return out


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


def show(chromium: Browser, page: Path, scheme: Scheme) -> None:
    """In a window as high as the page, so that all of it is drawn."""
    chromium.open(page, scheme)
    shown_whole(chromium)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_is_drawn_without_an_error_a_request_or_a_barrier(
    chromium: Browser, page: Path, scheme: Scheme
) -> None:
    show(chromium, page, scheme)
    assert chromium.run('document.querySelectorAll(".chart").length') >= 4
    assert chromium.run('document.getElementById("trouble").hidden') is True
    ground = chromium.run("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]
    chromium.run('document.querySelectorAll("details").forEach((one) => { one.open = true; })')
    chromium.run(f"{AXE}; 0")
    assert chromium.run(FAULTS) == []
    # Were there a fault, it would be found.
    chromium.run('document.documentElement.removeAttribute("lang")')
    assert any("html-has-lang" in one for one in chromium.run(FAULTS))
    assert (chromium.said, chromium.asked) == ([], [])


def test_buttons_zoom_a_chart_and_the_price_axis_fits(chromium: Browser, page: Path) -> None:
    show(chromium, page, "light")

    def axes() -> dict[str, Any]:
        chart = 'document.getElementById("pair-0").layout'
        told = f"JSON.stringify({{x: {chart}.xaxis.range, y: {chart}.yaxis.range}})"
        found: dict[str, Any] = json.loads(chromium.run(told))
        return found

    before = axes()
    box = '.tools[data-for="pair-0"] button'
    chromium.run(f"document.querySelector('{box}').click()")
    chromium.until(
        f'JSON.stringify(document.getElementById("pair-0").layout.yaxis.range) !== '
        f"{json.dumps(json.dumps(before['y'], separators=(',', ':')))}"
    )
    assert axes()["x"] != before["x"]
    assert chromium.said == []


def test_a_narrow_window_has_no_bar_across_the_page(chromium: Browser, page: Path) -> None:
    chromium.open(page, "light", width=390)
    wide = chromium.run("document.documentElement.scrollWidth")
    assert wide <= 390


def test_pictures_for_the_docs_are_small(chromium: Browser, page: Path, tmp_path: Path) -> None:
    made = take(chromium, page, tmp_path)
    names = [
        f"report{part}-{scheme}.png" for scheme in ("light", "dark") for part in ("", "-models")
    ]
    assert [path.name for path in made] == names
    for path in made:
        made_small(path)
        assert path.stat().st_size < 300_000
        with Image.open(path) as picture:
            assert picture.width == 1280 and len(picture.convert("RGB").getcolors(1 << 24)) > 20
