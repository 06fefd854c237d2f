"""Calibration by regime and features by regime: every figure from forecasts that are made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from heldpairs import position_frame
from pages import Page
from regimeswitch.market.cleaning import bad_candles
from regimeswitch.market.labels import CLASSES, class_labels
from regimeswitch.settings import load_settings
from regimeswitch_lab.report.reliability import reliability
from regimeswitch_lab.report.volatility_accuracy import accuracy
from reported import (
    FEATURES,
    Result,
    candles_of,
    learning,
    refused,
    report,
    sized_forecasts,
    store,
    with_config,
    write_metadata,
)


pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

PAIRS = ("BTC/USDT", "ETH/USDT")
DAY = 288
REGIMES = ("bull", "bear", "sideways")


@pytest.fixture(scope="module")
def page(forecast_result: Result, tmp_path_factory: pytest.TempPathFactory) -> Page:
    out = tmp_path_factory.mktemp("models") / "report.html"
    found = forecast_result
    return report(out, found.path, "--datadir", found.market, "--models", found.models)[0]


def known(result: Result, pair: str) -> pd.DataFrame:
    """Candles, regimes and volatility of the range, by the pure functions."""
    settings = load_settings(result.section)
    frame = position_frame(result.market, pair, "5m", settings)
    dates = candles_of(result.market, pair)["date"]
    return frame[frame["date"].isin(dates)].reset_index(drop=True)


def realised(close: np.ndarray) -> np.ndarray:
    """Variance a year of the day after each candle; NaN where the day is not whole."""
    sums = np.concatenate([[0.0], np.cumsum(np.diff(np.log(close)) ** 2)])
    ahead = np.full(len(close), np.nan)
    ahead[:-DAY] = (sums[DAY:] - sums[:-DAY]) * 365
    return ahead


def qlike(came: np.ndarray, given: np.ndarray) -> float:
    ratio = came / given
    return float((ratio - np.log(ratio) - 1).mean())


def test_volatility_forecasts_against_what_came(page: Page, forecast_result: Result) -> None:
    rows = []
    for pair in PAIRS:
        frame = known(forecast_result, pair)
        given = sized_forecasts(forecast_result.market, pair)["volatility_forecast"]
        came = realised(frame["close"].to_numpy())
        rows.append(frame.assign(given=given**2, came=came, rule=frame["volatility"] ** 2))
    whole = pd.concat(rows).dropna(subset=["came", "rule"])
    whole = whole[whole["regime"].isin(REGIMES)]
    body = page.table("Volatility of the next 24 hours").body
    assert set(body) == {*REGIMES, "all"}
    for name, row in body.items():
        own = whole if name == "all" else whole[whole["regime"] == name]
        came, given, rule = (own[key].to_numpy() for key in ("came", "given", "rule"))
        assert row["candles"] == f"{len(own):,}"
        assert row["forecast"] == f"{100 * np.sqrt(given.mean()):.1f} %"
        assert row["came"] == f"{100 * np.sqrt(came.mean()):.1f} %"
        assert row["came over forecast"] == f"{np.sqrt(came.mean() / given.mean()):,.2f}"
        assert row["QLIKE"] == f"{qlike(came, given):.4f}"
        assert row["QLIKE of the rule"] == f"{qlike(came, rule):.4f}"
    drawn = page.data["accuracy"]
    assert [one["regime"] for one in drawn] == [*REGIMES, "all"]
    assert sum(point[2] for point in drawn[-1]["points"]) == len(whole)


def test_probabilities_against_classes_that_came(result: Result, tmp_path: Path) -> None:
    path = with_config(result.path, tmp_path / result.path.name, learning("RegimeSwitchClassifier"))
    settings = load_settings(result.section)
    rows = []
    for number, pair in enumerate(PAIRS):
        frame = known(result, pair)
        drawn = np.random.default_rng(number).dirichlet([2.0, 5.0, 1.0], len(frame))
        given = pd.DataFrame(drawn, columns=list(CLASSES))
        trusted = (np.arange(len(frame)) % 7 > 0).astype(int)
        store(
            tmp_path,
            pair,
            pd.concat([frame[["date", "close"]], given], axis=1).assign(do_predict=trusted),
        )
        candles = pd.read_feather(result.market / f"{pair.replace('/', '_')}-5m.feather")
        candles = candles[candles["date"] <= frame["date"].iloc[-1]]
        bad = bad_candles(candles, "5m", settings.safety)
        labels = class_labels(candles, settings.labels, "5m", bad).set_axis(candles["date"])
        came = labels.reindex(frame["date"]).to_numpy()
        rows.append(given.assign(regime=frame["regime"], came=came)[trusted == 1])
    whole = pd.concat(rows).dropna()
    whole = whole[whole["regime"].isin(REGIMES)]
    page, _ = report(
        tmp_path / "report.html", path, "--datadir", result.market, "--models", tmp_path
    )
    body = page.table("Calibration of the probabilities").body
    for name, row in body.items():
        own = whole if name == "all" else whole[whole["regime"] == name]
        assert row["candles"] == f"{len(own):,}"
        for answer in CLASSES:
            assert row[f"{answer}, given"] == f"{100 * own[answer].mean():.1f} %"
            assert row[f"{answer}, came"] == f"{100 * (own['came'] == answer).mean():.1f} %"
        error = np.mean([expected_error(own[one], own["came"] == one) for one in CLASSES])
        assert row["calibration error"] == f"{error:.4f}"
    bins = [row for row in page.table("Bins").rows[1:] if row[0] == "all" and row[1] == "buy"]
    assert sum(int(row[4].replace(",", "")) for row in bins) == len(whole)
    assert {one["regime"] for one in page.data["reliability"]} == {*REGIMES, "all"}


def expected_error(given: pd.Series, came: pd.Series) -> float:
    """Of one class: distance in each of fifteen bins, weighted by its rows."""
    place = np.minimum((given * 15).astype(int), 14)
    return sum(
        abs(given[place == one].mean() - came[place == one].mean()) * (place == one).mean()
        for one in place.unique()
    )


def test_features_by_regime_and_where_regimes_differ(page: Page) -> None:
    body = page.table("Share of the gain by model").body
    assert list(body) == ["%-volatility_12", "%-range_288", "log_day"]
    for name, row in body.items():
        for model, shares in FEATURES.items():
            assert row[model] == f"{100 * shares.get(name, 0.0):.1f} %"
        apart = abs(FEATURES["bull"].get(name, 0.0) - FEATURES["bear"].get(name, 0.0))
        assert row["largest difference between regimes, points"] == f"{100 * apart:.1f}"
    words = page.words.replace("\N{NO-BREAK SPACE}", " ")
    assert "Regimes differ most in %-volatility_12 (bull 75.0 %, bear 0.0 %);" in words
    assert "mean of 2 trainings" in page.words


def test_features_that_are_not_what_they_should_be_are_left_out(
    result: Result, tmp_path: Path
) -> None:
    odd: list[Any] = [None, 3, {"base": 1}, {"other": {"x": 1.0}}, {"base": {"x": "<b>"}}]
    for number, features in enumerate(odd):
        write_metadata(tmp_path, "BTC", 1733011200 + number, {"features": features})
    good = {"base": {"<b>x": 1.0, "y": float("nan")}}
    write_metadata(tmp_path, "BTC", 1733616000, {"features": good})
    path = with_config(result.path, tmp_path / result.path.name, learning("RegimeSwitchRegressor"))
    page, _ = report(tmp_path / "report.html", path, "--models", tmp_path)
    row = page.table("Share of the gain by model").body
    assert set(row) == {"<b>x"}


def test_what_is_not_known_of_the_models_is_said(result: Result, tmp_path: Path) -> None:
    path = with_config(result.path, tmp_path / result.path.name, learning("RegimeSwitchRegressor"))
    # Forecasts for other candles of the same dates do not count.
    other = sized_forecasts(result.market, "BTC/USDT")
    store(tmp_path, "BTC/USDT", other.assign(close=other["close"] + 1))
    page, _ = report(
        tmp_path / "report.html", path, "--datadir", result.market, "--models", tmp_path
    )
    assert "No stored forecasts of this run were found: no calibration." in page.words
    assert "The models of this run have not written down their features." in page.words
    assert page.data["accuracy"] == [] and page.data["reliability"] == []


def test_forecasts_that_cannot_be_read_are_named(forecast_result: Result, tmp_path: Path) -> None:
    found = forecast_result
    store(tmp_path, "BTC/USDT", sized_forecasts(found.market, "BTC/USDT"))
    (path,) = (tmp_path / "backtested").iterdir()
    words = (found.path, "--datadir", found.market, "--models", tmp_path)
    pd.DataFrame({"other": [1.0]}).to_feather(path)
    said = refused(tmp_path / "report.html", *words)
    assert f"the forecasts of BTC/USDT in {path.parent} cannot be read ('date')" in said
    path.write_bytes(b"no feather")
    said = refused(tmp_path / "report.html", *words)
    assert "cannot be read" in said and "remove the folder and backtest again" in said


def test_spans_and_groups_are_those_of_the_rows() -> None:
    dates = pd.date_range("2024-01-01", periods=600, freq="5min", tz="UTC")
    rows = pd.DataFrame(
        {
            "pair": "A/B",
            "date": dates,
            "regime": "bull",
            "volatility": 0.5,
            "volatility_forecast": np.linspace(0.2, 0.8, 600),
            "&-volatility": np.log(0.5),
        }
    )
    first, whole = accuracy(rows)
    assert (first.regime, whole.regime) == ("bull", "all")
    # Two whole days and a part of a third.
    assert first.days == 3 and first.rule_qlike == pytest.approx(0)
    assert [group.rows for group in first.groups] == [60] * 10
    assert [group.realised for group in first.groups] == pytest.approx([0.5] * 10)
    assert accuracy(rows.iloc[:0]) == [] and reliability(rows.iloc[:0], 3600) == []
    classes = rows.assign(buy=0.0, hold=1.0, sell=0.0, **{"&s-signal": "hold"})
    first, _ = reliability(classes, 3600)
    assert (first.error, first.spans, first.rows) == (0.0, 50, 600)
    assert json.dumps(first.came) == '{"buy": 0.0, "hold": 1.0, "sell": 0.0}'
