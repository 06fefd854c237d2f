"""The report page: its figures are those of freqtrade's trade list and tables."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.util import fmt_coin, format_duration

from heldpairs import position_frame
from pages import Page
from regimeswitch.settings import load_settings
from regimeswitch_lab.cli import main
from reported import Result, report


pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

Trades = list[dict[str, Any]]
QUESTIONS = ("make money?", "Against what?", "which regime?", "so few trades?", "real?")


@pytest.fixture(scope="module")
def page(result: Result, tmp_path_factory: pytest.TempPathFactory) -> Page:
    out = tmp_path_factory.mktemp("page") / "report.html"
    found, said = report(out, result.path, "--datadir", result.market)
    assert said == ""
    return found


def percent(value: float, digits: int = 2, sign: str = "") -> str:
    return f"{100 * value:{sign}.{digits}f} %"


def coins(value: float) -> str:
    return str(fmt_coin(value, "USDT", show_coin_name=False))


def drawdown(profits: list[float], capital: float) -> float:
    """Largest fall in money of closed trades, over the balance that it fell from."""
    total, peak, largest, share = 0.0, 0.0, 0.0, 0.0
    for profit in profits:
        total += profit
        peak = max(peak, total)
        if peak - total > largest:
            largest, share = peak - total, (peak - total) / (capital + peak)
    return share


def exposure(own: Trades, all_: Trades, capital: float, begin: int, end: int) -> float:
    """Second by second would be the definition; trades have two orders here."""
    found = 0.0
    for trade in own:
        entry, exit_ = trade["orders"]
        since, until = entry["order_filled_timestamp"], exit_["order_filled_timestamp"]
        before = sum(one["profit_abs"] for one in all_ if one["close_timestamp"] <= since)
        cost = entry["amount"] * entry["safe_price"]
        found += cost / (capital + before) * (until - since) / (end - begin)
    return found


def switching_costs(trade: dict[str, Any], all_: Trades) -> list[float]:
    """Two fees of 0.1 % and two slippages of 0.05 %, where it was opened again within a day."""
    later = [one for one in all_ if one["pair"] == trade["pair"]]
    since = [one["open_timestamp"] - trade["close_timestamp"] for one in later]
    again = [one for one, waited in zip(later, since, strict=True) if 0 <= waited <= 86_400_000]
    if not trade["exit_reason"].startswith("regime_") or not again:
        return []
    orders = trade["orders"][-1], min(again, key=lambda one: one["open_timestamp"])["orders"][0]
    return [sum(order["amount"] * order["safe_price"] * 0.0015 for order in orders)]


def row_of(own: Trades, result: Result) -> dict[str, str]:
    """What a row of the tables has to show, from freqtrade's trade list alone."""
    stats = result.strategy
    capital, days = stats["starting_balance"], stats["backtest_days"]
    begin, end = stats["backtest_start_ts"], stats["backtest_end_ts"]
    own = sorted(own, key=lambda trade: trade["close_timestamp"])
    profits = [trade["profit_abs"] for trade in own]
    won = sum(profit for profit in profits if profit > 0)
    lost = -sum(profit for profit in profits if profit < 0)
    shares = np.array(profits) / capital
    down = shares[shares < 0]
    fall = drawdown(profits, capital)
    mean, root = shares.sum() / days, math.sqrt(365)
    orders = [(trade, order) for trade in own for order in trade["orders"]]
    fees = sum(order["amount"] * order["safe_price"] * 0.001 for _, order in orders)
    held = sum(trade["trade_duration"] for trade in own) / len(own)
    switches = [cost for one in own for cost in switching_costs(one, stats["trades"])]

    def ratio(spread: float) -> str:
        return f"{mean / spread * root:,.2f}" if spread > 0 else "–"

    return {
        "trades": str(len(own)),
        "win rate": percent(sum(profit > 0 for profit in profits) / len(own), 1),
        "profit, USDT": coins(sum(profits)),
        "profit": percent(sum(profits) / capital, sign="+"),
        "profit factor": f"{won / lost:,.2f}" if lost else "–",
        "CAGR": percent((1 + sum(profits) / capital) ** (365 / days) - 1, sign="+"),
        "Sharpe": ratio(float(shares.std())),
        "Sortino": ratio(float(down.std()) if len(down) else 0.0),
        "Calmar": ratio(fall / 100),
        "maximum drawdown": percent(fall),
        "exposure": percent(exposure(own, stats["trades"], capital, begin, end), 1),
        "turnover a year": f"{sum(o['cost'] for _, o in orders) / capital / days * 365:,.2f} ×",
        "fees, USDT": coins(fees),
        "opened again": str(len(switches)),
        "cost of switching, USDT": coins(sum(switches)),
        "mean holding time": format_duration(timedelta(minutes=round(held))),
    }


