"""Returns of each month, for the heat map."""

from __future__ import annotations

import math
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
