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
CORE = sorted(path for path in HOME.glob("*.py") if path.name != "cli.py")
ROOMS = ("bot", "exchange", "lab")
# What commands must know of a bot: its models' identifier, its journal's place, its guards, which
# freqtrade it fits, what of its configuration it refuses, and how it ends processes.
BOT_S_OWN = tuple(
    f"regimeswitch.bot.{name}"
    for name in (
        *("config", "journal", "guards", "supported", "joining"),
        *("overrides", "timeranges", "processes"),
        # A start waits for the end of a ban that a bot was told of.
        *("answers", "banfile", "meanings", "silence"),
        # Which channels of a configuration the notices of guards reach.
        "channels",
        # The simulated account decides by the very functions of the bot, and both count trials.
        *("drawdown", "history", "standing", "trialbook"),
    )
)
CLOCKS_AND_FILES = {
    *("time", "os", "io", "socket", "urllib", "http", "requests", "aiohttp", "subprocess"),
    *("pathlib", "shutil", "tempfile", "sqlite3", "logging", "random", "threading", "asyncio"),
}
CALLS = {"open", "input", "print", "exec", "eval"}
METHODS = {
    *("now", "utcnow", "today", "open", "read_text", "write_text", "read_bytes", "write_bytes"),
    *("read_csv", "read_feather", "read_json", "to_csv", "to_feather", "to_pickle", "load", "dump"),
}


def room(name: str) -> list[Path]:
    return sorted((HOME / name).rglob("*.py"))


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
    assert {"risk", "settings", "switching"} <= names


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_core_imports_no_bot_no_clock_and_no_files(path: Path) -> None:
    assert starts(imports(path), "freqtrade", *CLOCKS_AND_FILES) == []
    assert starts(imports(path), *(f"regimeswitch.{name}" for name in ROOMS)) == []
    for call in calls(path):
        if isinstance(call.func, ast.Name):
            assert call.func.id not in CALLS, f"{path.name}:{call.lineno}"
        elif isinstance(call.func, ast.Attribute):
            assert call.func.attr not in METHODS, f"{path.name}:{call.lineno}"


def test_importing_the_core_imports_nothing_of_the_bot() -> None:
    modules = ["regimeswitch", *(f"regimeswitch.{path.stem}" for path in CORE)]
    code = f"""
import importlib, sys
for name in {[name for name in modules if not name.endswith("__init__")]!r}:
    importlib.import_module(name)
wrong = [name for name in sys.modules if name.split(".")[0] in ("freqtrade", "ccxt", "aiohttp")
         or name.split(".")[1:2] in (["bot"], ["lab"], ["exchange"]) and "regimeswitch" in name]
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


@pytest.mark.parametrize(
    ("name", "forbidden"),
    [
        ("bot", ("regimeswitch.lab", "regimeswitch.exchange", "regimeswitch_lab")),
        (
            "exchange",
            (
                *("regimeswitch.lab", "regimeswitch.bot", "regimeswitch.regimes"),
                *("regimeswitch.switching", "regimeswitch.features", "regimeswitch.labels"),
                *("regimeswitch.ensemble", "regimeswitch.learners", "regimeswitch.settings"),
                *("regimeswitch.risk", "regimeswitch.evidence", "freqtrade"),
            ),
        ),
        ("lab", ("regimeswitch.bot", "regimeswitch_lab")),
    ],
)
def test_arrows_between_rooms_point_one_way(name: str, forbidden: tuple[str, ...]) -> None:
    assert room(name)
    for path in room(name):
        names = {one for one in imports(path) if name != "lab" or not starts({one}, *BOT_S_OWN)}
        assert starts(names, *forbidden) == [], path.name
