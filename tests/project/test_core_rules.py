"""The core is pure: no bot, no clock, no files, no look ahead; and arrows point one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import regimeswitch


HOME = Path(regimeswitch.__file__).parent
LAB = HOME.parent / "regimeswitch_lab"
CORE_FOLDERS = ("settings", "market", "model", "risk")
CORE = sorted(path for name in CORE_FOLDERS for path in (HOME / name).glob("*.py"))
ARROWS = {
    "settings": set(),
    "market": {"settings"},
    "model": {"market", "settings"},
    "risk": {"market", "settings"},
    "bot": {"model", "risk", "market", "settings"},
}
"""Which folder of the package may import which."""
BOT = "regimeswitch.bot."
CLOCKS_AND_FILES = {
    *("time", "os", "io", "socket", "urllib", "http", "requests", "aiohttp", "subprocess"),
    *("pathlib", "shutil", "tempfile", "sqlite3", "logging", "random", "threading", "asyncio"),
}
CALLS = {"open", "input", "print", "exec", "eval"}
METHODS = {
    *("now", "utcnow", "today", "open", "read_text", "write_text", "read_bytes", "write_bytes"),
    *("read_csv", "read_feather", "read_json", "to_csv", "to_feather", "to_pickle", "load", "dump"),
}


def imports(path: Path) -> set[str]:
    """Dotted names of all that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node


def negative(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def looks_ahead(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in ("bfill", "backfill"):
        return True
    if name in ("shift", "diff", "pct_change", "roll"):
        return any(map(negative, [*call.args, *(word.value for word in call.keywords)]))
    words = {word.arg: word.value for word in call.keywords}
    center, direction = words.get("center"), words.get("direction")
    return (isinstance(center, ast.Constant) and center.value is True) or (
        isinstance(direction, ast.Constant) and direction.value in ("forward", "nearest")
    )


def starts(names: set[str], *prefixes: str) -> list[str]:
    return sorted(
        name for name in names for one in prefixes if name == one or name.startswith(f"{one}.")
    )


def test_the_core_is_where_it_is_looked_for() -> None:
    names = {path.stem for path in CORE}
    assert {"candles", "ensemble", "features", "labels", "learners", "regimes"} <= names
    assert {"sizing", "section", "hysteresis"} <= names


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_core_imports_no_bot_no_clock_and_no_files(path: Path) -> None:
    assert starts(imports(path), "freqtrade", *CLOCKS_AND_FILES) == []
    for call in calls(path):
        if isinstance(call.func, ast.Name):
            assert call.func.id not in CALLS, f"{path.name}:{call.lineno}"
        elif isinstance(call.func, ast.Attribute):
            assert call.func.attr not in METHODS, f"{path.name}:{call.lineno}"


def test_importing_the_core_imports_nothing_of_the_bot() -> None:
    modules = [f"regimeswitch.{path.parent.name}.{path.stem}" for path in CORE]
    code = f"""
import importlib, sys
for name in {[name for name in modules if not name.endswith("__init__")]!r}:
    importlib.import_module(name)
wrong = [name for name in sys.modules if name.split(".")[0] in ("freqtrade", "ccxt", "aiohttp")
         or name.startswith(("regimeswitch.bot", "regimeswitch_lab"))]
print(wrong)
"""
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(HOME.parent)},
    )
    assert (found.returncode, found.stdout.strip()) == (0, "[]"), found.stderr


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_only_labels_look_ahead(path: Path) -> None:
    ahead = [call.lineno for call in calls(path) if looks_ahead(call)]
    assert ahead == [] or path.stem == "labels"


@pytest.mark.parametrize(
    ("code", "ahead"),
    [
        ("x.shift(-1)", True),
        ("x.shift(periods=-n)", True),
        ("x.bfill()", True),
        ("x.rolling(5, center=True)", True),
        ("pd.merge_asof(a, b, direction='nearest')", True),
        ("x.shift(1)", False),
        ("x.rolling(5).mean()", False),
    ],
)
def test_looking_ahead_is_recognised(code: str, ahead: bool) -> None:
    found = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    assert any(map(looks_ahead, found)) is ahead


