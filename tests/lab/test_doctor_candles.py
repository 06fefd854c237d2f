"""Candle files, labels and regimes: one defect, one finding."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bots import Bot
from doctors import a_machine_of_eight, bot, doctor, kinds, market
from regimeswitch_lab.doctor.causes import joined
from regimeswitch_lab.doctor.findings import Finding
from regimeswitch_lab.doctor.row_checks import LastWindow, check_labels


__all__ = ["a_machine_of_eight", "bot", "market"]


Change = Callable[[pd.DataFrame], pd.DataFrame]


def rows_set(rows: slice, **values: float) -> Change:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame.index[rows], list(values)] = list(values.values())
        return frame

    return change


def spike(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[9000, ["high", "close"]] *= 10
    return frame


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    for name in ("open", "high", "low"):
        frame.loc[9000, name] = frame.loc[9000, "close"]
    frame.loc[9000, "volume"] = 0
    return frame


def without(first: int, last: int) -> Change:
    return lambda frame: frame.drop(index=range(first, last)).reset_index(drop=True)


def twice(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame[:5000], frame[4999:]], ignore_index=True)


def swapped(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame[:5000], frame[5001:5002], frame[5000:5001], frame[5002:]])


def every_other(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[::2].reset_index(drop=True)


BAD_FILES: list[tuple[Change, str, str]] = [
    (without(9000, 9005), "info", "candles.gap"),
    (without(9000, 9300), "warning", "candles.gap"),
    (flat, "info", "candles.flat"),
    (rows_set(slice(9000, 9001), close=0.0), "warning", "candles.zero"),
    (rows_set(slice(9000, 9001), low=-1.0), "warning", "candles.negative"),
    (rows_set(slice(9000, 9001), high=0.5), "warning", "candles.inverted"),
    (spike, "warning", "candles.spike"),
    (rows_set(slice(-900, -100), close=0.0), "serious", "candles.zero"),
    (twice, "serious", "candles.duplicate"),
    (swapped, "serious", "candles.order"),
    (lambda frame: frame[5000:].reset_index(drop=True), "serious", "candles.short"),
    (lambda frame: frame[:-400], "warning", "candles.uneven"),
]


@pytest.mark.parametrize(("change", "severity", "kind"), BAD_FILES)
def test_one_defect_of_a_candle_file_is_one_finding(
    bot: Bot, market: Path, tmp_path: Path, change: Change, severity: str, kind: str
) -> None:
    candles = tmp_path / "candles"
    shutil.copytree(market, candles)
    path = candles / "BTC_USDT-5m.feather"
    change(pd.read_feather(path)).to_feather(path)
    code, figures = doctor(bot, "--datadir", candles)
    assert kinds(figures) == [(severity, kind)]
    assert code == (severity == "serious")
    assert figures["findings"][0]["where"] == "BTC/USDT 5m"


def test_the_same_outage_in_all_pairs_is_reported_once(
    bot: Bot, market: Path, tmp_path: Path
) -> None:
    candles = tmp_path / "candles"
    shutil.copytree(market, candles)
    for path in candles.glob("*-5m.feather"):
        without(9000, 9005)(pd.read_feather(path)).to_feather(path)
    (found,) = doctor(bot, "--datadir", candles)[1]["findings"]
    assert found["where"] == "BTC/USDT 5m, ETH/USDT 5m"


def test_a_file_of_another_timeframe(bot: Bot, market: Path, tmp_path: Path) -> None:
    candles = tmp_path / "candles"
    shutil.copytree(market, candles)
    path = candles / "BTC_USDT-1h.feather"
    every_other(pd.read_feather(path)).to_feather(path)
    assert kinds(doctor(bot, "--datadir", candles)[1]) == [("serious", "candles.timeframe")]


def test_a_missing_and_an_unreadable_file(bot: Bot, market: Path, tmp_path: Path) -> None:
    candles = tmp_path / "candles"
    shutil.copytree(market, candles)
    (candles / "BTC_USDT-1h.feather").unlink()
    (candles / "ETH_USDT-1h.feather").write_text("no candles")
    code, figures = doctor(bot, "--datadir", candles)
    expected = [("serious", "candles.missing"), ("serious", "candles.unreadable")]
    assert (code, kinds(figures)) == (1, expected)
    assert "freqtrade download-data --pairs BTC/USDT" in figures["findings"][0]["fix"]


def test_old_candles(bot: Bot, market: Path, tmp_path: Path) -> None:
    for path in market.glob("*.feather"):
        frame = pd.read_feather(path)
        frame.assign(date=frame["date"] - pd.Timedelta(days=91)).to_feather(tmp_path / path.name)
    assert kinds(doctor(bot, "--datadir", tmp_path)[1]) == [("info", "candles.old")]


# --- labels and regimes: a change of the settings and the finding

LESSONS: list[tuple[dict[str, Any], str, str]] = [
    ({"labels": {"multiple": 2.2}}, "warning", "labels.rare"),
    ({"labels": {"multiple": 20.0}}, "serious", "labels.absent"),
    ({"regime": {"trend_enter": 30.0, "trend_exit": 20.0}}, "info", "regimes.seldom"),
    (
        {"regime": {"grace_candles": 12, "trend_enter": 0.1, "trend_exit": 0.1, "timeframe": "5m"}},
        *("warning", "regimes.switches"),
    ),
    ({"models": {"min_rows": 10_000}}, "warning", "regimes.few_rows"),
    ({"models": {"rows": "pair", "min_rows": 20_000}}, "warning", "regimes.few_rows"),
]


@pytest.mark.parametrize(("change", "severity", "kind"), LESSONS)
def test_what_models_would_learn_from(
    bot: Bot, market: Path, change: dict[str, Any], severity: str, kind: str
) -> None:
    bot.change(regimeswitch=change)
    code, figures = doctor(bot, "--datadir", market)
    found = kinds(figures)
    assert (severity, kind) in found
    # Bands that are too narrow leave no room for sideways, either.
    also = {("info", "regimes.seldom")} if kind == "regimes.switches" else set()
    assert set(found) - also == {(severity, kind)}
    assert code == (severity == "serious")


def test_labels_that_are_missing(bot: Bot, market: Path, tmp_path: Path) -> None:
    known = pd.Series(["buy", "hold", "sell"] * 30)
    window = LastWindow("BTC/USDT", known.where(known.index > 9), known, 0.1)
    (found,) = check_labels([window])
    assert (found.severity, found.kind) == ("warning", "labels.missing")
    # Where candles are damaged, that is the cause and the one finding.
    candles = tmp_path / "candles"
    shutil.copytree(market, candles)
    path = candles / "BTC_USDT-5m.feather"
    frame = pd.read_feather(path)
    frame.loc[frame.index[-4000:-10:40], "close"] = 0.0
    frame.to_feather(path)
    _, figures = doctor(bot, "--datadir", candles)
    assert kinds(figures) == [("warning", "candles.zero")]
    assert figures["pairs"]["BTC/USDT"]["labels_missing"] > 0.05


def test_many_pairs_with_the_same_trouble_are_one_finding() -> None:
    fix = "exchange outages leave such gaps"
    gaps = [
        Finding("info", "candles.gap", f"{count} candles are missing", f"P{count}/USDT 5m", fix)
        for count in range(1, 8)
    ]
    (found,) = joined(gaps)
    assert found.where.count("USDT") == 7
    assert found.what.startswith("P1/USDT 5m: 1 candles are missing; P2/USDT 5m: 2 ")
    assert found.what.endswith("; and 3 more")
    missing = [
        Finding("serious", "candles.missing", f"{pair} {one}", f"{pair} {one}", f"get {one}")
        for pair in ("AAA/USDT", "BBB/USDT")
        for one in ("5m", "1h")
    ]
    (found,) = joined(missing)
    assert "--pairs AAA/USDT BBB/USDT --timeframes 5m 1h" in found.fix


# --- one cause, one finding: what it brings with it is left out

CAUSES: list[tuple[dict[str, Any], str]] = [
    (
        {
            "timeframe": "15m",
            "freqai": {"feature_parameters": {"label_period_candles": 4}},
        },
        "config.consistency",
    ),
    ({"freqai": {"train_period_days": 500}}, "candles.short"),
    ({"freqai": {"enabled": False}}, "freqai.off"),
    ({"regimeswitch": {"regime": {"rule": "change", "change_days": 195}}}, "startup.limit"),
    ({"exchange": {"pair_whitelist": []}}, "pairs.none"),
    (
        {"freqai": {"live_retrain_hours": 24, "expiration_hours": 5}, "regimeswitch": {"a": 1}},
        "settings.mistake freqai.expiration",
    ),
    (
        {
            "freqai": {"feature_parameters": {"label_period_candles": 15}},
            "regimeswitch": {"labels": {"horizon": 15, "unit": "feet"}},
        },
        "settings.mistake",
    ),
]


@pytest.mark.parametrize(("change", "expected"), CAUSES)
def test_one_cause_is_one_finding(
    bot: Bot, market: Path, change: dict[str, Any], expected: str
) -> None:
    # Models of the same settings but for the mistake: of which they are is not known then.
    bot.change(**change)
    (bot.userdir / "models/regimeswitch-rs00000000").mkdir(parents=True)
    _, figures = doctor(bot, "--datadir", market)
    found = [kind for _, kind in kinds(figures) if not kind.startswith("identifier.")]
    assert found == expected.split()
    leftover = [kind for _, kind in kinds(figures) if kind.startswith("identifier.")]
    assert bool(leftover) == ("settings" not in expected and expected != "freqai.off")


def test_the_warm_up_of_every_timeframe_counts(bot: Bot, market: Path) -> None:
    bot.change(freqai={"feature_parameters": {"include_timeframes": ["5m", "1h", "4h"]}})
    _, figures = doctor(bot, "--datadir", market)
    found = [one for one in figures["findings"] if one["kind"] == "candles.short"]
    # 70 days of training and 614 candles of 4h.
    assert found
    assert all("172 are needed to train and warm up" in one["what"] for one in found)
