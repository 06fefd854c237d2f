"""The balance behind the figures of money: every day counts, and so does the last fee."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from markets import market_of
from regimeswitch_lab.money.backtests import read_result
from regimeswitch_lab.money.book import curve_of, days_of
from regimeswitch_lab.money.compared import balance_of
from regimeswitch_lab.money.money_metrics import balance_figures, daily_returns
from regimeswitch_lab.money.rivals import held


DATES = pd.date_range("2024-01-01", periods=3 * 288, freq="5min", tz="UTC")


def result_file(folder: Path, wallet: pd.DataFrame, final: float) -> Path:
    """A result as freqtrade writes it, of one strategy without trades."""
    path = folder / "backtest-result.zip"
    strategy = {
        "trades": [],
        "backtest_start": f"{DATES[0]:%Y-%m-%d %H:%M:%S}",
        "starting_balance": 1000,
        "final_balance": final,
    }
    table = io.BytesIO()
    wallet.to_feather(table)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("backtest-result.json", json.dumps({"strategy": {"S": strategy}}))
        archive.writestr("backtest-result_S_wallet.feather", table.getvalue())
    return path


def test_a_backtest_ends_with_what_freqtrade_says_and_counts_its_first_day(
    tmp_path: Path,
) -> None:
    # 1000 -> 1100 -> 1045 -> 1254 at the ends of three days, in two currencies; the position that
    # is still open at the end then costs freqtrade 4 more, which its wallet no longer shows.
    total = np.repeat([1100.0, 1045.0, 1254.0], 288)
    # freqtrade's wallet begins with the second candle.
    halves = pd.DataFrame({"date": DATES, "total_quote": total / 2}).iloc[1:]
    wallet = pd.concat([halves, halves], ignore_index=True)
    balance = read_result(result_file(tmp_path, wallet, final=1250.0)).balance
    assert daily_returns(balance).tolist() == pytest.approx([0.1, -0.05, 1250 / 1045 - 1])
    got = balance_figures(balance)
    assert got["profit"] == pytest.approx(0.25)
    # Three days, from the beginning of the first candle to the end of the last.
    assert got["cagr"] == pytest.approx(1.25 ** (365 / 3) - 1)
    returns = daily_returns(balance).to_numpy()
    assert got["sharpe"] == pytest.approx(returns.mean() / returns.std() * np.sqrt(365))


def test_the_daily_returns_of_buy_and_hold_make_up_its_whole_profit() -> None:
    close = np.linspace(110, 150, len(DATES))[:, None]
    market = market_of(np.vstack([[[100.0]], close[:-1]]), np.zeros_like(close), "5m")
    days = days_of(market)
    curve = curve_of(held(market, 1000.0, 0.001), days, 1000.0, 0.001)
    assert len(curve.returns) == 3
    earned = float(close[-2, 0]) / 100 * 0.999 / 1.001
    assert (1 + curve.returns).prod() == pytest.approx(earned)
    assert balance_figures(balance_of(curve, days))["profit"] == pytest.approx(earned - 1)
    assert daily_returns(balance_of(curve, days)).tolist() == pytest.approx(curve.returns)