def test_each_figure_by_regime_is_that_of_the_trade_list(page: Page, result: Result) -> None:
    body = page.table("By regime").body
    trades = result.strategy["trades"]
    assert set(body) == {"bull", "bear", "TOTAL"} and len(trades) > 5
    for name, row in body.items():
        own = [one for one in trades if name in ("TOTAL", one["enter_tag"])]
        assert row == row_of(own, result), name


def test_each_figure_by_pair_year_and_exit_is_of_the_trade_list(page: Page, result: Result) -> None:
    trades = result.strategy["trades"]
    body = page.table("By pair").body
    assert set(body) == {"BTC/USDT", "ETH/USDT", "TOTAL"}
    for name, row in body.items():
        own = [one for one in trades if name in ("TOTAL", one["pair"])]
        assert row == row_of(own, result), name
    body = page.table("By reason of the exit").body
    assert "TOTAL" in body and len(body) > 2
    for name, row in body.items():
        own = [one for one in trades if name in ("TOTAL", one["exit_reason"])]
        assert row == row_of(own, result), name
    assert set(page.table("By year").body) == {"2024", "TOTAL"}
    for row in page.table("By year").body.values():
        assert row == row_of(trades, result)


def test_totals_are_those_of_freqtrade_s_summary(page: Page, result: Result) -> None:
    stats, row = result.strategy, page.table("By regime").body["TOTAL"]
    assert row["trades"] == str(stats["total_trades"])
    assert row["profit, USDT"] == coins(stats["profit_total_abs"])
    assert row["profit"] == percent(stats["profit_total"], sign="+")
    for name, key in (("Sharpe", "sharpe"), ("Sortino", "sortino"), ("Calmar", "calmar")):
        assert row[name] == f"{stats[key]:,.2f}"
    assert row["profit factor"] == f"{stats['profit_factor']:,.2f}"
    assert row["CAGR"] == percent(stats["cagr"], sign="+")
    assert row["maximum drawdown"] == percent(stats["max_drawdown_account"])
    assert row["mean holding time"] == format_duration(timedelta(seconds=stats["holding_avg_s"]))
    for pair in stats["results_per_pair"]:
        shown = page.table("By pair").body[pair["key"]]
        assert shown["profit"] == f"{pair['profit_total_pct']:+.2f} %"
        held = pd.Timedelta(pair["duration_avg"]).to_pytimedelta()
        assert shown["mean holding time"] == format_duration(held)


def test_the_account_is_freqtrade_s_wallet(page: Page, result: Result) -> None:
    stats, wallet = result.strategy, result.strategy["wallet_stats"]
    body = page.table("The account").body
    row = body["RegimeSwitch"]
    assert row["final balance, USDT"] == coins(stats["final_balance"])
    assert row["profit"] == percent(stats["profit_total"], sign="+")
    for name, key in (("Sharpe", "sharpe"), ("Sortino", "sortino"), ("Calmar", "calmar")):
        assert row[name] == f"{wallet[key]:,.2f}"
    assert row["maximum drawdown"] == percent(wallet["max_relative_drawdown"])
    held = body["Buy and hold, no costs"]
    assert held["profit"] == percent(stats["market_change"], sign="+")
    shares = {"RegimeSwitch": stats["profit_total"], "Buy and hold": stats["market_change"]}
    for name, share in shares.items():
        *months, year = page.table(f"{name}, percent").rows[1][1:]
        assert year == f"{share * 100:+.1f}"
        growth = math.prod(1 + float(month) / 100 for month in months if month)
        assert growth == pytest.approx(1 + share, abs=0.002)


def test_every_order_is_a_mark_at_its_price_and_time(page: Page, result: Result) -> None:
    data = page.data
    for one in data["pairs"]:
        trades = [trade for trade in result.strategy["trades"] if trade["pair"] == one["pair"]]
        for kind, number in (("entry", 0), ("exit", -1)):
            orders = [trade["orders"][number] for trade in trades]
            marks = one["marks"][kind]
            moments = [data["begin"] + 60_000 * t for t in marks["t"]]
            assert moments == [order["order_filled_timestamp"] for order in orders]
            assert marks["y"] == [order["safe_price"] for order in orders]
        assert set(one["marks"]) == {"entry", "exit"}


