"""The account over time and by months, and beside it that of buying and holding."""

import math
from dataclasses import dataclass

import pandas as pd

from regimeswitch_lab.report.candle_history import Histories
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


def hold_balance(histories: Histories, capital: float) -> pd.DataFrame | None:
    """Balance of an equal part of the capital in each pair, without costs, never touched.

    Its last value is freqtrade's market change of the range. A pair whose candles begin later is
    cash until then.

    :param capital: stake currency
    :return: ``date`` (opening time of each candle) and ``total_quote`` at its close; None where
        there are no candles
    """
    if not histories.pairs:
        return None
    closes = pd.concat(
        [one.frame.set_index("date")["close"].rename(one.pair) for one in histories.pairs], axis=1
    ).sort_index()
    first = pd.Series({pair: closes[pair].dropna().iloc[0] for pair in closes})
    shares = (closes.ffill() / first).fillna(1.0)
    balance = (shares.mean(axis=1) * capital).rename("total_quote")
    return balance.rename_axis("date").reset_index()


@dataclass(frozen=True)
class Year:
    """Returns of one year, fractions.

    :ivar months: of January to December; None outside of the range
    :ivar total: of the part of the year in the range
    """

    year: int
    months: tuple[float | None, ...]
    total: float


def monthly_returns(balance: pd.DataFrame, capital: float) -> list[Year]:
    """Change of a balance from the end of one month to the end of the next, UTC.

    The first month begins with ``capital``.

    :param balance: ``date`` and ``total_quote``, in order of time
    """
    months = balance["date"].dt.strftime("%Y-%m")
    last = balance["total_quote"].groupby(months, sort=True).last()
    first, end = (int(str(last.index[row])[:4]) for row in (0, -1))
    names = [f"{year}-{month:02}" for year in range(first, end + 1) for month in range(1, 13)]
    names = [name for name in names if last.index[0] <= name <= last.index[-1]]
    # A month in which nothing was recorded has the balance of the one before.
    last = last.reindex(names).ffill()
    changes = dict(zip(names, last / last.shift(1, fill_value=capital) - 1, strict=True))
    years = []
    for year in range(first, end + 1):
        found = [changes.get(f"{year}-{month:02}") for month in range(1, 13)]
        own = tuple(None if one is None else float(one) for one in found)
        growth = math.prod(1 + one for one in own if one is not None)
        years.append(Year(year, own, growth - 1))
    return years
