"""The benchmarks: their smallest part end to end, the figures they export, the page they write."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import PARTS
from benchmarks.growth import exponent, line, projected
from benchmarks.results import summary
from benchmarks.rounds import Workplace, in_turn
from benchmarks.scale_page import SECTIONS, write_page
from benchmarks.sides import PRODUCT, STOCK
from project import ROOT


def bench(work: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*(sys.executable, "-m", "benchmarks", "--work", str(work)), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A work folder, and what the smallest training and labelling exported."""
    work = tmp_path_factory.mktemp("bench")
    words = ("--size", "smallest", "--parts", "training,labelling")
    done = bench(work, *words, "--export", str(work / "figures.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    return work, json.loads((work / "figures.json").read_text())


def runs(work: Path) -> dict[str, dict[str, Any]]:
    (path,) = work.glob("smallest-*/runs.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["name"]: line["figures"] for line in lines}


def test_what_is_exported(measured: tuple[Path, dict[str, Any]]) -> None:
    _, figures = measured
    assert (
        figures["training_ratio"] == figures["details"]["training"]["rounds"][-1]["ratios"]["stock"]
    )
    assert figures["labelling_seconds_per_million"] > 0
    assert set(figures["exponents"]) == {"training_pairs", "training_candles", "labelling_candles"}
    assert {"cores", "processor", "python", "freqtrade", "lightgbm"} <= set(figures["machine"])
    assert "backtest_ratio" not in figures, "of parts that did not run there is no figure"
    for one in figures["details"]["training"]["rounds"]:
        assert set(one["seconds"]) == {PRODUCT, STOCK}
        assert min(one["seconds"].values()) > 0


def test_every_side_learns_from_the_same_rows(measured: tuple[Path, dict[str, Any]]) -> None:
    kept = runs(measured[0])
    for pairs in (1, 2):
        sides = [kept[f"training {pairs} pairs 15 days {side} 0"] for side in (PRODUCT, STOCK)]
        assert len({one["digest"] for one in sides}) == 1
        # Half a month of 288 candles, less those whose label reaches beyond the window.
        assert {one["rows"] for one in sides} == {pairs * (15 * 288 - 12)}


def test_a_finished_run_is_not_run_again(measured: tuple[Path, dict[str, Any]]) -> None:
    work, figures = measured
    page = work / "scale.md"
    page.write_text((ROOT / "docs/scale.md").read_text())
    words = ("--size", "smallest", "--parts", "training,labelling", "--page", str(page))
    before = runs(work)
    done = bench(work, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert runs(work) == before
    seconds = figures["details"]["training"]["rounds"][0]["seconds"]["product"]
    assert re.search(rf"^\| 1 \| 4,308 \| {seconds:.2f} \|", page.read_text(), re.MULTILINE)


def test_a_part_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = bench(tmp_path, "--parts", "training,trading")
    assert done.returncode == 2
    assert "--parts: no part trading; choose from labelling, training, " in done.stderr


def test_the_page_has_a_place_for_every_part() -> None:
    places = re.findall(r"<!-- measured: (\w+) -->", (ROOT / "docs/scale.md").read_text())
    assert set(places) == set(PARTS) == set(SECTIONS)
    assert len(places) == len(PARTS)


def test_a_page_without_the_place_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Nothing\n")
    found = {
        "seconds_per_million": 0.1,
        "by_candles": [],
        "exponents": {"labelling_candles": 1.0},
        "highest_load": 1.0,
    }
    machine = dict.fromkeys(
        ["date", "regimeswitch", "commit", "freqtrade", "lightgbm", "python", "cores", "processor"]
    )
    with pytest.raises(ValueError, match='"<!-- measured: labelling -->" must be there once'):
        write_page(page, {"size": "full", "machine": machine, "details": {"labelling": found}})


def test_sides_take_turns(tmp_path: Path) -> None:
    place, order = Workplace(tmp_path, tmp_path, jobs=1), []

    def side(name: str) -> dict[str, Any]:
        order.append(name)
        return {"seconds": float(len(order))}

    found = in_turn(place, "work", 2, {"a": side, "b": side})
    assert order == ["work a 0", "work b 0", "work a 1", "work b 1"]
    assert [one["seconds"] for one in found["b"]] == [2.0, 4.0]
    assert in_turn(place, "work", 2, {"a": side, "b": side}) == found
    assert len(order) == 4


def test_growth_and_projection() -> None:
    assert exponent({1: 2.0, 4: 4.0, 16: 8.0}) == 0.5
    assert line({1: 5.0, 2: 7.0, 10: 23.0}) == pytest.approx((3.0, 2.0))
    assert projected({1: 5.0, 2: 7.0}, 500) == pytest.approx(1003.0)


def test_the_figures_that_stand_for_all() -> None:
    ratio = {"ratios": {"stock": 0.5}}
    found = summary(
        {
            "training": {
                "rounds": [{"pairs": 1, "ratios": {"stock": 0.9}}, {"pairs": 6, **ratio}],
                "exponents": {"training_pairs": 1.0},
            },
            "backtest": {**ratio, "memory_ratios": {"stock": 1.1}},
            "live": {
                "bots": [{"pairs": 10, **ratio}, {"pairs": 50, "ratios": {"stock": 0.9}}],
                "exponents": {"live_round": 0.9},
            },
            "live_memory": ratio,
            "labelling": {"seconds_per_million": 0.1, "exponents": {"labelling_candles": 1.0}},
        }
    )
    assert found == {
        "training_ratio": 0.5,
        "backtest_ratio": 0.5,
        "memory_ratio": 1.1,
        "live_ratio": 0.5,
        "live_memory_ratio": 0.5,
        "labelling_seconds_per_million": 0.1,
        "exponents": {"training_pairs": 1.0, "live_round": 0.9, "labelling_candles": 1.0},
    }
