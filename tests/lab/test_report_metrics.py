"""Rows of the report's tables from trades made by hand, figure by figure."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimeswitch_lab.report.report_metrics import Range, by_pair, by_tag, by_year, exposure, total
from regimeswitch_lab.report.report_source import NO_TAG, closed_trades
from regimeswitch_lab.report.switching_cost import with_switching_costs


BEGIN, END = (pd.Timestamp(day, tz="UTC") for day in ("2023-07-01", "2024-07-01"))
WHOLE = Range(BEGIN, END, 1000.0)


def order(day: str, side: str, amount: float, price: float = 10.0) -> dict[str, Any]:
    """A filled order, entries first in time; ``day`` is empty for one that was never filled."""
    return {
        "order_filled_timestamp": int(pd.Timestamp(day, tz="UTC").timestamp() * 1000)
        if day
        else None,
        "ft_is_entry": side == "buy",
        "amount": amount,
        "safe_price": price,
        "cost": amount * price * 1.001,
        "ft_order_tag": None,
    }


def trade(profit: float, *orders: dict[str, Any], pair: str = "A/B", tag: Any = "bull") -> Any:
    filled = [one["order_filled_timestamp"] for one in orders if one["order_filled_timestamp"]]
    since, until = (pd.Timestamp(one, unit="ms", tz="UTC") for one in (min(filled), max(filled)))
    return {
        "pair": pair,
        "enter_tag": tag,
        "exit_reason": "regime_bear",
        "stake_amount": 100.0,
        "open_date": since,
        "close_date": until,
        "fee_open": 0.001,
        "fee_close": 0.002,
        "trade_duration": (until - since).total_seconds() / 60,
        "profit_abs": profit,
        "profit_ratio": profit / 100,
        "is_open": False,
        "leverage": 1.0,
        "is_short": False,
        "orders": list(orders),
    }


def frame(*trades: Any) -> pd.DataFrame:
    closed, still_open = closed_trades(pd.DataFrame(list(trades)))
    return with_switching_costs(closed, still_open, 0.0005)


def held(since: str, until: str, amount: float = 10.0) -> tuple[dict[str, Any], dict[str, Any]]:
    return order(since, "buy", amount), order(until, "sell", amount)


def test_a_position_ties_up_what_was_bought_and_not_sold() -> None:
    steps = [
        order("2023-08-10", "buy", 10),
        order("2023-08-20", "buy", 30),
        order("2023-08-30", "sell", 20),
        order("", "sell", 20),
        order("2023-09-09", "sell", 20),
    ]
    found = exposure(frame(trade(5.0, *steps)), frame(trade(5.0, *steps)), WHOLE)
    # A tenth, four tenths and two tenths of the capital, ten days of 366 each.
    assert found == pytest.approx((0.1 + 0.4 + 0.2) * 10 / 366)
    row = total(frame(trade(5.0, *steps)), WHOLE)
    assert row.fees == pytest.approx(400 * 0.001 + 400 * 0.002)
    assert row.volume == pytest.approx(800 * 1.001)
    assert row.turnover == pytest.approx(800 * 1.001 / 1000 / (366 / 365))


def test_the_account_grows_by_what_was_closed_before() -> None:
    first = trade(1000.0, *held("2023-08-01", "2023-08-11"))
    second = trade(1.0, *held("2023-08-11", "2023-08-21"))
    both = frame(first, second)
    assert exposure(both, both, WHOLE) == pytest.approx((0.1 + 0.05) * 10 / 366)


def test_a_year_begins_with_what_the_year_before_has_left() -> None:
    trades = frame(
        trade(100.0, *held("2023-08-01", "2023-08-11")),
        trade(-55.0, *held("2023-12-22", "2024-01-11")),
        trade(0.0, *held("2024-02-01", "2024-02-02")),
    )
    first, second, whole = by_year(trades, WHOLE)
    assert [row.name for row in (first, second, whole)] == ["2023", "2024", "TOTAL"]
    assert [row.trades for row in (first, second, whole)] == [1, 2, 3]
    assert (first.profit, second.profit) == pytest.approx((0.1, -0.05))
    assert (1 + first.profit) * (1 + second.profit) == pytest.approx(1 + whole.profit)
    # The position over the turn of the year: ten days in each.
    assert first.exposure == pytest.approx((0.1 * 10 + 100 / 1100 * 10) / 184)
    assert second.exposure == pytest.approx((100 / 1100 * 10 + 100 / 1045 * 1) / 182)
    assert first.profit_factor is None and first.sortino is None
    assert second.profit_factor == 0 and second.winrate == 0


def test_without_trades_everything_is_nothing() -> None:
    empty = frame(trade(1.0, *held("2023-08-01", "2023-08-02"))).iloc[:0]
    (row,) = by_tag(empty, "enter_tag", WHOLE)
    assert (row.trades, row.profit, row.exposure, row.fees, row.volume) == (0, 0, 0, 0, 0)
    assert row.profit_factor is None and row.holding == pd.Timedelta(0)


def test_a_trade_without_a_tag_has_a_row() -> None:
    trades = frame(trade(1.0, *held("2023-08-01", "2023-08-02"), tag=None))
    assert [row.name for row in by_tag(trades, "enter_tag", WHOLE)] == [NO_TAG, "TOTAL"]


def test_leaving_and_coming_back_within_a_day_is_a_cost_of_switching() -> None:
    trades = [
        trade(1.0, order("2023-08-01", "buy", 10), order("2023-08-05 08:00", "sell", 10, 11.0)),
        trade(1.0, order("2023-08-06 08:00", "buy", 20, 12.0), order("2023-08-09", "sell", 20)),
        # Another pair, later than a day, and a stop.
        trade(1.0, *held("2023-08-09", "2023-08-12"), pair="C/B"),
        trade(1.0, *held("2023-08-10 00:05", "2023-08-11"), tag="bear")
        | {"exit_reason": "stop_loss"},
        trade(1.0, *held("2023-08-11", "2023-08-12")),
    ]
    found = frame(*trades)
    # Fee of the sale 0.002, of the purchase 0.001, slippage 0.0005 each.
    cost = 110 * 0.0025 + 240 * 0.0015
    assert found["switching_cost"].sum() == pytest.approx(cost)
    *rows, whole = by_tag(found, "enter_tag", WHOLE)
    assert {row.name: row.switched for row in rows} == {"bull": 1, "bear": 0}
    assert whole.switching_cost == pytest.approx(cost) and whole.switched == 1


def test_a_position_that_is_open_again_counts_for_the_one_before() -> None:
    last = trade(0.0, order("2023-08-05", "buy", 10), order("2023-08-06", "sell", 5))
    found = frame(trade(1.0, *held("2023-08-01", "2023-08-05")), last | {"is_open": True})
    assert len(found) == 1 and found["opened_again"].all()
    assert found["switching_cost"].iloc[0] == pytest.approx(100 * 0.0025 + 100 * 0.0015)


PROFITS = st.lists(st.tuples(st.sampled_from(["A/B", "C/B"]), st.floats(-50, 50)), max_size=12)


@settings(deadline=None, max_examples=25)
@given(PROFITS)
def test_rows_add_up_to_the_total(profits: list[tuple[str, float]]) -> None:
    trades = [
        trade(round(profit, 4), *held(f"2023-08-{day:02}", f"2023-09-{day:02}"), pair=pair)
        for day, (pair, profit) in enumerate(profits, start=1)
    ]
    spare = frame(trade(0.0, *held("2023-08-01", "2023-08-02")))
    *rows, whole = by_pair(frame(*trades) if trades else spare.iloc[:0], ("A/B", "C/B"), WHOLE)
    assert {row.name for row in rows} == {"A/B", "C/B"}
    for name in (
        "trades",
        "profit_abs",
        "profit",
        "exposure",
        "volume",
        "turnover",
        "fees",
        "switching_cost",
    ):
        parts = math.fsum(getattr(row, name) for row in rows)
        assert parts == pytest.approx(getattr(whole, name), abs=1e-9)
