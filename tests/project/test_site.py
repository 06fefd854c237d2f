"""The documentation as a site: it builds without a network, and its pages ask for none."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from browser import browser, look_at
from project import ROOT


DOCS = ROOT / "docs"
WEBSITE = ROOT / "website"
DRAWN = ("equity.png", "pair.png", "regimes.png")
"""What ``make pictures`` draws; those of the report are taken in a browser."""
PICTURES = (
    *("architecture.svg", *DRAWN),
    *("report-light.png", "report-dark.png", "report-models-light.png", "report-models-dark.png"),
)
LARGEST_PICTURE = 300_000
SEARCH = """new Promise(done => {
    const query = document.querySelector(".md-search__input")
    document.querySelector("#__search").click()
    query.focus()
    query.value = "hysteresis grace period"
    query.dispatchEvent(new KeyboardEvent("keyup", {key: "d", bubbles: true}))
    const look = () => {
        const found = document.querySelectorAll(".md-search-result__item a")
        found.length ? done([...found].map(one => one.getAttribute("href"))) : setTimeout(look, 50)
    }
    look()
})"""


def website(name: str) -> ModuleType:
    """A module of the folder ``website``, which is no package."""
    spec = importlib.util.spec_from_file_location(f"website_{name}", WEBSITE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as ``make docs`` builds it, by proxies that lead nowhere."""
    folder = tmp_path_factory.mktemp("site") / "built"
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    done = subprocess.run(
        ["make", "docs", f"VENV={sys.prefix}", f"SITE={folder}"],
        cwd=ROOT,
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"open {folder}/index.html" in done.stdout
    return folder


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with browser() as found:
        yield found


def test_every_page_of_docs_is_in_the_site_and_in_its_navigation(site: Path) -> None:
    wanted = {path.stem for path in DOCS.glob("*.md")} - {"README"}
    assert {path.stem for path in site.glob("*.html")} - {"404"} == wanted
    front = (site / "index.html").read_text()
    for name in wanted:
        assert f'href="{name}.html"' in front, name
    assert re.search(r"<h1[^>]*>What it is", front)


def test_pages_outside_of_docs_are_in_the_site_and_links_lead_to_them(site: Path) -> None:
    for name in ("readme", "contributing", "security", "changelog"):
        assert (site / "project" / f"{name}.html").is_file()
    readme = (site / "project/readme.html").read_text()
    assert 'href="../money.html"' in readme
    assert 'href="config.json"' in readme
    assert (site / "project/config.json").read_text() == (ROOT / "config.json").read_text()
    assert 'href="project/security.html"' in (site / "troubleshooting.html").read_text()


def test_no_page_names_an_address_to_load_from(site: Path) -> None:
    loads = re.compile(r'<(?:script|img|iframe|source)[^>]+src="?(https?:|//)')
    sheets = re.compile(r'<link[^>]+href="?(https?:|//)')
    for path in site.rglob("*.html"):
        text = path.read_text()
        assert not loads.search(text) and not sheets.search(text), path.name


@pytest.mark.parametrize(
    "name", ["index", "first-backtest", "architecture", "faults", "commands", "project/readme"]
)
def test_pages_open_from_disk_without_a_failed_request_or_an_error(
    name: str, site: Path, address: str
) -> None:
    shown = "[...document.images].every(one => one.complete && one.naturalWidth > 0)"
    seen = look_at(address, (site / f"{name}.html").as_uri(), shown)
    assert (seen.failed, seen.errors, seen.value) == ([], [], True)
    assert len(seen.requests) > 3
    assert [one for one in seen.requests if not one.startswith(("file:", "data:", "about:"))] == []


def test_the_search_finds_pages_from_disk(site: Path, address: str) -> None:
    seen = look_at(address, (site / "index.html").as_uri(), SEARCH)
    assert (seen.failed, seen.errors) == ([], [])
    assert any("regimes.html" in link for link in seen.value)


def test_the_architecture_is_shown_as_a_picture(site: Path) -> None:
    page = (site / "architecture.html").read_text()
    assert "pictures/architecture.svg" in page
    assert "flowchart" not in page


def test_the_picture_of_the_architecture_is_that_of_the_page(tmp_path: Path) -> None:
    diagram = website("diagram")
    text = (DOCS / "architecture.md").read_text()
    drawn = (DOCS / "pictures/architecture.svg").read_text()
    assert diagram.digest(text) in drawn, "docs/pictures/architecture.svg is old: make pages"
    found = diagram.Diagram.read(text)
    assert {"bot", "model", "risk", "market", "settings", "lab", "exchange"} < set(found.nodes)
    assert len(found.imports) + len(found.calls) == len(re.findall(r"-->|-\.->", text))
    for name in ("one.svg", "two.svg"):
        diagram.main(DOCS / "architecture.md", tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_the_page_of_commands_is_the_one_the_command_line_gives(tmp_path: Path) -> None:
    out = tmp_path / "commands.md"
    subprocess.run([sys.executable, str(WEBSITE / "commands.py"), str(out)], check=True, cwd=ROOT)
    assert out.read_text() == (DOCS / "commands.md").read_text(), "write it again: make pages"
    from regimeswitch_lab.cli import COMMANDS

    assert re.findall(r"^## (\S+)$", out.read_text(), re.MULTILINE) == list(COMMANDS)


def test_pictures_are_there_small_and_shown() -> None:
    assert {path.name for path in (DOCS / "pictures").iterdir()} == set(PICTURES)
    pages = "".join(path.read_text() for path in DOCS.glob("*.md"))
    for name in PICTURES:
        assert 5_000 < (DOCS / "pictures" / name).stat().st_size < LARGEST_PICTURE
        assert f"pictures/{name}" in pages + (WEBSITE / "hooks.py").read_text(), name


@pytest.mark.slow
def test_make_pictures_draws_them_from_the_demo_market(tmp_path: Path) -> None:
    words = [f"VENV={sys.prefix}", f"WORK={tmp_path}/work", f"PICTURES={tmp_path}/drawn"]
    done = subprocess.run(
        ["make", "pictures", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    drawn = tmp_path / "drawn"
    assert {path.name for path in drawn.iterdir()} == set(DRAWN)
    report = tmp_path / "work/pictures/report.html"
    website("pictures").main(report, tmp_path / "again")
    for name in ("equity.png", "pair.png"):
        assert (drawn / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_a_page_that_is_no_report_is_refused() -> None:
    with pytest.raises(ValueError, match="no report of `regimeswitch report`"):
        website("pictures").report_data("<html></html>")


def test_the_navigation_has_every_page_once() -> None:
    text = re.sub(r"slugify: .*", "", (ROOT / "mkdocs.yml").read_text())
    nav = yaml.safe_load(text)["nav"]
    named = re.findall(r"'([\w/-]+\.md)'", str(nav))
    outside = [f"project/{one}.md" for one in ("readme", "changelog", "contributing", "security")]
    pages = [path.name for path in DOCS.glob("*.md") if path.name != "README.md"]
    assert sorted(named) == sorted([*pages, *outside])
