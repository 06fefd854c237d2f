"""Returns of each month, for the heat map."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


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
    months = balance["date"].dt.tz_localize(None).dt.to_period("M")
    last = balance["total_quote"].groupby(months).last()
    # A month in which nothing was recorded has the balance of the one before.
    last = last.reindex(pd.period_range(last.index[0], last.index[-1], freq="M")).ffill()
    before = last.shift(1, fill_value=capital)
    changes = last / before - 1
    return [
        Year(
            year=year,
            months=tuple(
                float(changes[period])
                if (period := pd.Period(year=year, month=month, freq="M")) in changes.index
                else None
                for month in range(1, 13)
            ),
            total=float((1 + changes[changes.index.year == year]).prod() - 1),
        )
        for year in range(last.index[0].year, last.index[-1].year + 1)
    ]
