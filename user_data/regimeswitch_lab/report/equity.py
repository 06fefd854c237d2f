"""The account over time, and beside it that of buying and holding."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from regimeswitch_lab.report.candle_history import Histories
from regimeswitch_lab.report.holding import hold_balance
from regimeswitch_lab.report.report_metrics import BalanceMetrics, Range, of_balance
from regimeswitch_lab.report.report_source import Source


@dataclass(frozen=True)
class EquityAccount:
    """Two balances and what they come to.

    :ivar balance: ``date`` and ``total_quote`` of the account; the last row has all that was closed
    :ivar marked: whether open positions are in it at market prices
    :ivar held: the same of buying and holding; None without candles
    """

    range: Range
    balance: pd.DataFrame
    marked: bool
    metrics: BalanceMetrics
    held: pd.DataFrame | None
    held_metrics: BalanceMetrics | None

    @property
    def profit(self) -> float:
        """Of the account, fraction."""
        return self.metrics.profit


def account_of(source: Source, histories: Histories) -> EquityAccount:
    """The account of a source, by its recorded balance or else by its closed trades."""
    whole = Range(source.begin, source.end, source.capital)
    balance = source.balance if source.balance is not None else _closed(source)
    held = hold_balance(histories, source.capital)
    metrics = of_balance(balance, whole, source.final)
    closed = balance.astype({"total_quote": float})
    closed.loc[closed.index[-1], "total_quote"] = metrics.final
    return EquityAccount(
        range=whole,
        balance=closed,
        marked=source.balance is not None,
        metrics=metrics,
        held=held,
        held_metrics=None if held is None or len(held) < 2 else of_balance(held, whole),
    )


def _closed(source: Source) -> pd.DataFrame:
    """Capital with the profits of closed trades, from the beginning to the end of the range."""
    totals = source.capital + source.trades["profit_abs"].cumsum()
    last = float(totals.iloc[-1]) if len(totals) else source.capital
    dates = [source.begin, *source.trades["close_date"], max(source.end, source.begin)]
    return pd.DataFrame({"date": dates, "total_quote": [source.capital, *totals, last]})
