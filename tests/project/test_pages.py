"""What contributors read and use: pages and their index, the picture of the modules, hooks."""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from project import ROOT
from regimeswitch_lab.cli import COMMANDS, build_parser


HOME = ROOT / "user_data"
PACKAGE = HOME / "regimeswitch"
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
WRITTEN = (".github/ISSUE_TEMPLATE/bug.yml", ".github/pull_request_template.md", "SECURITY.md")


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())


def reached(page: Path) -> set[Path]:
    """Pages that links lead to from one, over any number of others."""
    found, waiting = set[Path](), [page.resolve()]
    while waiting:
        one = waiting.pop()
        if one.suffix == ".md" and one not in found:
            found.add(one)
            waiting += [(one.parent / name).resolve() for name in links(one) if "://" not in name]
    return found


def test_every_page_is_in_the_index_once_and_the_readme_leads_there() -> None:
    listed = [name for name in links(ROOT / "docs/README.md") if "/" not in name]
    pages = sorted(path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md")
    assert sorted(listed) == pages
    wanted = [*(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
    assert {path.resolve() for path in wanted} - reached(ROOT / "README.md") == set()


def picture() -> tuple[dict[str, set[str]], set[tuple[str, str]]]:
    """Modules of the folders that the picture lists, and the solid arrows."""
    (text,) = re.findall(r"```mermaid\n(.*?)```", ARCHITECTURE, re.DOTALL)
    nodes = {
        name: set(modules.split(", "))
        for name, folder, modules in re.findall(r'^ +(\w+)\["(\w+): ([\w, ]+)"\]$', text, re.M)
        if name == folder and (PACKAGE / folder).is_dir() and name != "bot"
    }
    return nodes, set(re.findall(r"^ +(\w+) --> (\w+)$", text, re.MULTILINE))


def names_imported(path: Path) -> set[str]:
    """Modules of the packages that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {
        name
        for name in found
        if name.startswith(("regimeswitch.", "regimeswitch_lab.")) and "__version__" not in name
    }


def node_of(module: str) -> str:
    """The node of a dotted module name."""
    package, *rest = module.split(".")
    if package == "regimeswitch":
        return rest[0]
    if package == "regimeswitch_lab":
        return "exchange" if rest[:1] == ["exchange"] else "lab"
    return package


def test_the_picture_lists_every_module_below_the_bot() -> None:
    nodes, _ = picture()
    assert set(nodes) == {"settings", "market", "model", "risk"}
    for folder, drawn in nodes.items():
        there = {path.stem for path in (PACKAGE / folder).glob("*.py")} - {"__init__"}
        assert drawn == there, f"docs/architecture.md: {folder}"


def test_the_arrows_of_the_picture_are_the_imports_of_the_code() -> None:
    _, drawn = picture()
    arrows = set()
    for path in HOME.rglob("*.py"):
        begin = node_of(".".join(path.relative_to(HOME).with_suffix("").parts))
        arrows |= {(begin, node_of(name)) for name in names_imported(path)}
    assert {(begin, end) for begin, end in arrows if begin != end} == drawn, "docs/architecture.md"


def test_modules_that_the_page_names_exist() -> None:
    named = set(re.findall(r"`((?:\w+/)*\w+\.py)`", ARCHITECTURE))
    assert len(named) > 40
    for name in named:
        assert any((folder / name).is_file() for folder in (PACKAGE, HOME, ROOT)), name


def test_the_lives_of_a_candle_and_of_an_order_have_ten_lines_each() -> None:
    for title in ("candle", "order"):
        life = ARCHITECTURE.partition(f"\n## The life of a{'n' * (title == 'order')} {title}\n")[2]
        lines = takewhile(lambda line: not line.startswith("## "), life.splitlines())
        assert [int(line[:-1]) for line in re.findall(r"^\d+\.", "\n".join(lines), re.M)] == [
            *range(1, 11)
        ]


def test_hooks_are_those_of_make_lint_and_local() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert "://" not in text
    (source,) = yaml.safe_load(text)["repos"]
    assert source["repo"] == "local"
    recipe = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    wanted = [line.strip().removesuffix(" .") for line in recipe.splitlines()[1:]]
    hooks = [hook["entry"].removesuffix(" --force-exclude") for hook in source["hooks"]]
    assert [hook.replace(".venv/bin/", "$(BIN)/") for hook in hooks] == wanted
    assert {hook["language"] for hook in source["hooks"]} == {"system"}


def test_the_form_for_bugs_is_valid_and_asks_for_versions_and_no_keys() -> None:
    path = ROOT / ".github/ISSUE_TEMPLATE/bug.yml"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.github-issue-forms", str(path)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    form = yaml.safe_load(path.read_text())
    fields = {part["id"]: part for part in form["body"] if "id" in part}
    assert fields["versions"]["validations"]["required"] is True
    assert "make versions" in fields["versions"]["attributes"]["description"]
    assert "regimeswitch doctor" in fields["doctor"]["attributes"]["description"]
    assert "Never post API keys" in form["body"][0]["attributes"]["value"]


PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", *WRITTEN, *PAGES])
def test_targets_and_commands_that_people_are_sent_to_exist(name: str) -> None:
    text = (ROOT / name).read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`|\"|\()make ([a-z-]+)", text, re.MULTILINE)) <= targets
    words = set(re.findall(r"(?:^|`|\"|bin/)regimeswitch ([a-z-]+)", text, re.MULTILINE))
    words -= {"--version"}
    assert words <= set(COMMANDS)


@pytest.fixture(scope="module")
def options() -> dict[str, set[str]]:
    """Options of each command."""
    parser = build_parser()
    (commands,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    return {name: set(one._option_string_actions) for name, one in commands.choices.items()}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", *PAGES])
def test_options_of_commands_that_pages_show_exist(name: str, options: dict[str, set[str]]) -> None:
    text = (ROOT / name).read_text().replace("\\\n", " ")
    for command, rest in re.findall(r"regimeswitch(?:_lab)? ([a-z-]+)((?: [^`\n#]*)?)", text):
        if command in options:
            shown = re.findall(r"(?<!\S)--[a-z][a-z-]*", rest.partition(" -- ")[0])
            assert set(shown) <= options[command], f"{name}: {command}{rest}"
