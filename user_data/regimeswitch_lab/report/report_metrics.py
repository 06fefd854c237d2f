"""Tables by regime, pair and year, with freqtrade's own functions where it has them.

Ratios of closed trades and of the balance are those that freqtrade prints: 365 days a year, zero
interest. Its Calmar ratio is the mean profit a day in percent over the maximum drawdown, times the
root of 365, not growth a year over drawdown (Young, Calmar ratio: a smoother tool, 1991).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from freqtrade.data import metrics
from freqtrade.optimize.optimize_reports import generate_pair_metrics, generate_tag_metrics

from regimeswitch_lab.report.report_source import fills_of, records
from regimeswitch_lab.report.switching_cost import BACK_COLUMN, COST_COLUMN


TOTAL = "TOTAL"
UNDEFINED = -100.0
"""What freqtrade answers where the deviation of a ratio is zero."""
YEAR_DAYS = 365


@dataclass(frozen=True)
class Metrics:
    """One row of a table; money in stake currency, shares and returns as fractions.

    :ivar profit: over the capital at the beginning of the row's range
    :ivar profit_factor: None where nothing was lost, as elsewhere where a figure is not defined
    :ivar exposure: mean share of the account that was in positions, at cost; see :func:`exposure`
    :ivar volume: value of all filled orders with their fees
    :ivar turnover: volume over capital, a year
    :ivar switched: trades that a regime's end has closed and that were opened again soon after
    :ivar switching_cost: what that cost, see :mod:`regimeswitch_lab.report.switching_cost`
    :ivar holding: mean time from entry to exit
    """

    name: str
    trades: int
    winrate: float
    profit_abs: float
    profit: float
    profit_factor: float | None
    cagr: float
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    exposure: float
    volume: float
    turnover: float
    fees: float
    switched: int
    switching_cost: float
    holding: pd.Timedelta


@dataclass(frozen=True)
class Range:
    """A time range with the capital at its beginning, stake currency."""

    begin: pd.Timestamp
    end: pd.Timestamp
    capital: float

    @property
    def years(self) -> float:
        """Length in years of 365 days, as the metrics count; at least a day."""
        return ((self.end - self.begin).days or 1) / YEAR_DAYS


def by_tag(
    trades: pd.DataFrame, tag: Literal["enter_tag", "exit_reason"], range_: Range
) -> list[Metrics]:
    """One row for each regime of the entry, or reason of the exit, and a total; best profit first.

    :param trades: closed, of
        :func:`regimeswitch_lab.report.switching_cost.with_switching_costs`
    """
    lines = generate_tag_metrics(
        tag, range_.capital, trades, range_.begin, range_.end, skip_nan=False
    )
    return [_row(line, _of(trades, tag, line), trades, range_) for line in lines]


def by_pair(trades: pd.DataFrame, pairs: tuple[str, ...], range_: Range) -> list[Metrics]:
    """One row for each pair, those without a trade too, and a total."""
    lines = generate_pair_metrics(
        list(pairs), "", range_.capital, trades, range_.begin, range_.end, skip_nan=False
    )
    return [_row(line, _of(trades, "pair", line), trades, range_) for line in lines]


def by_year(trades: pd.DataFrame, range_: Range) -> list[Metrics]:
    """One row for each year of the range and a total; a trade belongs to the year it ended in.

    Capital of a year is the capital of the range with what was closed before.
    """
    rows = []
    for year in range(range_.begin.year, range_.end.year + 1):
        inside = trades["close_date"].dt.year == year
        before = trades["close_date"].dt.year < year
        part = Range(
            max(range_.begin, pd.Timestamp(year, 1, 1, tz="UTC")),
            min(range_.end, pd.Timestamp(year + 1, 1, 1, tz="UTC")),
            range_.capital + float(trades.loc[before, "profit_abs"].sum()),
        )
        if part.begin < part.end and part.capital > 0:
            row = total(trades[inside], part, str(year), trades)
            # A position that is held over the turn of the year ties up money in both.
            rows.append(replace(row, exposure=exposure(trades, trades, part)))
    return [*rows, total(trades, range_)]


def total(
    trades: pd.DataFrame, range_: Range, name: str = TOTAL, account: pd.DataFrame | None = None
) -> Metrics:
    """The row of all given trades.

    :param account: all trades of the account, where ``trades`` are a part of them
    """
    (*_, line) = generate_tag_metrics(
        "enter_tag", range_.capital, trades, range_.begin, range_.end, skip_nan=False
    )
    return _row({**line, "key": name}, trades, trades if account is None else account, range_)


def _of(trades: pd.DataFrame, column: str, line: dict[str, Any]) -> pd.DataFrame:
    return trades if line["key"] == TOTAL else trades[trades[column] == line["key"]]


def _row(
    line: dict[str, Any], trades: pd.DataFrame, account: pd.DataFrame, range_: Range
) -> Metrics:
    volume = sum(fill.cost for one in records(trades) for fill in fills_of(one["orders"]))
    mean = trades["trade_duration"].mean() if len(trades) else 0.0
    return Metrics(
        name=str(line["key"]),
        trades=int(line["trades"]),
        winrate=float(line["winrate"]),
        profit_abs=float(line["profit_total_abs"]),
        profit=float(line["profit_total"]),
        profit_factor=float(line["profit_factor"]) if (trades["profit_abs"] < 0).any() else None,
        cagr=float(line["cagr"]),
        sharpe=_defined(line["sharpe"]),
        sortino=_defined(line["sortino"]),
        calmar=_defined(line["calmar"]),
        max_drawdown=float(line["max_drawdown_account"]),
        exposure=exposure(trades, account, range_),
        volume=volume,
        turnover=volume / range_.capital / range_.years,
        fees=sum(map(_fees, records(trades))),
        switched=int(trades[BACK_COLUMN].sum()),
        switching_cost=float(trades[COST_COLUMN].sum()),
        holding=pd.Timedelta(minutes=round(mean)),
    )


def _fees(trade: dict[str, Any]) -> float:
    rates = {True: trade["fee_open"] or 0.0, False: trade["fee_close"] or 0.0}
    fills = fills_of(trade["orders"])
    return float(sum(fill.amount * fill.price * rates[fill.is_entry] for fill in fills))


def _defined(ratio: float) -> float | None:
    return None if ratio == UNDEFINED or not np.isfinite(ratio) else float(ratio)


def exposure(trades: pd.DataFrame, account: pd.DataFrame, range_: Range) -> float:
    """Mean share of the account in positions over the range, at cost.

    From one filled order to the next a trade ties up what its orders have bought and not sold, over
    the capital of the range plus what other trades had closed before; leverage is taken out. Parts
    of a trade outside of the range do not count.

    :param trades: those that are counted
    :param account: all trades of the account, which its size comes from
    :return: fraction
    """
    closed = account["close_date"].to_numpy("datetime64[ms]").astype(np.int64)
    profits = np.r_[0.0, account["profit_abs"].to_numpy(dtype=np.float64).cumsum()]
    begin, end = (int(one.timestamp() * 1000) for one in (range_.begin, range_.end))
    earlier = account["close_date"] < range_.begin
    known = float(account.loc[earlier, "profit_abs"].sum())
    found = 0.0
    for trade in records(trades):
        for since, until, cost in _segments(trade):
            length = max(min(until, end) - max(since, begin), 0)
            money = range_.capital - known + profits[np.searchsorted(closed, since, side="right")]
            found += cost * length / money if money > 0 else 0.0
    return float(found / (end - begin))


def _segments(trade: dict[str, Any]) -> Iterator[tuple[int, int, float]]:
    """Beginning, end (epoch milliseconds) and cost of what a trade held."""
    amount = cost = 0.0
    for fill, later in pairwise(fills_of(trade["orders"])):
        if fill.is_entry:
            cost += fill.amount * fill.price / float(trade["leverage"] or 1.0)
            amount += fill.amount
        elif amount > 0:
            cost *= max(1 - fill.amount / amount, 0.0)
            amount = max(amount - fill.amount, 0.0)
        if amount > 0:
            yield fill.moment, later.moment, cost


@dataclass(frozen=True)
class BalanceMetrics:
    """Of a balance over time; fractions."""

    final: float
    profit: float
    cagr: float
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float


def of_balance(balance: pd.DataFrame, range_: Range, final: float | None = None) -> BalanceMetrics:
    """Metrics of an account with open positions at market prices, by freqtrade's functions.

    :param balance: ``date`` and ``total_quote``, two rows or more
    :param final: balance once all positions are closed; None = the last row
    """
    if final is None:
        final = float(balance["total_quote"].iloc[-1])
    largest = metrics.calculate_max_drawdown_from_balance(balance, relative=True)
    days = (range_.end - range_.begin).days or 1
    return BalanceMetrics(
        final=final,
        profit=final / range_.capital - 1,
        cagr=float(metrics.calculate_cagr(days, range_.capital, final)),
        sharpe=_defined(metrics.calculate_sharpe_from_balance(balance)),
        sortino=_defined(metrics.calculate_sortino_from_balance(balance)),
        calmar=_defined(metrics.calculate_calmar_from_balance(balance)),
        max_drawdown=float(largest.relative_account_drawdown),
    )
