"""One small backtest that the tests of the report share, and the command itself."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from heldpairs import POSITION
from inprocess import freqtrade_in
from pages import Page
from regimeswitch_lab.cli import main


RANGE = "20241120-20241229"


@dataclass(frozen=True)
class Result:
    """A result file, and what stands in it."""

    path: Path
    market: Path
    strategy: dict[str, Any]
    section: dict[str, Any]


@pytest.fixture(scope="session")
def result(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A backtest that holds bull and bear, so that there is more than one enter tag."""
    section = deepcopy(POSITION)
    section["entries"]["regimes"] = ["bull", "bear"]
    config = {"regimeswitch": section, "max_open_trades": 2, "fee": 0.001}
    with freqtrade_in(tmp_path_factory.mktemp("report")) as run:
        done = run("backtesting", "--timerange", RANGE, datadir=market, config=config)
    assert done.code == 0, done.log[-3000:]
    (path,) = (done.userdir / "backtest_results").glob("*.zip")
    (strategy,) = content(path)["strategy"].values()
    return Result(path, market, strategy, section)


def content(path: Path) -> dict[str, Any]:
    """The statistics of a result file."""
    with zipfile.ZipFile(path) as archive:
        found: dict[str, Any] = json.loads(archive.read(f"{path.stem}.json"))
    return found


def changed(path: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a result file with other statistics."""
    found = content(path)
    change(found)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            own = name == f"{path.stem}.json"
            copy.writestr(name, json.dumps(found) if own else source.read(name))
    return target


def report(out: Path, *words: str | Path) -> tuple[Page, str]:
    """The page that the command writes, and what it says on standard error."""
    code, told, said = _run(out, *words)
    assert code == 0, said
    assert told == f"{out}\n"
    return Page(out.read_text(encoding="utf-8")), said


def refused(out: Path, *words: str | Path) -> str:
    """What the command says when it cannot; nothing is written."""
    code, told, said = _run(out, *words)
    assert (code, told, out.exists()) == (2, "", False)
    return said


def _run(out: Path, *words: str | Path) -> tuple[int, str, str]:
    told, said = StringIO(), StringIO()
    with redirect_stdout(told), redirect_stderr(said):
        code = main(["report", *map(str, words), "--out", str(out)])
    return code, told.getvalue(), " ".join(said.getvalue().split())
