"""``regimeswitch regimes``: tables, files, pictures; mistakes are one message and exit 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import regimeswitch
from regimeswitch_lab.cli import main
from regimeswitch_lab.synthetic.market_command import write_market
from regimeswitch_lab.synthetic.worlds import synthetic_market


PAIR = "BTC/USDT"
SECTION = {"regime": {"average_period": 50, "atr_period": 50, "change_days": 3}}


@pytest.fixture(scope="module")
def datadir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("candles")
    write_market(synthetic_market([PAIR, "ETH/USDT"], 20, "2025-01-01", 1), folder)
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"regimeswitch": SECTION}))
    return path


def command(datadir: Path, *arguments: object) -> int:
    return main(["regimes", "--datadir", str(datadir), "--pair", PAIR, *map(str, arguments)])


def test_command_line_prints_a_table_and_exports_figures(
    datadir: Path, config: Path, tmp_path: Path
) -> None:
    export = tmp_path / "figures.json"
    arguments = ["--config", config, "--export", export, "--timerange", "20241220-"]
    found = subprocess.run(
        [
            *(sys.executable, "-m", "regimeswitch_lab", "regimes", "--datadir", str(datadir)),
            *("--pair", PAIR, *map(str, arguments)),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(regimeswitch.__file__).parents[1])},
    )
    assert found.returncode == 0, found.stderr
    assert f"Regimes of {PAIR}" in found.stdout
    assert found.stderr == ""
    figures = json.loads(export.read_text())
    assert figures["pair"] == PAIR
    assert figures["candles"] == figures["known"] == 12 * 288
    assert set(figures["share"]) == {"bull", "bear", "sideways"}
    assert sum(figures["share"].values()) == pytest.approx(1)
    assert figures["switches_per_day"] == pytest.approx(figures["switches"] / 12)
    assert figures["median_duration_candles"] > 0


@pytest.mark.parametrize("ending", [".feather", ".csv"])
def test_columns_are_written(datadir: Path, config: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"regimes{ending}"
    assert command(datadir, "--config", config, "--out", out) == 0
    frame = pd.read_feather(out) if ending == ".feather" else pd.read_csv(out)
    assert len(frame) == 20 * 288
    assert {"date", "close", "regime_raw", "regime", "regime_age"} <= set(frame.columns)
    assert set(frame["regime"].dropna()) <= {"bull", "bear", "sideways"}
    assert frame["regime"].notna().any()


@pytest.mark.parametrize(("ending", "begin"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_pictures_are_drawn(
    datadir: Path, config: Path, tmp_path: Path, ending: str, begin: bytes
) -> None:
    out = tmp_path / f"regimes{ending}"
    assert command(datadir, "--config", config, "--out", out) == 0
    content = out.read_bytes()
    assert content.startswith(begin)
    assert len(content) > 10_000


def test_time_range_cuts_what_was_found_on_all_candles(
    datadir: Path, config: Path, tmp_path: Path
) -> None:
    for name, timerange in (("all", ""), ("part", "20241225-20241228")):
        arguments = ("--config", config, "--out", tmp_path / f"{name}.feather")
        assert command(datadir, *arguments, "--timerange", timerange) == 0
    whole, part = (pd.read_feather(tmp_path / f"{name}.feather") for name in ("all", "part"))
    inside = whole["date"].between("2024-12-25", "2024-12-27 23:59")
    pd.testing.assert_frame_equal(whole[inside].reset_index(drop=True), part)


def test_rule_and_anchor_are_taken_over_the_config(
    datadir: Path, config: Path, tmp_path: Path
) -> None:
    figures = []
    for rule in ("change", "volatility"):
        export = tmp_path / f"{rule}.json"
        assert command(datadir, "--config", config, "--rule", rule, "--export", export) == 0
        figures.append(json.loads(export.read_text())["share"])
    assert figures[0] != figures[1]
    anchored = {"regime": {**SECTION["regime"], "anchor": "ETH/USDT"}}
    config.write_text(json.dumps({"regimeswitch": anchored}))
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    assert command(datadir, "--config", config, "--export", one) == 0
    arguments = ["--datadir", str(datadir), "--pair", "ETH/USDT", "--config", str(config)]
    assert main(["regimes", *arguments, "--export", str(other)]) == 0
    shares = [json.loads(path.read_text())["share"] for path in (one, other)]
    assert shares[0] == shares[1]


def test_rule_candles_are_made_from_five_minutes_where_they_are_missing(
    datadir: Path, config: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    name = "BTC_USDT-5m.feather"
    (bare / name).write_bytes((datadir / name).read_bytes())
    for folder, out in ((datadir, "full.csv"), (bare, "bare.csv")):
        assert command(folder, "--config", config, "--out", tmp_path / out) == 0
    assert (tmp_path / "full.csv").read_text() == (tmp_path / "bare.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pair", "XRP/USDT"], "XRP_USDT-5m.feather is missing; run `freqtrade download-data"),
        (["--out", "regimes.pdf"], "allowed: .feather, .csv, .png, .svg"),
        (["--out", "regimes"], "no ending is not known"),
        (["--out", "none/regimes.csv"], "none"),
        (["--out", "none/regimes.png"], "none"),
        (["--out", "none/regimes.feather"], "none"),
        (["--timerange", "soon-"], "'soon-' is not a time range; write YYYYMMDD-YYYYMMDD"),
        (["--timerange", "20249999-"], "is not a time range"),
        (["--timerange", "20300101-"], "holds no candles; they reach from 20241212 to 20241231"),
        (["--export", "none/figures.json"], "none/figures.json cannot be written"),
        (["--config", "none.json"], "none.json cannot be read"),
        (["--config", "text.json"], "text.json is not JSON"),
        (["--config", "list.json"], "must hold one JSON object"),
        (["--config", "section.json"], "must be an object of sections"),
        (["--config", "section.json", "--rule", "vote"], "must be an object of sections"),
        (["--config", "regime.json", "--rule", "vote"], "regimeswitch.regime"),
        (["--rule", "hmm"], "regimeswitch.regime.rule"),
        (["--datadir", "damaged"], "is not a candle file"),
        (["--datadir", "empty"], "holds no candles"),
    ],
)
def test_each_mistake_is_one_message(
    datadir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.json").write_text("{")
    Path("list.json").write_text("[]")
    Path("section.json").write_text('{"regimeswitch": [1]}')
    Path("regime.json").write_text('{"regimeswitch": {"regime": 5}}')
    Path("damaged").mkdir()
    Path("damaged/BTC_USDT-5m.feather").write_text("no candles")
    Path("empty").mkdir()
    candles = pd.read_feather(datadir / "BTC_USDT-5m.feather")
    candles[:0].to_feather("empty/BTC_USDT-5m.feather")
    assert command(datadir, *arguments) == 2
    printed = capsys.readouterr()
    text = printed.err.replace("\n", "").replace(" ", "")
    assert words.replace(" ", "") in text
    assert text.count("regimeswitchregimes:") == 1
    assert printed.err.startswith("regimeswitch regimes: ")
    assert printed.out == ""
