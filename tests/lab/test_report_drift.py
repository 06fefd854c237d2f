"""Age, drift and the account of one model on the page: every figure from frames made here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.configuration import TimeRange

from heldpairs import position_frame
from pages import Page
from project import ROOT
from regimeswitch.bot.freqai.recent_drift import FILE
from regimeswitch.bot.freqai.served_predictions import FOLDER
from regimeswitch.bot.freqai.stored_predictions import BacktestPredictions
from regimeswitch.bot.trading.shadow_columns import BASE_COLUMN, shadow_curves, side_cost
from regimeswitch.settings import load_settings
from reported import (
    Result,
    candles_of,
    learning,
    report,
    sized_forecasts,
    store,
    with_config,
    write_metadata,
)
from tradedbots import database


pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

PAIRS = ("BTC/USDT", "ETH/USDT")
REGIMES = ("bull", "bear", "sideways")
TRAINED = (1731888000, 1733616000)
"""Before the range, and 2024-12-08."""


def served(market: Path, pair: str) -> pd.DataFrame:
    """What models would have left: columns that are neither constant nor alike."""
    frame = sized_forecasts(market, pair)
    rng = np.random.default_rng(len(pair) + ord(pair[0]))
    seconds = frame["date"].astype("int64").to_numpy() / 1000
    trained = np.where(seconds >= TRAINED[1], *TRAINED[::-1])
    rows = len(frame)
    return frame.assign(
        do_predict=(np.arange(rows) % 11 > 0).astype(int),
        trained_at=trained.astype(float),
        model_age=(seconds - trained) / 86_400,
        feature_psi=np.round(rng.exponential(0.1, rows), 6),
        shifted_features=np.round(rng.random(rows), 6),
        calibration_error=np.where(np.arange(rows) > 1000, rng.random(rows), 0.0),
        validated_error=0.05,
        model_limit=(rng.random(rows) > 0.7).astype(float),
        base_volatility_forecast=0.4 + 0.3 * rng.random(rows),
        model_weight=1.0,
    )


@pytest.fixture(scope="module")
def drifted(result: Result, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Page]:
    """Result file and models of a regressor, and the page."""
    folder = tmp_path_factory.mktemp("drift")
    path = with_config(result.path, folder / result.path.name, learning("RegimeSwitchRegressor"))
    models = folder / "models"
    for pair in PAIRS:
        store(models, pair, served(result.market, pair))
    rows = dict(zip(REGIMES, (111, 222, 333), strict=True))
    for stamp in TRAINED:
        write_metadata(models, "BTC", stamp, {"rows": rows})
        days = {
            f"2024-12-{day:02d}": {
                "all": {"rows": 168, "worst": {"%-a": 1.0}},
                "bull": {"rows": 30, "worst": {"%-<b>": 1.0 * day, "%-c": 3.0}},
            }
            for day in (1, 3)
        }
        (models / f"sub-train-BTC_{stamp}" / FILE).write_text(json.dumps(days))
    page, _ = report(folder / "report.html", path, "--datadir", result.market, "--models", models)
    return path, models, page


def expected(result: Result) -> pd.DataFrame:
    settings = load_settings(result.section)
    frames = []
    for pair in PAIRS:
        known = position_frame(result.market, pair, "5m", settings).set_index("date")["regime"]
        frame = served(result.market, pair)
        frames.append(frame.assign(regime=known.reindex(frame["date"]).to_numpy()))
    whole = pd.concat(frames)
    return whole[whole["regime"].isin(REGIMES)]


def test_every_figure_of_the_table_is_that_of_the_candles(
    result: Result, drifted: tuple[Path, Path, Page]
) -> None:
    *_, page = drifted
    head, *body = page.table("Age, rows, drift and recent calibration").rows
    whole = expected(result)
    wanted = []
    for stamp in TRAINED:
        for regime, rows in zip(REGIMES, ("111", "222", "333"), strict=True):
            part = whole[(whole["trained_at"] == stamp) & (whole["regime"] == regime)]
            known = part.loc[part["calibration_error"] > 0, "calibration_error"]
            moment = pd.Timestamp(stamp, unit="s")
            wanted.append(
                [
                    f"{moment:%Y-%m-%d %H:%M}",
                    regime,
                    rows,
                    f"{len(part):,}",
                    f"{part['model_age'].max():.1f} days",
                    f"{part['feature_psi'].mean():.2f}",
                    f"{part['feature_psi'].max():.2f}",
                    f"{100 * part['shifted_features'].mean():.1f} %",
                    f"{known.mean():.4f}",
                    "0.0500",
                    f"{100 * (part['model_limit'] > 0).mean():.1f} %",
                    "%-c, %-<b>" if regime == "bull" else "%-a",
                ]
            )
    shown = [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in body]
    assert shown == wanted
    assert len(head) == len(wanted[0])


def test_the_account_of_one_model_is_that_of_its_base(
    result: Result, drifted: tuple[Path, Path, Page]
) -> None:
    *_, page = drifted
    settings = load_settings(result.section)
    frames = {}
    for pair in PAIRS:
        known = position_frame(result.market, pair, "5m", settings)
        dates = candles_of(result.market, pair)["date"]
        known = known[known["date"].isin(dates)].reset_index(drop=True)
        given = served(result.market, pair)
        columns = {name: given[name] for name in ("do_predict", "base_volatility_forecast")}
        frames[pair] = known.assign(bad_candle=False, **columns)
    cost = side_cost({"fee": 0.001}, settings)
    worth = shadow_curves(frames, "5m", settings, cost)[BASE_COLUMN].iloc[-1]
    row = page.table("The account in numbers").body["rules with one model (shadow)"]
    assert row["profit"] == f"{100 * (worth - 1):+.2f} %"
    assert "No account of one model" not in page.words


def test_why_there_is_no_account_of_one_model_is_said(result: Result, tmp_path: Path) -> None:
    page, _ = report(tmp_path / "rule.html", result.path, "--datadir", result.market)
    assert "No account of one model: no model is configured." in page.words
    assert "rules with one model (shadow)" not in page.table("The account in numbers").body
    path = with_config(result.path, tmp_path / result.path.name, learning("RegimeSwitchRegressor"))
    words = (path, "--datadir", result.market, "--models", tmp_path / "none")
    page, _ = report(tmp_path / "lost.html", *words)
    assert "the answers of its base were not kept for this run" in page.words
    assert "Age and drift of the models were not kept for this run." in page.words


def test_a_bot_has_what_it_was_served_and_not_what_a_backtest_was(
    result: Result, tmp_path: Path
) -> None:
    path = database(tmp_path / "trades.sqlite")
    models = tmp_path / "models"
    # A backtest of the same identifier; the bot has kept December alone.
    store(models, "BTC/USDT", served(result.market, "BTC/USDT").assign(model_age=99.0))
    frame = served(result.market, "BTC/USDT")
    begin, end = (pd.Timestamp(day, tz="UTC") for day in ("2024-12-20", "2024-12-25"))
    frame = frame[frame["date"].between(begin, end, inclusive="left")].reset_index(drop=True)
    BacktestPredictions(models / FOLDER).extend(
        "BTC/USDT",
        frame,
        frame.drop(columns=["date", "close"]),
        TimeRange.parse_timerange("20241201-20250101"),
    )
    words = (path, "--config", ROOT / "config.json", "--userdir", tmp_path)
    page, _ = report(
        tmp_path / "report.html", *words, "--datadir", result.market, "--models", models
    )
    body = page.table("Age, rows, drift and recent calibration").rows[1:]
    assert sum(int(row[3].replace(",", "")) for row in body) == len(frame)
    ages = [float(row[4].split("\N{NO-BREAK SPACE}")[0].split()[0]) for row in body]
    assert max(ages) == pytest.approx(frame["model_age"].max(), abs=0.05)
    known = page.table("Volatility of the next 24 hours").body["all"]
    assert int(known["candles"].replace(",", "")) == int((frame["do_predict"] == 1).sum())
