"""Charts of a backtest, in FreqUI and by plot-dataframe: they show its predictions, no others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from freqtrade.configuration import TimeRange
from freqtrade.exceptions import OperationalException

from project import Run
from regimeswitch.bot.freqai.stored_predictions import BacktestPredictions, said_of_missing
from results import trades_of
from webservers import chart_of, webserver


RANGE = "20241218-20250101"
PAIRS = ("BTC/USDT", "ETH/USDT")


def models_of(userdir: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and time, but for the parameters FreqAI notes at each start."""
    return {
        str(path.relative_to(userdir)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted((userdir / "models").rglob("*"))
        if path.is_file() and path.name != "run_params.json"
    }


@pytest.mark.slow
def test_charts_of_a_backtest_agree_with_its_trades_and_change_nothing(
    freqtrade: Callable[..., Run], market: Path, tmp_path: Path
) -> None:
    backtest = ("backtesting", "--timerange", RANGE, "--cache", "none")
    first = freqtrade(*backtest)
    assert first.code == 0, first.log[-3000:]
    trades = trades_of(first.userdir)
    assert {trade["pair"] for trade in trades} == set(PAIRS)
    before = models_of(first.userdir)

    charts, seconds = {}, []
    with webserver(market, tmp_path) as (ask, server):
        strategy = {"strategy": "RegimeSwitchStrategy", "timeframe": "5m"}
        for pair in PAIRS:
            before_it = sum(server.cpu_times()[:2])
            status, answer = ask("pair_history", pair=pair, timerange=RANGE, **strategy)
            # Of its processor, so that nothing else on this machine counts.
            seconds.append(sum(server.cpu_times()[:2]) - before_it)
            assert status == 200, answer
            charts[pair] = chart_of(answer)
        part = "20241220-20241222"
        status, answer = ask("pair_history", pair="BTC/USDT", timerange=part, **strategy)
        assert status == 200, answer
        inside = chart_of(answer)
        missed, why = ask(
            "pair_history", pair="BTC/USDT", timerange="20241210-20241212", **strategy
        )
    print("seconds a chart:", seconds)

    for trade in trades:
        chart = charts[trade["pair"]]
        signal_candle = pd.Timestamp(trade["open_date"]) - pd.Timedelta("5min")
        row = chart.loc[signal_candle]
        assert row["enter_long"] == 1, row
        assert (row["enter_tag"], row["regime"]) == (trade["enter_tag"],) * 2
        assert row["no_trade_reason"] == ""
        assert row["do_predict"] == 1
        assert row[["buy", "hold", "sell"]].sum() == pytest.approx(1, abs=1.6e-3)
    rows = inside.index.intersection(charts["BTC/USDT"].index)
    assert len(rows) >= 2 * 288
    names = ["buy", "sell", "regime", "sub_model_weight", "expected_return", "no_trade_reason"]
    pd.testing.assert_frame_equal(inside.loc[rows, names], charts["BTC/USDT"].loc[rows, names])
    assert missed == 502
    assert "BTC/USDT was not backtested on these candles from 20241210 to 20241212" in why["detail"]
    assert "model fitted on" not in (tmp_path / "webserver.log").read_text()

    plot = ("plot-dataframe", "--strategy", "RegimeSwitchStrategy", "--pairs", "BTC/USDT")
    drawn = freqtrade(*plot, "--timerange", RANGE, "--no-trades")
    assert drawn.code == 0, drawn.log[-3000:]
    assert "model fitted on" not in drawn.words
    (page,) = (drawn.userdir / "plot").glob("*.html")
    html = page.read_text()
    assert "regime_distance" in html
    assert "sub_model_weight" in html
    refused = freqtrade(*plot, "--timerange", "20241210-20241212", "--no-trades")
    assert refused.code == 2
    assert "run freqtrade backtesting over this range first" in refused.words
    assert models_of(first.userdir) == before

    again = freqtrade(*backtest)
    assert again.code == 0, again.log[-3000:]
    assert "model fitted on" not in again.words
    assert "Could not find" not in again.words.replace("Could not find existing", "")
    assert trades_of(again.userdir) == trades
    assert max(seconds) < 3, seconds


def candles(rows: int, start: str = "2025-01-01", seed: int = 1) -> pd.DataFrame:
    dates = pd.date_range(start, periods=rows, freq="5min", tz="UTC").as_unit("ms")
    close = np.random.default_rng(seed).uniform(1, 2, rows)
    return pd.DataFrame({"date": dates, "close": close})


def range_of(frame: pd.DataFrame) -> TimeRange:
    ends = (int(frame["date"].iloc[row].timestamp()) for row in (0, -1))
    return TimeRange("date", "date", *ends)


def predicted(frame: pd.DataFrame, value: float) -> pd.DataFrame:
    return pd.DataFrame({"buy": value, "&s-signal": "buy"}, index=frame.index)


def test_the_backtest_of_the_very_range_counts_then_the_newest(tmp_path: Path) -> None:
    store = BacktestPredictions(tmp_path / "backtested")
    frame = candles(100)
    early, late = frame.iloc[:60], frame.iloc[40:]
    for number, part in enumerate((early, late, frame)):
        store.save("BTC/USDT", part, predicted(part, number + 1.0), range_of(part))
        for path in store.folder.iterdir():
            os.utime(path, ns=(0, path.stat().st_mtime_ns - 10**9))
    store.save("BTC/USDT", late, predicted(late, 9.0), range_of(late))
    store.save("BTC/USDTX", frame, predicted(frame, 7.0), range_of(frame))

    columns, found = store.load("BTC/USDT", frame, range_of(frame))
    assert found.all()
    assert (columns["buy"] == 3).all()
    columns, _ = store.load("BTC/USDT", frame, TimeRange())
    assert (columns["buy"].to_numpy()[40:] == 9).all()
    assert (columns["buy"].to_numpy()[:40] == 3).all()
    assert list(columns["&s-signal"].unique()) == ["buy"]


def test_a_backtest_of_another_version_shows_nothing(tmp_path: Path) -> None:
    store = BacktestPredictions(tmp_path / "backtested")
    frame = candles(50)
    store.save("BTC/USDT", frame, predicted(frame, 0.5), range_of(frame))
    _, found = store.load("BTC/USDT", frame, range_of(frame), ["buy"])
    assert found.all()
    columns, found = store.load("BTC/USDT", frame, range_of(frame), ["buy", "sub_model_weight"])
    assert (len(columns.columns), found.any()) == (0, False)


def test_rows_of_other_candles_and_failed_trainings_show_nothing(tmp_path: Path) -> None:
    store = BacktestPredictions(tmp_path / "backtested")
    frame = candles(50)
    made = predicted(frame, 0.5)
    made["&s-signal"] = made["&s-signal"].astype(object)
    made.loc[:9, "&s-signal"] = 0
    store.save("BTC/USDT", frame, made, range_of(frame))

    other = candles(60, seed=1).set_axis(range(5, 65))
    other.loc[10:14, "close"] += 1
    columns, found = store.load("BTC/USDT", other, TimeRange())
    assert list(columns.index) == list(other.index)
    assert list(found[found].index) == [*range(5, 10), *range(15, 55)]
    assert (columns.loc[~found, "buy"] == 0).all()
    assert (columns.loc[~found, "&s-signal"] == "").all()
    assert (columns["&s-signal"] == "buy").sum() == 40
    empty, nothing = store.load("ETH/USDT", other, TimeRange())
    assert empty.empty
    assert not nothing.any()


def test_what_was_not_backtested_is_said(caplog: pytest.LogCaptureFixture) -> None:
    frame = candles(10)
    found = pd.Series([False] * 4 + [True] * 6)
    said_of_missing("BTC/USDT", found, frame["date"], range_of(frame))
    assert "4 candles from 2025-01-01 00:00 to 2025-01-01 00:15 were not backtested" in caplog.text
    with pytest.raises(OperationalException, match=r"BTC/USDT was not backtested .* 20250101 to"):
        said_of_missing("BTC/USDT", found & False, frame["date"], TimeRange())
    with pytest.raises(OperationalException, match="nothing to show; run freqtrade backtesting"):
        said_of_missing("BTC/USDT", found.iloc[:0], frame["date"].iloc[:0], TimeRange())