@pytest.mark.parametrize("name", ARROWS)
def test_arrows_between_folders_point_one_way(name: str) -> None:
    """Of ``regimeswitch``; what is not named imports nothing of the package."""
    paths = sorted((HOME / name).rglob("*.py"))
    assert paths
    allowed = {"__version__", name, *ARROWS[name]}
    for path in paths:
        own = [one for one in imports(path) if one.startswith("regimeswitch")]
        assert {one.split(".")[0] for one in own} <= {"regimeswitch"}, path.name
        assert {one.split(".")[1] for one in own} <= allowed, path.name


def test_the_embedded_exchange_knows_candles_and_nothing_else() -> None:
    paths = sorted((LAB / "exchange").rglob("*.py"))
    assert paths
    for path in paths:
        names = imports(path)
        own = [name for name in names if name.split(".")[0] == "regimeswitch"]
        assert starts(set(own), "regimeswitch.market.candles") == sorted(own), path.name
        lab = [name for name in names if name.split(".")[0] == "regimeswitch_lab"]
        assert starts(set(lab), "regimeswitch_lab.exchange") == sorted(lab), path.name
        assert starts(names, "freqtrade") == [], path.name


def module_graph(*homes: Path) -> dict[str, set[str]]:
    """Modules of the packages and what each imports of them."""
    paths = {
        ".".join(path.relative_to(HOME.parent).with_suffix("").parts): path
        for home in homes
        for path in home.rglob("*.py")
        if path.stem != "__init__"
    }
    return {
        name: {
            module
            for one in imports(path)
            for module in (one, one.rpartition(".")[0])
            if module in paths
        }
        for name, path in paths.items()
    }


def circle(graph: dict[str, set[str]]) -> list[str]:
    """What is left when all that points at nothing is taken away, again and again."""
    left = dict(graph)
    while ends := [name for name, aims in left.items() if not aims & left.keys()]:
        for name in ends:
            del left[name]
    return sorted(left)


def folder_graph(home: Path) -> dict[str, set[str]]:
    """What lies in a folder, folders and single modules, and what each imports of the rest."""
    prefix = [*home.relative_to(HOME.parent).parts]
    graph: dict[str, set[str]] = {}
    for path in home.rglob("*.py"):
        own = path.relative_to(home).with_suffix("").parts[0]
        words = [name.split(".") for name in imports(path)]
        aims = {one[len(prefix)] for one in words if one[: len(prefix)] == prefix}
        graph.setdefault(own, set()).update(aims - {own})
    return graph


def test_no_module_imports_itself_over_others() -> None:
    assert circle(module_graph(HOME, LAB)) == []


@pytest.mark.parametrize("home", [LAB, LAB / "exchange"], ids=lambda home: home.name)
def test_no_folder_of_the_lab_imports_itself_over_others(home: Path) -> None:
    assert len(folder_graph(home)) > 4
    assert circle(folder_graph(home)) == []


def rooms(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same of what lies directly in ``regimeswitch.bot``: folders, and files beside them."""
    found: dict[str, set[str]] = {}
    for name, aims in graph.items():
        if name.startswith(BOT):
            own = name.removeprefix(BOT).split(".")[0]
            others = {one.removeprefix(BOT).split(".")[0] for one in aims if one.startswith(BOT)}
            found.setdefault(own, set()).update(others - {own})
    return found


def test_no_folder_of_the_bot_imports_itself_over_others() -> None:
    graph = rooms(module_graph(HOME))
    assert {"freqai", "compatibility", "orders", "patches", "guards"} <= graph.keys()
    assert graph["signatures"] == set()
    assert graph["patches"] == {"signatures"}
    assert circle(graph) == []


def test_a_circle_of_folders_is_recognised() -> None:
    graph = {f"{BOT}a.one": {f"{BOT}b.two"}, f"{BOT}b.three": {f"{BOT}a.four"}}
    others = {f"{BOT}b.two": set(), f"{BOT}a.four": set(), "regimeswitch.market.c": {f"{BOT}a.one"}}
    assert circle(graph | others) == []
    assert circle(rooms(graph | others)) == ["a", "b"]


def test_a_circle_is_recognised() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_module_has_another_s_name() -> None:
    names = [name.rpartition(".")[2] for name in module_graph(HOME, LAB)]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_no_class_has_another_s_name() -> None:
    names = [
        node.name
        for home in (HOME, LAB)
        for path in home.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_no_test_module_imports_another() -> None:
    paths = sorted(Path(__file__).parents[1].rglob("*.py"))
    assert len(paths) > 100
    for path in paths:
        taken = [name for name in imports(path) if name.startswith("test_")]
        assert taken == [], path.name