def test_regimes_and_reasons_are_those_the_bot_decided_by(page: Page, result: Result) -> None:
    settings = load_settings(result.section)
    data, reasons = page.data, page.table("Which candles are held").body
    begin, end = (
        pd.Timestamp(result.strategy[f"backtest_{name}_ts"], unit="ms", tz="UTC")
        for name in ("start", "end")
    )
    for one in data["pairs"]:
        told = position_frame(result.market, one["pair"], "5m", settings)
        inside = told[(told["date"] >= begin) & (told["date"] <= end)].reset_index(drop=True)
        minutes = (inside["date"] - begin).dt.total_seconds() / 60
        for since, until, code in one["bands"]:
            part = inside[(minutes >= since) & (minutes < until)]
            assert set(part["regime"].fillna("unknown")) <= {data["regimes"][code]}
        sideways = inside["regime"] == "sideways"
        waits = sideways & inside["regime_pending"].isin(settings.entries.regimes)
        shown = reasons["regime sideways"][one["pair"]]
        assert shown == percent((sideways & ~waits).mean(), 1)
        held = pd.Series(False, index=inside.index)
        closed = inside["date"] + pd.Timedelta("5min")
        for trade in result.strategy["trades"]:
            if trade["pair"] == one["pair"]:
                ends = (pd.Timestamp(trade[name]) for name in ("open_date", "close_date"))
                held |= closed.between(*ends, inclusive="left")
        assert reasons["a position is held"][one["pair"]] == percent(held.mean(), 1)
        weights = dict(zip(one["target_weight"]["t"], one["target_weight"]["y"], strict=True))
        known = inside["target_weight"].set_axis(minutes.astype(int))
        assert len(weights) > 100
        assert all(value == pytest.approx(known[t], rel=1e-5) for t, value in weights.items())


def test_the_first_screen_answers_a_newcomer(page: Page, result: Result) -> None:
    stats = result.strategy
    words = page.words
    for question in QUESTIONS:
        assert question in words
    assert f"became {fmt_coin(stats['final_balance'], 'USDT')}" in words
    assert f"{percent(stats['market_change'], sign='+')}, with a maximum drawdown" in words
    assert "No: the candles are synthetic" in words
    assert "No model was trained" in words


def test_the_same_answers_on_the_terminal(
    page: Page, result: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "brief.html"
    line = ["report", str(result.path), "--datadir", str(result.market), "--brief"]
    assert main([*line, "--out", str(out)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 6 and told[-1] == f"report: {out}"
    for line, question in zip(told, QUESTIONS, strict=False):
        begin, _, rest = line.partition("? ")
        assert question in f"{begin}?" and len(rest) > 20
        assert " ".join(rest.split(". ")[0].split()) in page.words


def test_the_page_asks_no_network_for_anything(page: Page) -> None:
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            value = attributes.get(name) or ""
            assert value == "" or value.startswith(("#", "data:,")), (tag, value)
    own = [text for name, text in page.scripts.items() if name not in ("data", "plotly")]
    assert len(own) == 2
    for text in own:
        for word in ("http:", "https:", "@import", "url(", "fetch(", "XMLHttpRequest"):
            assert word not in text
    (policy,) = [
        attributes["content"]
        for tag, attributes in page.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy and policy.startswith("default-src 'none';") and "http" not in policy


def test_the_page_is_well_formed_and_its_tables_have_scopes(page: Page) -> None:
    assert page.unclosed == []
    names = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(names) == len(set(names))
    links = {attributes["href"] for tag, attributes in page.elements if tag == "a"}
    assert {link.removeprefix("#") for link in links if link} <= set(names)
    assert len(page.tables) >= 10
    for table in page.tables:
        assert table.caption and table.unscoped == 0
        assert len({len(row) for row in table.rows}) == 1
    assert [tag for tag, _ in page.elements].count("h1") == 1


def test_two_reports_of_one_result_are_equal(result: Result, tmp_path: Path) -> None:
    for name in ("one", "two"):
        report(tmp_path / name, result.path, "--datadir", result.market)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
